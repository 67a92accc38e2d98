package throughput

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type world struct {
	*testing.T
	run    *Meter
	counts Standing
	now    time.Time
	look   *Watch
}

func newWorld(t *testing.T, c Standing) *world {
	w := &world{T: t, run: NewRun(), counts: c, now: noon}
	w.look = NewWatch(w.run, RowsFunc(func() Standing { return w.counts }))
	return w
}

func (w *world) after(d time.Duration) View {
	w.now = w.now.Add(d)
	return w.look.At(w.now)
}

// eta is how long the view says that it will take; 0: it does not say.
func eta(v View) time.Duration {
	d, _ := v.End.Until(v.Now)
	return d
}

func TestWatchOctets(t *testing.T) {
	w := newWorld(t, Standing{RowCounts: RowCounts{Pending: 1, Running: 1}, NotBegun: []Bulk{{Rows: 1, Octets: 600 * mebi}}})
	a := w.run.Account("anna", 1)
	a.Expect(400, 400*mebi)
	f := w.after(0)
	if !f.InOctets || f.Expected != 1000*mebi || f.Fraction != 0 || eta(f) != 0 || f.MiB != 0 {
		t.Errorf("at first: %+v", f)
	}
	for range 20 {
		a.Copied(5, 10*mebi)
		f = w.after(time.Second)
	}
	if f.Fraction != 0.2 || f.Handled != 200*mebi || f.Run.Octets != 200*mebi {
		t.Errorf("after 20 s: %+v", f)
	}
	if f.MiB != 10 || f.Messages != 5 || f.Busy[0].MiB != 10 {
		t.Errorf("rates: %v MiB/s, %v messages/s, worker %v MiB/s, want 10, 5 and 10", f.MiB, f.Messages, f.Busy[0].MiB)
	}
	if eta(f) != 80*time.Second {
		t.Errorf("ETA %v, want 1m20s", eta(f))
	}
	f = w.after(time.Hour) // nothing moves
	if f.MiB != 0 || f.Messages != 0 || f.Busy[0].MiB != 0 || eta(f) != 0 {
		t.Errorf("stalled: %+v", f)
	}
	a.End()
	if f = w.after(time.Second); len(f.Busy) != 0 || len(w.look.workers) != 0 {
		t.Errorf("ended: %d busy, %d remembered", len(f.Busy), len(w.look.workers))
	}
}

func TestWatchRows(t *testing.T) {
	w := newWorld(t, Standing{RowCounts: RowCounts{Done: 1, Failed: 1, Incomplete: 1, Pending: 6, Running: 1}, NotBegun: []Bulk{{Rows: 6, Unknown: 6}}})
	w.after(0)
	a := w.run.Account("anna", 1)
	a.Expect(100, 1000)
	a.Copied(50, 500)
	f := w.after(10 * time.Second)
	if f.InOctets || f.Fraction != 0.35 {
		t.Errorf("fraction %v (octets: %v), want 0.35 of the rows", f.Fraction, f.InOctets)
	}
	if eta(f) != 130*time.Second || f.End.Guessed != 6 || f.End.AtLeast {
		t.Errorf("ETA %v (%+v), want 2m10s for 6.5 rows at half a row in 10 s", eta(f), f.End)
	}
	// The last rows have begun: all sizes are known now.
	w.counts.Pending, w.counts.Done, w.counts.NotBegun = 0, 7, nil
	if f = w.after(time.Second); !f.InOctets || f.Fraction != 0.5 || eta(f) != 11*time.Second {
		t.Errorf("fraction %v (octets: %v, ETA: %v), want 0.5 of the octets, and the other half in the time of the first", f.Fraction, f.InOctets, eta(f))
	}
}

// TestWatchUnsized: one server that says no sizes decides for the whole run.
func TestWatchUnsized(t *testing.T) {
	w := newWorld(t, Standing{RowCounts: RowCounts{Running: 2}})
	a, b := w.run.Account("anna", 1), w.run.Account("bert", 2)
	a.Expect(100, 1000)
	b.Expect(100, 0)
	b.AlreadyThere(50)
	if f := w.after(0); f.InOctets || f.Fraction != 0.25 {
		t.Errorf("fraction %v (octets: %v), want 0.25 of the rows", f.Fraction, f.InOctets)
	}
	b.End()
	if f := w.after(time.Second); f.InOctets {
		t.Error("the bar changed its unit")
	}
}

