package main

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// writeCheck prints the table of check in the list's order, then what is wrong
// with each row and what to know of it.
func writeCheck(out io.Writer, rows []*throughput.CheckRow, sum checkSummary) error {
	buf := bufio.NewWriter(out)
	w := tabwriter.NewWriter(buf, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "line\tverdict\tside\taccount\tserver\tmailboxes\tmessages\toctets\tfree")
	for _, r := range rows {
		if r == nil {
			continue
		}
		writeSide(w, fmt.Sprint(r.Line), string(r.Verdict), "source", r.Source, "")
		writeSide(w, "", "", "destination", r.Dest, free(r))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	writeFaults(buf, rows)
	for _, s := range []struct {
		title, level string
		mx           bool
	}{{"no-go", "no-go", false}, {"warnings", "warning", false}, {"warnings about domains", "warning", true}, {"where mail arrives", "note", true}, {"worth knowing", "note", false}} {
		writeFindings(buf, rows, s.title, func(f throughput.CheckFinding) bool { return f.Level == s.level && (f.Code == findMX) == s.mx })
	}
	fmt.Fprintf(buf, "\n%s\n", checkHeadline(sum))
	return buf.Flush()
}

// free is what the destination has left for the account.
func free(r *throughput.CheckRow) string {
	switch {
	case r.Dest.Fault != nil:
		return ""
	case r.Quota == nil:
		return "?"
	case r.Quota.Free == nil:
		return "no limit"
	}
	return throughput.FormatOctets(*r.Quota.Free)
}

func writeSide(w io.Writer, line, verdict, side string, s throughput.CheckSide, free string) {
	account := s.User + " at " + s.Host
	if s.Fault != nil {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\tFAILS: %s\t\t\t\t\n", line, verdict, side, account, faultName(s.Fault))
		return
	}
	octets := "?"
	if s.Octets != nil {
		octets = throughput.FormatOctets(*s.Octets)
	}
	if s.Error > 0 {
		octets = "about " + octets
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", line, verdict, side, account, s.Software,
		throughput.FormatNumber(s.Mailboxes), throughput.FormatNumber(s.Messages), octets, free)
}

func faultName(f *throughput.CheckFault) string {
	if f.Code == "" {
		return "unknown"
	}
	return f.Code
}

// writeFaults prints why logins fail, row by row.
func writeFaults(w io.Writer, rows []*throughput.CheckRow) {
	for _, r := range rows {
		if r == nil {
			continue
		}
		for _, s := range []throughput.CheckSide{r.Source, r.Dest} {
			if s.Fault == nil {
				continue
			}
			fmt.Fprintf(w, "\nline %d: %s\n", r.Line, s.Fault.Text)
			if s.Fault.Hint != "" {
				fmt.Fprintf(w, "  to do: %s\n", s.Fault.Hint)
			}
		}
	}
}

// mostFindings is how many different findings of a level are printed: what
// thousands of rows have to say, each of its own, is for check.csv and --json.
const mostFindings = 100

// writeFindings prints each finding that belongs below the title once, with the
// lines that it is about, those of the most lines first.
func writeFindings(w io.Writer, rows []*throughput.CheckRow, title string, belongs func(throughput.CheckFinding) bool) {
	var texts []string
	lines := make(map[string][]int)
	for _, r := range rows {
		if r == nil {
			continue
		}
		for _, f := range r.Findings {
			if !belongs(f) {
				continue
			}
			if lines[f.Text] == nil {
				texts = append(texts, f.Text)
			}
			lines[f.Text] = append(lines[f.Text], r.Line)
		}
	}
	if len(texts) == 0 {
		return
	}
	slices.SortStableFunc(texts, func(a, b string) int { return len(lines[b]) - len(lines[a]) })
	fmt.Fprintf(w, "\n%s\n", title)
	for _, t := range texts[:min(len(texts), mostFindings)] {
		word := "line "
		if len(lines[t]) > 1 {
			word = "lines "
		}
		fmt.Fprintf(w, "  %s (%s%s)\n", t, word, throughput.FormatLines(lines[t]))
	}
	if more := len(texts) - mostFindings; more > 0 {
		fmt.Fprintf(w, "  and %s more: see the rows of check.csv, or --json\n", throughput.FormatNumber(int64(more)))
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
	parts = append(parts, fmt.Sprintf("Verdict: %d go, %d go with warnings, %d no-go.", sum.Go, sum.Warnings, sum.NoGo))
	return strings.Join(parts, " ")
}
