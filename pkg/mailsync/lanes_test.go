package mailsync_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// spare is a mailsync.Lanes with so many lanes beside the first. It takes back
// one after each of wanted acquisitions.
type spare struct {
	mu                   sync.Mutex
	free, held, peak     int
	taken, back, refused int
	takeBack             int // lanes still to be asked back
	in                   []fault.Side
}

func (s *spare) TryAcquire() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.free == 0 {
		return false
	}
	s.free--
	s.held++
	s.taken++
	s.peak = max(s.peak, s.held)
	return true
}

func (s *spare) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held--
	s.back++
	if s.takeBack > 0 {
		s.takeBack--
		return
	}
	s.free++
}

func (s *spare) Wanted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.takeBack > 0 && s.held > 0
}

func (s *spare) Refused(int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused++
	s.free = 0
}

func (s *spare) LoggedIn(side fault.Side) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.in = append(s.in, side)
}

// wide is one large mailbox beside small ones, worth several lanes.
func (r *rig) wide() (messages int64) { return r.wideOf(4500, 2200) }

// wideOf is wide with so many messages in its two large mailboxes.
func (r *rig) wideOf(inbox, big int) (messages int64) {
	r.t.Helper()
	g := imaptest.NewGenerator(3, imaptest.Spec{Median: 2000, Mean: 3000, Max: 60_000, Duplicate: 0.05, Flags: 0.5})
	boxes := []imaptest.Mailbox{g.Mailbox("INBOX", inbox), g.Mailbox("big", big), {Name: "empty"}}
	for i := range 12 {
		boxes = append(boxes, g.Mailbox(fmt.Sprintf("small %d", i), 7))
	}
	r.fillSource(boxes...)
	return int64(inbox + big + 12*7)
}

func (r *rig) checkWide(c throughput.Count, want int64, s *spare) {
	r.t.Helper()
	if c.Copied+c.AlreadyThere != want {
		r.t.Errorf("count: %+v", c)
	}
	if s.held != 0 || s.taken != s.back {
		r.t.Errorf("%d lanes taken, %d given back, %d still held", s.taken, s.back, s.held)
	}
	r.equal(false)
	r.lanes = nil
	if c := r.mustSync(); c.Copied != 0 || c.AlreadyThere != want {
		r.t.Errorf("second pass: %+v", c)
	}
}

// Free lanes share a large mailbox, and each message arrives once.
func TestLanesShareAnAccount(t *testing.T) {
	servers(t, func(t *testing.T, src, dst host) {
		t.Parallel()
		r := newRig(t, src, dst)
		want := r.wide()
		s := &spare{free: 3}
		r.lanes = s
		var turns atomic.Int64
		h := &heldFirst{others: 3, all: make(chan struct{})}
		r.options = func(o *mailsync.Options) {
			o.WrapConn = h.wrap
			o.AwaitLogin = func(ctx context.Context, host string) error { turns.Add(1); return ctx.Err() }
		}
		c := r.mustSync()
		if n := turns.Load(); n != 2*int64(1+s.taken) {
			t.Errorf("%d turns taken for %d lanes", n, 1+s.taken)
		}
		slices.Sort(s.in)
		if want := []fault.Side{fault.Source, fault.Dest}; !slices.Equal(s.in, want) {
			t.Errorf("told of logins on %v, want %v", s.in, want)
		}
		if s.peak != 3 || c.MailboxesSplit == 0 {
			t.Errorf("%d further lanes at most, %d mailboxes split", s.peak, c.MailboxesSplit)
		}
		r.checkWide(c, want, s)
	})
}

// heldFirst holds the first connection to the source back, once mail comes
// through it, until as many others have something to read as well: however slow
// their logins are, there is mail left to be shared.
type heldFirst struct {
	others int64
	all    chan struct{} // closed when they have

	sources, busy atomic.Int64
}

func (h *heldFirst) wrap(side fault.Side, _ string, nc net.Conn) net.Conn {
	if side != fault.Source {
		return nc
	}
	return &heldConn{Conn: nc, h: h, first: h.sources.Add(1) == 1}
}

type heldConn struct {
	net.Conn
	h     *heldFirst
	first bool
	read  int // octets
}

func (c *heldConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	before := c.read
	c.read += n
	switch {
	case c.first && c.read > 200_000:
		select {
		case <-c.h.all:
		case <-time.After(time.Minute):
		}
	case !c.first && before < 20_000 && c.read >= 20_000: // more than a login and a listing
		if c.h.busy.Add(1) == c.h.others {
			close(c.h.all)
		}
	}
	return n, err
}

// Lanes that a row waits for are given back one by one, and the others finish.
func TestLanesAreGivenBack(t *testing.T) {
	servers(t, func(t *testing.T, src, dst host) {
		t.Parallel()
		r := newRig(t, src, dst)
		want := r.wide()
		s := &spare{free: 3, takeBack: 2}
		r.lanes = s
		c := r.mustSync()
		if s.takeBack != 0 {
			t.Errorf("%d lanes were not given back", s.takeBack)
		}
		r.checkWide(c, want, s)
	})
}

