package throughput

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"
)

// WriteText writes the summary for a person: what happened in the first line,
// then the figures, then why rows are not done and what to do about it. It
// holds no control character but the line feed. The error is w's.
func (s Summary) WriteText(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintln(b, s.headline())
	if s.Rows.Total() > 0 {
		fmt.Fprintln(b)
		s.writeTotals(b)
		s.writeSpread(b)
		s.writeSlowest(b)
		s.writeKnee(b)
		s.writeCauses(b)
		s.Bottleneck.write(b)
	}
	return b.Flush()
}

// pausedHosts is how many hosts the text names that were left alone.
const pausedHosts = 5

func (s Summary) wall() time.Duration { return inSeconds(s.Seconds) }

// headline says what happened.
func (s Summary) headline() string {
	total := s.Rows.Total()
	if total == 0 {
		return "No row was selected: nothing to do."
	}
	in := ""
	if s.Seconds > 0 {
		in = " in " + FormatDuration(s.wall())
	}
	if s.Rows.Done == total {
		if total == 1 {
			return "1 row of 1 is done" + in + "."
		}
		return "All " + several(int64(total), "row") + " are done" + in + "."
	}
	begin := FormatNumber(int64(s.Rows.Done)) + " of " + several(int64(total), "row") + " are done"
	switch s.Rows.Done {
	case 0:
		begin = "No row of " + FormatNumber(int64(total)) + " is done"
	case 1:
		begin = "1 of " + FormatNumber(int64(total)) + " rows is done"
	}
	return begin + in + "; not done: " + join(s.Rows.states()[1:], false) + "."
}

// amount is a number and what it counts.
type amount struct {
	n    int64
	what string
}

func (c RowCounts) states() []amount {
	return []amount{
		{int64(c.Done), string(Done)}, {int64(c.Incomplete), string(Incomplete)}, {int64(c.Failed), string(Failed)},
		{int64(c.Parked), string(Parked)}, {int64(c.Pending), string(Pending)}, {int64(c.Running), string(Running)},
	}
}

// join writes amounts with commas between; the zero ones only if asked.
func join(all []amount, zeros bool) string {
	var parts []string
	for _, a := range all {
		if a.n != 0 || zeros {
			parts = append(parts, FormatNumber(a.n)+" "+a.what)
		}
	}
	return strings.Join(parts, ", ")
}

func (s Summary) writeTotals(w io.Writer) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-11s %s\n", name, fmt.Sprintf(format, args...))
	}
	t := s.Total
	states := s.Rows.states()
	if s.Rows.Running == 0 {
		states = states[:len(states)-1]
	}
	line("rows", "%s", join(states, true))
	messages := join([]amount{{t.Copied, "copied"}, {t.AlreadyThere, "already there"}}, true)
	if rest := join([]amount{{t.Filtered, "filtered"}, {t.Rejected, "rejected"}, {t.Gone, "gone"}, {t.NotTried, "not tried"}}, false); rest != "" {
		messages += ", " + rest
	}
	line("messages", "%s listed: %s", FormatNumber(t.Listed), messages)
	if t.Accepted > 0 {
		line("", "%s of the rejected are accepted to stay behind", FormatNumber(t.Accepted))
	}
	if t.Repaired > 0 {
		line("", "%s of the copied went over changed, see repairs.csv", FormatNumber(t.Repaired))
	}
	if !t.Balanced() && s.Rows.Running == 0 {
		line("", "these do not add up to what was listed: %s differ; please report it", FormatNumber(t.Listed-t.Accounted()))
	}
	if rules := join([]amount{{t.FilteredDate, "by date"}, {t.FilteredSize, "by size"}, {t.FilteredSearch, "by --search"},
		{t.FilteredDuplicate, "as duplicates"}}, false); rules != "" {
		line("filtered", "%s", rules)
	}
	if since := join([]amount{{t.GoneKept, "kept at the destination"}, {t.Deleted, "deleted there too"}}, false); since != "" {
		line("gone since", "%s", since)
	}
	if t.Moved > 0 {
		line("moved", "%s at the destination, as at the source", FormatNumber(t.Moved))
	}
	octets := FormatOctets(t.Octets) + " copied"
	if t.OctetsNotTried > 0 {
		octets += ", " + FormatOctets(t.OctetsNotTried) + " not tried"
	}
	line("octets", "%s", octets)
	if t.FlagsUpdated > 0 {
		line("flags", "%s updated", FormatNumber(t.FlagsUpdated))
	}
	mailboxes := FormatNumber(t.Mailboxes)
	if t.MailboxesRefused > 0 {
		mailboxes += ", " + FormatNumber(t.MailboxesRefused) + " refused"
	}
	line("mailboxes", "%s", mailboxes)
	switch {
	case t.MailboxesSplit == 1:
		line("", "1 mailbox was split over several lanes; the order of its messages differs")
	case t.MailboxesSplit > 1:
		line("", "%s mailboxes were split over several lanes; the order of their messages differs", FormatNumber(t.MailboxesSplit))
	}
	s.writePaused(line)
	if s.Seconds > 0 {
		line("wall time", "%s", FormatDuration(s.wall()))
		line("throughput", "%s MiB/s, %s messages/s", FormatRate(s.MiBPerSecond), FormatRate(s.MessagesPerSecond))
	}
	_ = s.WriteTime(w) // WriteText returns it
	if s.Planned != nil {
		line("planned", "%s", s.Planned.sentence())
	}
}

