package main

import "slices"

// sample is the same thing measured several times.
type sample []float64

// median returns the middle value, between the two middle ones if their number
// is even, 0 without any.
func (s sample) median() float64 {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	mid := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[mid]
	}
	return (sorted[mid-1] + sorted[mid]) / 2
}

// bounds returns the least and the greatest value, 0 without any.
func (s sample) bounds() (least, most float64) {
	if len(s) == 0 {
		return 0, 0
	}
	return slices.Min(s), slices.Max(s)
}

// each returns f of every value.
func (s sample) each(f func(float64) float64) sample {
	out := make(sample, len(s))
	for i, v := range s {
		out[i] = f(v)
	}
	return out
}
