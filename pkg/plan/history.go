package plan

import "math"

// Past is what came of an earlier plan: how long it said, before it was
// corrected, and how long it took, in seconds.
type Past struct{ Raw, Took float64 }

// lastPast is how many outcomes count, the latest ones.
const lastPast = 5

// Learn corrects rates by what came of plans that were made with rates of the
// same origin, the latest first: by the geometric mean of how many times longer
// it took, of which one outcome counts half, two count two thirds, and so on.
// Where the outcomes differ the spread grows.
func (r *Rates) Learn(past []Past) {
	var logs []float64
	for _, p := range past {
		if p.Raw > 0 && p.Took > 0 && len(logs) < lastPast {
			logs = append(logs, math.Log(p.Took/p.Raw))
		}
	}
	n := float64(len(logs))
	if n == 0 {
		return
	}
	var sum float64
	for _, l := range logs {
		sum += l
	}
	r.Past = len(logs)
	r.Slower = math.Exp(sum / (n + 1))
	if d, free := deviation(logs); free >= 2 {
		r.Spread = max(leastSpread, min(1, 1.96*d))
	}
}
