package batch

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// Bounds are those within which a run finds its number of lanes. The zero value
// is none: the number is fixed.
type Bounds struct{ Min, Max int }

func (b Bounds) check() error {
	if b != (Bounds{}) && (b.Min < 1 || b.Max < b.Min) {
		return fmt.Errorf("batch: lanes from %d to %d: must be from at least 1 to no fewer", b.Min, b.Max)
	}
	return nil
}

// SetParallel fixes how many lanes there are, and ends the search for the best
// number. More rows start at once; with fewer lanes the further ones of
// accounts are asked back, and running rows end first.
func (r *Runner) SetParallel(n int) error {
	if n < 1 {
		return fmt.Errorf("batch: parallel is %d, must be at least 1", n)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.parallel, r.auto = n, Bounds{}
	if r.gate != nil {
		r.gate.fix(n)
	}
	return nil
}

// SetAuto has the run find its number of lanes, from least to most, beginning
// with as many as there are. It does so anew where it did before.
func (r *Runner) SetAuto(least, most int) error {
	b := Bounds{least, most}
	if b == (Bounds{}) {
		return errors.New("batch: no bounds for the number of lanes")
	}
	if err := b.check(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.auto = b
	if r.gate != nil {
		r.gate.tune(b, r.gate.total())
	}
	return nil
}

// Knee is what the last run has done with how many lanes, so far: nil where
// nobody looked for the best number.
func (r *Runner) Knee() []throughput.Step {
	r.mu.Lock()
	g := r.gate
	r.mu.Unlock()
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []throughput.Step
	for _, o := range g.routes {
		out = append(out, o.steps(len(g.routes) > 1)...)
	}
	return out
}

// fix ends the tuners, for n lanes together.
func (g *gate) fix(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.auto != (Bounds{}) {
		g.tell(throughput.Tuning{From: g.limits(), To: n, Lanes: n, Reason: throughput.TunedFixed})
	}
	g.auto = Bounds{}
	for _, o := range g.routes {
		o.most, o.tuner = 0, nil
	}
	g.limit = n
	g.notify()
}

// tune begins to look for the best number of lanes of each route, with so many
// together at first.
func (g *gate) tune(b Bounds, start int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.auto, g.limit, g.looked = b, b.Max, time.Time{}
	start = min(max(start, b.Min), b.Max)
	n := max(1, len(g.routes))
	for i, o := range g.routes {
		part := start / n
		if i < start%n {
			part++
		}
		o.tuner = newTuner(max(1, b.Min/n), b.Max, max(1, part))
		o.most, o.seen = o.tuner.limit(), time.Time{}
	}
	g.notify()
}

// total is how many lanes there may be now.
func (g *gate) total() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.limits()
}

func (g *gate) limits() int {
	if g.auto == (Bounds{}) {
		return g.limit
	}
	n := 0
	for _, o := range g.routes {
		n += o.most
	}
	return max(1, min(n, g.limit))
}

// tell keeps a decision for who asks next.
func (g *gate) tell(d throughput.Tuning) { g.decided = append(g.decided, d) }

const (
	// absent is how long a route has had no lanes whose share others may have.
	absent = 30 * time.Second
	// unseen is how long nobody may have looked for what was moved meanwhile to
	// tell something: longer, and no row was at work, or not even this process.
	unseen = 10 * lookEvery
)

// look lets the tuners see how fast it goes, when it is time for that, and
// returns what was decided since the last call.
func (g *gate) look(now time.Time) []throughput.Tuning {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.auto != (Bounds{}) && now.Sub(g.looked) >= lookEvery && len(g.routes) > 0 {
		g.lookAll(now)
	}
	out := g.decided
	g.decided = nil
	return out
}

func (g *gate) lookAll(now time.Time) {
	moved, fresh := g.movedByRoute()
	took := now.Sub(g.looked)
	gap := took > unseen
	if gap { // or it is the first look
		took = 0
	}
	g.looked = now
	busy := g.turn // whose trial goes on
	if busy != nil && (busy.tuner == nil || busy.tuner.trial == nil) {
		busy = nil
	}
	changed := false
	for i := range g.routes {
		o := g.routes[(g.first+i)%len(g.routes)]
		o.note(moved[o], took)
		if o.used > 0 || o.seen.IsZero() {
			o.seen = now
		}
		o.tuner.ceiling = g.ceiling(o, now)
		s := sample{at: now, used: o.used, fresh: fresh[o], rests: gap || g.rests(o)}
		for _, p := range g.routes {
			if p.meets(o) {
				s.moved = s.moved.plus(moved[p])
			}
		}
		d := o.tuner.look(s, busy == nil || busy == o)
		if d != nil && d.Reason == throughput.TunedBound {
			d.Text = g.boundText(o)
		}
		g.decide(o, d)
		if busy == nil && o.tuner.trial != nil {
			busy = o
		}
		if n := o.tuner.limit(); n != o.most {
			o.most, changed = n, true
		}
	}
	if busy == nil || busy != g.turn {
		g.first = (g.first + 1) % len(g.routes) // another one may begin next
	}
	g.turn = busy
	if changed {
		g.notify()
	}
}

// rests reports whether rows of a route may not begin although there are lanes: a
// person has stopped them, or a server has asked to be left alone.
func (g *gate) rests(o *route) bool {
	if g.paused {
		return true
	}
	for _, name := range o.hosts {
		if h := g.hosts.byName[name]; h != nil && (h.held || h.pause != nil) {
			return true
		}
	}
	return false
}

func (g *gate) decide(o *route, d *throughput.Tuning) {
	if d == nil {
		return
	}
	if len(g.routes) > 1 {
		d.Route = o.name()
	}
	g.tell(*d)
}

// movedByRoute is what each route has moved so far, and when the first of those
// of its attempts began that still fill the way.
func (g *gate) movedByRoute() (moved map[*route]totals, fresh map[*route]time.Time) {
	moved, fresh = make(map[*route]totals, len(g.routes)), make(map[*route]time.Time)
	for _, o := range g.routes {
		moved[o] = o.moved
	}
	for _, h := range g.holders {
		o := g.hosts.routes[h.job.hosts]
		got := h.moved()
		moved[o] = moved[o].plus(got)
		if got.fills() && (fresh[o].IsZero() || h.begun.Before(fresh[o])) {
			fresh[o] = h.begun
		}
	}
	return moved, fresh
}

// ceiling is how many lanes a route may have: what the others leave, and what
// its hosts bear.
func (g *gate) ceiling(o *route, now time.Time) int {
	n := g.auto.Max
	for _, p := range g.routes {
		if p != o && now.Sub(p.seen) < absent {
			n -= p.most
		}
	}
	n = max(n, g.auto.Min/len(g.routes), 1)
	if o.hosts == [2]string{} {
		return n
	}
	for _, name := range o.hosts {
		n = min(n, max(1, g.hosts.limit(name)-(g.hosts.of(name).used-o.used)))
	}
	return n
}

// boundText says what keeps a route below what it had.
func (g *gate) boundText(o *route) string {
	for _, name := range o.hosts {
		if n := g.hosts.limit(name); name != "" && n <= o.tuner.ceiling+g.hosts.of(name).used-o.used {
			return fmt.Sprintf("%s bears %d", fault.Clean(name), n)
		}
	}
	return fmt.Sprintf("%d are left for it", o.tuner.ceiling)
}

// crowded tells the tuners of a host's routes that it was too much for it.
func (g *gate) crowded(h *host, e *fault.Error, now time.Time) {
	if g.auto == (Bounds{}) || e.Code != fault.Throttled && e.Code != fault.TooManySessions && e.Code != fault.Unavailable {
		return
	}
	for _, o := range g.routes {
		if o.tuner == nil || !touches(o.hosts, h.name) || 2*o.used < o.tuner.limit() {
			continue // one that goes first, alone, says nothing of the number
		}
		d := o.tuner.refused(o.used, now)
		d.Text = fault.Clean(h.name) + " says: " + fault.Clean(e.Error())
		o.most = o.tuner.limit()
		g.decide(o, d)
	}
}

// nextLook is when look wants to be called; false: not at all.
func (g *gate) nextLook() (time.Time, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.looked.Add(lookEvery), g.auto != (Bounds{}) && g.used > 0
}

// tuneLanes looks whether another number of lanes is better, and tells of it.
func (f *feeder) tuneLanes(now time.Time) {
	for _, d := range f.gate.look(now) {
		f.opt.Logger.Info(d.Line(), slog.String("reason", string(d.Reason)), slog.Int("lanes", d.Lanes))
		if f.opt.OnTune != nil {
			f.opt.OnTune(d)
		}
	}
}
