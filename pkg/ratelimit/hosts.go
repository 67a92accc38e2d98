package ratelimit

import (
	"strings"
	"sync"
)

// Hosts has a Limiter for each host. Its methods are safe for concurrent use.
type Hosts struct {
	mu       sync.Mutex // guards what follows
	schedule Schedule   // of hosts that have none of their own
	own      map[string]Schedule
	limiters map[string]*Limiter
}

// NewHosts returns Hosts whose limiters each follow s.
func NewHosts(s Schedule) *Hosts {
	return &Hosts{schedule: s, own: make(map[string]Schedule), limiters: make(map[string]*Limiter)}
}

// Of returns the host's limiter, the same one each time. Upper and lower case
// are one.
func (h *Hosts) Of(host string) *Limiter {
	host = strings.ToLower(host)
	h.mu.Lock()
	defer h.mu.Unlock()
	l, ok := h.limiters[host]
	if !ok {
		s, own := h.own[host]
		if !own {
			s = h.schedule
		}
		l = New(s)
		h.limiters[host] = l
	}
	return l
}

// Set puts s in the place of a host's schedule; an empty host means every one,
// those that had one of their own included.
func (h *Hosts) Set(host string, s Schedule) {
	host = strings.ToLower(host)
	h.mu.Lock()
	defer h.mu.Unlock()
	if host == "" {
		h.schedule = s
		clear(h.own)
	} else {
		h.own[host] = s
	}
	for name, l := range h.limiters {
		if host == "" || name == host {
			l.Set(s)
		}
	}
}
