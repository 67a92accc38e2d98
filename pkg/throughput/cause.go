package throughput

import (
	"cmp"
	"slices"
)

// Cause is one reason for which rows are not done. Lines are the list's line
// numbers as --rows takes them; Texts are the servers' words and Hints what
// to do, each a few that differ, in the order of the list.
type Cause struct {
	Side      string   `json:"side"`
	Code      string   `json:"code"`
	Rows      int      `json:"rows"`
	Lines     string   `json:"lines"`
	Temporary bool     `json:"temporary"` // all of them: a later try may help
	Texts     []string `json:"texts"`
	Hints     []string `json:"hints"`
}

// examples bounds Texts and Hints: servers put ids and addresses into their
// words, and thousands of rows must not give thousands of lines.
const examples = 3

type causeKey struct{ side, code string }

// causesOf groups the rows that failed, are incomplete, parked or skipped by side
// and code, the most frequent first.
func causesOf(results []Result) []Cause {
	groups := map[causeKey]*Cause{}
	lines := map[causeKey][]int{}
	for _, r := range byLine(results) {
		f, ok := faultOf(r)
		if !ok {
			continue
		}
		k := causeKey{f.Side, f.Code}
		c := groups[k]
		if c == nil {
			c = &Cause{Side: f.Side, Code: f.Code, Temporary: true, Texts: []string{}, Hints: []string{}}
			groups[k] = c
		}
		c.Rows++
		c.Temporary = c.Temporary && f.Temporary
		c.Texts = example(c.Texts, f.Text)
		c.Hints = example(c.Hints, f.Hint)
		lines[k] = append(lines[k], r.Line)
	}
	out := make([]Cause, 0, len(groups))
	for k, c := range groups {
		c.Lines = FormatLines(lines[k])
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b Cause) int {
		return cmp.Or(cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.Side, b.Side), cmp.Compare(a.Code, b.Code))
	})
	return out
}

func byLine(results []Result) []Result {
	return slices.SortedStableFunc(slices.Values(results), func(a, b Result) int { return cmp.Compare(a.Line, b.Line) })
}

// faultOf is why a row is not done; false for one that is, or that nobody has
// brought to an end.
func faultOf(r Result) (Fault, bool) {
	switch r.State.Known() {
	case Done, Running:
		return Fault{}, false
	case Pending:
		if r.Fault == nil || r.Fault.Code != codeSkipped {
			return Fault{}, false
		}
	}
	f := Fault{}
	if r.Fault != nil {
		f = *r.Fault
	}
	if f.Code == "" {
		f.Code = unnamed(r)
	}
	return f, true
}

// codeSkipped is fault's word for a row that a person took out of the run.
const codeSkipped = "skipped"

// unnamed names the cause of a row that nobody has named.
func unnamed(r Result) string {
	switch {
	case r.Count.Rejected > r.Count.Accepted:
		return "rejected"
	case r.Count.MailboxesRefused > 0:
		return "mailbox-refused"
	case r.Count.NotTried > 0:
		return "not-tried"
	}
	return "unknown"
}

func example(have []string, s string) []string {
	s = oneLine(s)
	if s == "" || len(have) >= examples || slices.Contains(have, s) {
		return have
	}
	return append(have, s)
}
