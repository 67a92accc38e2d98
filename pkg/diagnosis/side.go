package diagnosis

import (
	"fmt"
	"strings"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

const (
	// far is a round trip that costs: below it a lane waits for the server.
	far = 15 * time.Millisecond
	// smooth and lumpy are how lumpily octets arrive by a full link at most, and
	// from a server at its limit at least: between them it may be either.
	smooth, lumpy = 1.3, 1.6
	// mostly is the part of the waiting for a destination that must be due to one
	// thing.
	mostly = 0.6
	// scales and flat are the parts of the growth in lanes that the rate follows
	// where each lane waits by itself, and where all wait for the same thing.
	scales, flat = 0.7, 0.2
)

// cause is what a side that is waited for lacks.
type cause uint8

const (
	unclear cause = iota
	theServer
	theLink
	theLanes
)

// side is the verdict on a side that most of the lane time waits for.
func (e Evidence) side(side fault.Side, share float64) throughput.Bottleneck {
	verdicts, word := [...]string{SourceServer, SourceLink}, "source"
	if side == fault.Dest {
		verdicts, word = [...]string{DestServer, DestLink}, "destination"
	}
	h := e.worst(side, func(h Host) time.Duration { return h.Wait })
	if h == nil {
		return undecided("%s of lane time waits for %ss, none of which stands out", percent(share), word)
	}
	why, facts := e.tell(h)
	facts = append([]string{percent(share) + " of lane time waits for it"}, facts...)
	b := throughput.Bottleneck{Host: h.Name}
	switch why {
	case theServer:
		b.Verdict = verdicts[0]
		b.Advice = "more lanes do not help once it is full: ask its administrator what it lacks (disk, processors, a limit), or run when it is less busy"
	case theLink:
		b.Verdict = verdicts[1]
		b.Advice = "run imapfleet nearer to it, or on a faster link; --compress on if the processors have time left"
		if h.RoundTrip >= far {
			b.Advice = "raise --parallel: each lane waits for round trips by itself; or run imapfleet nearer to it"
		}
	case theLanes:
		b.Verdict, b.Host = TooFewLanes, ""
		b.Advice = "raise --parallel: the servers bear more"
	default:
		return undecided("%s %s: %s; server and link cannot be told apart", word, h.Name, strings.Join(facts, "; "))
	}
	b.Evidence = strings.Join(facts, "; ")
	return b
}

// tell tells the server from the way to it, and says by what.
func (e Evidence) tell(h *Host) (cause, []string) {
	var facts []string
	if h.RoundTrip > 0 {
		facts = append(facts, "a round trip takes "+milliseconds(h.RoundTrip))
	}
	follows, from, to, tried := e.scaling()
	switch {
	case tried && follows >= scales:
		facts = append(facts, fmt.Sprintf("the rate grew with the lanes, from %d to %d", from, to))
	case tried && follows <= flat:
		facts = append(facts, fmt.Sprintf("adding lanes beyond %d did not help", from))
	}
	grows, stays := tried && follows >= scales, tried && follows <= flat
	if h.RoundTrip >= far && !stays {
		if trips, fact := h.byTrips(e.Wall); trips {
			return theLink, append(facts, fact)
		}
	}
	if grows && h.RoundTrip > 0 && h.RoundTrip < far {
		return theLanes, facts
	}
	why, fact := h.byArrival()
	if h.Side == fault.Dest {
		why, fact = h.bySending()
	}
	if fact != "" {
		facts = append(facts, fact)
	}
	return why, facts
}

// leastWindow is how many octets a connection has under way at least where it
// waits for the distance, and not for a server: the smallest window that TCP is
// held to.
const leastWindow = 32 << 10

// lanes is the mean number of lanes that touched the host.
func (h *Host) lanes(wall time.Duration) float64 {
	return max(1, float64(h.LaneTime)/float64(wall))
}

// byTrips reports whether what is waited for at a far host are round trips:
// each connection has a window's worth under way, or its waits are as long as
// a round trip.
func (h *Host) byTrips(wall time.Duration) (bool, string) {
	if part := h.Gaps.around(h.RoundTrip*2/5, h.RoundTrip*8/5); part >= 0.5 {
		return true, fmt.Sprintf("%s of the waiting is in waits of about one", percent(part))
	}
	each := float64(h.Octets) / wall.Seconds() / h.lanes(wall) * h.RoundTrip.Seconds()
	return each >= leastWindow, fmt.Sprintf("a lane has %s under way in one", throughput.FormatOctets(int64(each)))
}

// byArrival tells a source from the way to it by how octets arrive.
func (h *Host) byArrival() (cause, string) {
	switch l := h.Lumps; {
	case !l.known():
		return unclear, ""
	case l.Typical <= smooth:
		return theLink, fmt.Sprintf("octets arrive one by one, evenly, at %s MiB/s: the way is full", mib(l.Rate))
	case l.Typical >= lumpy:
		return theServer, fmt.Sprintf("octets arrive in lumps, %.1f times as fast as the mean of %s MiB/s: the way bears more", l.Typical, mib(l.Rate))
	default:
		return unclear, fmt.Sprintf("octets arrive neither evenly nor in lumps, at %s MiB/s", mib(l.Rate))
	}
}

// bySending tells a destination from the way to it by what TCP knows: whether
// octets are under way for which there is room at the other end.
func (h *Host) bySending() (cause, string) {
	if h.Sending.Busy <= 0 || h.Wait <= 0 {
		return unclear, ""
	}
	way := min(1, float64(h.Sending.way())/float64(h.Wait))
	switch {
	case way >= mostly:
		return theLink, fmt.Sprintf("in %s of that octets were under way which it had room for: the way is full", percent(way))
	case way <= 1-mostly:
		return theServer, fmt.Sprintf("in %s of that it had all octets, or no room for more", percent(1-way))
	}
	return unclear, fmt.Sprintf("in %s of that octets were under way", percent(way))
}

// scaling is how far the rate followed the number of lanes, from 0, not at all,
// to 1, in proportion, over the highest steps that differ by half or more.
// false: it was not tried.
func (e Evidence) scaling() (follows float64, from, to int, tried bool) {
	var high, low *throughput.Step
	for i := range e.Steps {
		s := &e.Steps[i]
		if high == nil || s.Lanes > high.Lanes {
			high = s
		}
	}
	for i := range e.Steps {
		s := &e.Steps[i]
		if 3*s.Lanes <= 2*high.Lanes && (low == nil || s.Lanes > low.Lanes) {
			low = s
		}
	}
	if low == nil || low.MiBPerSecond <= 0 {
		return 0, 0, 0, false
	}
	lanes := float64(high.Lanes) / float64(low.Lanes)
	rate := high.MiBPerSecond / low.MiBPerSecond
	if low.MessagesPerSecond > 0 {
		rate = max(rate, high.MessagesPerSecond/low.MessagesPerSecond)
	}
	return max(0, min(1, (rate-1)/(lanes-1))), low.Lanes, high.Lanes, true
}

func mib(f float64) string { return throughput.FormatRate(f / (1 << 20)) }
