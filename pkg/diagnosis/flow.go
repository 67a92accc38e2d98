package diagnosis

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Flow is how evenly a host's octets passed, in octets per second over short
// times. A link that is full passes as much at each time and never more; a
// server that is at its limit passes more when messages are large, less when
// they are small, and nothing while it thinks. The zero value is not known.
type Flow struct {
	Times   int     // that something passed
	Typical float64 // the median of these
	Most    float64 // nine in ten had no more
}

// enoughTimes is how many times a flow must have been looked at.
const enoughTimes = 5

func (f Flow) known() bool { return f.Times >= enoughTimes && f.Typical > 0 }

// evenness is how far the most is above what is typical.
func (f Flow) evenness() float64 { return f.Most / f.Typical }

const (
	// flowEvery is the shortest of the times, each scale's being twice as long
	// as that of the one before.
	flowEvery  = 250 * time.Millisecond
	flowScales = 6
	// flowKept bounds what is remembered of a host at a scale: of a longer run a
	// fair sample.
	flowKept = 64
)

// Flows is a Flow by scale: over 0.25, 0.5, 1, 2, 4 and 8 seconds.
type Flows [flowScales]Flow

// over is the flow over times of at least so long, in which buffers of so many
// octets, which take bursts and pass them on by and by, do not matter; not known
// where that is longer than all scales.
func (f Flows) over(least time.Duration, buffers int64) Flow {
	const small = 0.3
	for i, scale := range f {
		if d := flowEvery << i; d >= least && float64(buffers) <= small*scale.Typical*d.Seconds() {
			return scale
		}
	}
	return Flow{}
}

// flow collects Flows. The zero value has seen nothing.
type flow struct {
	scales [flowScales]struct {
		rates []float64
		seen  int
		sum   int64 // octets of the first half of a time
		took  time.Duration
	}
}

// add notes octets that have passed in a flowEvery or so, the one after the
// last.
func (f *flow) add(octets int64, d time.Duration) {
	for i := range f.scales {
		s := &f.scales[i]
		s.sum, s.took = s.sum+octets, s.took+d
		if s.took < flowEvery<<i*9/10 {
			return
		}
		octets, d = s.sum, s.took
		s.sum, s.took = 0, 0
		rate := float64(octets) / d.Seconds()
		s.seen++
		if len(s.rates) < flowKept {
			s.rates = append(s.rates, rate)
		} else if at := rand.IntN(s.seen); at < flowKept {
			s.rates[at] = rate
		}
	}
}

// skip forgets what was added to no whole time yet.
func (f *flow) skip() {
	for i := range f.scales {
		f.scales[i].sum, f.scales[i].took = 0, 0
	}
}

// so is what was collected.
func (f *flow) so() (out Flows) {
	for i := range f.scales {
		out[i] = flowOf(f.scales[i].rates)
	}
	return out
}

// flowOf is the flow of some rates. Times at which next to nothing passed are
// those of logins and ends, and tell nothing.
func flowOf(rates []float64) Flow {
	sorted := slices.Sorted(slices.Values(rates))
	if len(sorted) == 0 {
		return Flow{}
	}
	most := sorted[len(sorted)*19/20]
	from, _ := slices.BinarySearch(sorted, most/8)
	sorted = sorted[from:]
	return Flow{Times: len(sorted), Typical: sorted[len(sorted)/2], Most: sorted[(len(sorted)-1)*9/10]}
}

// Gaps is how long reads have waited, added up by their length: two steps to
// each doubling, from 8 µs up.
type Gaps [48]time.Duration

func gapOf(d time.Duration) int {
	if d < 8*time.Microsecond {
		return 0
	}
	return min(len(Gaps{})-1, int(2*math.Log2(float64(d)/float64(8*time.Microsecond))))
}

func (g *Gaps) minus(o Gaps) Gaps {
	out := *g
	for i, d := range o {
		out[i] -= d
	}
	return out
}

// around is the part of all waiting that was in waits of about so long.
func (g *Gaps) around(from, to time.Duration) float64 {
	var sum, in time.Duration
	for i, d := range g {
		sum += d
		if i >= gapOf(from) && i <= gapOf(to) {
			in += d
		}
	}
	if sum <= 0 {
		return 0
	}
	return float64(in) / float64(sum)
}
