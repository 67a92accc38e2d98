package imapconn

import (
	"context"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/wire"
)

// Appending is an APPEND that has been sent.
type Appending struct {
	a *Append
	p *wire.Pending
}

// Appended is the server's OK. UIDs are those of the messages in the order
// sent (APPENDUID, RFC 4315 section 3); nil when the server gave none, or
// another number than was sent.
type Appended struct {
	UIDValidity uint32
	UIDs        []uint32
}

// Sent reports whether the final CRLF may have left. While it has not, the
// command is void.
func (p *Appending) Sent() bool { return p.p.Sent() }

// Done is closed when the answer is here or the connection is lost.
func (p *Appending) Done() <-chan struct{} { return p.p.Done() }

// Wait waits for the tagged answer. A NO is a *fault.Error and leaves the
// connection usable; not every server has stored nothing then. A BAD after a
// non-synchronising literal aborts the connection (ErrAborted).
func (p *Appending) Wait(ctx context.Context) (Appended, error) {
	c := p.a.c
	stop := c.guard(ctx)
	defer stop()
	r, err := p.p.Wait(ctx)
	if err != nil {
		return Appended{}, c.lostAppend(ctx, p.a.mailbox, err)
	}
	if r.Status != "OK" {
		return Appended{}, c.refusedAppend(p.a, r)
	}
	c.stored(p.a)
	return appendUID(r.Code, p.a.added), nil
}

// sweep looks at answers that are here though nobody has waited for them: an
// OK lets messages as large go without waiting, a BAD ends the connection.
func (c *Conn) sweep(ctx context.Context) {
	for {
		p := c.nextAnswered()
		if p == nil {
			return
		}
		r, err := p.p.Wait(ctx)
		switch {
		case err != nil:
		case r.Status == "OK":
			c.stored(p.a)
		default:
			_ = c.refusedAppend(p.a, r) // told by its Wait
		}
	}
}

// nextAnswered takes the oldest of the unread out, if its answer is here.
// Answers come in the order sent.
func (c *Conn) nextAnswered() *Appending {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.unread) == 0 {
		return nil
	}
	p := c.unread[0]
	select {
	case <-p.p.Done():
	default:
		return nil
	}
	c.unread[0] = nil
	c.unread = c.unread[1:]
	return p
}

// appendUID reads `APPENDUID validity set`.
func appendUID(code string, sent int) Appended {
	f := strings.Fields(code)
	if len(f) != 3 || !strings.EqualFold(f[0], "APPENDUID") {
		return Appended{}
	}
	validity, ok := number32(f[1])
	s := search{limit: sent}
	s.set(f[2])
	if !ok || s.err != nil || len(s.uids) != sent {
		return Appended{}
	}
	return Appended{UIDValidity: validity, UIDs: s.uids}
}