// writePaused names the hosts that the run has left alone for a while.
func (s Summary) writePaused(line func(name, format string, args ...any)) {
	for i, h := range s.Hosts {
		if i == pausedHosts {
			line("", "and %s more", several(int64(len(s.Hosts)-i), "host"))
			break
		}
		name := "paused"
		if i > 0 {
			name = ""
		}
		line(name, "%s", h.sentence())
	}
}

func (s Summary) writeSpread(w io.Writer) {
	if s.Spread.Accounts < 2 {
		return
	}
	fmt.Fprintf(w, "\n%-24s %10s %10s %10s %10s\n", "per account", "min", "median", "p95", "max")
	line := func(name string, p Spread, format func(float64) string) {
		fmt.Fprintf(w, "  %-22s %10s %10s %10s %10s\n", name, format(p.Min), format(p.Median), format(p.P95), format(p.Max))
	}
	if s.Spread.Moved > 0 {
		line("MiB/s", s.Spread.MiBPerSecond, FormatRate)
		line("messages/s", s.Spread.MessagesPerSecond, FormatRate)
	}
	line("time", s.Spread.Seconds, func(f float64) string {
		return FormatDuration(time.Duration(f * float64(time.Second)))
	})
}

func (s Summary) writeSlowest(w io.Writer) {
	if len(s.Slowest) < 2 {
		return
	}
	fmt.Fprintf(w, "\nlongest accounts\n")
	for _, r := range s.Slowest {
		fmt.Fprintf(w, "  %10s %11s %10s messages %8s MiB/s   line %d, %s\n", FormatDuration(r.Elapsed),
			FormatOctets(r.Count.Octets), FormatNumber(r.Count.Copied), FormatRate(r.MiBPerSecond()), r.Line, who(r))
	}
}

// who names a row's account, by both users where they differ.
func who(r Result) string {
	if r.User1 == r.User2 {
		return oneLine(r.User1)
	}
	return oneLine(r.User1 + " -> " + r.User2)
}

func (s Summary) writeCauses(w io.Writer) {
	if len(s.Causes) == 0 {
		return
	}
	fmt.Fprintf(w, "\nnot done, by cause\n")
	for _, c := range s.Causes {
		name := c.Code
		if c.Side != "" {
			name = c.Side + ", " + name
		}
		lines := "lines "
		if c.Rows == 1 {
			lines = "line "
		}
		fmt.Fprintf(w, "  %s: %s (%s%s)\n", oneLine(name), several(int64(c.Rows), "row"), lines, shorten(c.Lines))
		for _, t := range c.Texts {
			fmt.Fprintf(w, "    said: %s\n", oneLine(t))
		}
		for _, h := range c.Hints {
			fmt.Fprintf(w, "    to do: %s\n", oneLine(h))
		}
	}
}

// shorten cuts a long list of lines at a comma; failed.csv has them all.
func shorten(lines string) string {
	const limit = 120
	if len(lines) <= limit {
		return lines
	}
	return lines[:strings.LastIndexByte(lines[:limit], ',')] + " ..."
}
