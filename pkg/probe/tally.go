package probe

import (
	"sync"
	"time"
)

// tally counts what the lanes of a step do. Its methods are safe for concurrent
// use.
type tally struct {
	mu       sync.Mutex
	messages int64         // where the step measures
	waited   time.Duration // for answers
	answers  int
	read     int64 // octets of the source's messages
	written  int64 // octets that the destination has taken
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

// measurement is what the step found.
func (st *step) measurement(took time.Duration) measurement {
	st.mu.Lock()
	defer st.mu.Unlock()
	m := measurement{phase: st.phase, lanes: st.lanes, took: took, did: st.did}
	if st.answers > 0 {
		m.latency = micro((st.waited / time.Duration(st.answers)).Seconds())
	}
	return m
}
