package main

// result is what was measured in a case, run by run.
type result struct {
	Name     string `json:"case"`
	Accounts int    `json:"accounts"`
	Lanes    int    `json:"lanes"`
	Messages int    `json:"messages"`
	Octets   int64  `json:"octets"`
	Limit    sample `json:"limit_seconds"`
	// LimitCPU is what the limit took, with what else the bench does meanwhile:
	// nothing near; the proxies far, where it is left out.
	LimitCPU sample  `json:"limit_cpu_seconds,omitempty"`
	Fleet    []usage `json:"imapfleet,omitempty"`
	// Rows is the time of each row of each run, as results.csv says.
	Rows [][]float64 `json:"row_seconds,omitempty"`
	// RoundTrips of an unchanged account behind the delay: how often each side
	// was spoken to after login.
	RoundTrips map[string]int `json:"round_trips,omitempty"`

	work work
	far  bool
}

// fleet returns one figure of each run.
func (r *result) fleet(of func(usage) float64) sample {
	out := make(sample, len(r.Fleet))
	for i, u := range r.Fleet {
		out[i] = of(u)
	}
	return out
}

// seconds is the wall time of imapfleet's process.
func (r *result) seconds() sample { return r.fleet(func(u usage) float64 { return u.Seconds }) }

// rowSeconds is the time of the first row.
func (r *result) rowSeconds() sample {
	var out sample
	for _, rows := range r.Rows {
		out = append(out, rows[0])
	}
	return out
}

// mibPerSecond and messagesPerSecond turn times into rates.
func (r *result) mibPerSecond(seconds sample) sample {
	return seconds.each(func(s float64) float64 { return float64(r.Octets) / (1 << 20) / s })
}

func (r *result) messagesPerSecond(seconds sample) sample {
	return seconds.each(func(s float64) float64 { return float64(r.Messages) / s })
}

// gib is what was copied.
func (r *result) gib() float64 { return float64(r.Octets) / (1 << 30) }

// cpu is imapfleet's, in seconds.
func (r *result) cpu() sample { return r.fleet(func(u usage) float64 { return u.User + u.System }) }

// perGiB divides seconds by what was copied.
func (r *result) perGiB(seconds sample) sample {
	return seconds.each(func(s float64) float64 { return s / r.gib() })
}

// peakMiB is the memory resident at most.
func (r *result) peakMiB() sample {
	return r.fleet(func(u usage) float64 { return float64(u.PeakRSS) / (1 << 20) })
}

// ratio is imapfleet's rate by the limit's, of medians.
func (r *result) ratio() float64 { return r.Limit.median() / r.seconds().median() }
