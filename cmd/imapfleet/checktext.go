package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// writeCheck prints the table of check in the list's order, then what is wrong
// with each row and what to know of it.
func writeCheck(out io.Writer, rows []*checkRow, sum checkSummary) error {
	buf := bufio.NewWriter(out)
	w := tabwriter.NewWriter(buf, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "line\tside\taccount\tserver\tmailboxes\tmessages\toctets")
	for _, r := range rows {
		if r == nil {
			continue
		}
		writeSide(w, fmt.Sprint(r.Line), "source", r.Source)
		writeSide(w, "", "destination", r.Dest)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	writeTrouble(buf, rows)
	fmt.Fprintf(buf, "\n%s\n", checkHeadline(sum))
	return buf.Flush()
}

func writeSide(w io.Writer, line, side string, s checkSide) {
	account := s.User + " at " + s.Host
	if s.Fault != nil {
		fmt.Fprintf(w, "%s\t%s\t%s\tFAILS: %s\t\t\t\n", line, side, account, s.Fault.name())
		return
	}
	octets := "?"
	if s.Octets != nil {
		octets = throughput.FormatOctets(*s.Octets)
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", line, side, account, s.Software,
		throughput.FormatNumber(s.Mailboxes), throughput.FormatNumber(s.Messages), octets)
}

func (f *checkFault) name() string {
	if f.Code == "" {
		return "unknown"
	}
	return f.Code
}

// writeTrouble prints faults row by row, and each note once with the lines
// that it is about.
func writeTrouble(w io.Writer, rows []*checkRow) {
	var notes []string
	lines := make(map[string][]int)
	for _, r := range rows {
		if r == nil {
			continue
		}
		for _, s := range []checkSide{r.Source, r.Dest} {
			if s.Fault != nil {
				fmt.Fprintf(w, "\nline %d: %s\n", r.Line, s.Fault.Text)
				if s.Fault.Hint != "" {
					fmt.Fprintf(w, "  to do: %s\n", s.Fault.Hint)
				}
			}
		}
		for _, n := range r.Notes {
			if lines[n] == nil {
				notes = append(notes, n)
			}
			lines[n] = append(lines[n], r.Line)
		}
	}
	for i, n := range notes {
		if i == 0 {
			fmt.Fprintln(w, "\nworth knowing")
		}
		word := "line "
		if len(lines[n]) > 1 {
			word = "lines "
		}
		fmt.Fprintf(w, "  %s (%s%s)\n", n, word, throughput.FormatLines(lines[n]))
	}
}

func checkHeadline(sum checkSummary) string {
	var parts []string
	if sum.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d rows cannot log in on one side or both.", sum.Failed, sum.Rows))
	} else if sum.NotChecked == 0 {
		parts = append(parts, fmt.Sprintf("%d of %d rows can log in on both sides.", sum.Fine, sum.Rows))
	}
	if sum.NotChecked > 0 {
		parts = append(parts, fmt.Sprintf("%d rows were not checked.", sum.NotChecked))
	}
	return strings.Join(parts, " ")
}
