package imapconn

import (
	"context"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/wire"
)

// Copied is the server's OK to Move or Copy: the message that was From[i] is
// To[i] in the other mailbox (COPYUID, RFC 4315 section 3). Both are nil when
// the server said nothing, or nothing that makes sense.
type Copied struct {
	UIDValidity uint32 // of the other mailbox
	From, To    []uint32
}

// Move sends one UID MOVE (RFC 6851) of set to a mailbox, named as on the wire.
// To be used where Caps.Move is set; the mailbox that is open must be open for
// change. After an error some messages may have been moved all the same. ctx
// bounds all of it.
func (c *Conn) Move(ctx context.Context, set []Range, mailbox string) (Copied, error) {
	return c.transfer(ctx, "move", "UID MOVE ", set, mailbox)
}

// Copy is Move that leaves the messages where they are as well (UID COPY, RFC
// 9051 section 6.4.7). Nothing is copied after a NO or BAD.
func (c *Conn) Copy(ctx context.Context, set []Range, mailbox string) (Copied, error) {
	return c.transfer(ctx, "copy", "UID COPY ", set, mailbox)
}

func (c *Conn) transfer(ctx context.Context, op, command string, set []Range, mailbox string) (Copied, error) {
	arg, ok := c.astring(mailbox)
	if !ok {
		return Copied{}, c.badName(op, mailbox)
	}
	line := command + formatSet(set) + " " + arg
	if len(set) == 0 || len(line) > MaxLine {
		return Copied{}, c.longSet(op)
	}
	var said Copied
	r, err := c.must(ctx, op, mailbox, wire.Request{
		Line: line, Slow: true,
		// MOVE says COPYUID in an untagged OK, ahead of the EXPUNGEs (RFC 6851
		// section 4.3).
		Wants: func(kind string) bool { return kind == "OK" || gone(kind) },
		Handle: func(r *wire.Reader) error {
			if r.Kind != "OK" {
				return nil
			}
			text, err := r.Rest()
			if err != nil {
				return err
			}
			code, _ := splitCode(text)
			said.add(code)
			return nil
		},
	})
	if err != nil {
		return Copied{}, err
	}
	said.add(r.Code)
	return said, nil
}

// copiedMost bounds what the sets of COPYUIDs may spread out to, in messages.
const copiedMost = 1 << 20

// add takes one response code.
func (s *Copied) add(code string) {
	f := strings.Fields(code)
	if len(f) != 4 || !strings.EqualFold(f[0], "COPYUID") {
		return
	}
	validity, ok := number32(f[1])
	from, to := search{limit: copiedMost}, search{limit: copiedMost}
	from.set(f[2])
	to.set(f[3])
	if !ok || len(s.From) > copiedMost || from.err != nil || to.err != nil || len(from.uids) != len(to.uids) || s.From != nil && s.UIDValidity != validity {
		return
	}
	s.UIDValidity = validity
	s.From, s.To = append(s.From, from.uids...), append(s.To, to.uids...)
}
