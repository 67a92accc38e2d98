package mailsync

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// spends holds a split against what is wanted of it, by activity.
func spends(t *testing.T, what string, got throughput.Spent, want map[throughput.Activity]time.Duration) {
	t.Helper()
	for _, a := range throughput.Activities() {
		if got[a] != want[a] {
			t.Errorf("%s: %v is %v, want %v", what, a, got[a], want[a])
		}
	}
}

// wait has a gauge see a wait of whole seconds.
func wait(w *throughput.Stopwatch, seconds int) {
	w.Start(time.Now())
	time.Sleep(time.Duration(seconds) * time.Second)
	w.Stop(time.Now(), 0)
}

func TestClockSplits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run := throughput.NewRun()
		src, dst := new(gauge), new(gauge)
		m := run.Account("a", 1)
		c := newClock(m, src, dst)
		time.Sleep(time.Second) // own work
		wait(&dst.write, 2)     // a write that blocks
		was := c.in(doing{kind: asksDst})
		wait(&dst.read, 3)
		time.Sleep(4 * time.Second) // the answer is worked through
		inner := c.in(waiting(throughput.LedgerWait))
		wait(&dst.read, 5) // the reading goroutine idles
		c.in(inner)
		wait(&dst.sndLimited, 6)
		c.in(was)
		dst.read.Start(time.Now()) // idle all the time
		src.read.Start(time.Now())
		time.Sleep(7 * time.Second)
		asks := c.in(doing{kind: asksSrc})
		wait(&src.Braked, 8)
		wait(&src.room, 9)
		c.in(asks)
		want := map[throughput.Activity]time.Duration{throughput.Local: 12 * time.Second, throughput.DestWait: 14 * time.Second,
			throughput.LedgerWait: 5 * time.Second, throughput.DestLimited: 6 * time.Second, throughput.SourceBraked: 8 * time.Second}
		spends(t, "before the end", run.Snapshot().Spent, want)
		time.Sleep(time.Second)
		want[throughput.Local] += time.Second
		spends(t, "whoever looks sees what goes on", run.Snapshot().Spent, want)
		spends(t, "and in the account", run.Busy()[0].Spent, want)
		c.stop()
		time.Sleep(time.Second)
		c.in(waiting(throughput.DestWait))
		time.Sleep(time.Second)
		c.stop()
		spends(t, "after the end", run.Snapshot().Spent, want)
	})
}

// Who waits for another goroutine waits for what that one waits for.
func TestClockFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := throughput.NewRun().Account("a", 1)
		src := new(gauge)
		c, ahead := newClock(m, src, new(gauge)), newClock(nil, src, nil)
		ahead.in(doing{kind: asksSrc})
		src.read.Start(time.Now())
		time.Sleep(5 * time.Second) // the writer works meanwhile
		was := c.follow(ahead)
		time.Sleep(2 * time.Second)
		src.read.Stop(time.Now(), 0)
		time.Sleep(time.Second)
		ahead.in(waiting(throughput.LedgerWait))
		time.Sleep(3 * time.Second)
		ahead.stop()
		time.Sleep(time.Second) // nobody says why
		c.in(was)
		c.stop()
		spends(t, "follows", m.Spent(), map[throughput.Activity]time.Duration{throughput.Local: 7 * time.Second,
			throughput.SourceWait: 2 * time.Second, throughput.LedgerWait: 3 * time.Second})
	})
}

// Of two sides that are waited for at once it is the later one that counts.
func TestClockApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := throughput.NewRun().Account("a", 1)
		src, dst := new(gauge), new(gauge)
		c := newClock(m, src, dst)
		ctx := withClock(t.Context(), c)
		side := func(a throughput.Activity, seconds int) func(context.Context) {
			return func(ctx context.Context) { _ = rest(ctx, a, time.Duration(seconds)*time.Second) }
		}
		c.apart(ctx, side(throughput.SourceWait, 3), side(throughput.DestWait, 2))
		c.apart(ctx, side(throughput.SourceLimited, 1), func(ctx context.Context) {
			wait(&dst.write, 1)
			side(throughput.DestLimited, 4)(ctx)
		})
		c.stop()
		spends(t, "apart", m.Spent(), map[throughput.Activity]time.Duration{throughput.SourceWait: 3 * time.Second,
			throughput.DestWait: time.Second, throughput.DestLimited: 4 * time.Second})
	})
}

// A lane that waits for the others of its account spends that as they do.
func TestClockJoins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := throughput.NewRun().Account("a", 1)
		c, other := newClock(m, nil, nil), newClock(m, nil, nil)
		time.Sleep(8 * time.Second)
		m.Snapshot()
		was := c.in(doing{kind: joins})
		other.in(waiting(throughput.DestWait))
		time.Sleep(3 * time.Second)
		other.in(waiting(throughput.SourceWait))
		time.Sleep(time.Second)
		other.stop()
		c.in(was)
		c.stop()
		spends(t, "joins", m.Spent(), map[throughput.Activity]time.Duration{throughput.Local: 16 * time.Second,
			throughput.DestWait: 6 * time.Second, throughput.SourceWait: 2 * time.Second})
	})
}

// Without a clock nothing is measured, and everything works.
func TestNoClock(t *testing.T) {
	var c *clock
	c.in(c.follow(nil))
	c.stop()
	n := make(chan int, 2)
	c.apart(t.Context(), func(context.Context) { n <- 1 }, func(context.Context) { n <- 1 })
	if len(n) != 2 {
		t.Error("not both sides ran")
	}
}

// slowConn takes a second for each call.
type slowConn struct{ net.Conn }

func (slowConn) Read(p []byte) (int, error)  { time.Sleep(time.Second); return len(p), nil }
func (slowConn) Write(p []byte) (int, error) { time.Sleep(time.Second); return len(p), nil }

// limiter waits two seconds after each read and before each write.
type limiter struct{ net.Conn }

func (l limiter) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	time.Sleep(2 * time.Second)
	return n, err
}

func (l limiter) Write(p []byte) (int, error) {
	time.Sleep(2 * time.Second)
	n, err := l.Conn.Write(p[:1])
	m, _ := l.Conn.Write(p[1:])
	return n + m, err
}

// What a limit takes is told from what the network takes; what the system
// needs to copy is neither.
func TestGauge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, limited := range []bool{false, true} {
			e := &Engine{opt: Options{DialContext: func(context.Context, string, string) (net.Conn, error) {
				time.Sleep(time.Second)
				return slowConn{}, nil
			}, WrapConn: func(_ fault.Side, _ string, nc net.Conn) net.Conn {
				if limited {
					return limiter{nc}
				}
				return nc
			}}}
			g := new(gauge)
			nc, err := e.dialler(fault.Dest, "h", g)(t.Context(), "tcp", "h:1")
			if err != nil {
				t.Fatal(err)
			}
			p := make([]byte, 2048)
			if _, err := nc.Read(p); err != nil {
				t.Fatal(err)
			}
			if _, err := nc.Write(p); err != nil {
				t.Fatal(err)
			}
			want := shown{read: 2*time.Second - copying(2048), write: time.Second - copying(2048)}
			if limited {
				want = shown{read: 2*time.Second - copying(2048), write: 2*time.Second - copying(1) - copying(2047),
					readLimited: 2 * time.Second, sndLimited: 2 * time.Second}
			}
			if got := g.at(time.Now()); got != want {
				t.Errorf("limited %v: %+v, want %+v", limited, got, want)
			}
		}
	})
}
