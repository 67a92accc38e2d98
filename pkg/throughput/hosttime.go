package throughput

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// HostTime is the lane time of all rows that touch one server, and what it was
// spent on. Sides are those on which rows have it: "source", "destination".
// ParkedSeconds is for how long it has had rows parked, of all of them together.
type HostTime struct {
	Host          string   `json:"host"`
	Sides         []string `json:"sides"`
	LaneSeconds   float64  `json:"lane_seconds"`
	Spent         Spent    `json:"spent"`
	ParkedSeconds float64  `json:"parked_seconds"`
}

// hostSum is a HostTime that is being added up.
type hostSum struct {
	host          string
	source, dest  bool
	lanes, parked time.Duration
	spent         Spent
}

// mostHosts is how many servers a Summary has the time of.
const mostHosts = 100

func (h *hostSum) add(r Result) {
	h.lanes += r.LaneTime
	h.spent.Add(r.Spent)
}

func (h *hostSum) time() HostTime {
	out := HostTime{Host: h.host, LaneSeconds: milli(h.lanes.Seconds()), Spent: h.spent, ParkedSeconds: milli(h.parked.Seconds())}
	if h.source {
		out.Sides = append(out.Sides, "source")
	}
	if h.dest {
		out.Sides = append(out.Sides, "destination")
	}
	return out
}

// hostTimes adds up lane time by server.
func hostTimes(results []Result) []HostTime {
	byName := make(map[string]*hostSum)
	of := func(name string) *hostSum {
		h := byName[name]
		if h == nil {
			h = &hostSum{host: name}
			byName[name] = h
		}
		return h
	}
	for _, r := range results {
		if r.LaneTime == 0 && r.SourceParked == 0 && r.DestParked == 0 {
			continue
		}
		s, d := of(r.Host1), of(r.Host2)
		s.source, d.dest = true, true
		s.parked += r.SourceParked
		d.parked += r.DestParked
		s.add(r)
		if d != s {
			d.add(r)
		}
	}
	all := slices.SortedFunc(maps.Values(byName), func(a, b *hostSum) int {
		return cmp.Or(cmp.Compare(b.lanes, a.lanes), cmp.Compare(b.parked, a.parked), cmp.Compare(a.host, b.host))
	})
	out := make([]HostTime, 0, min(len(all), mostHosts))
	for _, h := range all[:min(len(all), mostHosts)] {
		out = append(out, h.time())
	}
	return out
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

// TimeText is lane time and its split for a person: "lanes 3m 20s: destination
// wait 81 %, source wait 19 %".
func TimeText(lanes time.Duration, s Spent) string {
	out := "lanes " + FormatDuration(lanes)
	for a := range s { // as JSON has it, so that all who tell of it tell the same
		s[a] = time.Duration(math.Round(s[a].Seconds()*1000)) * time.Millisecond
	}
	if words := s.words(); words != "" {
		out += ": " + words
	}
	return out
}

// timedHosts is how many servers the text names.
const timedHosts = 5

// WriteTime says for a person where the time went, and by server where there are
// several on a side. It writes nothing where no row has had a lane. The error
// is w's.
func (s Summary) WriteTime(w io.Writer) error {
	if s.LaneSeconds == 0 && s.ParkedSeconds == 0 {
		return nil
	}
	b := bufio.NewWriter(w)
	line := func(name, text string, parked time.Duration) {
		if parked > 0 {
			text += "; rows parked " + FormatDuration(parked)
		}
		fmt.Fprintf(b, "%-11s %s\n", name, oneLine(text))
	}
	line("time", TimeText(inSeconds(s.LaneSeconds), s.Spent), inSeconds(s.ParkedSeconds))
	if !s.severalHosts() {
		return b.Flush()
	}
	for i, h := range s.HostTime {
		if i == timedHosts {
			line("", "and "+several(int64(len(s.HostTime)-i), "host")+" more", 0)
			break
		}
		line("", h.Host+" ("+strings.Join(h.Sides, " and ")+"): "+TimeText(inSeconds(h.LaneSeconds), h.Spent), inSeconds(h.ParkedSeconds))
	}
	return b.Flush()
}

func inSeconds(f float64) time.Duration { return time.Duration(f * float64(time.Second)) }

// severalHosts reports whether there is more than one server on a side.
func (s Summary) severalHosts() bool {
	var sources, dests int
	for _, h := range s.HostTime {
		if slices.Contains(h.Sides, "source") {
			sources++
		}
		if slices.Contains(h.Sides, "destination") {
			dests++
		}
	}
	return sources > 1 || dests > 1
}
