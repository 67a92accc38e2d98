package throughput

import (
	"sync"
	"time"
)

// Stopwatch adds up the time in which at least one of its users waits. The
// zero value has none. It is safe for concurrent use; a nil one measures
// nothing.
type Stopwatch struct {
	mu    sync.Mutex
	users int
	since time.Time
	total time.Duration
}

// Start begins a wait, at a time that is now.
func (w *Stopwatch) Start(now time.Time) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.users == 0 {
		w.since = now
	}
	w.users++
}

// Stop ends a wait. So much of it as own, and no more than it took, was no
// waiting.
func (w *Stopwatch) Stop(now time.Time, own time.Duration) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.total += max(0, now.Sub(w.since)-own)
	w.since = now
	w.users--
}

// So returns what it has measured up to now, with what still goes on.
func (w *Stopwatch) So(now time.Time) time.Duration {
	if w == nil {
		return 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.users == 0 {
		return w.total
	}
	return w.total + max(0, now.Sub(w.since))
}
