package plan

import "math"

// Costs are what lanes spend on a row, on a message and on an octet, in seconds.
type Costs struct {
	PerRow, PerMessage, PerOctet float64
}

// Sample is one row that a run has copied.
type Sample struct {
	Seconds          float64 // lane time
	Messages, Octets int64
}

// prior is how much the belief that octets and messages each take half of the
// time weighs, as a part of the samples: it decides where all accounts are alike.
const prior = 0.02

// Fit finds the costs that explain the samples best, none of them negative: the
// sum of the squares of errors, each as a part of its sample's time, is least.
func Fit(samples []Sample) Costs {
	var m [3][4]float64 // normal equations
	add := func(row, messages, octets, seconds, weight float64) {
		x := [4]float64{row, messages, octets, seconds}
		for i := range 3 {
			for k := range 4 {
				m[i][k] += weight * x[i] * x[k]
			}
		}
	}
	var seconds, messages, octets, n float64
	for _, s := range samples {
		if s.Seconds <= 0 {
			continue
		}
		add(1, float64(s.Messages), float64(s.Octets), s.Seconds, 1/(s.Seconds*s.Seconds))
		seconds, messages, octets, n = seconds+s.Seconds, messages+float64(s.Messages), octets+float64(s.Octets), n+1
	}
	if n == 0 {
		return Costs{}
	}
	weight := prior * n * n * n / (seconds * seconds)
	if messages > 0 {
		add(0, messages/n, 0, evenShare*seconds/n, weight)
	}
	if octets > 0 {
		add(0, 0, octets/n, evenShare*seconds/n, weight)
	}
	best, least := [3]float64{}, math.Inf(1)
	for used := 1; used < 8; used++ {
		x, ok := solve(m, used)
		if !ok {
			continue
		}
		var miss float64 // without what is the same for all
		for i := range 3 {
			miss -= 2 * x[i] * m[i][3]
			for k := range 3 {
				miss += x[i] * x[k] * m[i][k]
			}
		}
		if miss < least {
			best, least = x, miss
		}
	}
	return Costs{best[0], best[1], best[2]}
}

// solve solves the equations of the unknowns whose bits are set in used, the
// others being 0; false when that has no answer, or a negative one.
func solve(m [3][4]float64, used int) (x [3]float64, ok bool) {
	var at []int
	for i := range 3 {
		if used>>i&1 == 1 {
			at = append(at, i)
		}
	}
	for c, i := range at {
		for d := c + 1; d < len(at); d++ {
			k := at[d]
			if m[i][i] <= 0 {
				return x, false
			}
			f := m[k][i] / m[i][i]
			for j := range 4 {
				m[k][j] -= f * m[i][j]
			}
		}
	}
	for c := len(at) - 1; c >= 0; c-- {
		i := at[c]
		v := m[i][3]
		for _, k := range at[c+1:] {
			v -= m[i][k] * x[k]
		}
		if x[i] = v / m[i][i]; !(x[i] >= 0) || math.IsInf(x[i], 0) {
			return x, false
		}
	}
	return x, true
}
