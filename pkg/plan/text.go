package plan

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// assumptions say on what the figures rest that nobody has measured.
func (p *planner) assumptions() []string {
	in, r := &p.in, &p.in.Rates
	out := []string{fmt.Sprintf("%s of an account's mail is new each day (--change)", percent(in.Change))}
	if n := in.Sizes.Unknown; n > 0 {
		out = append(out, fmt.Sprintf("%s of unknown size: like the others", several(n, "account")))
	}
	lanes := in.Options.lanes()
	switch known := r.Known(); {
	case r.Linear && r.Origin != Given:
	case r.Origin == Given:
		out = append(out, "octets alone count: of messages no rate is given")
	case float64(lanes) > known && len(r.Curve) == 1:
		out = append(out, fmt.Sprintf("nothing was measured with more than %s: they are thought to double the rate at most; high counts as if they brought nothing", lanesText(known)))
	case float64(lanes) > known:
		out = append(out, fmt.Sprintf("nothing was measured with more than %s: further ones are thought to bring less and less, as those before; high counts as if they brought nothing", lanesText(known)))
	}
	if in.Options.machines() == 1 || len(r.Source)+len(r.Dest) == 0 {
		out = append(out, "of further machines low counts as if each brought as much as the first, high as if the servers gave no more, likely between")
	}
	if r.Origin == Probe && r.Share < 1 {
		out = append(out, fmt.Sprintf("%s of a lane's time goes by octets, the rest by messages", percent(r.Share)))
	}
	if r.Past < 2 && r.Origin != Given {
		out = append(out, fmt.Sprintf("rates may be off by %s: servers are busier by day, and other accounts differ", percent(r.Spread)))
	}
	if r.Origin == Given {
		out = append(out, fmt.Sprintf("the rate that you gave may be off by %s", percent(r.Spread)))
	}
	return out
}

func percent(f float64) string {
	return strings.TrimSuffix(strings.TrimSuffix(fmt.Sprintf("%.1f", 100*f), "0"), ".") + " %"
}

