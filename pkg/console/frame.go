package console

import (
	"fmt"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// compose makes the lines of a frame, at most height of them, none wider than
// width columns.
func compose(f throughput.View, width, height int) []string {
	lines := []string{barLine(f, width), head(rowsLine(f.RowCounts), width)}
	if end := endLine(f, width); end != "" {
		lines = append(lines, end)
	}
	if f.Bottleneck != nil {
		lines = append(lines, head(clean(f.Bottleneck.Line()), width))
	}
	for _, s := range notes(f) {
		lines = append(lines, head(clean(s), width))
	}
	if height < len(lines) {
		return lines[:max(0, height)]
	}
	return append(lines, workerLines(f.Busy, width, height-len(lines))...)
}

// endLine says when the run ends and which account ends it, in as many words as
// there is room for.
func endLine(f throughput.View, width int) string {
	text := clean(f.End.Text(f.Now))
	if textWidth(text) > width {
		text = clean(f.End.Short(f.Now))
	}
	return head(text, width)
}

// notes are what a person has stopped, and which rows are parked.
func notes(f throughput.View) []string {
	var out []string
	if held := f.Holds.Text(); held != "" {
		out = append(out, held)
	}
	return append(out, f.Reasons[:min(parkedMost, len(f.Reasons))]...)
}

// parkedMost is how many reasons are shown for which rows are parked.
const parkedMost = 3

const (
	barMin   = 8
	barMax   = 40
	barExtra = 7 // percentage, blank and brackets
)

// barLine is the bar and as many figures as there is room for; the less
// telling ones go first.
func barLine(f throughput.View, width int) string {
	amount := throughput.FormatOctets(f.Run.Octets) + " copied"
	if f.InOctets {
		amount = throughput.FormatOctets(f.Handled) + " of " + throughput.FormatOctets(f.Expected)
	}
	mib := throughput.FormatRate(f.MiB) + " MiB/s"
	messages := throughput.FormatRate(f.Messages) + " messages/s"
	left := ""
	if d, ok := f.End.Until(f.Now); ok {
		left = "ETA " + throughput.FormatDuration(d)
	}
	for _, figures := range [][]string{{amount, mib, messages, left}, {amount, mib, left}, {mib, left}, {left}, {mib}, {}} {
		text := ""
		for _, s := range figures {
			if s != "" {
				text += "  " + s
			}
		}
		if room := width - barExtra - len(text); room >= barMin {
			return bar(f.Fraction, min(room, barMax)) + text
		}
	}
	return head(fmt.Sprintf("%d%%", int(f.Fraction*100)), width)
}

// rowsLine says where the rows stand.
func rowsLine(c throughput.RowCounts) string {
	n := func(i int) string { return throughput.FormatNumber(int64(i)) }
	s := "rows " + n(c.Done) + " of " + n(c.Total()) + " done"
	if c.Incomplete > 0 {
		s += ", " + n(c.Incomplete) + " incomplete"
	}
	return s + ", " + n(c.Failed) + " failed, " + n(c.Parked) + " parked, " + n(c.Running) + " running"
}

// workerLines gives a line to each worker, as many as fit.
func workerLines(busy []throughput.Worker, width, height int) []string {
	shown := busy
	if len(busy) > height {
		shown = busy[:max(0, height-1)]
	}
	t := newTable(shown, width)
	lines := make([]string, 0, len(shown)+1)
	for _, w := range shown {
		lines = append(lines, t.line(w))
	}
	if len(lines) < len(busy) && height > 0 {
		more := throughput.FormatNumber(int64(len(busy) - len(shown)))
		lines = append(lines, head("  ... and "+more+" more", width))
	}
	return lines
}

// table is the widths of the columns that the workers' lines share; 0 leaves
// a column out.
type table struct {
	width, label, mailbox, messages, lanes, rate int
}

const (
	indent   = 2
	gap      = 2
	labelMin = 12
)

func newTable(busy []throughput.Worker, width int) table {
	t := table{width: width}
	mailbox := 0
	for _, w := range busy {
		t.label = max(t.label, textWidth(clean(w.Label)))
		mailbox = max(mailbox, textWidth(clean(w.Mailbox)))
		t.messages = max(t.messages, len(messagesOf(w)))
		t.lanes = max(t.lanes, len(lanesOf(w)))
		t.rate = max(t.rate, len(rateOf(w)))
	}
	room := width - indent
	if room-gap-t.rate < labelMin {
		t.rate = 0
	}
	room -= column(t.rate)
	if room-gap-t.lanes < labelMin {
		t.lanes = 0
	}
	room -= column(t.lanes)
	if room-gap-t.messages < labelMin {
		t.messages = 0
	}
	room -= column(t.messages)
	// The label takes what it needs, up to half of what is left, or more if
	// the mailboxes' names are short.
	t.mailbox = min(mailbox, max(room/2, room-gap-t.label)-gap)
	if t.mailbox < labelMin && t.mailbox < mailbox {
		t.mailbox = 0
	}
	t.label = max(0, min(t.label, room-column(t.mailbox)))
	return t
}

func column(n int) int {
	if n == 0 {
		return 0
	}
	return n + gap
}

func (t table) line(w throughput.Worker) string {
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", indent) + pad(head(clean(w.Label), t.label), t.label))
	put := func(n int, s string) {
		if n > 0 {
			b.WriteString(strings.Repeat(" ", gap) + s)
		}
	}
	put(t.mailbox, pad(tail(clean(w.Mailbox), t.mailbox), t.mailbox))
	put(t.messages, padLeft(messagesOf(w), t.messages))
	put(t.lanes, padLeft(lanesOf(w), t.lanes))
	put(t.rate, padLeft(rateOf(w), t.rate))
	return head(strings.TrimRight(b.String(), " "), t.width)
}

func rateOf(w throughput.Worker) string { return throughput.FormatRate(w.MiB) + " MiB/s" }

// lanesOf tells of an account that works over more than one lane.
func lanesOf(w throughput.Worker) string {
	if w.Lanes < 2 {
		return ""
	}
	return "x" + throughput.FormatNumber(int64(w.Lanes))
}

// messagesOf is how far a worker is.
func messagesOf(w throughput.Worker) string {
	n := throughput.FormatNumber(w.Handled())
	switch {
	case w.ExpectedMessages > 0:
		n += "/" + throughput.FormatNumber(max(w.ExpectedMessages, w.Handled()))
	case w.Handled() == 0:
		return "beginning"
	}
	return n + " messages"
}
