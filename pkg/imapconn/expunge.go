package imapconn

import (
	"context"

	"github.com/imapfleet/imapfleet/pkg/wire"
)

// Expunge sends one UID EXPUNGE (RFC 4315 section 2.1): of the messages in set
// those with \Deleted go away for good, and no others. The mailbox must be open
// for change. It is for servers with UIDPLUS only: where that is not offered
// nothing is sent, since EXPUNGE would take all mail that is marked, whoever
// marked it. A refusal is about the mailbox. ctx bounds all of it.
func (c *Conn) Expunge(ctx context.Context, set []Range) error {
	line := "UID EXPUNGE " + formatSet(set)
	switch {
	case !c.caps.UIDPlus:
		return c.protocol("expunge", "", "UID EXPUNGE to a server without UIDPLUS")
	case len(set) == 0 || len(line) > MaxLine:
		return c.longSet("expunge")
	}
	name := ""
	if c.opening != nil {
		name = c.opening.name
	}
	_, err := c.must(ctx, "expunge", name, wire.Request{Line: line, Slow: true, Wants: gone})
	return err
}

// gone claims what tells that messages have gone.
func gone(kind string) bool { return kind == "EXPUNGE" || kind == "VANISHED" }
