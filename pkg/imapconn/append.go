package imapconn

import (
	"context"
	"errors"
	"io"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/wire"
)

// AppendMode is how messages go to a server, by what it offers.
type AppendMode uint8

// The modes, from slowest to fastest.
const (
	AppendSync  AppendMode = iota // each literal waits for "+"
	AppendMinus                   // LITERAL-: up to 4096 octets do not wait (RFC 7888)
	AppendPlus                    // LITERAL+: no literal waits
	AppendMulti                   // MULTIAPPEND: many messages in a command (RFC 3502), its literals by LITERAL+ or LITERAL- where offered
)

// String names the mode as the capability does.
func (m AppendMode) String() string {
	switch m {
	case AppendMinus:
		return "LITERAL-"
	case AppendPlus:
		return "LITERAL+"
	case AppendMulti:
		return "MULTIAPPEND"
	default:
		return "synchronising"
	}
}

// AppendMode returns the fastest mode that the server offers.
func (c *Conn) AppendMode() AppendMode {
	switch {
	case c.caps.MultiAppend:
		return AppendMulti
	case c.caps.LiteralPlus:
		return AppendPlus
	case c.caps.LiteralMinus:
		return AppendMinus
	}
	return AppendSync
}

const (
	// maxNonSync is the largest message, in octets, that does not wait for
	// "+" under LITERAL+ before the server has taken one of about that size:
	// above it an early refusal saves more than a round trip costs.
	maxNonSync = 1 << 20
	// sizeReach is how many times as large as one that was taken after a "+" a
	// message may be that does not wait.
	sizeReach = 4
	// maxNonSyncMinus is LITERAL-'s own limit (RFC 7888 section 5).
	maxNonSyncMinus = 4096
)

// ErrAborted is in the chain of an error that made us abort the connection
// ourselves: the server did not understand an APPEND with a non-synchronising
// literal and may be reading messages as commands.
var ErrAborted = errors.New("connection aborted: the server did not understand an APPEND")

// Append is one APPEND command being written. It holds the connection's
// writer from Conn.Append until Finish, Cancel or an error, and belongs to one
// goroutine.
type Append struct {
	c       *Conn
	a       *wire.Append
	mailbox string
	fresh   []string // forms that a "+" has followed first in this command
	largest int64    // octets of the largest message that a "+" has preceded
	most    int64    // octets of the largest message
	added   int
	nonSync bool
	dropped []string
}

// Append begins an APPEND to a mailbox, named as on the wire.
func (c *Conn) Append(ctx context.Context, mailbox string) (*Append, error) {
	arg, ok := c.astring(mailbox)
	if !ok {
		return nil, c.badName("append", mailbox)
	}
	stop := c.guard(ctx)
	defer stop()
	c.slowDown(ctx)
	a, err := c.w.Append(ctx, arg)
	if err != nil {
		return nil, c.lost(ctx, "append", err)
	}
	c.sweep(ctx)
	c.enterAppend(mailbox)
	return &Append{c: c, a: a, mailbox: mailbox}, nil
}

// Add writes one message of size octets from body; more than one in a command
// only with MULTIAPPEND.
//
// After an error the command is over and its final CRLF has not left for a
// whole command: it is void. With Conn.Err nil the error is the server's
// refusal ahead of the message, nothing of which was sent; the connection is
// usable. Else the connection is dead: a body that errs or ends short, or the
// end of ctx, aborts it, since nothing may follow half a literal. The body's
// own error is in the chain then.
func (a *Append) Add(ctx context.Context, h Head, size int64, body io.Reader) error {
	if a.added > 0 && !a.c.caps.MultiAppend {
		a.Cancel()
		return a.c.protocol("append", a.mailbox, "a second message without MULTIAPPEND")
	}
	text, needs, dropped := h.render()
	a.dropped = append(a.dropped, dropped...)
	needs = append(needs, formMailbox)
	lit := wire.Sync
	if !h.Sync {
		lit = a.literal(ctx, size, needs)
	}
	refusal, err := a.a.Message(ctx, text, size, lit, body)
	if err != nil {
		a.Cancel()
		return a.c.lostAppend(ctx, a.mailbox, err)
	}
	if refusal != nil {
		return a.c.refusedAppend(a, *refusal)
	}
	a.added++
	a.most = max(a.most, size)
	if lit == wire.Sync {
		a.largest = max(a.largest, size)
		a.fresh = append(a.fresh, a.c.accept(a.mailbox, needs)...)
	} else {
		a.nonSync = true
	}
	return nil
}

// literal picks the literal for a message: one that waits unless the server
// offers another, the size allows it, or one of about that size has been taken,
// and so has every form in the head.
func (a *Append) literal(ctx context.Context, size int64, needs []string) wire.AppendLiteral {
	a.c.sweep(ctx)
	caps := &a.c.caps
	switch {
	case caps.LiteralPlus && (size <= max(maxNonSync, sizeReach*a.largest) || a.c.hasTaken(size)):
	case caps.LiteralMinus && size <= maxNonSyncMinus:
	default:
		return wire.Sync
	}
	if !a.c.accepts(a.mailbox, needs) {
		return wire.Sync
	}
	if caps.LiteralPlus {
		return wire.NonSync
	}
	return wire.NonSyncSmall
}

// Dropped returns the flags that were left out of the messages added so far.
func (a *Append) Dropped() []string { return a.dropped }

// Cancel gives the command up: unnoticed while no message was added, else by
// aborting the connection. After the command's end it does nothing, so that
// it can be deferred.
func (a *Append) Cancel() { a.a.Cancel() }

// Finish sends the final CRLF and gives the writer back. With an error the
// connection is dead; the Appending is there all the same, and its Sent says
// whether the server may have the whole command.
func (a *Append) Finish(ctx context.Context) (*Appending, error) {
	stop := a.c.guard(ctx)
	defer stop()
	p, err := a.a.Finish()
	if err != nil {
		return &Appending{a: a, p: p}, a.c.lostAppend(ctx, a.mailbox, err)
	}
	sent := &Appending{a: a, p: p}
	a.c.mu.Lock()
	a.c.unread = append(a.c.unread, sent)
	a.c.mu.Unlock()
	return sent, nil
}

// lostAppend is lost for an APPEND, which may have been ended by wire because
// the server answered half a command.
func (c *Conn) lostAppend(ctx context.Context, mailbox string, err error) error {
	if c.w.Err() == nil && ctx.Err() == nil {
		return c.protocol("append", mailbox, err.Error()) // a misuse: the connection is none the worse
	}
	err = c.lost(ctx, "append", err)
	if e := fault.Of(err); e != nil {
		e.Mailbox, _ = DecodeMailbox(mailbox)
		if e.Code == fault.Protocol && e.Err == nil {
			e.Err = ErrAborted
		}
	}
	return err
}

// refusedAppend classifies NO or BAD. After a non-synchronising literal BAD
// means that the server may be reading a message as commands: the socket is
// closed at once.
func (c *Conn) refusedAppend(a *Append, r wire.Reply) *fault.Error {
	c.withdraw(a)
	e := c.refused("append", a.mailbox, r)
	if r.Status != "BAD" || !a.nonSync {
		return e
	}
	c.w.Abort(ErrAborted)
	e.Err, e.Temporary = ErrAborted, false
	if e.Code == fault.MessageRefused {
		e.Code = fault.Protocol
	}
	return e
}
