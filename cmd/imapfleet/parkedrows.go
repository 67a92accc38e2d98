package main

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// parkedRows gathers rows that are parked for the same reason at one host.
type parkedRows map[parkedReason]*parkedGroup

type parkedReason struct{ host, text, code string }

type parkedGroup struct {
	rows  int
	first throughput.Result // the one that comes back first
}

func newParkedRows() parkedRows { return make(parkedRows) }

// add counts a row, if it is parked.
func (p parkedRows) add(r throughput.Result) {
	if r.State != throughput.Parked {
		return
	}
	why := parkedReason{host: r.FaultHost()}
	if r.Fault != nil {
		why.text, why.code = r.Fault.Text, r.Fault.Code
	}
	g := p[why]
	if g == nil {
		g = &parkedGroup{first: r}
		p[why] = g
	}
	g.rows++
	if g.first.ParkedUntil.IsZero() || !r.ParkedUntil.IsZero() && r.ParkedUntil.Before(g.first.ParkedUntil) {
		g.first = r
	}
}

// lines say of each reason how many rows wait and until when, the most rows
// first.
func (p parkedRows) lines(now time.Time) []string {
	groups := slices.SortedFunc(maps.Values(p), func(a, b *parkedGroup) int {
		return cmp.Or(cmp.Compare(b.rows, a.rows), cmp.Compare(a.first.Line, b.first.Line))
	})
	var out []string
	for _, g := range groups {
		r := g.first
		out = append(out, plural(int64(g.rows), "row")+" "+throughput.ParkedText(r.FaultHost(), r.ParkedUntil, now, r.Fault))
	}
	return out
}