func lanesText(f float64) string {
	if f == 1 {
		return "1 lane"
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", f), ".0") + " lanes"
}

func several(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return throughput.FormatNumber(int64(n)) + " " + noun + "s"
}

func duration(s float64) string {
	return throughput.FormatDuration(time.Duration(s * float64(time.Second)))
}

// Sentence is a range of time: 3h 10m (2h 40m to 4h 00m).
func (r Range) Sentence() string {
	return fmt.Sprintf("%s (%s to %s)", duration(r.Likely), duration(r.Low), duration(r.High))
}

// WriteText writes the plan for a person. It holds no control character but the
// line feed. The error is w's.
func (rep *Report) WriteText(w io.Writer) error {
	b := bufio.NewWriter(w)
	rep.writeSizes(b)
	rep.writeRates(b)
	fmt.Fprintln(b)
	rep.writePhases(b)
	rep.writeDeciding(b)
	rep.writeWhatIf(b)
	if len(rep.Assumptions) > 0 {
		fmt.Fprintf(b, "\nassumed\n")
		for _, a := range rep.Assumptions {
			fmt.Fprintf(b, "  %s\n", a)
		}
	}
	return b.Flush()
}

func line(w io.Writer, name, format string, args ...any) {
	fmt.Fprintf(w, "%-11s %s\n", name, fmt.Sprintf(format, args...))
}

func (rep *Report) writeSizes(w io.Writer) {
	s := rep.Sizes
	accounts := throughput.FormatNumber(int64(s.Accounts))
	if s.Done > 0 {
		accounts += ", " + throughput.FormatNumber(int64(s.Done)) + " of them done"
	}
	if s.Unknown > 0 {
		accounts += ", " + throughput.FormatNumber(int64(s.Unknown)) + " of unknown size"
	}
	line(w, "accounts", "%s", accounts)
	mail := fmt.Sprintf("%s in %s messages", throughput.FormatOctets(s.Octets), throughput.FormatNumber(s.Messages))
	if s.Error > 0 {
		mail += ", give or take " + throughput.FormatOctets(s.Error)
	}
	line(w, "mail", "%s; the largest account has %s", mail, throughput.FormatOctets(s.Largest))
	if s.Left < s.Octets {
		line(w, "left", "%s", throughput.FormatOctets(s.Left))
	}
}

// points is how many points of the curve the text shows.
const points = 8

func (rep *Report) writeRates(w io.Writer) {
	r := rep.Rates
	var parts []string
	for _, p := range r.Curve[:min(len(r.Curve), points)] {
		parts = append(parts, fmt.Sprintf("%s %s MiB/s", lanesText(p.Lanes), throughput.FormatRate(p.Octets/mebi)))
	}
	from := map[Origin]string{Given: "given", Probe: "of the probe", Runs: "of earlier runs"}[r.Origin]
	line(w, "rates", "%s: %s; give or take %s", from, strings.Join(parts, ", "), percent(r.Spread))
	if r.Making > 0 {
		line(w, "", "%s a row for logins and lists, and in the first pass %s to make mailboxes", duration(r.PerRow), duration(r.Making))
	} else if r.PerRow > 0 {
		line(w, "", "%s a row for logins and lists", duration(r.PerRow))
	}
	if r.Past > 0 {
		line(w, "", "corrected by what came of %s: times %s", several(r.Past, "earlier plan"), throughput.FormatRate(r.Slower))
	}
	lanes := several(rep.Lanes, "lane")
	if rep.Machines > 1 {
		lanes += fmt.Sprintf(" on each of %d machines", rep.Machines)
	}
	lanes += fmt.Sprintf(", together about %s MiB/s; at most %d for one account", throughput.FormatRate(r.Planned/mebi), rep.PerAccount)
	line(w, "lanes", "%s", lanes)
	if rep.Hours != "" {
		line(w, "hours", "%s", rep.Hours)
	}
	if rep.Limit != "" {
		line(w, "limit", "%s", rep.Limit)
	}
}

func (rep *Report) writePhases(w io.Writer) {
	name := "first pass"
	if rep.Sizes.Accounts > 0 && rep.Sizes.Done == rep.Sizes.Accounts {
		name = "next pass"
	}
	rep.writePhase(w, name, &rep.First, "")
	if rep.First.Seconds.Likely > 0 && rep.Tail > 0.1*rep.First.Seconds.Likely {
		line(w, "", "no lane has a new account to begin in the last %s of it", duration(rep.Tail))
	}
	rep.writePhase(w, "delta pass", &rep.Delta, ", right after it: "+throughput.FormatOctets(rep.Delta.Octets))
	rep.writePhase(w, "last pass", &rep.Last, ", on the day of the cutover, with the mail of a day: "+throughput.FormatOctets(rep.Last.Octets))
}

func (rep *Report) writePhase(w io.Writer, name string, p *Phase, about string) {
	text := p.Seconds.Sentence() + about
	line(w, name, "%s", text)
	if about == "" {
		const layout = "Mon 2006-01-02 15:04"
		line(w, "", "ends %s (%s to %s)", p.Ends.Format(layout), p.Between[0].Format(layout), p.Between[1].Format(layout))
		if p.Work.Likely < p.Seconds.Likely-1 {
			line(w, "", "of that %s within the hours", p.Work.Sentence())
		}
	}
	if p.Cost != nil {
		line(w, "", "costs %s (%s to %s)", money(p.Cost.Likely), money(p.Cost.Low), money(p.Cost.High))
	}
}

func money(f float64) string {
	cents := math.Round(f * 100)
	whole := math.Floor(cents / 100)
	return fmt.Sprintf("%s.%02d", throughput.FormatNumber(int64(whole)), int64(cents-100*whole))
}

func (rep *Report) writeDeciding(w io.Writer) {
	if len(rep.Deciding) == 0 {
		return
	}
	fmt.Fprintf(w, "\naccounts that decide the end\n")
	if !rep.OneDecides {
		fmt.Fprintf(w, "  none by itself: all lanes have work until the end. With lanes enough the largest would:\n")
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	for _, d := range rep.Deciding {
		fmt.Fprintf(t, "  %s\tafter %s\ttakes %s\t  line %d, %s\n", throughput.FormatOctets(d.Octets), duration(d.Ends), duration(d.Ends-d.Begins), d.Line, d.Who)
	}
	t.Flush() // its error is w's, which keeps it
}

func (rep *Report) writeWhatIf(w io.Writer) {
	if len(rep.WhatIf) == 0 {
		return
	}
	fmt.Fprintf(w, "\nwhat would change the first pass\n")
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, c := range rep.WhatIf {
		lanes := several(c.Lanes, "lane")
		if c.Machines > 1 {
			lanes += fmt.Sprintf(" x %d", c.Machines)
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\n", c.What, lanes, c.Seconds.Sentence())
	}
	t.Flush() // as above
}
