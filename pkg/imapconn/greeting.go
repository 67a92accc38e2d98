package imapconn

import (
	"context"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/wire"
)

// greet waits until go-imap has read the greeting and makes sure that the
// capabilities are known. A server that takes us for logged in already
// (PREAUTH) is refused: nobody can say as whom.
func (c *Conn) greet(ctx context.Context) error {
	stop := c.guard(ctx)
	defer stop()
	err := c.client.WaitGreeting()
	if ctx.Err() != nil {
		return c.lost(ctx, "greeting", ctx.Err())
	}
	said := c.filter.last()
	switch said.status {
	case "OK":
		if err != nil {
			return c.lost(ctx, "greeting", err)
		}
	case "BYE", "NO", "BAD":
		return c.refused("greeting", "", wire.Reply{Status: said.status, Code: said.code, Text: said.text})
	case "PREAUTH":
		return &fault.Error{Side: c.cfg.Side, Host: c.cfg.Endpoint.Host, Op: "greeting", Code: fault.AuthUnsupported,
			Text: fault.Clean("PREAUTH " + said.text),
			Hint: "the server holds this connection for logged in as somebody: use a port that asks for a login"}
	case "": // nothing came, or nothing of IMAP
		return c.unGreeted()
	default:
		return &fault.Error{Side: c.cfg.Side, Host: c.cfg.Endpoint.Host, Op: "greeting", Code: fault.NotIMAP,
			Text: fault.Clean("* " + said.status + " " + said.text),
			Hint: "what answers there is no IMAP server: check host and port"}
	}
	if _, lists := c.filter.caps(); lists == 0 {
		return c.askCaps(ctx)
	}
	c.settleCaps()
	return nil
}

// unGreeted classifies a connection that ended before a greeting: wire knows
// a server of another protocol; the rest is a connection that was not made.
func (c *Conn) unGreeted() *fault.Error {
	err := c.w.Err()
	if e := fault.Of(err); e != nil && e.Code != fault.ConnectionLost && e.Code != fault.Timeout {
		return c.cfg.dialFault(err)
	}
	e := fault.Dial(c.cfg.Side, c.cfg.Endpoint.Host, err)
	e.Op = "greeting"
	return e
}

// askCaps sends CAPABILITY and takes the answer.
func (c *Conn) askCaps(ctx context.Context) error {
	if _, err := c.client.Capability().Wait(); err != nil {
		if c.w.Err() == nil && ctx.Err() == nil {
			return c.answered("capability", err)
		}
		return c.lost(ctx, "capability", err)
	}
	c.settleCaps()
	return nil
}

func (c *Conn) settleCaps() {
	names, _ := c.filter.caps()
	c.caps = parseCaps(names)
}

// answered classifies what go-imap returned for a command on a connection
// that lives: the server's own words are in the filter.
func (c *Conn) answered(op string, err error) error {
	said := c.filter.last()
	if said.status != "NO" && said.status != "BAD" {
		return c.cfg.Faults.Lost(c.answer(op), err)
	}
	return c.refused(op, "", wire.Reply{Status: said.status, Code: said.code, Text: said.text})
}
