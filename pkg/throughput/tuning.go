package throughput

import (
	"fmt"
	"io"
	"strconv"
	"time"
)

// TuningReason says why a run took another number of lanes, or kept its own.
type TuningReason string

// The reasons. They are stable.
const (
	TunedFaster  TuningReason = "faster"  // more lanes were faster, and stay
	TunedNoGain  TuningReason = "no-gain" // more lanes were not faster
	TunedAsFast  TuningReason = "as-fast" // fewer lanes were as fast, and stay
	TunedSlower  TuningReason = "slower"  // fewer lanes were slower
	TunedRefused TuningReason = "refused" // a server throttled, or refused connections
	TunedBound   TuningReason = "bound"   // a server, or the user, allows no more
	TunedSettled TuningReason = "settled" // nothing else is tried for a while
	TunedFixed   TuningReason = "fixed"   // the user said so
)

// Rate is how fast something was, over some time. Latency is the mean time, in
// seconds, from a command's end to the destination's answer; 0 when none came.
type Rate struct {
	MiBPerSecond      float64 `json:"mib_per_second"`
	MessagesPerSecond float64 `json:"messages_per_second"`
	RowsPerSecond     float64 `json:"rows_per_second"`
	Latency           float64 `json:"latency_seconds"`
}

// Tuning is a decision about the number of lanes: To were tried, or had to be
// taken, in the place of From, and Lanes there are from now on. Its JSON is
// stable; fields are only ever added.
type Tuning struct {
	// Route names the two hosts that the lanes are between, as in "old.example
	// to new.example"; "" where the run has only two.
	Route  string       `json:"route,omitempty"`
	From   int          `json:"from"`
	To     int          `json:"to"`
	Lanes  int          `json:"lanes"`
	Before Rate         `json:"before"`
	After  Rate         `json:"after"`
	Reason TuningReason `json:"reason"`
	// Text is why, where a server said so.
	Text string `json:"text,omitempty"`
}

// Line is the decision for people.
func (t Tuning) Line() string {
	out := "parallel " + strconv.Itoa(t.From)
	if t.To != t.From {
		out += " -> " + strconv.Itoa(t.To)
	}
	switch t.Reason {
	case TunedSettled:
		out += ": settled"
	case TunedFixed:
		out += ": fixed"
	case TunedRefused, TunedBound:
		out += ": " + t.Text
	default:
		out += ": " + t.rates()
	}
	switch t.Reason {
	case TunedNoGain:
		out += ", no gain: back to " + strconv.Itoa(t.Lanes)
	case TunedSlower:
		out += ": back to " + strconv.Itoa(t.Lanes)
	}
	if t.Route != "" {
		out += " (" + t.Route + ")"
	}
	return oneLine(out)
}

// rates are those before and after, in what there is most of.
func (t Tuning) rates() string {
	show := func(of func(Rate) float64, unit string) string {
		return FormatRate(of(t.Before)) + " -> " + FormatRate(of(t.After)) + " " + unit
	}
	switch top := t.After; {
	case top.MiBPerSecond >= 0.1:
		return show(func(r Rate) float64 { return r.MiBPerSecond }, "MiB/s")
	case top.MessagesPerSecond >= top.RowsPerSecond:
		return show(func(r Rate) float64 { return r.MessagesPerSecond }, "messages/s")
	}
	return show(func(r Rate) float64 { return r.RowsPerSecond }, "rows/s")
}

// writeKnee writes what the run did with how many lanes.
func (s Summary) writeKnee(w io.Writer) {
	if len(s.Knee) < 2 { // nothing was compared
		return
	}
	route := ""
	for i, k := range s.Knee {
		if i == 0 || k.Route != route {
			route = k.Route
			name := "lanes tried"
			if route != "" {
				name = oneLine(route)
			}
			fmt.Fprintf(w, "\n%-24s %10s %10s %10s %10s\n", name, "MiB/s", "messages/s", "latency", "time")
		}
		name := strconv.Itoa(k.Lanes)
		if k.Chosen {
			name += "  <- settled"
		}
		latency := "-"
		if k.Latency > 0 {
			latency = strconv.FormatFloat(1000*k.Latency, 'f', 0, 64) + " ms"
		}
		fmt.Fprintf(w, "  %-22s %10s %10s %10s %10s\n", name, FormatRate(k.MiBPerSecond), FormatRate(k.MessagesPerSecond), latency,
			FormatDuration(time.Duration(k.Seconds*float64(time.Second))))
	}
}
