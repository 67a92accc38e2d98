package ratelimit

import (
	"errors"
	"net"
	"slices"
	"sync"
	"time"
)

// Wrap returns nc with its octets held to the rates of all the limiters given:
// those it reads by read, those it writes by write; none is no limit. It owns
// nc from then on.
//
// Deadlines bound the time that the other end takes: while octets wait for a
// limiter the deadlines of that direction stand still, even where a layer
// above, such as TLS, makes many small reads under one deadline. Close ends
// every wait at once; what waits then returns net.ErrClosed.
//
// There is deliberately no method NetConn, which would let layers above close
// the connection underneath and leave those asleep who wait here. SetLinger
// is handed down.
func Wrap(nc net.Conn, read, write []*Limiter) net.Conn {
	c := &conn{Conn: nc, closed: make(chan struct{})}
	c.in = direction{limiters: read, set: nc.SetReadDeadline}
	c.out = direction{limiters: write, set: nc.SetWriteDeadline}
	return c
}

// conn is a connection under limiters.
type conn struct {
	net.Conn
	in, out direction
	once    sync.Once
	closed  chan struct{}
}

// Read reads first and waits then: how much comes is not known before, and the
// deadline is the server's while nothing has come.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p[:min(len(p), c.in.most())])
	if n > 0 && !c.in.wait(c.closed, n) && err == nil {
		err = net.ErrClosed
	}
	return n, err
}

// Write waits and writes in turns.
func (c *conn) Write(p []byte) (int, error) {
	written := 0
	for {
		turn := p[written:]
		turn = turn[:min(len(turn), c.out.most())]
		if !c.out.wait(c.closed, len(turn)) {
			return written, net.ErrClosed
		}
		n, err := c.Conn.Write(turn)
		written += n
		if err != nil || written >= len(p) {
			return written, err
		}
	}
}

// Close closes the connection and ends the waits.
func (c *conn) Close() error {
	c.once.Do(func() { close(c.closed) })
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

func (c *conn) SetReadDeadline(t time.Time) error { return c.in.deadline(t) }

func (c *conn) SetWriteDeadline(t time.Time) error { return c.out.deadline(t) }

func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.in.deadline(t), c.out.deadline(t))
}

// direction is one of a connection's two ways.
type direction struct {
	limiters []*Limiter
	set      func(time.Time) error // the deadline underneath

	mu    sync.Mutex // guards what follows
	at    time.Time  // the deadline; zero: none
	since time.Time  // from when on waits move it
}

// most is how many octets should be moved at a time.
func (d *direction) most() int {
	n := Rate(0).turn()
	for _, l := range d.limiters {
		n = min(n, l.most())
	}
	return n
}

// wait returns when n octets may pass, or with false when closed is closed,
// and moves the deadline by the time that it took.
func (d *direction) wait(closed <-chan struct{}, n int) bool {
	if !slices.ContainsFunc(d.limiters, func(l *Limiter) bool { return !l.free.Load() }) {
		return true
	}
	began := time.Now()
	for _, l := range d.limiters {
		if !l.Wait(closed, n) {
			return false
		}
	}
	d.resume(began)
	return true
}

func (d *direction) deadline(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at, d.since = t, time.Now()
	return d.set(t)
}

// resume gives back the time since began that the deadline has stood.
func (d *direction) resume(began time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.at.IsZero() {
		return
	}
	if d.since.After(began) {
		began = d.since // it was set while we waited
	}
	now := time.Now()
	d.at, d.since = d.at.Add(now.Sub(began)), now
	_ = d.set(d.at) // fails only on a connection that is closed
}
