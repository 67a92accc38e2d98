package plan

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Origin is where rates come from.
type Origin string

// The origins.
const (
	Given Origin = "given" // by the user
	Probe Origin = "probe"
	Runs  Origin = "runs" // earlier runs of the list
)

// Point is the total rate of so many lanes that move mail.
type Point struct {
	Lanes  float64 `json:"lanes"`
	Octets float64 `json:"octets_per_second"`
}

// Rates is how fast mail moves. Curve has at least one Point.
type Rates struct {
	Origin Origin
	// Curve is ordered by lanes. Its octets are those of messages of Mean octets.
	Curve []Point
	// Source and Dest are what each server was seen to do without the other, as
	// Curve; empty: not known.
	Source, Dest []Point
	// Linear: each lane brings the same, however many there are.
	Linear bool
	// Mean is how many octets a message had, and Share the part of a lane's time
	// that went by octets; the rest went by messages. Share 1: messages count
	// nothing.
	Mean, Share float64
	// PerRow is how long a lane is busy with a row beside its mail: logins, lists.
	PerRow time.Duration
	// Making is how long it takes to make a row's mailboxes, which its first pass
	// does. That of Runs is in PerRow.
	Making time.Duration
	// Spread is how far rates may be off, as a part of them, with a confidence of
	// 95 %.
	Spread float64
	// Slower is how many times longer runs took than was planned by such rates; 0
	// and 1: no correction.
	Slower float64
	// Past is how many outcomes Slower rests on.
	Past int
}

// Outlook is how things turn out.
type Outlook int8

// The outlooks. The zero value is the likely one.
const (
	Likely Outlook = 0
	Best   Outlook = -1
	Worst  Outlook = 1
)

// work is what so much mail amounts to, in octets of messages of mean size.
func (r *Rates) work(octets, messages float64) float64 {
	if r.Mean <= 0 || r.Share >= 1 || messages <= 0 {
		return octets
	}
	return r.Share*octets + (1-r.Share)*messages*r.Mean
}

// Total is the rate of so many lanes on so many machines together, in octets of
// messages of mean size a second. It never falls with more lanes.
func (r *Rates) Total(lanes, machines int, o Outlook) float64 {
	if lanes <= 0 || len(r.Curve) == 0 {
		return 0
	}
	m := float64(max(1, machines))
	// What limits is the servers, which all machines share, or each machine.
	shared := r.at(r.Curve, float64(lanes), o)
	apart := m * r.at(r.Curve, float64(lanes)/m, o)
	rate := shared
	switch {
	case o == Best, o == Likely && (len(r.Source) > 0 || len(r.Dest) > 0):
		rate = max(shared, apart)
	case o == Likely:
		rate = max(shared, math.Sqrt(shared*apart))
	}
	for _, server := range [][]Point{r.Source, r.Dest} {
		if len(server) > 0 && m > 1 {
			// Never below what was seen through one machine.
			rate = max(min(rate, r.at(server, float64(lanes), o)), shared)
		}
	}
	if r.Slower > 0 {
		rate /= r.Slower
	}
	switch o {
	case Best:
		rate *= 1 + r.Spread
	case Worst:
		rate /= 1 + r.Spread
	}
	return rate
}

// level is a curve that does not fall, as near to the one given as can be: where
// more lanes had a lower rate than fewer, the mean of them counts. A single
// measurement is a bit high or a bit low, and who takes the highest of several
// takes the luckiest.
func level(curve []Point) []Point {
	type block struct {
		sum float64
		n   int
	}
	var blocks []block
	for _, p := range curve {
		b := block{p.Octets, 1}
		for k := len(blocks) - 1; k >= 0 && blocks[k].sum/float64(blocks[k].n) >= b.sum/float64(b.n); k-- {
			b = block{blocks[k].sum + b.sum, blocks[k].n + b.n}
			blocks = blocks[:k]
		}
		blocks = append(blocks, b)
	}
	out := make([]Point, 0, len(curve))
	for _, b := range blocks {
		for range b.n {
			out = append(out, Point{curve[len(out)].Lanes, b.sum / float64(b.n)})
		}
	}
	return out
}

// highest is a curve that does not fall, of the highest that was measured with so
// many lanes or fewer.
func highest(curve []Point) []Point {
	out := slices.Clone(curve)
	for i := 1; i < len(out); i++ {
		out[i].Octets = max(out[i].Octets, out[i-1].Octets)
	}
	return out
}

// at reads a curve. Between two points it is a straight line, and it never falls
// (level; at best, highest). Beyond the last point the best is that each lane goes on to bring as
// much, the worst that none brings more; likely is what follows from how much
// less each lane brought already. Of one point likely is that the total can at
// most double, and that fewer lanes bring more each. What a user says is all
// there is.
func (r *Rates) at(given []Point, n float64, o Outlook) float64 {
	curve := level(given)
	if o == Best {
		curve = highest(given)
	}
	first, last := curve[0], curve[len(curve)-1]
	switch {
	case r.Linear:
		return first.Octets / first.Lanes * n
	case len(curve) == 1 && r.Origin == Given:
		return min(1, n/first.Lanes) * first.Octets
	case len(curve) == 1 && o == Likely, len(curve) == 1 && n < first.Lanes:
		return first.Octets * 2 * n / (n + first.Lanes)
	case n <= first.Lanes:
		return first.Octets * n / first.Lanes
	}
	for i, p := range curve[1:] {
		was := curve[i]
		if n < p.Lanes {
			return was.Octets + (p.Octets-was.Octets)*(n-was.Lanes)/(p.Lanes-was.Lanes)
		}
	}
	best := last.Octets
	switch {
	case o == Worst, r.Origin == Given:
		return best
	case o == Best:
		return best * n / last.Lanes
	}
	before := curve[len(curve)-2]
	// Lanes over rate is a straight line where lanes share something.
	slope := (last.Lanes/last.Octets - before.Lanes/before.Octets) / (last.Lanes - before.Lanes)
	base := last.Lanes/last.Octets - slope*last.Lanes
	if slope < 0 {
		return max(best, last.Octets*n/last.Lanes)
	}
	if base <= 0 {
		return best
	}
	return max(best, n/(base+slope*n))
}

// Known is the most lanes of which a rate is known.
func (r *Rates) Known() float64 {
	if len(r.Curve) == 0 {
		return 0
	}
	return r.Curve[len(r.Curve)-1].Lanes
}

// enough is the part of the best known rate with which more lanes are not worth
// having.
const enough = 0.975

// BestLanes is the fewest lanes that reach about the best rate that is known: what
// a run finds by itself. 0: rates say nothing of single numbers of lanes.
func (r *Rates) BestLanes() int {
	var best float64
	curve := level(r.Curve)
	for _, p := range curve {
		best = max(best, p.Octets)
	}
	for _, p := range curve {
		if p.Octets >= enough*best && !r.Linear {
			return int(math.Ceil(p.Lanes))
		}
	}
	return 0
}

// curveOf orders points by lanes and leaves out what says nothing.
func curveOf(points []Point) []Point {
	points = slices.DeleteFunc(slices.Clone(points), func(p Point) bool {
		return !(p.Lanes > 0) || !(p.Octets > 0) || math.IsInf(p.Octets, 0) || math.IsInf(p.Lanes, 0)
	})
	slices.SortStableFunc(points, func(a, b Point) int { return cmp.Compare(a.Lanes, b.Lanes) })
	return slices.CompactFunc(points, func(a, b Point) bool { return a.Lanes == b.Lanes })
}
