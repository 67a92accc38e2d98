package imapconn

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

// maxGreeting bounds the greeting line in octets.
const maxGreeting = 8192

// greeted reads the greeting line ahead of everybody, so that a server of
// another protocol is named as such, and returns a connection that says it
// again. It closes nc on error.
func greeted(ctx context.Context, nc net.Conn, timeout time.Duration) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { nc.Close() })
	defer stop()
	line, err := readGreeting(nc, timeout)
	if err == nil && !greeting(line) {
		err = &fault.Error{Code: fault.NotIMAP, Op: "greeting", Text: fault.Clean(string(line)),
			Hint: "what answers there is no IMAP server: check host and port"}
	}
	if err != nil {
		nc.Close()
		return nil, err
	}
	_ = nc.SetReadDeadline(time.Time{}) // fails only when the next read does too
	return &replay{Conn: nc, head: line}, nil
}

// readGreeting reads octet by octet: what follows the line belongs to the
// session.
func readGreeting(nc net.Conn, timeout time.Duration) ([]byte, error) {
	_ = nc.SetReadDeadline(time.Now().Add(timeout)) // fails only on a closed connection
	var line []byte
	var b [1]byte
	for {
		n, err := nc.Read(b[:])
		line = append(line, b[:n]...)
		if n > 0 && b[0] == '\n' {
			return line, nil
		}
		if err != nil {
			return nil, err
		}
		if len(line) == maxGreeting {
			return nil, &fault.Error{Code: fault.NotIMAP, Op: "greeting", Text: "a line without end",
				Hint: "what answers there is no IMAP server: check host and port"}
		}
	}
}

// greeting reports whether line is one of RFC 3501 section 9: OK, PREAUTH or
// BYE. NO and BAD have been seen and are refusals too.
func greeting(line []byte) bool {
	f := strings.Fields(strings.ToUpper(string(line)))
	if len(f) < 2 || f[0] != "*" {
		return false
	}
	switch f[1] {
	case "OK", "PREAUTH", "BYE", "NO", "BAD":
		return true
	}
	return false
}

// replay is a connection whose first octets have been read already.
type replay struct {
	net.Conn
	head []byte
}

func (r *replay) Read(p []byte) (int, error) {
	if len(r.head) == 0 {
		return r.Conn.Read(p)
	}
	n := copy(p, r.head)
	r.head = r.head[n:]
	return n, nil
}

// NetConn returns the connection underneath, for socket options.
func (r *replay) NetConn() net.Conn { return r.Conn }

// greet waits until go-imap has read the greeting and makes sure that the
// capabilities are known. A server that takes us for logged in already
// (PREAUTH) is refused: nobody can say as whom.
func (c *Conn) greet(ctx context.Context) error {
	stop := c.guard(ctx)
	defer stop()
	err := c.client.WaitGreeting()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	said := c.filter.last()
	switch said.status {
	case "BYE", "NO", "BAD":
		return fault.Classify(fault.Answer{Side: c.cfg.Side, Host: c.cfg.Endpoint.Host, Op: "greeting",
			Status: said.status, Code: said.code, Text: said.text})
	case "PREAUTH":
		return &fault.Error{Side: c.cfg.Side, Host: c.cfg.Endpoint.Host, Op: "greeting", Code: fault.AuthUnsupported,
			Text: fault.Clean("PREAUTH " + said.text),
			Hint: "the server holds this connection for logged in as somebody: use a port that asks for a login"}
	}
	if err != nil {
		return c.lost(ctx, "greeting", err)
	}
	_, lists := c.filter.caps()
	if lists == 0 {
		return c.askCaps(ctx)
	}
	return c.settleCaps()
}

// askCaps sends CAPABILITY and takes the answer.
func (c *Conn) askCaps(ctx context.Context) error {
	if _, err := c.client.Capability().Wait(); err != nil {
		if c.w.Err() == nil && ctx.Err() == nil {
			return c.answered("capability", err)
		}
		return c.lost(ctx, "capability", err)
	}
	return c.settleCaps()
}

func (c *Conn) settleCaps() error {
	names, _ := c.filter.caps()
	c.caps = parseCaps(names)
	return nil
}

// answered classifies what go-imap returned for a command on a connection
// that lives: the server's own words are in the filter.
func (c *Conn) answered(op string, err error) error {
	said := c.filter.last()
	if said.status != "NO" && said.status != "BAD" {
		return fault.Lost(c.cfg.Side, op, c.w.Bye(), errors.Join(err))
	}
	return fault.Classify(fault.Answer{Side: c.cfg.Side, Host: c.cfg.Endpoint.Host, Op: op,
		Status: said.status, Code: said.code, Text: said.text})
}
