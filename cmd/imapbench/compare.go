package main

import (
	"fmt"
	"io"
)

// line is the line through what two sizes took: what size does not change, and
// what a GiB takes.
func line(small, large *result, seconds func(*result) sample) (fixed, perGiB float64) {
	s, l := seconds(small).median(), seconds(large).median()
	perGiB = (l - s) / (large.gib() - small.gib())
	return s - perGiB*small.gib(), perGiB
}

// compare prints what follows from several cases together, of those that ran.
func compare(out io.Writer, results []*result, roundTrip float64) error {
	byName := make(map[string]*result)
	for _, r := range results {
		byName[r.Name] = r
	}
	both := func(a, b string) (x, y *result, ok bool) {
		x, y = byName[a], byName[b]
		return x, y, x != nil && y != nil
	}
	var lines []string
	for _, prefix := range []string{"", farPrefix} {
		if s, e, ok := both(prefix+caseSkewed, prefix+caseEven); ok {
			lines = append(lines, fmt.Sprintf("%s%s: %.2f times the wall time of the same octets spread evenly (the limit: %.2f)",
				prefix, caseSkewed, s.seconds().median()/e.seconds().median(), s.Limit.median()/e.Limit.median()))
		}
	}
	for _, end := range []string{"", overTLS} {
		if s, l, ok := both(caseRealistic+end, caseLarge+end); ok && l.Octets > s.Octets {
			fixed, rate := line(s, l, (*result).cpu)
			lines = append(lines, fmt.Sprintf("CPU of imapfleet%s, by the two sizes of accounts: %.2f s and %.2f s/GiB", end, fixed, rate))
			if fixed, rate := line(s, l, func(r *result) sample { return r.LimitCPU }); rate > 0 {
				lines = append(lines, fmt.Sprintf("CPU of the limit%s: %.2f s and %.2f s/GiB", end, fixed, rate))
			}
		}
	}
	for _, r := range results {
		near := byName[r.Name]
		if r.far {
			near = byName[r.Name[len(farPrefix):]]
		}
		switch {
		case !r.far || near == nil || r.work == rests:
		case r.work == again:
			away := (r.seconds().median() - near.seconds().median()) / roundTrip
			raw := (r.Limit.median() - near.Limit.median()) / roundTrip
			lines = append(lines, fmt.Sprintf("%s: takes %.1f round trips longer than near, login and all (the limit: %.1f)", r.Name, away, raw))
		default:
			lines = append(lines, fmt.Sprintf("%s: %.2f of imapfleet's rate near (the limit: %.2f)",
				r.Name, near.seconds().median()/r.seconds().median(), near.Limit.median()/r.Limit.median()))
		}
	}
	for _, l := range lines {
		if _, err := fmt.Fprintln(out, l); err != nil {
			return err
		}
	}
	return nil
}
