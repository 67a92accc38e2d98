package diagnosis

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

// Watch collects what the connections of a run tell of its hosts. The zero
// value is ready; its methods are safe for concurrent use.
type Watch struct {
	mu    sync.Mutex
	hosts map[hostKey]*watched
}

type hostKey struct {
	side fault.Side
	name string
}

// watched is one host on one side.
type watched struct {
	octets   atomic.Int64 // of mail's direction
	gaps     [len(Gaps{})]atomic.Int64
	arrivals arrivals

	// The lock of Watch guards these.
	trip      time.Duration
	throttles int
	refusals  int
	limit     int64
	conns     map[*conn]struct{} // to a destination
	ended     Sending            // of connections that have ended
}

// at is the host, the same one each time. The lock is held.
func (w *Watch) at(side fault.Side, host string) *watched {
	k := hostKey{side, host}
	h := w.hosts[k]
	if h == nil {
		if w.hosts == nil {
			w.hosts = make(map[hostKey]*watched)
		}
		h = new(watched)
		w.hosts[k] = h
	}
	return h
}

// RoundTrip tells of a command that has taken so long; 0 is no news.
func (w *Watch) RoundTrip(side fault.Side, host string, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if h := w.at(side, host); d > 0 && (h.trip == 0 || d < h.trip) {
		h.trip = d
	}
}

// Throttled tells that a host has asked to go slower, or to come later.
func (w *Watch) Throttled(side fault.Side, host string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at(side, host).throttles++
}

// Refused tells that a host has refused a connection for their number.
func (w *Watch) Refused(side fault.Side, host string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at(side, host).refusals++
}

// Limit tells the user's own limit at a host, octets per second; 0: none.
func (w *Watch) Limit(side fault.Side, host string, limit int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at(side, host).limit = limit
}

// Look notes how what has come since the last look has come. Call it a few times
// a second.
func (w *Watch) Look(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for k, h := range w.hosts {
		if k.side == fault.Source {
			h.arrivals.look(now)
		}
	}
}

// Wrap returns nc watched. It owns nc from then on.
func (w *Watch) Wrap(side fault.Side, host string, nc net.Conn) net.Conn {
	c := &conn{Conn: nc, w: w, source: side == fault.Source}
	w.mu.Lock()
	defer w.mu.Unlock()
	c.h = w.at(side, host)
	if !c.source {
		if c.h.conns == nil {
			c.h.conns = make(map[*conn]struct{})
		}
		c.h.conns[c] = struct{}{}
	}
	return c
}

// sending is what TCP has said of the connections of a destination. The lock of
// Watch is held.
func (h *watched) sending() Sending {
	sum := h.ended
	for c := range h.conns {
		if s, ok := readSending(c.Conn); ok {
			sum = sum.plus(s)
		}
	}
	return sum
}

// conn is a connection that is watched.
type conn struct {
	net.Conn
	w      *Watch
	h      *watched
	source bool

	// Of reads, which are one goroutine's at a time.
	read   time.Time // when the last one was done
	behind bool      // octets may have piled up that nobody read
}

func (c *conn) Read(p []byte) (int, error) {
	if !c.source {
		return c.Conn.Read(p)
	}
	began := time.Now()
	n, err := c.Conn.Read(p)
	now := time.Now()
	took := now.Sub(began)
	c.h.gaps[gapOf(took)].Add(int64(took))
	c.h.octets.Add(int64(n))
	switch {
	case took >= away/2: // it had to wait
		c.behind = false
	case began.Sub(c.read) >= away:
		c.behind = true
	}
	c.read = now
	if !c.behind && n > 0 {
		c.h.arrivals.add(now, n)
	}
	return n, err
}

func (c *conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if !c.source {
		c.h.octets.Add(int64(n))
	}
	return n, err
}

// Close closes the connection.
func (c *conn) Close() error {
	c.w.mu.Lock()
	if _, ok := c.h.conns[c]; ok {
		if s, ok := readSending(c.Conn); ok {
			c.h.ended = c.h.ended.plus(s)
		}
		delete(c.h.conns, c)
	}
	c.w.mu.Unlock()
	return c.Conn.Close()
}

// SetLinger is that of the connection underneath; errors.ErrUnsupported where
// it has none.
func (c *conn) SetLinger(seconds int) error {
	if l, ok := c.Conn.(interface{ SetLinger(int) error }); ok {
		return l.SetLinger(seconds)
	}
	return errors.ErrUnsupported
}

// Refuser is the host that has refused the most connections for their number;
// "" when none has.
func (w *Watch) Refuser() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	best, most := "", 0
	for k, h := range w.hosts {
		if h.refusals > most || h.refusals == most && most > 0 && k.name < best {
			best, most = k.name, h.refusals
		}
	}
	return best
}
