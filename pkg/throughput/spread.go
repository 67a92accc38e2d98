package throughput

import (
	"math"
	"slices"
)

// Spread is how a figure is distributed over accounts. P95 is the value that
// 95 of 100 accounts do not exceed (nearest rank). The zero value means that
// there is no account to speak of.
type Spread struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	P95    float64 `json:"p95"`
	Max    float64 `json:"max"`
}

// spreadOf sorts v.
func spreadOf(v []float64) Spread {
	n := len(v)
	if n == 0 {
		return Spread{}
	}
	slices.Sort(v)
	rank := int(math.Ceil(0.95 * float64(n)))
	return Spread{
		Min:    milli(v[0]),
		Median: milli((v[(n-1)/2] + v[n/2]) / 2),
		P95:    milli(v[rank-1]),
		Max:    milli(v[n-1]),
	}
}

// Spreads are the spreads over the done accounts. Accounts is their number:
// Seconds speaks of all of them, the rates of Moved accounts, those that had
// something to copy (an account where all was already there has no rate).
type Spreads struct {
	Accounts          int    `json:"accounts"`
	Moved             int    `json:"moved"`
	MiBPerSecond      Spread `json:"mib_per_second"`
	MessagesPerSecond Spread `json:"messages_per_second"`
	Seconds           Spread `json:"seconds"`
}

func spreadsOf(results []Result) Spreads {
	var mib, messages, seconds []float64
	for _, r := range results {
		if r.State != Done {
			continue
		}
		seconds = append(seconds, r.Elapsed.Seconds())
		if r.Count.Copied > 0 && r.Elapsed > 0 {
			mib = append(mib, r.MiBPerSecond())
			messages = append(messages, r.MessagesPerSecond())
		}
	}
	return Spreads{
		Accounts: len(seconds), Moved: len(mib),
		MiBPerSecond: spreadOf(mib), MessagesPerSecond: spreadOf(messages), Seconds: spreadOf(seconds),
	}
}
