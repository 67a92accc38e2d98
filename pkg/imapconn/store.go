package imapconn

import (
	"context"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/wire"
)

// Storing is a STORE in flight.
type Storing struct {
	c    *Conn
	p    *wire.Pending // nil: there was nothing to send
	name string
}

// Store sends one UID STORE that adds flags to the messages in set, or takes
// them away, and leaves their other flags alone. The mailbox must be open for
// change; the set's length on the wire (SetLen) is kept well below MaxLine by
// the caller. Flags that cannot be carried (Sanitize, Storable) are left out;
// where none is left nothing is sent. Several may be in flight. ctx is for sending only.
func (c *Conn) Store(ctx context.Context, set []Range, add bool, flags []string) (*Storing, error) {
	s := &Storing{c: c}
	if c.opening != nil {
		s.name = c.opening.name
	}
	kept, rest := Sanitize(flags)
	for _, f := range rest {
		if Storable(f) {
			kept = append(kept, f)
		}
	}
	if len(kept) == 0 {
		return s, nil
	}
	sign := "-"
	if add {
		sign = "+"
	}
	line := "UID STORE " + formatSet(set) + " " + sign + "FLAGS.SILENT (" + strings.Join(kept, " ") + ")"
	if len(set) == 0 || len(line) > MaxLine {
		return nil, c.longSet("store")
	}
	p, err := c.start(ctx, "store", wire.Request{
		Line: line, Slow: true,
		Wants: func(kind string) bool { return kind == "FETCH" }, // MODSEQ, which no FETCH of ours asked for
	})
	if err != nil {
		return nil, err
	}
	s.p = p
	return s, nil
}

// Wait waits for the answer. A refusal is about the mailbox or its messages; a
// server may have changed some of them all the same. It may be called again,
// and by any goroutine.
func (s *Storing) Wait(ctx context.Context) error {
	if s.p == nil {
		return nil
	}
	_, err := s.c.awaitOK(ctx, "store", s.name, s.p)
	return err
}
