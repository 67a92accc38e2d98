package batch

import (
	"math"
	"time"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// totals are what was moved: by a holder, by a route, in a slice of time.
type totals struct {
	octets, messages int64 // see read
	sent, stored     int64 // octets that were sent; that the destination has answered
	rows             int64 // passes that came to their end
	answers          int64
	latency          time.Duration
	took             time.Duration // of a slice
}

func (a totals) plus(b totals) totals {
	return totals{a.octets + b.octets, a.messages + b.messages, a.sent + b.sent, a.stored + b.stored, a.rows + b.rows, a.answers + b.answers, a.latency + b.latency, a.took + b.took}
}

func (a totals) since(b totals) totals {
	return totals{octets: a.octets - b.octets, messages: a.messages - b.messages, sent: a.sent - b.sent, stored: a.stored - b.stored, rows: a.rows - b.rows,
		answers: a.answers - b.answers, latency: a.latency - b.latency}
}

const (
	// messageOctets and rowOctets stand for what a message and a pass cost
	// beside their octets: so the rate is about the same with large and with
	// small messages, and there is one where next to nothing is new.
	messageOctets = 32 << 10
	rowOctets     = 1 << 20
)

// fills reports whether most of what an attempt has sent is not answered: it
// may only fill what lies on the way, as each new connection does.
func (a totals) fills() bool { return 2*a.stored <= a.sent }

// work is what was moved as one number.
func (a totals) work() float64 {
	return float64(a.octets) + messageOctets*float64(a.messages) + rowOctets*float64(a.rows)
}

// rate is what was moved per second, for people.
func (a totals) rate() throughput.Rate {
	s := a.took.Seconds()
	if s <= 0 {
		return throughput.Rate{}
	}
	out := throughput.Rate{
		MiBPerSecond:      float64(a.octets) / (1 << 20) / s,
		MessagesPerSecond: float64(a.messages) / s,
		RowsPerSecond:     float64(a.rows) / s,
	}
	if a.answers > 0 {
		out.Latency = a.latency.Seconds() / float64(a.answers)
	}
	return out
}

// blockSlices is how many slices make one observation: accounts and their
// messages differ, which evens out over a second or two.
const blockSlices = 4

// series are observations of one number of lanes.
type series struct {
	sum     totals
	n       int     // blocks
	mean, s float64 // of work per second; sum of squared differences (Welford)

	block  totals // that is not full yet
	slices int    // in it
}

func (v *series) add(got totals) {
	v.sum = v.sum.plus(got)
	v.block = v.block.plus(got)
	if v.slices++; v.slices < blockSlices {
		return
	}
	v.n++
	x := v.block.work() / v.block.took.Seconds()
	v.block, v.slices = totals{}, 0
	d := x - v.mean
	v.mean += d / float64(v.n)
	v.s += d * (x - v.mean)
}

func (v *series) rate() throughput.Rate { return v.sum.rate() }

// spread is the squared sum of relative differences.
func (v *series) spread() float64 {
	if v.mean <= 0 {
		return 0
	}
	return v.s / (v.mean * v.mean)
}

const (
	// legSlices is how many slices a leg has at first; later ones are longer,
	// up to legMost.
	legSlices = 2 * blockSlices
	legMost   = 5 * blockSlices
	// legLong is how many the first one has where it has to do for A.
	legLong = 30 * blockSlices
	// noise is the relative spread of a block that is taken for granted, like
	// noiseBlocks of them, while few were seen.
	noise       = 0.03
	noiseBlocks = 4
	// plain is a gain that needs no second look.
	plain = 0.10
)

// sure is by how many standard errors a difference must stand out after so many
// blocks of each number of lanes: the longer it takes, the less depends on it.
// A search has an end in sight; what is only probed may take its time.
func (s steps) sure(blocks int) float64 {
	const sharp, from = 3, 4
	most := 18 // of two seconds each
	if s == probing {
		most = 75
	}
	return sharp * max(0, 1-float64(max(0, blocks-from))/float64(most-from))
}

// finding is what a trial has shown.
type finding uint8

const (
	undecided finding = iota
	taken             // the other number of lanes is the better one
	left              // it is not
)

// trial compares the number of lanes that a tuner has, A, with another, B, in
// legs that take turns. It begins with A.
type trial struct {
	lanes int // B's
	a, b  series
	onB   bool
	legs  int       // that have ended
	n     int       // slices of the leg that goes on
	first int       // slices of the first leg; 0: legSlices
	least int       // slices of the leg that goes on: as long as it took to come to it
	seen  time.Time // of the last slice
	stuck bool      // it cannot go back to A: the rows at work do not end
}

// add takes a slice and reports whether the leg is over.
func (r *trial) add(got totals) bool {
	if r.onB {
		r.b.add(got)
	} else {
		r.a.add(got)
	}
	r.n++
	if r.legs == 0 && r.first > 0 {
		return r.n >= r.first
	}
	return r.n >= max(r.least, min(legMost, legSlices+blockSlices*max(0, r.legs-1)))
}

// turn begins the next leg.
func (r *trial) turn() {
	r.onB, r.n, r.least = r.stuck || !r.onB, 0, 0
	r.legs++
}

// ratio is B's rate by A's, and its standard error.
func (r *trial) ratio() (q, se float64) {
	if r.a.mean <= 0 || r.b.n == 0 {
		return 0, math.Inf(1)
	}
	q = r.b.mean / r.a.mean
	seen := float64(r.a.n + r.b.n)
	v := (r.a.spread() + r.b.spread() + noise*noise*noiseBlocks) / (seen - 2 + noiseBlocks)
	return q, max(q, 0.5) * math.Sqrt(v*(1/float64(r.a.n)+1/float64(r.b.n)))
}

// judge compares at the end of a leg.
func (r *trial) judge(t *tuner) finding {
	if r.b.n == 0 {
		return undecided
	}
	q, se := r.ratio()
	up := r.lanes > t.lanes
	at := 1 + gain
	if t.fell && t.high > r.lanes { // between the best and what was too much: a small step gains little
		at = 1 + gain*min(1, 2*float64(r.lanes-t.lanes)/float64(t.lanes))
	}
	if !up {
		at = min(1, (1-loss)/t.debt)
	}
	done, by := r.legs+1, t.steps.sure(min(r.a.n, r.b.n))*se
	switch {
	case up && q-by > 1+plain:
		return taken
	case done < 3 && !r.stuck: // A, B and A again, at least
		return undecided
	case q-by > at:
		return taken
	case q+by <= at, r.stuck && r.b.n >= 2*r.a.n: // more of B alone would prove nothing
		return left
	}
	return undecided
}

const (
	watchBlocks = 10   // that the rate since settling is told from, and compared with
	watchOff    = 0.25 // by how much it must have changed
)

// watch sees whether the rate has changed since a tuner settled. The zero value
// watches nothing.
type watch struct {
	on    bool
	lanes int
	since time.Time
	fell  bool // it has fallen
	ref   series
	now   series
}

// add brings due forward when the rate is another one than it was.
func (w *watch) add(got totals, now time.Time, due *time.Time) {
	if w.ref.n < watchBlocks {
		w.ref.add(got)
		return
	}
	w.now.add(got)
	if w.now.n < watchBlocks {
		return
	}
	q := w.now.mean / max(w.ref.mean, 1)
	if math.Abs(q-1) > watchOff && due.After(now) {
		*due, w.fell = now, q < 1
	}
	w.now = series{}
}
