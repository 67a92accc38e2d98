package imapconn

import (
	"context"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/wire"
)

// Create makes a mailbox, name in UTF-8 with the server's own delimiter and
// prefix. use is a special use such as `\Sent` or "": it is asked for where
// the server offers CREATE-SPECIAL-USE (RFC 6154) and given up when it will
// not have it. A mailbox that exists already is no error when the server says
// so by code.
func (c *Conn) Create(ctx context.Context, name, use string) error {
	encoded := EncodeMailbox(name)
	if strings.ContainsAny(name, "\r\n\x00") {
		return c.badName("create", encoded)
	}
	if use != "" && c.caps.CreateSpecialUse && specialUse(use) {
		r, err := c.do(ctx, "create", wire.Request{Line: "CREATE " + quote(encoded) + " (USE (" + use + "))", Slow: true})
		if err != nil || created(r) {
			return err
		}
	}
	r, err := c.do(ctx, "create", wire.Request{Line: "CREATE " + quote(encoded), Slow: true})
	if err != nil || created(r) {
		return err
	}
	return c.refused("create", encoded, r)
}

func created(r wire.Reply) bool {
	return r.Status == "OK" || strings.EqualFold(r.Code, "ALREADYEXISTS")
}

func specialUse(use string) bool {
	for _, u := range uses {
		if u == use {
			return true
		}
	}
	return false
}

// badName refuses a name that cannot be put on a command line: CR, LF and NUL
// would end it.
func (c *Conn) badName(op, name string) *fault.Error {
	decoded, _ := DecodeMailbox(name)
	return &fault.Error{
		Scope: fault.Mailbox, Side: c.cfg.Side, Code: fault.MailboxRefused, Op: op, Host: c.cfg.Endpoint.Host,
		Mailbox: decoded, Text: "the name holds a line break or a NUL",
		Hint: "no IMAP command can carry this name: rename the mailbox at its server",
	}
}
