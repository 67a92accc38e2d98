package ratelimit

import (
	"strings"
	"sync"
)

// Hosts has a Limiter for each host. Its methods are safe for concurrent use.
type Hosts struct {
	schedule Schedule

	mu       sync.Mutex // guards what follows
	limiters map[string]*Limiter
}

// NewHosts returns Hosts whose limiters each follow s.
func NewHosts(s Schedule) *Hosts {
	return &Hosts{schedule: s, limiters: make(map[string]*Limiter)}
}

// Of returns the host's limiter, the same one each time. Upper and lower case
// are one.
func (h *Hosts) Of(host string) *Limiter {
	host = strings.ToLower(host)
	h.mu.Lock()
	defer h.mu.Unlock()
	l, ok := h.limiters[host]
	if !ok {
		l = New(h.schedule)
		h.limiters[host] = l
	}
	return l
}
