package batch

import (
	"cmp"
	"slices"
	"time"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// route is the way between two hosts, or all ways together that few rows take.
// Each has a best number of lanes of its own, which its tuner looks for. The
// gate's lock guards it.
type route struct {
	hosts [2]string // "" both: those that few rows take
	used  int       // lanes
	most  int       // lanes; 0: as many as there are
	moved totals    // by attempts that have ended

	tuner *tuner          // nil: the number is fixed
	seen  time.Time       // when it last had lanes
	knee  map[int]*totals // what was moved with how many lanes
	last  totals          // of its own, at the last look
}

const (
	// routesMost is how many routes are tuned apart from the others.
	routesMost = 8
	// routeShare is what part of the rows a route needs for that.
	routeShare = 8
)

// newRoutes sorts the pairs of hosts of a list into routes.
func newRoutes(rows []Row) (all []*route, of map[[2]string]*route) {
	count := make(map[[2]string]int)
	var pairs [][2]string
	for _, r := range rows {
		p := [2]string{r.Pair.Source.Host, r.Pair.Dest.Host}
		if count[p]++; count[p] == 1 {
			pairs = append(pairs, p)
		}
	}
	slices.SortStableFunc(pairs, func(a, b [2]string) int { return cmp.Compare(count[b], count[a]) })
	of = make(map[[2]string]*route, len(pairs))
	var rest *route
	for _, p := range pairs {
		if len(pairs) > 1 && (len(all) == routesMost || routeShare*count[p] < len(rows)) {
			if rest == nil {
				rest = &route{}
			}
			of[p] = rest
			continue
		}
		of[p] = &route{hosts: p}
		all = append(all, of[p])
	}
	if rest != nil {
		all = append(all, rest)
	}
	for _, r := range all {
		r.knee = make(map[int]*totals)
	}
	return all, of
}

// name is how people are told of it.
func (r *route) name() string {
	if r.hosts == [2]string{} {
		return "other hosts"
	}
	return r.hosts[0] + " to " + r.hosts[1]
}

// over is by how many lanes it is above its limit: 0 when it is full, negative
// when there is room. A nil route has no limit.
func (r *route) over() int {
	if r == nil || r.most == 0 {
		return -1
	}
	return r.used - r.most
}

// meets reports whether what one does may be felt by the other.
func (r *route) meets(o *route) bool {
	rest := [2]string{}
	return r == o || r.hosts == rest || o.hosts == rest || touches(o.hosts, r.hosts[0]) || touches(o.hosts, r.hosts[1])
}

// note books what it has moved since the last look under the number of lanes,
// where they are at work.
func (r *route) note(now totals, took time.Duration) {
	got, lanes := now.since(r.last), r.tuner.limit()
	r.last = now
	if took <= 0 || !r.tuner.uses(r.used) {
		return
	}
	k := r.knee[lanes]
	if k == nil {
		k = &totals{}
		r.knee[lanes] = k
	}
	got.took = took
	*k = k.plus(got)
}

// kneeLeast is how long a number of lanes was at work that is worth a line.
const kneeLeast = 2 * time.Second

// steps is what it did with how many lanes, the fewest first.
func (r *route) steps(named bool) []throughput.Step {
	var out []throughput.Step
	for lanes, k := range r.knee {
		if k.took < kneeLeast {
			continue
		}
		rate := k.rate()
		s := throughput.Step{
			Lanes: lanes, Seconds: k.took.Seconds(),
			MiBPerSecond: rate.MiBPerSecond, MessagesPerSecond: rate.MessagesPerSecond, Latency: rate.Latency,
			Chosen: r.tuner != nil && r.tuner.found() && r.tuner.lanes == lanes,
		}
		if named {
			s.Route = r.name()
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b throughput.Step) int { return cmp.Compare(a.Lanes, b.Lanes) })
	return out
}
