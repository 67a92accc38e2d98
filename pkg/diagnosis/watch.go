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
	mu     sync.Mutex
	hosts  map[hostKey]*watched
	looked time.Time // when Look was called last
}

type hostKey struct {
	side fault.Side
	name string
}

// watched is one host on one side.
type watched struct {
	octets atomic.Int64 // of mail's direction
	gaps   [len(Gaps{})]atomic.Int64

	// The lock of Watch guards these.
	trip      time.Duration
	throttles int
	refusals  int
	limit     int64
	seen      int64              // octets at the last look
	conns     map[*conn]struct{} // to a destination
	flow      flow
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

// Look notes how much has passed since the last look. Call it four times a
// second or so, from one goroutine.
func (w *Watch) Look(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := now.Sub(w.looked)
	first := w.looked.IsZero()
	if d < flowEvery/2 {
		return
	}
	w.looked = now
	for _, h := range w.hosts {
		passed := h.passed()
		switch {
		case first:
		case d < 2*flowEvery:
			h.flow.add(passed, d)
		default: // the machine was elsewhere
			h.flow.skip()
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

// passed is how much has passed since it was asked last: of a source what was
// read; of a destination what the other end of the connection has, where the
// system says so, for a buffer on this side takes much at once. The lock of
// Watch is held.
func (h *watched) passed() int64 {
	if h.conns == nil {
		octets := h.octets.Load()
		defer func() { h.seen = octets }()
		return octets - h.seen
	}
	var sum int64
	for c := range h.conns {
		sum += c.news()
	}
	sum, h.seen = sum+h.seen, 0 // of connections that have ended
	return sum
}

// news is how much the other end has got since it was asked last.
func (c *conn) news() int64 {
	now, ok := acked(c.Conn)
	if !ok {
		now = c.written.Load()
	}
	n := max(0, now-c.told)
	c.told += n
	return n
}

// conn is a connection that is watched.
type conn struct {
	net.Conn
	w       *Watch
	h       *watched
	source  bool
	written atomic.Int64
	told    int64 // by news; the lock of Watch guards it
}

func (c *conn) Read(p []byte) (int, error) {
	if !c.source {
		return c.Conn.Read(p)
	}
	began := time.Now()
	n, err := c.Conn.Read(p)
	took := time.Since(began)
	c.h.gaps[gapOf(took)].Add(int64(took))
	c.h.octets.Add(int64(n))
	return n, err
}

// writePiece is how much is written at a time, so that a look sees what has
// passed and not what a buffer will take some time.
const writePiece = 64 << 10

func (c *conn) Write(p []byte) (int, error) {
	if c.source {
		return c.Conn.Write(p)
	}
	written := 0
	for {
		n, err := c.Conn.Write(p[written:min(len(p), written+writePiece)])
		c.h.octets.Add(int64(n))
		c.written.Add(int64(n))
		written += n
		if err != nil || written >= len(p) {
			return written, err
		}
	}
}

// Close closes the connection.
func (c *conn) Close() error {
	c.w.mu.Lock()
	if _, ok := c.h.conns[c]; ok {
		c.h.seen += c.news()
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
