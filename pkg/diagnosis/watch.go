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
	seen      int64 // octets at the last look
	flow      flow
}

func (w *Watch) of(side fault.Side, host string) *watched {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at(side, host)
}

// at is of for who holds the lock.
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
		octets := h.octets.Load()
		if !first && d < 2*flowEvery { // longer: the machine was elsewhere
			h.flow.add(octets-h.seen, d)
		}
		h.seen = octets
	}
}

// Wrap returns nc watched. It owns nc from then on.
func (w *Watch) Wrap(side fault.Side, host string, nc net.Conn) net.Conn {
	return &conn{Conn: nc, h: w.of(side, host), source: side == fault.Source}
}

// conn is a connection that is watched.
type conn struct {
	net.Conn
	h      *watched
	source bool
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
		written += n
		if err != nil || written >= len(p) {
			return written, err
		}
	}
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
