package wire

import (
	"net"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

// Abort closes the socket at once and discards what the system has not yet
// sent (on TCP the server gets a reset). Everyone who waits on the connection
// returns with err, or with the first reason when it was dead before. A nil
// err stands for net.ErrClosed.
func (c *Conn) Abort(err error) {
	if err == nil {
		err = net.ErrClosed
	}
	c.die(err)
	c.linger(0)
	c.hangUp()
}

// Close ends the connection. go-imap calls it when its own parser gives up or
// its client is closed. After Soften, or without Options.Linger0, what was
// written still arrives. It always returns nil.
func (c *Conn) Close() error {
	if !c.die(net.ErrClosed) {
		return nil
	}
	if c.opt.Linger0 && !c.soft.Load() {
		c.hangUp()
		return nil
	}
	_ = c.nc.Close() // TLS says goodbye
	return nil
}

// Soften takes back Options.Linger0, so that an orderly LOGOUT reaches the
// server. To be called when no APPEND is in flight.
func (c *Conn) Soften() {
	c.soft.Store(true)
	c.linger(-1)
}

// lost ends the connection for a cause below it and returns the reason that
// everyone gets.
func (c *Conn) lost(cause error) error {
	if c.die(fault.Lost(c.lastWord(), cause)) {
		c.hangUp()
	}
	return c.Err()
}

// lastWord is what the server said at the end: a refusal, its BYE, or both.
func (c *Conn) lastWord() fault.Answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.refusal
	a.Bye = c.bye
	return a
}

// nonsense ends the connection for an answer that no IMAP server gives.
func (c *Conn) nonsense(text string, said []byte) error {
	const most = 120
	if len(said) > most {
		said = said[:most]
	}
	if len(said) > 0 {
		text += ": " + string(said)
	}
	c.Abort(&fault.Error{
		Code: fault.Protocol, Text: fault.Clean(text),
		Hint: "the server's answer makes no sense: see run.log, and ask its administrator",
	})
	return c.Err()
}

// die records the reason and wakes everyone who waits; it reports whether it
// was the first. The socket is closed by the caller.
func (c *Conn) die(err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return false
	}
	c.err = err
	close(c.dead)
	for _, p := range c.cmds {
		p.err = err
		close(p.done)
	}
	c.cmds, c.waits = nil, nil
	return true
}

// hangUp closes the innermost connection first: a TLS connection would try to
// say goodbye to a server that may not be reading.
func (c *Conn) hangUp() {
	if _, wrapped := c.nc.(interface{ NetConn() net.Conn }); wrapped {
		_ = innermost(c.nc).Close()
	}
	_ = c.nc.Close() // its error is of no use to anybody: the reason is known
}

// linger sets SO_LINGER where there is a TCP socket underneath.
func (c *Conn) linger(seconds int) {
	if tcp, ok := innermost(c.nc).(interface{ SetLinger(int) error }); ok {
		_ = tcp.SetLinger(seconds) // fails only on a socket that is closed
	}
}

// innermost follows NetConn, which tls.Conn and other wrappers have.
func innermost(nc net.Conn) net.Conn {
	for {
		w, ok := nc.(interface{ NetConn() net.Conn })
		if !ok {
			return nc
		}
		inner := w.NetConn()
		if inner == nil {
			return nc
		}
		nc = inner
	}
}
