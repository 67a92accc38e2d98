package batch

import (
	"time"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// tuner finds how many lanes a route is fastest with: the fewest that come
// within a few percent of the best rate. It is told what was moved every
// lookEvery, and says how many lanes there should be. It holds no clock and no
// lock of its own: what it decides follows from the samples alone.
//
// It compares two numbers of lanes at a time, the best one known and another,
// by turns (A, B, A, B) until the difference stands out from the noise: the
// rate changes by itself too, with the accounts that are at work and with the
// hour. It climbs by half as long as that pays, then halves what lies between
// too few and enough. Once it has settled it tries one step up and one down
// now and then.
type tuner struct {
	floor, ceiling int // bounds; who owns the tuner changes them
	lanes          int // the best number known

	low   int     // the most lanes known to be too few; 0: none is known
	high  int     // the fewest known to give no more; 0: none is known
	fell  bool    // with high it was slower, or a server refused: the best may lie below it
	debt  float64 // the rate with lanes by the best rate seen, at most 1
	steps steps   // how coarse
	long  bool    // rows take so long that it cannot go back and forth

	trial    *trial        // nil: none goes on
	settled  bool          // nothing is left to be tried, until due
	due      time.Time     // when it tries again
	rest     time.Duration // from settling to due
	watch    watch         // over the rate since it settled
	last     sample        // zero: there was none
	changeAt time.Time     // when the limit was last changed
	reached  time.Time     // when as many lanes were at work as there are; zero: not since then
	warm     time.Time     // from when on the lanes count as warmed up
}

// steps says how the next number of lanes is chosen.
type steps uint8

const (
	climbing steps = iota // by factors, then between what is known
	probing               // one step up, one step down, and no closer
)

const (
	// lookEvery is the time between two samples.
	lookEvery = 500 * time.Millisecond
	// startLanes is where a run begins whose best number is not known.
	startLanes = 8

	gain = 0.025 // by how much more lanes must be faster
	loss = 0.015 // how much slower than the best fewer lanes may be
	much = 0.05  // from how much slower more lanes are on, the best may lie between

	warmUp     = time.Second      // after a change, once the lanes are at work: logins
	warmUpMost = 15 * time.Second // for rows whose answers do not come
	// starving is how long a number of lanes is tried that do not come into
	// use, or do not go out of it.
	starving = time.Minute
	draining = 15 * time.Minute // the same for fewer lanes: rows must end

	restFirst = 2 * time.Minute
	restMost  = 20 * time.Minute
	// restRefused is the first rest after a server has refused.
	restRefused = 5 * time.Minute
)

// sample is what is known at an instant: totals since the run began.
type sample struct {
	at    time.Time
	moved totals
	used  int       // lanes at work
	fresh time.Time // when the first of the rows at work began that still fill the way; zero: none does
	rests bool      // rows were kept from beginning: it tells nothing of the number of lanes
}

func newTuner(floor, ceiling, lanes int) *tuner {
	return &tuner{floor: floor, ceiling: ceiling, lanes: min(max(lanes, floor), ceiling), debt: 1, rest: restFirst}
}

// limit is how many lanes there should be now.
func (t *tuner) limit() int {
	if t.trial != nil && t.trial.onB {
		return t.trial.lanes
	}
	return t.lanes
}

// found reports whether it knows the best number, though it may be trying others.
func (t *tuner) found() bool { return t.settled || t.steps == probing }

// look takes a sample and returns what was decided, nil: nothing. A trial is
// only begun if it may.
func (t *tuner) look(s sample, may bool) *throughput.Tuning {
	if d := t.bound(); d != nil {
		t.changed(s.at)
		t.last = s
		return d
	}
	if s.rests {
		t.interrupt(s)
		return nil
	}
	got, ok := t.slice(s)
	if t.trial == nil {
		if t.settled && ok {
			t.watch.add(got, s.at, &t.due)
		}
		if !may || !ok || t.settled && s.at.Before(t.due) {
			return nil
		}
		return t.begin(s.at)
	}
	before := t.limit()
	d := t.run(got, ok, s.at)
	if t.limit() != before {
		t.changed(s.at)
	}
	return d
}

// changed notes that the limit was changed, so that nothing is measured until
// the lanes have followed.
func (t *tuner) changed(now time.Time) {
	t.changeAt, t.reached, t.warm = now, time.Time{}, time.Time{}
}

// interrupt gives up what is being measured: afterwards all lanes begin anew, and
// with other rows. What is known stays.
func (t *tuner) interrupt(s sample) {
	t.trial, t.last, t.watch.now = nil, s, series{}
	t.changed(s.at)
}

// slice is what was moved since the last sample; false when it tells nothing of
// the number of lanes: fewer or more were at work, or they had just begun.
func (t *tuner) slice(s sample) (totals, bool) {
	last := t.last
	t.last = s
	if !t.uses(s.used) {
		return totals{}, false
	}
	if t.reached.IsZero() {
		t.reached, t.warm = s.at, s.at.Add(warmUp)
	}
	if t.fills(s) {
		t.warm = s.at
	}
	if last.at.IsZero() || !t.uses(last.used) || !last.at.Before(s.at) || last.at.Before(t.warm) {
		return totals{}, false
	}
	out := s.moved.since(last.moved)
	out.took = s.at.Sub(last.at)
	return out, true
}

// fills reports whether rows that were at work when the lanes had become as many
// as there are still fill what lies on the way, as each new connection does: it
// looks like gain where none is. Rows that begin later are the usual coming and
// going.
func (t *tuner) fills(s sample) bool {
	return !s.fresh.IsZero() && !s.fresh.After(t.reached) && s.at.Sub(t.reached) < warmUpMost
}

// uses reports whether so many lanes are those that there should be.
func (t *tuner) uses(n int) bool {
	l := t.limit()
	return n <= l && n >= l-l/10
}

// bound keeps lanes below the ceiling, which has come down.
func (t *tuner) bound() *throughput.Tuning {
	most := max(1, t.ceiling)
	if t.limit() <= most {
		t.lanes = max(t.lanes, min(t.floor, most))
		return nil
	}
	d := &throughput.Tuning{From: t.limit(), Reason: throughput.TunedBound}
	t.trial, t.lanes = nil, min(t.lanes, most)
	if t.low >= t.lanes {
		t.low = 0
	}
	d.To, d.Lanes = t.lanes, t.lanes
	t.wake()
	return d
}

// wake has the search go on.
func (t *tuner) wake() { t.settled, t.high, t.fell, t.steps = false, 0, false, climbing }

// refused is told that a server refused connections or throttled, with so many
// lanes at work.
func (t *tuner) refused(used int, now time.Time) *throughput.Tuning {
	from := max(t.limit(), min(used, t.ceiling))
	d := &throughput.Tuning{From: from, Reason: throughput.TunedRefused}
	switch {
	case t.trial != nil && t.trial.onB && t.trial.lanes > t.lanes: // with fewer it did not
		t.high, t.fell = t.trial.lanes, t.steps == climbing
	default:
		t.high, t.fell = from, false
		t.lanes = max(min(t.floor, t.ceiling), min(t.lanes, from*3/4), 1)
		t.low = t.lanes - 1
	}
	t.trial, t.settled = nil, false
	t.rest = min(max(2*t.rest, restRefused), restMost)
	d.To, d.Lanes = t.lanes, t.lanes
	t.changed(now)
	return d
}

// begin begins the next trial, or settles.
func (t *tuner) begin(now time.Time) *throughput.Tuning {
	if t.settled { // its time has come
		t.settled, t.steps, t.low, t.high, t.fell = false, probing, 0, 0, false
	}
	n := t.next()
	if n == 0 {
		return t.settle(now)
	}
	t.trial = &trial{lanes: n, seen: now}
	if t.long && n > t.lanes {
		t.trial.first = legLong
	}
	return nil
}

// next is the number of lanes to be tried next; 0: none.
func (t *tuner) next() int {
	// Nearer than that nobody looks: below it a few lanes too many cost nothing.
	above, below := max(1, t.lanes/10), max(1, t.lanes/6)
	if t.steps == probing {
		switch step := max(1, t.lanes/5); {
		case t.watch.fell && t.low == 0 && t.lanes > t.floor: // fewer may be better now
			return max(t.floor, t.lanes-step)
		case t.high == 0 && t.lanes < t.ceiling:
			return min(t.ceiling, t.lanes+max(1, t.lanes/4))
		case t.low == 0 && t.lanes > t.floor:
			return max(t.floor, t.lanes-step)
		}
		return 0
	}
	switch {
	case t.high == 0 && t.lanes < t.ceiling:
		return min(t.ceiling, t.lanes+max(1, t.lanes/2))
	case t.fell && t.high-t.lanes > above:
		return (t.lanes + t.high) / 2
	case t.low == 0 && t.lanes > t.floor:
		return max(t.floor, t.lanes/2)
	case t.low > 0 && t.lanes-t.low > below:
		return (t.lanes + t.low) / 2
	}
	return 0
}

// settle rests until the next try.
func (t *tuner) settle(now time.Time) *throughput.Tuning {
	again := t.watch.on && t.watch.lanes == t.lanes // as before
	if again {
		t.rest = min(t.rest*3/2, restMost)
	}
	t.settled, t.due = true, now.Add(t.rest)
	t.watch = watch{on: true, lanes: t.lanes, since: now}
	if again {
		return nil
	}
	return &throughput.Tuning{From: t.lanes, To: t.lanes, Lanes: t.lanes, Reason: throughput.TunedSettled}
}

// run goes on with a trial.
func (t *tuner) run(got totals, ok bool, now time.Time) *throughput.Tuning {
	r := t.trial
	if !ok {
		wait := starving
		if r.onB && r.lanes < t.lanes {
			wait = draining
		}
		if now.Sub(r.seen) > wait && now.Sub(t.changeAt) > wait {
			t.starved(now)
		}
		return nil
	}
	r.seen = now
	if r.n == 0 && r.legs > 0 {
		r.least = min(2*legMost, int(now.Sub(t.changeAt)/lookEvery))
	}
	if !r.add(got) {
		return nil
	}
	v := r.judge(t)
	if v == undecided {
		r.turn()
		return nil
	}
	return t.decide(v, now)
}

// starved deals with a number of lanes that nobody has: rows are too few for
// it, or too long to end for it. Where it cannot go back to A it goes on with
// B alone; else nothing is known of B, and it is left for now.
func (t *tuner) starved(now time.Time) {
	r := t.trial
	switch {
	case !r.onB && r.legs > 0:
		r.stuck, r.onB, r.n, r.seen, t.long = true, true, 0, now, true
		return
	case r.onB && r.lanes > t.lanes:
		t.high, t.fell = r.lanes, false
	case r.onB:
		t.low = r.lanes
	}
	t.trial = nil
}

// decide draws the conclusion of a trial.
func (t *tuner) decide(v finding, now time.Time) *throughput.Tuning {
	r := t.trial
	up := r.lanes > t.lanes
	d := &throughput.Tuning{From: t.lanes, To: r.lanes, Before: r.a.rate(), After: r.b.rate()}
	q, se := r.ratio()
	t.trial = nil
	if v == taken {
		t.watch.on = false
		t.debt = min(1, t.debt*(q+se)) // what is only noise is no debt
		if up {
			t.low = t.lanes
			t.high, t.fell = t.above(r.lanes)
			d.Reason = throughput.TunedFaster
		} else {
			t.high, t.fell = t.lanes, false
			t.low = t.below(r.lanes)
			d.Reason = throughput.TunedAsFast
		}
		if t.steps == probing { // the place has moved: look around
			t.steps, t.rest = climbing, restFirst
			if up {
				t.high = 0
			} else {
				t.low = 0
			}
		}
		t.lanes = r.lanes
		if up { // the last leg stands for the new number of lanes
			t.trial = t.onward(r, now)
		}
	} else {
		if up {
			t.high, t.fell = r.lanes, q < 1-much && t.steps == climbing
			t.debt = 1 / max(q-se, 1)
			d.Reason = throughput.TunedNoGain
		} else {
			t.low = r.lanes
			d.Reason = throughput.TunedSlower
		}
	}
	d.Lanes = t.lanes
	return d
}

// above is what was known of more lanes than n, below of fewer.
func (t *tuner) above(n int) (high int, fell bool) {
	if t.high > n {
		return t.high, t.fell
	}
	return 0, false
}

func (t *tuner) below(n int) int {
	if t.low < n {
		return t.low
	}
	return 0
}

// onward begins the trial after one that was taken, with what was measured
// last as its first leg; nil: none follows.
func (t *tuner) onward(r *trial, now time.Time) *trial {
	n := t.next()
	if n == 0 || t.long {
		return nil
	}
	return &trial{lanes: n, seen: now, a: r.b, legs: 1, onB: true}
}
