package plan

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

const (
	mebi = 1 << 20
	// evenShare stands for what one measurement cannot tell: which part of the time
	// goes by octets, and which by messages.
	evenShare = 0.5
	// plainSpread is how far rates are thought to be off that were measured once:
	// servers are busier by day, and other accounts are not like those measured.
	plainSpread = 0.2
	// leastSpread is the least that any rate is thought to be off.
	leastSpread = 0.1
	// loginTrips is how many round trips a row's logins and lists take, about, and
	// listTrips how many after the logins.
	loginTrips = 12
	listTrips  = 6
	// maxProbe is how long a probe's report may be, in octets.
	maxProbe = 16 << 20
)

// GivenRates are what a user says: octets a second in all, reached with so many
// lanes, or of each lane; 0: not said. With both, lanes bring so much each until
// they reach the total.
func GivenRates(total, perLane float64, lanes int) (Rates, error) {
	r := Rates{Origin: Given, Share: 1, Spread: plainSpread}
	switch {
	case total <= 0 && perLane <= 0:
		return Rates{}, errors.New("no rate is given")
	case total <= 0:
		r.Curve, r.Linear = []Point{{1, perLane}}, true
	case perLane <= 0:
		perLane = total / float64(max(1, lanes))
		fallthrough
	default:
		r.Curve = curveOf([]Point{{1, min(perLane, total)}, {max(1, total/perLane), total}})
	}
	return r, nil
}

// probeReport is what a plan reads of the JSON of imapfleet probe.
type probeReport struct {
	Source []throughput.Step `json:"source"`
	Dest   []throughput.Step `json:"destination"`
	Both   []throughput.Step `json:"both"`
	Share  *float64          `json:"octet_share"` // nil: not told
	Trip1  float64           `json:"round_trip_seconds1"`
	Trip2  float64           `json:"round_trip_seconds2"`
	Login1 float64           `json:"logins_per_second1"`
	Login2 float64           `json:"logins_per_second2"`
	Boxes  float64           `json:"mailboxes_per_account"` // and 0: not told
	Making float64           `json:"mailbox_seconds"`
	// What one connection took; empty where it is not told.
	Server1 probeServer `json:"server1"`
	Server2 probeServer `json:"server2"`
}

type probeServer struct {
	Connect float64 `json:"connect_seconds"`
	TLS     float64 `json:"tls_seconds"`
	Login   float64 `json:"login_seconds"`
}

// perRow is how long a row's logins and lists take, about; both sides log in at
// the same time.
func (p *probeReport) perRow() float64 {
	var seconds float64
	for _, s := range []probeServer{p.Server1, p.Server2} {
		seconds = max(seconds, s.Connect+s.TLS+s.Login)
	}
	trip := max(p.Trip1, p.Trip2, 0)
	if seconds > 0 {
		return seconds + listTrips*trip
	}
	for _, perSecond := range []float64{p.Login1, p.Login2} {
		if perSecond > 0 {
			seconds = max(seconds, 1/perSecond)
		}
	}
	return max(seconds, loginTrips*trip)
}

// ReadProbe reads the report of imapfleet probe --json.
func ReadProbe(in io.Reader) (Rates, error) {
	b, err := io.ReadAll(io.LimitReader(in, maxProbe+1))
	if err != nil {
		return Rates{}, err
	}
	var p probeReport
	if len(b) > maxProbe {
		return Rates{}, errors.New("too long for the report of a probe")
	}
	if err := json.Unmarshal(b, &p); err != nil {
		return Rates{}, fmt.Errorf("not the JSON of 'imapfleet probe --json': %w", err)
	}
	r := Rates{Origin: Probe, Share: evenShare, Spread: plainSpread, Curve: pointsOf(p.Both), Source: pointsOf(p.Source), Dest: pointsOf(p.Dest)}
	if len(r.Curve) == 0 {
		return Rates{}, errors.New(`no rates of both sides ("both") in it: the probe copied nothing`)
	}
	r.Mean = meanOf(p.Both)
	if r.Mean == 0 {
		r.Share = 1
	}
	if p.Share != nil && *p.Share >= 0 && *p.Share <= 1 && r.Mean > 0 {
		r.Share = *p.Share
	}
	seconds := p.perRow()
	making := p.Boxes * p.Making
	if math.IsNaN(seconds) || seconds > 3600 || !(making >= 0 && making <= 3600) {
		return Rates{}, errors.New("the round trips, logins or mailboxes in it make no sense")
	}
	r.PerRow = time.Duration(seconds * float64(time.Second))
	r.Making = time.Duration(making * float64(time.Second))
	return r, nil
}

func pointsOf(steps []throughput.Step) []Point {
	var points []Point
	for _, s := range steps {
		points = append(points, Point{float64(s.Lanes), s.MiBPerSecond * mebi})
	}
	return curveOf(points)
}

