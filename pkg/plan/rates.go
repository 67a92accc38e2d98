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

// at reads a curve. Between two points it is a straight line, and it never
// falls. Beyond the last point the best is that each lane goes on to bring as
// much, the worst that none brings more; likely is what follows from how much
// less each lane brought already. Of one point likely is that the total can at
// most double, and that fewer lanes bring more each. What a user says is all
// there is.
func (r *Rates) at(curve []Point, n float64, o Outlook) float64 {
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
	best := first.Octets
	for i, p := range curve[1:] {
		was := curve[i]
		if n < p.Lanes {
			between := was.Octets + (p.Octets-was.Octets)*(n-was.Lanes)/(p.Lanes-was.Lanes)
			return max(best, between)
		}
		best = max(best, p.Octets)
	}
	switch {
	case o == Worst, r.Origin == Given:
		return best
	case o == Best:
		return max(best, last.Octets*n/last.Lanes)
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
	for _, p := range r.Curve {
		best = max(best, p.Octets)
	}
	for _, p := range r.Curve {
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
