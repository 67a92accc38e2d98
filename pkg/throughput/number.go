package throughput

import "math"

// milli rounds to 3 decimals, for JSON that a person may read too.
func milli(f float64) float64 { return math.Round(f*1000) / 1000 }
