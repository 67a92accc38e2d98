package imapconn

import (
	"context"
	"slices"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/wire"
)

// maxMaking is how many CREATE or SUBSCRIBE commands are in flight at a time.
const maxMaking = 16

// NewMailbox is a mailbox to be made. Name is in UTF-8 with the server's own
// delimiter and prefix; Use is a special use such as `\Sent`, or "".
type NewMailbox struct{ Name, Use string }

// Create makes mailboxes, in the order given and without waiting for one
// before the next. Use is asked for where the server offers
// CREATE-SPECIAL-USE (RFC 6154), and given up when it will not have it. The
// refusals are in the order of the mailboxes, nil for each that was made or
// that the server says by code to have already; the error is about the
// connection.
func (c *Conn) Create(ctx context.Context, boxes []NewMailbox) (refusals []error, err error) {
	finish, err := c.startCreate(ctx, boxes)
	if err != nil {
		return nil, err
	}
	return finish(ctx)
}

// Make is Create, and Status of the mailboxes that were made, all sent before
// the first answer. A mailbox that is refused may have a Status that is not OK.
func (c *Conn) Make(ctx context.Context, boxes []NewMailbox) (refusals []error, states []Status, err error) {
	made, err := c.startCreate(ctx, boxes)
	if err != nil {
		return nil, nil, err
	}
	names := make([]string, len(boxes))
	for i, b := range boxes {
		names[i] = EncodeMailbox(b.Name)
	}
	if states, err = c.Status(ctx, names); err != nil {
		return nil, nil, err
	}
	refusals, err = made(ctx)
	return refusals, states, err
}

func (c *Conn) startCreate(ctx context.Context, boxes []NewMailbox) (finish func(context.Context) ([]error, error), err error) {
	answers, err := c.each(ctx, "create", len(boxes), func(i int) (string, string) {
		line := "CREATE " + quote(EncodeMailbox(boxes[i].Name))
		if c.asksUse(boxes[i].Use) {
			line += " (USE (" + boxes[i].Use + "))"
		}
		return boxes[i].Name, line
	})
	return func(ctx context.Context) ([]error, error) {
		refusals, err := answers(ctx)
		for i, refusal := range refusals {
			if refusal == nil || !c.asksUse(boxes[i].Use) {
				continue
			}
			plain, err := c.Create(ctx, []NewMailbox{{Name: boxes[i].Name}})
			if err != nil {
				return nil, err
			}
			refusals[i] = plain[0]
		}
		return refusals, err
	}, err
}

// each sends one command for each of n mailboxes, with a few in flight; finish
// takes the last answers and returns the refusals in their order. command gives
// name and line.
func (c *Conn) each(ctx context.Context, op string, n int, command func(i int) (name, line string)) (finish func(context.Context) ([]error, error), err error) {
	refusals, sent := make([]error, n), make([]*wire.Pending, n)
	take := func(ctx context.Context, i int) error {
		if sent[i] == nil {
			return nil
		}
		r, err := c.await(ctx, op, sent[i])
		if err == nil && !created(r) {
			name, _ := command(i)
			refusals[i] = c.refused(op, EncodeMailbox(name), r)
		}
		return err
	}
	for i := range n {
		if i >= maxMaking {
			if err := take(ctx, i-maxMaking); err != nil {
				return nil, err
			}
		}
		name, line := command(i)
		if strings.ContainsAny(name, "\r\n\x00") {
			refusals[i] = c.badName(op, EncodeMailbox(name))
			continue
		}
		if sent[i], err = c.start(ctx, op, wire.Request{Line: line, Slow: true}); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context) ([]error, error) {
		for i := max(0, n-maxMaking); i < n; i++ {
			if err := take(ctx, i); err != nil {
				return nil, err
			}
		}
		return refusals, nil
	}, nil
}

func created(r wire.Reply) bool {
	return r.Status == "OK" || strings.EqualFold(r.Code, "ALREADYEXISTS")
}

// asksUse reports whether CREATE may ask for a special use: only for one that
// RFC 6154 knows.
func (c *Conn) asksUse(use string) bool {
	return c.caps.CreateSpecialUse && slices.Contains(uses[:], use)
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
