package mailsync

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// gauge measures what holds one side of a lane up, over all its connections.
// Goroutines of a connection wait at the same time, one of them all the time:
// what of it is time of the lane its clock says.
type gauge struct {
	imapconn.Waits
	read, write             throughput.Stopwatch // the other end is to send, or to be reached; it is to take octets
	readLimited, sndLimited throughput.Stopwatch // the user's own limit on octets holds them back
	room                    throughput.Stopwatch // what comes waits for memory, which the other side's messages have
}

// shown is what a gauge shows at one instant.
type shown struct{ braked, asked, read, write, readLimited, sndLimited, room time.Duration }

func (g *gauge) at(now time.Time) shown {
	if g == nil {
		return shown{}
	}
	return shown{braked: g.Braked.So(now), asked: g.Asked.So(now), read: g.read.So(now), write: g.write.So(now),
		readLimited: g.readLimited.So(now), sndLimited: g.sndLimited.So(now), room: g.room.So(now)}
}

// dialler dials as Options.DialContext and wraps as Options.WrapConn say, with
// g below what wraps, and above it.
func (e *Engine) dialler(side fault.Side, host string, g *gauge) func(ctx context.Context, network, addr string) (net.Conn, error) {
	dial, wrap := e.opt.DialContext, e.opt.WrapConn
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		g.read.Start(time.Now())
		nc, err := dial(ctx, network, addr)
		g.read.Stop(time.Now(), 0)
		if err != nil {
			return nil, err
		}
		if watch := e.opt.WatchConn; watch != nil {
			nc = watch(side, host, nc)
		}
		c := &gauged{Conn: nc, g: g}
		if wrap == nil {
			return c, nil
		}
		if out := wrap(side, host, c); out != net.Conn(c) {
			c.limited = true
			return &limited{out, g}, nil
		}
		return c, nil
	}
}

// What the system needs to copy octets is our own work: a call that takes no
// longer has not waited.
const (
	callTime   = 20 * time.Microsecond
	copyPerKiB = time.Microsecond
)

func copying(octets int) time.Duration { return callTime + time.Duration(octets>>10)*copyPerKiB }

// gauged is a connection whose waits a gauge sees. As in package ratelimit there
// is no method NetConn, and SetLinger is handed down.
type gauged struct {
	net.Conn
	g       *gauge
	limited bool // there is one above it
}

func (c *gauged) Read(p []byte) (int, error) {
	now := time.Now()
	if c.limited {
		c.g.readLimited.Stop(now, 0)
	}
	c.g.read.Start(now)
	n, err := c.Conn.Read(p)
	now = time.Now()
	c.g.read.Stop(now, copying(n))
	if c.limited {
		c.g.readLimited.Start(now)
	}
	return n, err
}

func (c *gauged) Write(p []byte) (int, error) {
	now := time.Now()
	if c.limited {
		c.g.sndLimited.Stop(now, 0)
	}
	c.g.write.Start(now)
	n, err := c.Conn.Write(p)
	now = time.Now()
	c.g.write.Stop(now, copying(n))
	if c.limited {
		c.g.sndLimited.Start(now)
	}
	return n, err
}

func (c *gauged) SetLinger(seconds int) error { return linger0(c.Conn, seconds) }

// limited is what wraps a gauged connection: what its calls take beyond those
// underneath is the limit's.
type limited struct {
	net.Conn
	g *gauge
}

func (c *limited) Read(p []byte) (int, error) {
	c.g.readLimited.Start(time.Now())
	n, err := c.Conn.Read(p)
	c.g.readLimited.Stop(time.Now(), 0)
	return n, err
}

func (c *limited) Write(p []byte) (int, error) {
	c.g.sndLimited.Start(time.Now())
	n, err := c.Conn.Write(p)
	c.g.sndLimited.Stop(time.Now(), 0)
	return n, err
}

func (c *limited) SetLinger(seconds int) error { return linger0(c.Conn, seconds) }

func linger0(nc net.Conn, seconds int) error {
	if l, ok := nc.(interface{ SetLinger(int) error }); ok {
		return l.SetLinger(seconds)
	}
	return errors.ErrUnsupported
}
