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
// with each row and what to know of it. rest is lineNotes.write's.
func writeCheck(out io.Writer, rows []*throughput.CheckRow, sum checkSummary, rest string) error {
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
		writeFindings(buf, rows, s.title, rest, func(f throughput.CheckFinding) bool { return f.Level == s.level && (f.Code == findMX) == s.mx })
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

// writeFindings prints each finding that belongs below the title once, with the
// lines that it is about, those of the most lines first.
func writeFindings(w io.Writer, rows []*throughput.CheckRow, title, rest string, belongs func(throughput.CheckFinding) bool) {
	var notes lineNotes
	for _, r := range rows {
		if r == nil {
			continue
		}
		for _, f := range r.Findings {
			if belongs(f) {
				notes.add(r.Line, f.Text)
			}
		}
	}
	notes.write(w, title, rest)
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
