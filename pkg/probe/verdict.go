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
	best, rises := knee(r.Both)
	if best.Lanes == 0 {
		best, rises = slowerOf(r.Source, r.Dest)
	}
	r.Parallel, r.Rate, r.Messages = best.Lanes, best.MiBPerSecond, best.MessagesPerSecond
	for _, s := range []Server{r.Server1, r.Server2} {
		if s.MaxPerHost > 0 {
			r.Parallel = min(r.Parallel, s.MaxPerHost)
		}
	}
	r.Verdict = r.sentence(src, dst, rises)
	if both, _ := knee(r.Both); both.Lanes > 0 && r.Slower != "" && both.MiBPerSecond < alone*min(src.MiBPerSecond, dst.MiBPerSecond) {
		r.note("both together are slower than either side alone: what they share (this machine's processor, its line) is what limits")
	}
}

// slowerOf is the knee of the slower of two sides, or of the only one.
func slowerOf(source, dest []throughput.Step) (throughput.Step, bool) {
	src, srcRises := knee(source)
	dst, dstRises := knee(dest)
	if dst.Lanes == 0 || src.Lanes > 0 && src.MiBPerSecond < dst.MiBPerSecond {
		return src, srcRises
	}
	return dst, dstRises
}

// sentence is the verdict. rises is about the recommended number of lanes.
func (r *Report) sentence(src, dst throughput.Step, rises bool) string {
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
	if rises {
		fmt.Fprintf(&out, " (it still rose at %d lanes: try --lanes %d)", r.Parallel, min(4*r.Parallel, MaxLanes))
	}
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

func (r *Report) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}
