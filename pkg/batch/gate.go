package batch

import "sync"

// gate bounds how many rows run at a time. Its limit may change while it is
// in use, which errgroup's may not. One goroutine acquires and releases; any
// may set the limit.
type gate struct {
	mu      sync.Mutex
	limit   int
	used    int
	changed chan struct{} // holds one token after the limit grew
}

func newGate(limit int) *gate {
	return &gate{limit: limit, changed: make(chan struct{}, 1)}
}

// tryAcquire takes a slot if one is free.
func (g *gate) tryAcquire() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.used >= g.limit {
		return false
	}
	g.used++
	return true
}

func (g *gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.used--
}

func (g *gate) setLimit(n int) {
	g.mu.Lock()
	g.limit = n
	g.mu.Unlock()
	select {
	case g.changed <- struct{}{}:
	default: // a token is waiting already: whoever takes it sees this limit too
	}
}
