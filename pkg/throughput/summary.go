package throughput

import (
	"cmp"
	"slices"
	"time"
)

// Summary is what became of many rows: either those of a run or those of the
// whole list. Its JSON is stable; fields are only ever added. Seconds is wall
// time, and the two rates are totals over wall time: never a mean or a sum of
// the accounts' rates. They are 0 when there is no wall time.
type Summary struct {
	Rows              RowCounts `json:"rows"`
	Total             Count     `json:"total"`
	Attempts          int       `json:"attempts"`
	Seconds           float64   `json:"seconds"`
	MiBPerSecond      float64   `json:"mib_per_second"`
	MessagesPerSecond float64   `json:"messages_per_second"`
	Spread            Spreads   `json:"spread"`
	Slowest           []Result  `json:"slowest"`
	Causes            []Cause   `json:"causes"`
	// Hosts were left alone for a while, by name; of a run only.
	Hosts []PausedHost `json:"hosts,omitempty"`
	// LaneSeconds is lane time: two lanes have two seconds in one. Spent splits
	// it, and HostTime has it by server, the one with most of it first, of at
	// most 100 servers. Parked rows have no lane; ParkedSeconds is their waiting,
	// of all of them together.
	LaneSeconds   float64    `json:"lane_seconds"`
	Spent         Spent      `json:"spent"`
	ParkedSeconds float64    `json:"parked_seconds"`
	HostTime      []HostTime `json:"host_time"`
	// Knee is what the run did with how many lanes, where it looked for the best
	// number itself; of a run only.
	Knee []Step `json:"knee,omitempty"`
	// Planned is what a plan said of this run, where there is one; of a run only.
	Planned *Planned `json:"planned,omitempty"`
	// Bottleneck is what kept a run from being faster; nil of a list. Without a
	// verdict its evidence says why there is none.
	Bottleneck *Bottleneck `json:"bottleneck,omitempty"`
}

// Report is summary.json: the rows of this run, and all rows of the list.
type Report struct {
	Run  Summary `json:"run"`
	List Summary `json:"list"`
}

// slowest is how many accounts Slowest names.
const slowest = 5

// Summarize derives a summary from results and the wall time that they took
// together; wall is 0 when no one run made them.
func Summarize(results []Result, wall time.Duration) Summary {
	s := Summary{
		Seconds: milli(max(0, wall.Seconds())),
		Spread:  spreadsOf(results),
		Slowest: slowestOf(results),
		Causes:  causesOf(results),
	}
	var lanes, parked time.Duration
	for _, r := range results {
		s.Rows.Add(r.State)
		s.Total.Add(r.Count)
		s.Attempts += r.Attempts
		s.Spent.Add(r.Spent)
		lanes += r.LaneTime
		parked += r.SourceParked + r.DestParked
	}
	s.LaneSeconds, s.ParkedSeconds = milli(lanes.Seconds()), milli(parked.Seconds())
	s.HostTime = hostTimes(results)
	s.MiBPerSecond = milli(perSecond(float64(s.Total.Octets)/mebi, wall))
	s.MessagesPerSecond = milli(perSecond(float64(s.Total.Copied), wall))
	return s
}

// slowestOf are the accounts that came through and took longest: what the
// end of a run waits for.
func slowestOf(results []Result) []Result {
	through := make([]Result, 0, slowest)
	for _, r := range results {
		if (r.State == Done || r.State == Incomplete) && r.Elapsed > 0 {
			through = append(through, r)
		}
	}
	slices.SortStableFunc(through, func(a, b Result) int {
		return cmp.Or(cmp.Compare(b.Elapsed, a.Elapsed), cmp.Compare(a.Line, b.Line))
	})
	return slices.Clip(through[:min(slowest, len(through))])
}
