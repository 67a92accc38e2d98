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
	Most    float64 // nineteen in twenty had no more
}

// enoughTimes is how many times a flow must have been looked at.
const enoughTimes = 12

func (f Flow) known() bool { return f.Times >= enoughTimes && f.Typical > 0 }

// evenness is how far the most is above what is typical.
func (f Flow) evenness() float64 { return f.Most / f.Typical }

// flowEvery is one of the short times.
const flowEvery = 250 * time.Millisecond

// flowKept bounds what is remembered of a host: of a longer run a fair sample.
const flowKept = 256

// flow collects a Flow. The zero value has seen nothing.
type flow struct {
	rates []float64
	seen  int
}

func (f *flow) add(octets int64, d time.Duration) {
	if octets <= 0 || d <= 0 {
		return
	}
	rate := float64(octets) / d.Seconds()
	f.seen++
	switch {
	case len(f.rates) < flowKept:
		f.rates = append(f.rates, rate)
	default:
		if i := rand.IntN(f.seen); i < flowKept {
			f.rates[i] = rate
		}
	}
}

// so is what was collected. Times at which next to nothing passed are those of
// logins and ends, and tell nothing.
func (f *flow) so() Flow {
	sorted := slices.Sorted(slices.Values(f.rates))
	if len(sorted) == 0 {
		return Flow{}
	}
	most := sorted[len(sorted)*19/20]
	from, _ := slices.BinarySearch(sorted, most/8)
	sorted = sorted[from:]
	return Flow{Times: len(sorted), Typical: sorted[len(sorted)/2], Most: sorted[len(sorted)*19/20]}
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
