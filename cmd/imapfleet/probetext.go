package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/probe"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// tellProbe says what is about to be done.
func tellProbe(w io.Writer, chosen []account.Pair, left int, o probeOptions) {
	var at []int
	for _, p := range chosen {
		at = append(at, p.Line)
	}
	fmt.Fprintf(w, "%s to %s, with the accounts of line %s; up to %s and %s\n", fault.Clean(chosen[0].Source.Host), fault.Clean(chosen[0].Dest.Host),
		throughput.FormatLines(at), o.span, o.volume.String())
	if left > 0 {
		fmt.Fprintf(w, "%d other rows are not used: a lane uses one account (--lanes), and only those with these two servers count\n", left)
	}
}

// writeProbe prints the report.
func writeProbe(out io.Writer, rep *probe.Report) error {
	buf := bufio.NewWriter(out)
	writeProbeSteps(buf, rep)
	writeProbeServers(buf, rep)
	writeProbeRest(buf, rep)
	fmt.Fprintf(buf, "\nverdict: %s\n", rep.Verdict)
	return buf.Flush()
}

// writeProbeSteps prints what was measured, and why not more.
func writeProbeSteps(buf io.Writer, rep *probe.Report) {
	w := tabwriter.NewWriter(buf, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "measured\tlanes\tMiB/s\tmessages/s\tlatency\t")
	for _, part := range []struct {
		phase probe.Phase
		steps []throughput.Step
	}{{probe.Source, rep.Source}, {probe.Dest, rep.Dest}, {probe.Both, rep.Both}} {
		for _, s := range part.steps {
			fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t\n", part.phase, s.Lanes, throughput.FormatRate(s.MiBPerSecond),
				throughput.FormatRate(s.MessagesPerSecond), seconds(s.Latency))
		}
	}
	w.Flush()
	for _, e := range rep.Ended {
		fmt.Fprintf(buf, "%s ends at %s: %s\n", e.Phase, plural(int64(e.Lanes), "lane"), e.Why)
		if e.Hint != "" {
			fmt.Fprintf(buf, "  to do: %s\n", e.Hint)
		}
	}
	for _, r := range rep.Rows {
		if r.Fault != "" {
			fmt.Fprintf(buf, "line %d takes no part: %s\n", r.Line, r.Fault)
		}
		if r.Hint != "" {
			fmt.Fprintf(buf, "  to do: %s\n", r.Hint)
		}
	}
}

// writeProbeServers prints what was learned of the two servers.
func writeProbeServers(buf io.Writer, rep *probe.Report) {
	w := tabwriter.NewWriter(buf, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "\n\tsource\tdestination\n")
	line := func(name string, of func(probe.Server) string) {
		fmt.Fprintf(w, "%s\t%s\t%s\n", name, of(rep.Server1), of(rep.Server2))
	}
	line("server", func(s probe.Server) string { return s.Host })
	line("software", func(s probe.Server) string { return orUnknown(s.Software) })
	fmt.Fprintf(w, "round trip\t%s\t%s\n", trip(rep.Server1.LeastRoundTrip, rep.RoundTrip1), trip(rep.Server2.LeastRoundTrip, rep.RoundTrip2))
	line("TCP connect", func(s probe.Server) string { return seconds(s.Connect) })
	line("TLS", func(s probe.Server) string {
		if s.TLS == 0 {
			return orUnknown(s.Security)
		}
		return fmt.Sprintf("%s, %s", s.Security, seconds(s.TLS))
	})
	line("login", func(s probe.Server) string { return seconds(s.Login) })
	fmt.Fprintf(w, "logins/s\t%s\t%s\n", throughput.FormatRate(rep.Logins1), throughput.FormatRate(rep.Logins2))
	line("connection limit", limitOf)
	w.Flush()
	for _, s := range []struct {
		side string
		of   probe.Server
	}{{"source", rep.Server1}, {"destination", rep.Server2}} {
		if len(s.of.Missing) == 0 {
			continue
		}
		fmt.Fprintf(buf, "\nthe %s lacks\n", s.side)
		for _, e := range s.of.Missing {
			fmt.Fprintf(buf, "  %s: %s\n", e.Name, e.Why)
		}
	}
}

func orUnknown(s string) string {
	if s == "" {
		return "?"
	}
	return s
}

func trip(least, median float64) string {
	if median == 0 {
		return "?"
	}
	return fmt.Sprintf("%s at least, %s usually", seconds(least), seconds(median))
}

// limitOf is the limit of connections that a server has told.
func limitOf(s probe.Server) string {
	var parts []string
	if s.MaxPerUser > 0 {
		parts = append(parts, fmt.Sprintf("%d of a user", s.MaxPerUser))
	}
	if s.MaxPerHost > 0 {
		parts = append(parts, fmt.Sprintf("%d of this machine", s.MaxPerHost))
	}
	if len(parts) == 0 {
		return "not told"
	}
	return strings.Join(parts, ", ")
}

// seconds is a short time for a reader; "?" for 0.
func seconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	switch {
	case d <= 0:
		return "?"
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.2f ms", s*1e3)
	case d < time.Second:
		return fmt.Sprintf("%.0f ms", s*1e3)
	}
	return fmt.Sprintf("%.1f s", s)
}

// writeProbeRest prints what was moved, and what became of the mailboxes.
func writeProbeRest(buf io.Writer, rep *probe.Report) {
	m := rep.Mix
	of := fmt.Sprintf("%s sampled", throughput.FormatNumber(int64(m.Messages)))
	if m.Usual {
		of = "not sampled, but as mail usually is"
	}
	fmt.Fprintf(buf, "\nmessages: %s; mean %s, median %s, 90 %% up to %s, largest %s", of, throughput.FormatOctets(m.Mean),
		throughput.FormatOctets(m.Median), throughput.FormatOctets(m.P90), throughput.FormatOctets(m.Max))
	if m.LeftOut > 0 {
		fmt.Fprintf(buf, "; %d larger than %s left out", m.LeftOut, throughput.FormatOctets(m.Limit))
	}
	fmt.Fprintf(buf, "\nmoved: %s read, %s written, in %s\n", throughput.FormatOctets(rep.Read), throughput.FormatOctets(rep.Written),
		throughput.FormatDuration(time.Duration(rep.Seconds*float64(time.Second))))
	b := rep.Mailboxes
	switch {
	case b.Made > 0:
		fmt.Fprintf(buf, "mailboxes of the probe at the destination: %d made, %d removed\n", b.Made, b.Removed)
	default:
		fmt.Fprintln(buf, "nothing was written at the destination")
	}
	for _, l := range b.EarlierRemoved {
		fmt.Fprintf(buf, "removed too, for an earlier probe had left it: %s of %s (line %d)\n", l.Mailbox, l.User, l.Line)
	}
	for _, l := range b.EarlierSeen {
		fmt.Fprintf(buf, "an earlier probe has left %s of %s (line %d): a probe without --read-only removes it\n", l.Mailbox, l.User, l.Line)
	}
	for _, n := range rep.Notes {
		fmt.Fprintf(buf, "note: %s\n", n)
	}
}
