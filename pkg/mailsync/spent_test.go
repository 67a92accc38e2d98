package mailsync_test

import (
	"bytes"
	"context"
	"flag"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/ratelimit"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// laneTime measures how long lanes are held, as the gate of a run does.
type laneTime struct {
	mailsync.Lanes
	mu    sync.Mutex
	lanes int
	since time.Time
	held  time.Duration
}

func (l *laneTime) move(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.held += time.Duration(l.lanes) * now.Sub(l.since)
	l.lanes, l.since = l.lanes+n, now
}

func (l *laneTime) TryAcquire() bool {
	ok := l.Lanes.TryAcquire()
	if ok {
		l.move(1)
	}
	return ok
}

func (l *laneTime) Release() {
	l.Lanes.Release()
	l.move(-1)
}

// timed makes a pass over up to lanes lanes and returns what the meter says they
// spent their time on, which must add up to what they were held for.
func (r *rig) timed(lanes int) throughput.Snapshot {
	r.t.Helper()
	s := &spare{free: lanes - 1}
	l := &laneTime{Lanes: s}
	r.lanes, r.meter = l, throughput.NewRun().Account("test", 1)
	if _, err := r.sync(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	m := r.meter.Snapshot()
	r.t.Logf("%d lanes taken, %v of lane time: %v", s.taken+1, l.held, spentText(m.Spent))
	return m
}

func spentText(s throughput.Spent) (out []string) {
	for _, a := range throughput.Activities() {
		if s[a] > 0 {
			out = append(out, a.String()+" "+s[a].String())
		}
	}
	return out
}

// addsUp holds the split against the time of the lanes.
func (r *rig) addsUp(m throughput.Snapshot) {
	r.t.Helper()
	held := r.lanes.(*laneTime).held
	if diff := held - m.Spent.Total(); diff.Abs() > held/50+2*time.Millisecond {
		r.t.Errorf("lanes were held for %v and spent %v", held, m.Spent.Total())
	}
}

// largest returns what most time was spent on.
func largest(s throughput.Spent) throughput.Activity {
	return throughput.Activity(slices.Index(s[:], slices.Max(s[:])))
}

// Lane time is split without rest, over one lane and several, with cuts and
// reconnects.
func TestSpentAddsUp(t *testing.T) {
	servers(t, func(t *testing.T, src, dst host) {
		for _, lanes := range []int{1, 4} {
			for _, cut := range []bool{false, true} {
				t.Run(map[bool]string{false: "whole", true: "cut"}[cut], func(t *testing.T) {
					r := newRig(t, src, dst)
					g := imaptest.NewGenerator(3, imaptest.Spec{Median: 2000, Mean: 3000, Max: 60_000})
					r.fillSource(g.Mailbox("INBOX", 2600), g.Mailbox("more", 300))
					if cut {
						r.before(false, imaptest.ProxyOptions{Faults: imaptest.FirstConns(1, imaptest.Fault{Count: imaptest.Down, CutAfter: 400_000})})
						r.before(true, imaptest.ProxyOptions{Faults: imaptest.FirstConns(2, imaptest.Fault{Count: imaptest.Up, CutAfter: 300_000})})
					}
					m := r.timed(lanes)
					r.addsUp(m)
					if m.Sent < m.Copied || m.SentOctets < m.Octets {
						t.Errorf("%d messages of %d octets were copied, and %d of %d sent", m.Copied, m.Octets, m.Sent, m.SentOctets)
					}
					if m.Answers == 0 || m.Latency == 0 {
						t.Errorf("%d answers in %v", m.Answers, m.Latency)
					}
				})
			}
		}
	})
}

var measure = flag.Bool("spent.full", false, "make one thing slow and see that most time goes there: on a machine that does nothing else")

// What is slow on purpose is what most time is spent on. On a busy machine that
// is the machine, so it is for a quiet one.
func TestSpentNamesWhatIsSlow(t *testing.T) {
	if !*measure {
		t.Skip("only with -spent.full")
	}
	src, dst := memoryHost(t), memoryHost(t)
	limit := func(side fault.Side, read, write bool) func(o *mailsync.Options) {
		l := []*ratelimit.Limiter{ratelimit.New(ratelimit.Rate(768 << 10).Always())}
		var in, out []*ratelimit.Limiter
		if read {
			in = l
		}
		if write {
			out = l
		}
		return func(o *mailsync.Options) {
			o.WrapConn = func(s fault.Side, _ string, nc net.Conn) net.Conn {
				if s != side {
					return nc
				}
				return ratelimit.Wrap(nc, in, out)
			}
		}
	}
	slow := imaptest.ProxyOptions{UpRate: 1 << 20, DownRate: 1 << 20}
	// throttles says [THROTTLED] in its first answers to our commands, as Gmail does.
	throttles := func(answers int64) *imaptest.ProxyOptions {
		var said atomic.Int64
		return &imaptest.ProxyOptions{Rewrite: func(line []byte) []byte {
			if tag, rest, _ := bytes.Cut(line, []byte(" ")); bytes.HasPrefix(tag, []byte("X")) && bytes.HasPrefix(rest, []byte("OK")) && said.Add(1) <= answers {
				return slices.Concat(line, []byte(" [THROTTLED]"))
			}
			return line
		}}
	}
	far := imaptest.ProxyOptions{Delay: 8 * time.Millisecond}
	for _, tt := range []struct {
		name     string
		src, dst *imaptest.ProxyOptions
		options  func(o *mailsync.Options)
		want     throughput.Activity
	}{
		{"the source's rate", &slow, nil, nil, throughput.SourceWait},
		{"the destination's rate", nil, &slow, nil, throughput.DestWait},
		{"the source's delay", &far, nil, nil, throughput.SourceWait},
		{"the destination's delay", nil, &far, nil, throughput.DestWait},
		{"a source that throttles", throttles(6), nil, nil, throughput.SourceBraked},
		{"a destination that throttles", nil, throttles(4), nil, throughput.DestBraked},
		{"a limit at the source", nil, nil, limit(fault.Source, true, false), throughput.SourceLimited},
		{"a limit at the destination", nil, nil, limit(fault.Dest, false, true), throughput.DestLimited},
		{"logins", nil, nil, func(o *mailsync.Options) {
			o.AwaitLogin = func(ctx context.Context, host string) error { time.Sleep(time.Second); return nil }
		}, throughput.DestLimited},
	} {
		for _, lanes := range []int{1, 3} {
			if lanes > 1 && (tt.want == throughput.SourceBraked || tt.want == throughput.DestBraked) {
				continue // the brake is a connection's own, and only so many answers are braked
			}
			t.Run(tt.name, func(t *testing.T) {
				r := newRig(t, src, dst)
				r.fillSource(imaptest.NewGenerator(3, imaptest.Spec{Median: 1000, Mean: 1500, Max: 30_000}).Mailbox("INBOX", 1500))
				r.options = tt.options
				if tt.src != nil {
					r.before(false, *tt.src)
				}
				if tt.dst != nil {
					r.before(true, *tt.dst)
				}
				m := r.timed(lanes)
				r.addsUp(m)
				if got := largest(m.Spent); got != tt.want && !(tt.name == "logins" && got == throughput.SourceLimited) {
					t.Errorf("most time went into %v, want %v", got, tt.want)
				}
			})
		}
	}
}