// meanOf is how many octets a message had; 0: not known.
func meanOf(steps []throughput.Step) float64 {
	var octets, messages float64
	for _, s := range steps {
		t := max(s.Seconds, 1e-3)
		octets, messages = octets+max(0, s.MiBPerSecond)*mebi*t, messages+max(0, s.MessagesPerSecond)*t
	}
	if messages <= 0 {
		return 0
	}
	return octets / messages
}

// Run is what one run reached.
type Run struct {
	Seconds     float64 // wall time in which lanes were at work
	Parallel    int     // lanes that it had
	LaneSeconds float64 // lane time of all rows
	Rows        int64
	Messages    int64 // copied
	Octets      int64 // of those
	Costs       Costs
	Knee        []throughput.Step // rates by lanes; nil: it had one number of lanes
}

// lastRuns is how many runs count, the latest ones.
const lastRuns = 10

// RunRates are those of earlier runs, the latest first; false when they say
// nothing.
func RunRates(runs []Run) (Rates, bool) {
	runs = slices.DeleteFunc(slices.Clone(runs), func(r Run) bool { return !r.telling() })
	runs = runs[:min(len(runs), lastRuns)]
	if len(runs) == 0 {
		return Rates{}, false
	}
	r := Rates{Origin: Runs, Spread: plainSpread}
	var octets, messages, byOctet, byMessage, rows, byRow float64
	for _, u := range runs {
		octets, messages = octets+float64(u.Octets), messages+float64(u.Messages)
		byOctet += u.Costs.PerOctet * float64(u.Octets)
		byMessage += u.Costs.PerMessage * float64(u.Messages)
		rows, byRow = rows+float64(u.Rows), byRow+u.Costs.PerRow*float64(u.Rows)
	}
	r.Share = 1
	if messages > 0 {
		r.Mean = octets / messages
		if r.Share = evenShare; byOctet+byMessage > 0 {
			r.Share = byOctet / (byOctet + byMessage)
		}
	}
	r.PerRow = time.Duration(byRow / rows * float64(time.Second))
	r.Curve, r.Spread = r.curve(runs)
	return r, len(r.Curve) > 0
}

// telling reports whether the run moved enough to say something.
func (u *Run) telling() bool {
	return u.Rows > 0 && u.LaneSeconds >= 2 && u.Seconds > 0 && u.Parallel > 0 && (u.Octets >= mebi || u.Messages >= 100) && u.Octets > 0
}

// curve joins what runs with as many lanes reached, each by how much it moved.
func (r *Rates) curve(runs []Run) (curve []Point, spread float64) {
	type sum struct{ work, seconds float64 } // of one lane
	sums := make(map[float64]*sum)
	rates := make(map[float64][]float64)
	note := func(lanes, work, seconds float64) {
		if lanes <= 0 || work <= 0 || seconds <= 0 {
			return
		}
		if sums[lanes] == nil {
			sums[lanes] = &sum{}
		}
		sums[lanes].work += work
		sums[lanes].seconds += seconds
		rates[lanes] = append(rates[lanes], math.Log(work/seconds))
	}
	for _, u := range runs {
		work := r.work(float64(u.Octets), float64(u.Messages))
		if len(u.Knee) > 0 {
			for _, s := range u.Knee {
				lanes := float64(s.Lanes)
				note(lanes, s.Seconds*r.work(s.MiBPerSecond*mebi, s.MessagesPerSecond)/lanes, s.Seconds)
			}
			continue
		}
		moving := max(u.LaneSeconds-u.Costs.PerRow*float64(u.Rows), u.LaneSeconds/4)
		// Half a lane is as near as lanes that come and go can be told.
		lanes := max(1, math.Round(2*min(u.LaneSeconds/u.Seconds, float64(u.Parallel)))/2)
		note(lanes, work, moving)
	}
	var alike [][]float64
	for _, lanes := range slices.Sorted(maps.Keys(sums)) { // sums of floats differ by their order
		curve = append(curve, Point{lanes, lanes * sums[lanes].work / sums[lanes].seconds})
		alike = append(alike, rates[lanes])
	}
	spread = plainSpread
	if d, free := deviation(alike...); free >= 2 {
		spread = max(leastSpread, min(1, 1.96*d))
	}
	return curveOf(curve), spread
}

// deviation is the standard deviation of values from the mean of their group,
// estimated from all groups together: groups that differ are no error. free is its
// degrees of freedom.
func deviation(groups ...[]float64) (d float64, free int) {
	var square float64
	for _, values := range groups {
		if len(values) == 0 {
			continue
		}
		var sum float64
		for _, v := range values {
			sum += v
		}
		mean := sum / float64(len(values))
		for _, v := range values {
			square += (v - mean) * (v - mean)
		}
		free += len(values) - 1
	}
	if free == 0 {
		return 0, 0
	}
	return math.Sqrt(square / float64(free)), free
}
