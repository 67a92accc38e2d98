package wire

import (
	"errors"
	"net"
	"os"
	"time"
)

// chunk is how many octets are written under one deadline.
const chunk = 256 << 10

// grace is how long after a failed write the reader may go on to read what
// the server said before it hung up.
const grace = time.Second

// socket is the io.Reader under the read buffer: octets are counted, and the
// deadline runs from when a Read begins. A consumer that pauses between two
// Reads is not a silent server.
type socket struct{ c *Conn }

func (s socket) Read(p []byte) (int, error) {
	c := s.c
	c.mu.Lock()
	if c.err != nil {
		defer c.mu.Unlock()
		return 0, c.err
	}
	c.reading = true
	c.arm()
	c.mu.Unlock()
	n, err := c.nc.Read(p)
	c.in.Add(int64(n))
	c.mu.Lock()
	c.reading = false
	c.await(false, time.Now())
	c.mu.Unlock()
	if !c.zipped.Load() {
		c.plainIn.Add(int64(n))
		c.taster.pass(p[:n])
	}
	if err != nil && n == 0 {
		return 0, c.lost(err)
	}
	return n, nil // an error with octets comes again with the next Read
}

// arm sets the read deadline by what is owed. c.mu is held.
func (c *Conn) arm() {
	limit := c.patience()
	switch {
	case limit > 0:
		now := time.Now()
		c.armed = true
		c.await(true, now)
		_ = c.nc.SetReadDeadline(now.Add(limit))
	case c.armed:
		c.armed = false
		_ = c.nc.SetReadDeadline(time.Time{})
	}
}

// await puts the Read under way on the stopwatch, or takes it off. c.mu is
// held.
func (c *Conn) await(owed bool, now time.Time) {
	switch {
	case owed && !c.awaits:
		c.wait.Start(now)
	case !owed && c.awaits:
		c.wait.Stop(now, 0)
	}
	c.awaits = owed
}

// rearm gives the server the whole time again when the last of a command has
// just left while a Read of the socket waits. c.mu is held.
func (c *Conn) rearm() {
	if c.reading {
		c.arm()
	}
}

// patience is how long the server may be silent; 0 while it owes nothing. It
// works in the order of our commands, so the oldest answer owed decides. c.mu
// is held.
func (c *Conn) patience() time.Duration {
	if !c.greeted {
		return c.opt.Timeout
	}
	for _, p := range c.cmds {
		switch {
		case !p.owed:
		case p.slow:
			return c.opt.FinalTimeout
		default:
			return c.opt.Timeout
		}
	}
	return 0
}

// transmit writes p to the socket as it is. The caller holds the writer. The
// server may leave our octets alone while it works on a Slow command.
func (c *Conn) transmit(p []byte) error {
	for len(p) > 0 {
		c.mu.Lock()
		if c.err != nil {
			defer c.mu.Unlock()
			return c.err
		}
		now := time.Now()
		_ = c.nc.SetWriteDeadline(now.Add(max(c.patience(), c.opt.Timeout)))
		c.wait.Start(now)
		c.mu.Unlock()
		n, err := c.nc.Write(p[:min(len(p), chunk)])
		c.out.Add(int64(n))
		c.mu.Lock()
		c.wait.Stop(time.Now(), 0)
		c.mu.Unlock()
		if err != nil {
			return c.sendFailed(err)
		}
		p = p[n:]
	}
	return nil
}

// sendFailed ends the connection after a failed write. A server that hangs up
// has often said why: the reader gets a moment to find that.
func (c *Conn) sendFailed(err error) error {
	var ne net.Error
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &ne) && ne.Timeout() {
		return c.lost(err)
	}
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-c.dead:
		return c.Err()
	case <-t.C:
		return c.lost(err)
	}
}
