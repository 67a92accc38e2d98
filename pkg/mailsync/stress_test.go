package mailsync_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
)

// dice is a source of chances that servers and lanes may share.
type dice struct {
	mu sync.Mutex
	r  *rand.Rand
}

func newDice(seed uint64) *dice { return &dice{r: rand.New(rand.NewPCG(seed, 77))} }

// oneIn is true once in n times; never for 0.
func (d *dice) oneIn(n int) bool { return n > 0 && d.n(n) == 0 }

func (d *dice) n(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.IntN(n)
}

// moody is a mailsync.Lanes that gives lanes and wants them back by chance.
type moody struct {
	*dice
	held atomic.Int64
	most int64
}

func (m *moody) TryAcquire() bool {
	if m.held.Load() >= m.most || m.oneIn(3) {
		return false
	}
	m.held.Add(1)
	return true
}

func (m *moody) Release()            { m.held.Add(-1) }
func (m *moody) Wanted() bool        { return m.held.Load() > 0 && m.oneIn(5) }
func (m *moody) Refused(int)         {}
func (m *moody) LoggedIn(fault.Side) {}

// storm is a pair of servers at which everything may break.
type storm struct {
	*dice
	src, dst *imaptest.Fake
	boxes    []imaptest.FakeMailbox
	calm     atomic.Bool // nothing breaks any more
	cut      int         // one in so many messages breaks connections
}

// equalAmong makes n messages of which only some are different.
func equalAmong(name string, n, different, first int) imaptest.FakeMailbox {
	return imaptest.FakeMailbox{Name: name, Count: n, Message: func(i int) imaptest.FakeMessage {
		i = i*7919%different + first
		size := 120 + i%97
		if i%1000 == 700 {
			size = 120_000 // more than a lane may hold
		}
		return imaptest.FakeMessage{Flags: `\Seen`, Body: text(i, size)}
	}}
}

func newStorm(t *testing.T, seed uint64) *storm {
	t.Helper()
	s := &storm{dice: newDice(seed), cut: 700}
	s.boxes = []imaptest.FakeMailbox{equalAmong("INBOX", 2600, 2600, 0), equalAmong("twins", 2300, 3, 5000)}
	for i := range 6 {
		s.boxes = append(s.boxes, equalAmong(fmt.Sprintf("small%d", i), 5+i, 4, 9000+100*i))
	}
	boxes := make([]imaptest.FakeMailbox, len(s.boxes))
	for i, b := range s.boxes {
		one := b.Message
		b.Message = func(i int) imaptest.FakeMessage {
			if !s.calm.Load() && s.oneIn(4*s.cut) {
				s.src.DropConns()
			}
			return one(i)
		}
		boxes[i] = b
	}
	login := func(string, string, string) string {
		if !s.calm.Load() && s.oneIn(12) {
			return "NO [UNAVAILABLE] come back later"
		}
		return ""
	}
	dst := imaptest.FakeOptions{Login: login, Append: func(m imaptest.FakeAppend) imaptest.FakeRefusal {
		switch {
		case s.calm.Load():
		case s.oneIn(s.cut):
			return imaptest.FakeRefusal{HangUp: true}
		case s.oneIn(4 * s.cut):
			s.dst.DropConns()
		case s.oneIn(10 * s.cut):
			_ = s.src.Renew(s.boxes[s.n(len(s.boxes))].Name)
		case s.oneIn(20 * s.cut):
			_ = s.dst.Renew(m.Mailbox)
		case m.Place > 0 && s.oneIn(2*s.cut):
			return imaptest.FakeRefusal{Answer: "NO not now", AtEnd: true}
		}
		return imaptest.FakeRefusal{}
	}}
	switch seed % 5 {
	case 1:
		dst.NoAppendUID = true
	case 2:
		dst.Caps = caps("MULTIAPPEND")
	case 3:
		dst.NotAtomic = true
	case 4:
		dst.Caps = caps("UIDPLUS")
	}
	s.src, s.dst = imaptest.NewFake(t, imaptest.FakeOptions{Login: login}, boxes...), imaptest.NewFake(t, dst)
	return s
}

// TestStorm: whatever breaks, whichever lanes come and go, and however often
// the pass is canceled and begun again, each message arrives once.
func TestStorm(t *testing.T) {
	for seed := range uint64(moreOf(8, 60)) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			s := newStorm(t, seed)
			r := fakeRig(t, s.src, s.dst)
			lanes := &moody{dice: s.dice, most: 3}
			r.lanes = lanes
			r.options = func(o *mailsync.Options) {
				quick(o)
				o.LookEvery, o.Memory, o.Lanes, o.Grace = 20*time.Millisecond, 300<<10, 4, 50*time.Millisecond
			}
			var listed int64
			for _, b := range s.boxes {
				listed += int64(b.Count)
			}
			for pass := range 12 {
				s.calm.Store(pass >= 5)
				ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute) // of a hang: it takes seconds, and more beside other tests
				if pass < 3 {
					time.AfterFunc(time.Duration(50+s.n(800))*time.Millisecond, stop)
				}
				c, err := r.sync(ctx)
				canceled := ctx.Err() != nil
				stop()
				if errors.Is(err, context.DeadlineExceeded) {
					t.Fatal("a pass that does not end")
				}
				if !c.Balanced() || c.Listed != listed && c.Listed != 0 {
					t.Errorf("pass %d: the count does not add up: %+v", pass, c)
				}
				if n := lanes.held.Load(); n != 0 {
					t.Fatalf("pass %d: %d lanes were not given back", pass, n)
				}
				if fault.ScopeOf(err) == fault.Run {
					t.Errorf("pass %d: error %v", pass, err)
				}
				if err == nil && c.NotTried == 0 && c.Rejected == 0 {
					break
				}
				if err == nil || !canceled && pass >= 5 {
					t.Errorf("pass %d: %+v, error %v (%v)", pass, c, err, fault.ScopeOf(err))
				}
			}
			for _, b := range s.boxes {
				storedOnce(t, s.dst, b.Name, b, nil)
			}
			s.calm.Store(true)
			if c := r.mustSync(); c.Copied != 0 || c.AlreadyThere != listed {
				t.Errorf("one more pass: %+v", c)
			}
		})
	}
}
