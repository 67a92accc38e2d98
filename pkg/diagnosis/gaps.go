package diagnosis

import (
	"math"
	"time"
)

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
