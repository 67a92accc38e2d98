package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// column is one of a table whose rows are printed as they come.
type column struct {
	head  string
	width int // in characters, at least
	left  bool
}

// table prints aligned plain text. A cell that is wider than its column pushes
// the rest of its line.
type table struct {
	out     io.Writer
	columns []column
}

// line prints cells, one a column.
func (t *table) line(cells ...string) error {
	var b strings.Builder
	for i, c := range t.columns {
		pad := strings.Repeat(" ", max(0, t.width(c)-utf8.RuneCountInString(cells[i])))
		if i > 0 {
			b.WriteString("  ")
		}
		if c.left {
			b.WriteString(cells[i] + pad)
		} else {
			b.WriteString(pad + cells[i])
		}
	}
	_, err := fmt.Fprintln(t.out, strings.TrimRight(b.String(), " "))
	return err
}

func (t *table) width(c column) int { return max(c.width, utf8.RuneCountInString(c.head)) }

func (t *table) header() error {
	heads := make([]string, len(t.columns))
	for i, c := range t.columns {
		heads[i] = c.head
	}
	return t.line(heads...)
}

// newTable is the table of cases, wide enough for their names.
func newTable(out io.Writer, groups [][]*benchCase) *table {
	width := 0
	for _, g := range groups {
		for _, c := range g {
			width = max(width, utf8.RuneCountInString(c.name))
		}
	}
	const spread = len("0.042 (0.040..0.044) s")
	return &table{out: out, columns: []column{
		{head: "case", width: width, left: true},
		{head: "limit MiB/s", width: spread},
		{head: "messages/s", width: len("2,249")},
		{head: "CPU s/GiB", width: len("1.00")},
		{head: "imapfleet MiB/s", width: spread},
		{head: "messages/s", width: len("2,249")},
		{head: "ratio", width: len("0.95")},
		{head: "CPU s/GiB", width: len("1.00")},
		{head: "RSS MiB", width: len("100")},
	}}
}

// result prints a case's line.
func (t *table) result(r *result) error {
	if r.work == again {
		return t.unchanged(r)
	}
	cells := []string{r.Name, spreadOf(r.mibPerSecond(r.Limit)), whole(r.messagesPerSecond(r.Limit).median()), "", "", "", "", "", ""}
	if cpu := r.perGiB(r.LimitCPU).median(); cpu > 0 {
		cells[3] = fmt.Sprintf("%.2f", cpu)
	}
	if len(r.Fleet) > 0 {
		cells[4], cells[5] = spreadOf(r.mibPerSecond(r.seconds())), whole(r.messagesPerSecond(r.seconds()).median())
		cells[6], cells[7] = fmt.Sprintf("%.2f", r.ratio()), fmt.Sprintf("%.2f", r.perGiB(r.cpu()).median())
		cells[8] = fmt.Sprintf("%.0f", r.peakMiB().median())
	}
	return t.line(cells...)
}

// unchanged prints what a pass over an unchanged account took: times, where
// the others have rates.
func (t *table) unchanged(r *result) error {
	err := t.line(r.Name, spreadOf(r.Limit)+" s", "", "", spreadOf(r.seconds())+" s", "",
		fmt.Sprintf("%.2f", r.ratio()), "", fmt.Sprintf("%.0f", r.peakMiB().median()))
	if err != nil {
		return err
	}
	text := fmt.Sprintf("  the row alone %s s", spreadOf(r.rowSeconds()))
	if r.RoundTrips != nil {
		text += fmt.Sprintf(", round trips after login: %d at the source, %d at the destination",
			r.RoundTrips["source"], r.RoundTrips["destination"])
	}
	_, err = fmt.Fprintln(t.out, text)
	return err
}

// spreadOf prints the median and what lies around it.
func spreadOf(s sample) string {
	least, most := s.bounds()
	return fmt.Sprintf("%s (%s..%s)", digits(s.median()), digits(least), digits(most))
}

// digits prints three digits that matter.
func digits(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

// whole prints thousands apart.
func whole(v float64) string {
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
