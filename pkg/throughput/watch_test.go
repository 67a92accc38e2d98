package console

import (
	"strings"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

type world struct {
	*testing.T
	run    *throughput.Meter
	counts Counts
	clock  *clock
	look   *tracker
}

func newWorld(t *testing.T, c Counts) *world {
	w := &world{T: t, run: throughput.NewRun(), counts: c, clock: newClock()}
	w.look = newTracker(w.run, RowsFunc(func() Counts { return w.counts }))
	return w
}

func (w *world) after(d time.Duration) facts {
	w.clock.pass(d)
	return w.look.at(w.clock.now())
}

func TestTrackerOctets(t *testing.T) {
	w := newWorld(t, Counts{RowCounts: throughput.RowCounts{Pending: 1, Running: 1}, PendingOctets: 600 * mebi, PendingKnown: true})
	a := w.run.Account("anna", 1)
	a.Expect(400, 400*mebi)
	f := w.after(0)
	if !f.octets || f.expected != 1000*mebi || f.fraction != 0 || f.hasETA || f.mib != 0 {
		t.Errorf("at first: %+v", f)
	}
	for range 20 {
		a.Copied(5, 10*mebi)
		f = w.after(time.Second)
	}
	if f.fraction != 0.2 || f.handled != 200*mebi || f.copied != 200*mebi {
		t.Errorf("after 20 s: %+v", f)
	}
	if f.mib != 10 || f.messages != 5 || f.busy[0].mib != 10 {
		t.Errorf("rates: %v MiB/s, %v messages/s, worker %v MiB/s, want 10, 5 and 10", f.mib, f.messages, f.busy[0].mib)
	}
	if !f.hasETA || f.eta != 80*time.Second {
		t.Errorf("ETA %v, %v, want 1m20s", f.eta, f.hasETA)
	}
	f = w.after(time.Hour) // nothing moves
	if f.mib != 0 || f.messages != 0 || f.busy[0].mib != 0 || f.hasETA {
		t.Errorf("stalled: %+v", f)
	}
	a.End()
	if f = w.after(time.Second); len(f.busy) != 0 || len(w.look.workers) != 0 {
		t.Errorf("ended: %d busy, %d remembered", len(f.busy), len(w.look.workers))
	}
}

func TestTrackerRows(t *testing.T) {
	w := newWorld(t, Counts{RowCounts: throughput.RowCounts{Done: 1, Failed: 1, Incomplete: 1, Pending: 6, Running: 1}})
	w.after(0)
	a := w.run.Account("anna", 1)
	a.Expect(100, 1000)
	a.Copied(50, 500)
	f := w.after(10 * time.Second)
	if f.octets || f.fraction != 0.35 {
		t.Errorf("fraction %v (octets: %v), want 0.35 of the rows", f.fraction, f.octets)
	}
	if !f.hasETA || f.eta != 130*time.Second {
		t.Errorf("ETA %v, %v, want 2m10s for 6.5 rows at half a row in 10 s", f.eta, f.hasETA)
	}
	// The last rows have begun: all sizes are known now.
	w.counts.Pending, w.counts.Done = 0, 7
	if f = w.after(time.Second); !f.octets || f.fraction != 0.5 || f.hasETA {
		t.Errorf("fraction %v (octets: %v, ETA: %v), want 0.5 of the octets", f.fraction, f.octets, f.hasETA)
	}
}

// TestTrackerUnsized: one server that says no sizes decides for the whole run.
func TestTrackerUnsized(t *testing.T) {
	w := newWorld(t, Counts{RowCounts: throughput.RowCounts{Running: 2}})
	a, b := w.run.Account("anna", 1), w.run.Account("bert", 2)
	a.Expect(100, 1000)
	b.Expect(100, 0)
	b.AlreadyThere(50)
	if f := w.after(0); f.octets || f.fraction != 0.25 {
		t.Errorf("fraction %v (octets: %v), want 0.25 of the rows", f.fraction, f.octets)
	}
	b.End()
	if f := w.after(time.Second); f.octets {
		t.Error("the bar changed its unit")
	}
}

// TestTrackerUntold: a row that has begun and not said yet what it holds is
// not nothing.
func TestTrackerUntold(t *testing.T) {
	w := newWorld(t, Counts{
		RowCounts: throughput.RowCounts{Done: 6, Running: 2},
		Begun:     []Begun{{Line: 7, Octets: 300}, {Line: 8}},
	})
	for line := range 6 {
		a := w.run.Account("done", line+1)
		a.Expect(1, 100)
		a.Copied(1, 100)
		a.End()
	}
	a, b := w.run.Account("anna", 7), w.run.Account("bert", 8)
	same := func(when string, octets bool, fraction float64, expected int64) {
		t.Helper()
		f := w.after(time.Second)
		if f.octets != octets || f.fraction != fraction || octets && f.expected != expected {
			t.Errorf("%s: fraction %v, octets %v of %d; want %v, %v of %d", when, f.fraction, f.octets, f.expected, fraction, octets, expected)
		}
		if line := plainLine(f); !octets && strings.Contains(line, " B of ") {
			t.Errorf("%s: a total that is not known: %s", when, line)
		}
	}
	same("nothing said", false, 0.75, 0)
	b.Expect(1, 300)
	same("anna's size is an earlier pass's", true, 0.5, 1200)
	a.Expect(1, 600)
	same("anna has said hers", true, 0.4, 1500)
	b.Pause()
	same("bert waits", true, 0.4, 1500)
	b.Restart()
	same("bert begins again", true, 0.4, 1500)
	b.Expect(1, 900)
	a.End()
	w.counts.Done, w.counts.Running, w.counts.Begun = 7, 1, []Begun{{Line: 8}}
	same("anna has ended with nothing", true, 0.4, 1500)
}

// TestTrackerUntoldWaiting: a row that waits for another attempt before it was
// ever counted is work ahead as well.
func TestTrackerUntoldWaiting(t *testing.T) {
	w := newWorld(t, Counts{
		RowCounts:    throughput.RowCounts{Done: 1, Pending: 1},
		PendingKnown: true, // of those not begun, of which there is none
		Begun:        []Begun{{Line: 2}},
	})
	a, b := w.run.Account("anna", 1), w.run.Account("bert", 2)
	a.Expect(1, 100)
	a.Copied(1, 100)
	a.End()
	b.Pause()
	if f := w.after(0); f.octets || f.fraction != 0.5 {
		t.Errorf("fraction %v (octets: %v), want 0.5 of the rows", f.fraction, f.octets)
	}
}

func TestTrackerNothing(t *testing.T) {
	look := newTracker(nil, nil)
	if f := look.at(newClock().now()); f.fraction != 0 || f.octets || f.hasETA || f.busy != nil {
		t.Errorf("facts of nothing: %+v", f)
	}
}

func TestETA(t *testing.T) {
	tests := []struct {
		name string
		over time.Duration
		n    int64
		rest int64
		want time.Duration
		ok   bool
	}{
		{"steady", 10 * time.Second, 100, 50, 5 * time.Second, true},
		{"too early", 4 * time.Second, 100, 50, 0, false},
		{"nothing moves", 10 * time.Second, 0, 50, 0, false},
		{"goes back", 10 * time.Second, -10, 50, 0, false},
		{"nothing left", 10 * time.Second, 100, 0, 0, false},
		{"for ever", 10 * time.Second, 1, 1 << 40, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClock()
			w := throughput.NewWindow(time.Minute)
			w.Add(c.now(), 1000)
			c.pass(tt.over)
			w.Add(c.now(), 1000+tt.n)
			if got, ok := eta(w, tt.rest); got != tt.want || ok != tt.ok {
				t.Errorf("eta = %v, %v, want %v, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}
