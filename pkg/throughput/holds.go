package throughput

import "strings"

// Holds is what a person has stopped in a run that goes on. The zero value is
// nothing. Its JSON is stable; fields are only ever added.
type Holds struct {
	Paused   bool     `json:"paused"`                 // no row starts
	Hosts    []string `json:"paused_hosts,omitempty"` // no row starts there; by name
	Draining bool     `json:"draining,omitempty"`     // no row starts, and the run ends when those at work have
}

// IsZero reports whether nothing is stopped.
func (h Holds) IsZero() bool { return !h.Any() }

// Any reports whether something is stopped.
func (h Holds) Any() bool { return h.Paused || h.Draining || len(h.Hosts) > 0 }

// Of reports whether a row between two hosts waits for a person.
func (h Holds) Of(host1, host2 string) bool {
	if h.Paused {
		return true
	}
	for _, name := range h.Hosts {
		if name == host1 || name == host2 {
			return true
		}
	}
	return false
}

// Text says in one line what is stopped; "" where nothing is.
func (h Holds) Text() string {
	switch {
	case h.Draining:
		return "draining: no row starts any more, the run ends when those at work have"
	case h.Paused:
		return "paused: the whole run"
	case len(h.Hosts) > 0:
		return oneLine("paused: " + strings.Join(h.Hosts, ", "))
	}
	return ""
}
