package probe

import (
	"math"
	"time"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// flow is what passes where a lane measures, within a turn. It is used by one
// goroutine at a time.
type flow struct {
	began, until     time.Time
	octets, messages int64 // all

	first, last    time.Time // when something passed, as long as until was not over
	steadyOctets   int64     // from first to last, without what passed at first
	steadyMessages int64
}

// passed notes what has passed just now.
func (f *flow) passed(octets, messages int64) {
	now := time.Now()
	f.octets += octets
	f.messages += messages
	switch {
	case f.first.IsZero():
		f.first = now
	case now.Before(f.until):
		f.last = now
		f.steadyOctets += octets
		f.steadyMessages += messages
	}
}

// stretch is what a lane did in so much time.
type stretch struct {
	seconds          float64
	octets, messages int64
}

// stretch leaves out how a turn begins and how it ends, as far as what lies
// between is at least half of it. ended is when the lane came to rest.
func (f *flow) stretch(ended time.Time) stretch {
	whole := ended
	if f.until.Before(whole) {
		whole = f.until
	}
	if steady := f.last.Sub(f.first); f.steadyMessages > 0 && steady >= whole.Sub(f.began)/2 {
		return stretch{steady.Seconds(), f.steadyOctets, f.steadyMessages}
	}
	return stretch{ended.Sub(f.began).Seconds(), f.octets, f.messages}
}

// measurement is one step that was done.
type measurement struct {
	phase   Phase
	lanes   int
	took    time.Duration
	latency float64
	did     []stretch
}

// work is what was moved, in messages of mean octets, when a lane's time goes by
// octets for the part share, and else by messages.
func (s stretch) work(share, mean float64) float64 {
	return share*float64(s.octets)/mean + (1-share)*float64(s.messages)
}

// step is the rate for messages of mean octets. What a step moved is never quite
// the mix of all: rows differ, and a few large messages make much of it.
func (m measurement) step(share, mean float64) throughput.Step {
	s := throughput.Step{Lanes: m.lanes, Seconds: round(m.took.Seconds()), Latency: m.latency}
	var work, seconds float64
	for _, one := range m.did {
		work, seconds = work+one.work(share, mean), seconds+one.seconds
	}
	if seconds > 0 {
		rate := float64(m.lanes) * work / seconds
		s.MiBPerSecond, s.MessagesPerSecond = round(rate*mean/(1<<20)), round(rate)
	}
	return s
}

const (
	evenShare = 0.5 // of octets, where nothing tells
	// doubt is how much it weighs that evenShare is right, beside what was measured.
	doubt = 0.02
)

// octetShare finds the share by which the lanes of each step did as much work in
// as much time: rows with large messages against those with small ones, and
// what each happened to move.
func octetShare(all []measurement, mean float64) float64 {
	best, least := evenShare, math.Inf(1)
	for i := range 101 {
		share := float64(i) / 100
		var miss float64
		n := 0
		for _, m := range all {
			var logs []float64
			var sum float64
			for _, s := range m.did {
				if w := s.work(share, mean); w > 0 && s.seconds > 0 {
					logs = append(logs, math.Log(w/s.seconds))
					sum += logs[len(logs)-1]
				}
			}
			for _, l := range logs {
				off := l - sum/float64(len(logs))
				miss += off * off
			}
			n += len(logs)
		}
		off := 2 * (share - evenShare)
		if miss += doubt * float64(n) * off * off; miss < least {
			best, least = share, miss
		}
	}
	return best
}
