package throughput

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
)

// HostTime is the lane time of all rows that touch one server, on either side,
// and what it was spent on. Parked is for how long it has had rows parked, of
// all of them together.
type HostTime struct {
	Host     string
	Source   bool // of some row
	Dest     bool
	LaneTime time.Duration
	Spent    Spent
	Parked   time.Duration
}

// mostHosts is how many servers a Summary has the time of.
const mostHosts = 100

// MarshalJSON gives seconds with 3 decimals.
func (h HostTime) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Host          string   `json:"host"`
		Sides         []string `json:"sides"`
		LaneSeconds   float64  `json:"lane_seconds"`
		Spent         Spent    `json:"spent"`
		ParkedSeconds float64  `json:"parked_seconds"`
	}{h.Host, h.sides(), milli(h.LaneTime.Seconds()), h.Spent, milli(h.Parked.Seconds())})
}

func (h HostTime) sides() []string {
	out := []string{}
	if h.Source {
		out = append(out, "source")
	}
	if h.Dest {
		out = append(out, "destination")
	}
	return out
}

// hostTimes adds up lane time by server.
func hostTimes(results []Result) []HostTime {
	byName := make(map[string]*HostTime)
	of := func(name string) *HostTime {
		h := byName[name]
		if h == nil {
			h = &HostTime{Host: name}
			byName[name] = h
		}
		return h
	}
	for _, r := range results {
		if r.LaneTime == 0 && r.SourceParked == 0 && r.DestParked == 0 {
			continue
		}
		s, d := of(r.Host1), of(r.Host2)
		s.Source, d.Dest = true, true
		s.Parked += r.SourceParked
		d.Parked += r.DestParked
		s.add(r)
		if d != s {
			d.add(r)
		}
	}
	out := make([]HostTime, 0, len(byName))
	for _, h := range byName {
		out = append(out, *h)
	}
	slices.SortFunc(out, func(a, b HostTime) int {
		return cmp.Or(cmp.Compare(b.LaneTime, a.LaneTime), cmp.Compare(b.Parked, a.Parked), cmp.Compare(a.Host, b.Host))
	})
	return out[:min(len(out), mostHosts)]
}

func (h *HostTime) add(r Result) {
	h.LaneTime += r.LaneTime
	h.Spent.Add(r.Spent)
}

// words is the split for a person, the largest part first; parts that round to
// nothing are left out. "" is no time.
func (s Spent) words() string {
	all := Activities()
	slices.SortStableFunc(all, func(a, b Activity) int { return cmp.Compare(s[b], s[a]) })
	var parts []string
	for _, a := range all {
		if share := math.Round(100 * s.Share(a)); share > 0 {
			parts = append(parts, fmt.Sprintf("%s %.0f %%", strings.ReplaceAll(a.String(), "_", " "), share))
		}
	}
	return strings.Join(parts, ", ")
}

// timedHosts is how many servers the text names.
const timedHosts = 5

// writeTime says where the time went, and by server where there are several on
// a side.
func (s Summary) writeTime(w io.Writer) {
	if s.LaneSeconds == 0 && s.ParkedSeconds == 0 {
		return
	}
	seconds := func(f float64) string { return FormatDuration(time.Duration(f * float64(time.Second))) }
	line := func(name string, lanes, parked string, spent Spent) {
		if words := spent.words(); words != "" {
			lanes += ": " + words
		}
		if parked != "" {
			lanes += "; rows parked " + parked
		}
		fmt.Fprintf(w, "%-11s %s\n", name, oneLine(lanes))
	}
	parked := ""
	if s.ParkedSeconds > 0 {
		parked = seconds(s.ParkedSeconds)
	}
	line("time", "lanes "+seconds(s.LaneSeconds), parked, s.Spent)
	var sources, dests int
	for _, h := range s.HostTime {
		if h.Source {
			sources++
		}
		if h.Dest {
			dests++
		}
	}
	if sources < 2 && dests < 2 {
		return
	}
	for i, h := range s.HostTime {
		if i == timedHosts {
			fmt.Fprintf(w, "%-11s and %s more\n", "", several(int64(len(s.HostTime)-i), "host"))
			break
		}
		parked = ""
		if h.Parked > 0 {
			parked = FormatDuration(h.Parked)
		}
		line("", h.Host+" ("+strings.Join(h.sides(), " and ")+") "+FormatDuration(h.LaneTime), parked, h.Spent)
	}
}
