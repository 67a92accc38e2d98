package throughput

import (
	"fmt"
	"time"
)

// Planned is what a plan said of a run, in seconds, and what the run took: with
// those before it, where it was stopped and run again. Lanes are those of the
// plan, RunLanes those of the run.
type Planned struct {
	Made     time.Time `json:"made"`
	Low      float64   `json:"low_seconds"`
	Likely   float64   `json:"likely_seconds"`
	High     float64   `json:"high_seconds"`
	Took     float64   `json:"took_seconds"`
	Lanes    int       `json:"lanes"`
	RunLanes int       `json:"run_lanes"`
	Ended    bool      `json:"ended"` // all that was planned is done
}

// sentence is 3h 10m (2h 40m to 4h 00m), took 3h 25m.
func (p *Planned) sentence() string {
	of := func(s float64) string { return FormatDuration(time.Duration(s * float64(time.Second))) }
	took := "took"
	if !p.Ended {
		took = "so far"
	}
	out := fmt.Sprintf("%s (%s to %s), %s %s", of(p.Likely), of(p.Low), of(p.High), took, of(p.Took))
	if p.Lanes != p.RunLanes {
		out += fmt.Sprintf("; planned with %s, run with %d", several(int64(p.Lanes), "lane"), p.RunLanes)
	}
	return out
}
