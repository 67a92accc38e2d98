package probe

import (
	"fmt"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

const (
	nearly = 0.9  // of the best: more lanes are not worth it
	alike  = 0.85 // of the other: neither side is the slower one
	alone  = 0.7  // of the slower side: what both together lack is here
)

// knee finds the least number of lanes that is nearly as fast as any. rises is
// true when that is the most that was tried, and it was not the only one.
func knee(steps []throughput.Step) (at throughput.Step, rises bool) {
	var best float64
	for _, s := range steps {
		best = max(best, s.MiBPerSecond)
	}
	for i, s := range steps {
		if s.MiBPerSecond >= nearly*best {
			return s, i > 0 && i == len(steps)-1
		}
	}
	return throughput.Step{}, false
}

// judge fills in the verdict.
func (r *Report) judge() {
	src, _ := knee(r.Source)
	dst, _ := knee(r.Dest)
	if src.MiBPerSecond > 0 && dst.MiBPerSecond > 0 {
		switch {
		case src.MiBPerSecond < alike*dst.MiBPerSecond:
			r.Slower = string(Source)
		case dst.MiBPerSecond < alike*src.MiBPerSecond:
			r.Slower = string(Dest)
		}
	}
	phase, of := Both, r.Both
	if len(of) == 0 {
		phase, of = r.slowerOf()
	}
	best, rises := knee(of)
	r.Parallel, r.Rate, r.Messages = best.Lanes, best.MiBPerSecond, best.MessagesPerSecond
	most := MaxLanes
	for _, s := range []Server{r.Server1, r.Server2} {
		if s.MaxPerHost > 0 {
			most = min(most, s.MaxPerHost)
		}
	}
	r.Parallel = min(r.Parallel, most)
	r.Verdict = r.sentence(src, dst)
	if rises {
		r.Verdict += r.more(phase, best.Lanes, most)
	}
	if both, _ := knee(r.Both); both.Lanes > 0 && r.Slower != "" && both.MiBPerSecond < alone*min(src.MiBPerSecond, dst.MiBPerSecond) {
		r.note("both together are slower than either side alone: what they share (this machine's processor, its line) is what limits")
	}
}

// slowerOf is the slower of the two sides, or the only one.
func (r *Report) slowerOf() (Phase, []throughput.Step) {
	src, _ := knee(r.Source)
	dst, _ := knee(r.Dest)
	if dst.Lanes == 0 || src.Lanes > 0 && src.MiBPerSecond < dst.MiBPerSecond {
		return Source, r.Source
	}
	return Dest, r.Dest
}

// more is what to do about a phase that still rose at the most lanes that were
// measured, of most that may be: to ask for more helps only where nothing else has
// ended it.
func (r *Report) more(phase Phase, lanes, most int) string {
	for _, e := range r.Ended {
		if e.Phase == phase {
			return fmt.Sprintf(" (it still rose at %d lanes; more could not be measured: %s)", lanes, e.Why)
		}
	}
	switch {
	case lanes < most:
		return fmt.Sprintf(" (it still rose at %d lanes: try --lanes %d)", lanes, min(4*lanes, most))
	case most < MaxLanes:
		return fmt.Sprintf(" (it still rose at %d lanes, and a server allows %s)", lanes, connections(most))
	}
	return fmt.Sprintf(" (it still rose at %d lanes, the most that are tried)", lanes)
}

// sentence is the verdict.
func (r *Report) sentence(src, dst throughput.Step) string {
	if r.Parallel == 0 {
		return "nothing could be measured"
	}
	var out strings.Builder
	switch {
	case src.Lanes == 0 && dst.Lanes == 0:
		fmt.Fprintf(&out, "only both sides together were measured: %s", scales(r.Both))
	case src.Lanes == 0:
		fmt.Fprintf(&out, "only the destination (%s) was measured: %s", r.Server2.Host, scales(r.Dest))
	case dst.Lanes == 0:
		fmt.Fprintf(&out, "only the source (%s) was measured: %s", r.Server1.Host, scales(r.Source))
	case r.Slower == string(Source):
		fmt.Fprintf(&out, "the source (%s) is the slower side: %s, the destination %s MiB/s", r.Server1.Host, scales(r.Source), rate(dst))
	case r.Slower == string(Dest):
		fmt.Fprintf(&out, "the destination (%s) is the slower side: %s, the source %s MiB/s", r.Server2.Host, scales(r.Dest), rate(src))
	default:
		fmt.Fprintf(&out, "both sides are about equally fast: the source %s, the destination %s", scales(r.Source), scales(r.Dest))
	}
	fmt.Fprintf(&out, "; use --parallel %d and expect about %s MiB/s, %s messages/s",
		r.Parallel, throughput.FormatRate(r.Rate), throughput.FormatRate(r.Messages))
	return out.String()
}

// scales says how a side goes with lanes.
func scales(steps []throughput.Step) string {
	at, rises := knee(steps)
	most := steps[len(steps)-1].Lanes
	switch {
	case rises:
		return fmt.Sprintf("%s MiB/s with %d lanes, and it still rises there", rate(at), at.Lanes)
	case most == 1:
		return fmt.Sprintf("%s MiB/s with 1 lane", rate(at))
	}
	return fmt.Sprintf("%s MiB/s, and it does not rise beyond %s", rate(at), atLanes(at.Lanes))
}

func rate(s throughput.Step) string { return throughput.FormatRate(s.MiBPerSecond) }

func atLanes(n int) string {
	if n == 1 {
		return "1 lane"
	}
	return fmt.Sprintf("%d lanes", n)
}

func connections(n int) string {
	if n == 1 {
		return "1 connection"
	}
	return fmt.Sprintf("%d connections", n)
}

func (r *Report) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}