// TestWatchUntold: a row that has begun and not said yet what it holds is
// not nothing.
func TestWatchUntold(t *testing.T) {
	w := newWorld(t, Standing{
		RowCounts: RowCounts{Done: 6, Running: 2},
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
		if f.InOctets != octets || f.Fraction != fraction || octets && f.Expected != expected {
			t.Errorf("%s: fraction %v, octets %v of %d; want %v, %v of %d", when, f.Fraction, f.InOctets, f.Expected, fraction, octets, expected)
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

// TestWatchUntoldWaiting: a row that waits for another attempt before it was
// ever counted is work ahead as well.
func TestWatchUntoldWaiting(t *testing.T) {
	w := newWorld(t, Standing{
		RowCounts: RowCounts{Done: 1, Pending: 1},
		Begun:     []Begun{{Line: 2}},
	})
	a, b := w.run.Account("anna", 1), w.run.Account("bert", 2)
	a.Expect(1, 100)
	a.Copied(1, 100)
	a.End()
	b.Pause()
	if f := w.after(0); f.InOctets || f.Fraction != 0.5 {
		t.Errorf("fraction %v (octets: %v), want 0.5 of the rows", f.Fraction, f.InOctets)
	}
}

func TestWatchNothing(t *testing.T) {
	look := NewWatch(nil, nil)
	if f := look.At(noon); f.Fraction != 0 || f.InOctets || eta(f) != 0 || f.Busy != nil {
		t.Errorf("facts of nothing: %+v", f)
	}
}

// TestWatchAttempts: what an attempt begins anew is no step back, and what an
// account has left is remembered while it waits.
func TestWatchAttempts(t *testing.T) {
	w := newWorld(t, Standing{RowCounts: RowCounts{Running: 1}, Begun: []Begun{{Line: 1, Label: "anna"}}})
	a := w.run.Account("anna", 1)
	a.Expect(100, 1000)
	w.after(0)
	a.AlreadyThere(50)
	w.after(10 * time.Second)
	a.Pause()
	w.counts.Begun[0].From = w.now.Add(10 * time.Minute)
	if f := w.after(time.Second); f.End.Left != 500 || f.End.Last.Line != 1 || eta(f) < 9*time.Minute {
		t.Errorf("while it waits: %+v", f.End)
	}
	a.Restart()
	a.Expect(100, 1000)
	w.counts.Begun[0].From = time.Time{}
	f := w.after(time.Second)
	if f.End.Left != 1000 || f.End.Why != "" || eta(f) <= 0 {
		t.Errorf("again: %+v", f.End)
	}
}

// TestWatchHeld: what a person has stopped has no end, what is being drained
// ends with those at work.
func TestWatchHeld(t *testing.T) {
	w := newWorld(t, Standing{RowCounts: RowCounts{Running: 1, Pending: 1}, NotBegun: []Bulk{{Rows: 1, Octets: 600}}, Held: 1, Holds: Holds{Hosts: []string{"old"}}})
	a := w.run.Account("anna", 1)
	a.Expect(10, 100)
	w.after(0)
	a.Copied(5, 50)
	if f := w.after(10 * time.Second); f.End.Why != EndPaused || !f.End.At.IsZero() {
		t.Errorf("paused: %+v", f.End)
	}
	w.counts.Holds.Draining = true // what is paused is left behind
	if f := w.after(time.Second); f.End.Left != 50 || f.End.Rows != 1 || eta(f) != 11*time.Second {
		t.Errorf("draining: %+v", f.End)
	}
}

// TestWatchSame: two who look at one time see the same, whatever they looked at
// before, and a clock that jumps back does no harm.
func TestWatchSame(t *testing.T) {
	w := newWorld(t, Standing{RowCounts: RowCounts{Running: 1}, Begun: []Begun{{Line: 1}}})
	a := w.run.Account("anna", 1)
	a.Expect(100, 1000)
	for range 30 {
		a.Copied(1, 10)
		w.after(time.Second)
		w.look.At(w.now.Add(-time.Hour))
	}
	one, two := w.look.At(w.now), w.look.At(w.now)
	if d := cmp.Diff(one.Progress(), two.Progress()); d != "" || one.Progress().End == nil {
		t.Errorf("%s", d)
	}
	if one.Messages != 1 {
		t.Errorf("%v messages/s, want 1", one.Messages)
	}
}