// A mailbox that several lanes fill is settled while none of them sends.
func TestLanesCut(t *testing.T) {
	t.Parallel()
	servers(t, func(t *testing.T, src, dst host) {
		for _, dest := range []bool{false, true} {
			for _, n := range []int64{150_000, 300_000, 450_000} {
				if dst.real { // which must be left in peace for seconds after each cut
					n *= 4
				}
				t.Run(fmt.Sprintf("destination=%v/%d octets", dest, n), func(t *testing.T) {
					t.Parallel()
					r := newRig(t, src, dst)
					want := r.wideOf(2600, 1300)
					r.options = looks(dst)
					p := r.before(dest, imaptest.ProxyOptions{Faults: imaptest.EveryConn(imaptest.Fault{CutAfter: n})})
					s := &spare{free: 3}
					r.lanes = s
					c := r.mustSync()
					if p.Stats().Cuts == 0 {
						t.Error("nothing was cut")
					}
					r.viaSrc, r.viaDst = "", ""
					r.checkWide(c, want, s)
				})
			}
		}
	})
}

// A server that takes no second login keeps the account at one lane.
func TestLanesRefused(t *testing.T) {
	t.Parallel()
	src := realHost(imaptest.NewDovecot(t, imaptest.DovecotOptions{MaxConns: 1}), "one connection", "", "/")
	r := newRig(t, src, memoryHost(t))
	want := r.wide()
	s := &spare{free: 3}
	r.lanes = s
	c := r.mustSync()
	if s.refused == 0 || c.MailboxesSplit != 0 {
		t.Errorf("%d refusals told, %d mailboxes split", s.refused, c.MailboxesSplit)
	}
	r.checkWide(c, want, s)
}

// fixed gives one further lane and never takes it back.
type fixed struct{ taken atomic.Int64 }

func (f *fixed) TryAcquire() bool    { return f.taken.CompareAndSwap(0, 1) }
func (f *fixed) Release()            {}
func (f *fixed) Wanted() bool        { return false }
func (f *fixed) Refused(int)         {}
func (f *fixed) LoggedIn(fault.Side) {}

// TestFurtherLaneDies: a further lane whose connection breaks in a mailbox,
// while the other lane is about to settle it, and that is not let in again,
// does not cost the row.
func TestFurtherLaneDies(t *testing.T) {
	box := equalAmong("INBOX", 2600, 2600, 0)
	src := imaptest.NewFake(t, imaptest.FakeOptions{}, box)
	var down, refused atomic.Bool
	dst := imaptest.NewFake(t, imaptest.FakeOptions{
		Login: func(string, string, string) string {
			if down.Load() {
				return "NO [UNAVAILABLE] come back later"
			}
			return ""
		},
		Append: func(m imaptest.FakeAppend) imaptest.FakeRefusal {
			switch {
			case m.Conn > 0:
				down.Store(true)
				return imaptest.FakeRefusal{HangUp: true}
			case m.Place > 0 && down.Load() && refused.CompareAndSwap(false, true):
				return imaptest.FakeRefusal{Answer: "NO not now", AtEnd: true}
			}
			return imaptest.FakeRefusal{}
		},
	})
	r := fakeRig(t, src, dst)
	r.options = impatient
	r.lanes = &fixed{}
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	c, err := r.sync(ctx)
	if err != nil || !c.Balanced() || c.Copied+c.AlreadyThere != 2600 {
		t.Errorf("count %+v, error %v", c, err)
	}
	storedOnce(t, dst, "INBOX", box, nil)
}

// TestUIDsThatDoNotLast: lanes do not share a mailbox in which what they have
// stored must be looked up.
func TestUIDsThatDoNotLast(t *testing.T) {
	box := equalAmong("INBOX", 2600, 2600, 0)
	src, dst := imaptest.NewFake(t, imaptest.FakeOptions{}, box), imaptest.NewFake(t, imaptest.FakeOptions{NoAppendUID: true}, plain(1))
	r := fakeRig(t, src, dst)
	r.before(true, imaptest.ProxyOptions{Rewrite: func(l []byte) []byte {
		return bytes.Replace(l, []byte("* OK [UIDNEXT"), []byte("* NO [UIDNOTSTICKY] they do not last, [UIDNEXT"), 1)
	}})
	lanes := &fixed{}
	r.lanes = lanes
	counted(t, r.mustSync(), throughput.Count{Listed: 2600, Copied: 2600})
	if n := lanes.taken.Load(); n != 0 {
		t.Errorf("%d further lanes were taken", n)
	}
}

// TestFurtherLaneIsNotWaitedFor: a lane that is not let in, and not refused
// either, does not hold up a row that is through.
func TestFurtherLaneIsNotWaitedFor(t *testing.T) {
	box := equalAmong("INBOX", 2600, 2600, 0)
	src := imaptest.NewFake(t, imaptest.FakeOptions{}, box)
	var logins atomic.Int64
	hold, knocked := make(chan struct{}), make(chan struct{})
	dst := imaptest.NewFake(t, imaptest.FakeOptions{
		Login: func(string, string, string) string {
			if logins.Add(1) > 1 {
				close(knocked)
				<-hold
			}
			return ""
		},
		Append: func(m imaptest.FakeAppend) imaptest.FakeRefusal {
			if m.N == 0 {
				<-knocked
			}
			return imaptest.FakeRefusal{}
		},
	})
	r := fakeRig(t, src, dst)
	r.options = func(o *mailsync.Options) { o.Timeout, o.FinalTimeout = time.Hour, time.Hour }
	r.lanes = &fixed{}
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	c, err := r.sync(ctx)
	close(hold)
	if err != nil {
		t.Errorf("error %v", err)
	}
	counted(t, c, throughput.Count{Listed: 2600, Copied: 2600})
}
