package probe

import (
	"sync"
	"time"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// tally counts what the lanes of a step do. Its methods are safe for concurrent
// use.
type tally struct {
	mu       sync.Mutex
	octets   int64
	messages int64
	waited   time.Duration // for answers
	answers  int
	read     int64 // octets of the source's messages
	written  int64 // octets that the destination has taken
}

// moved notes what has arrived where the step measures.
func (t *tally) moved(octets, messages int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.octets += octets
	t.messages += messages
}

// came and went count for the whole probe.
func (t *tally) came(octets int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.read += octets
}

func (t *tally) went(octets int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.written += octets
}

// answered notes how long an answer took.
func (t *tally) answered(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waited += d
	t.answers++
}

// step is what was counted in so long.
func (t *tally) step(lanes int, took time.Duration) throughput.Step {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := throughput.Step{Lanes: lanes, Seconds: round(took.Seconds())}
	if took > 0 {
		s.MiBPerSecond = round(float64(t.octets) / (1 << 20) / took.Seconds())
		s.MessagesPerSecond = round(float64(t.messages) / took.Seconds())
	}
	if t.answers > 0 {
		s.Latency = micro((t.waited / time.Duration(t.answers)).Seconds())
	}
	return s
}
