package imapconn

import (
	"context"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/wire"
)

// Selected is what SELECT or EXAMINE says. UIDNext, UIDValidity and
// HighestModSeq are 0 when the server gave none.
type Selected struct {
	Exists, UIDNext, UIDValidity uint32
	PermanentFlags               []string // as sent, `\*` included
	FlagsKnown                   bool     // PERMANENTFLAGS came; absent means all can be kept (RFC 3501 section 7.1)
	AnyKeyword                   bool     // new keywords may be made: `\*`, or PERMANENTFLAGS absent
	UIDNotSticky                 bool     // UIDs do not last (RFC 4315)
	ReadOnly                     bool
	HighestModSeq                uint64 // no message has a higher mod-sequence (RFC 7162 section 3.1.2.1)
	NoModSeq                     bool   // this mailbox keeps no mod-sequences (RFC 7162 section 3.1.2.2)
}

// Opening is a SELECT or EXAMINE in flight. Commands sent after it are about
// its mailbox; when it is refused no mailbox is selected, and whatever they
// say is void.
type Opening struct {
	c    *Conn
	p    *wire.Pending
	name string
	ro   bool     // it is an EXAMINE
	s    Selected // of the reading goroutine until p is done
}

// Select opens a mailbox, named as on the wire, for change.
func (c *Conn) Select(ctx context.Context, name string) (Selected, error) {
	return c.openMailbox(ctx, "SELECT", name)
}

// Examine opens a mailbox, named as on the wire, without the power to change
// it. EXAMINE says nothing true about PERMANENTFLAGS.
func (c *Conn) Examine(ctx context.Context, name string) (Selected, error) {
	return c.openMailbox(ctx, "EXAMINE", name)
}

func (c *Conn) openMailbox(ctx context.Context, command, name string) (Selected, error) {
	o, err := c.startOpening(ctx, command, name)
	if err != nil {
		return Selected{}, err
	}
	return o.Wait(ctx)
}

// StartSelect is Select that does not wait for the answer. Commands for the
// mailbox that was selected before may still be in flight, and others for the
// new one may follow at once: the server answers in the order sent (RFC 3501
// section 5.5). ctx is for sending only.
func (c *Conn) StartSelect(ctx context.Context, name string) (*Opening, error) {
	return c.startOpening(ctx, "SELECT", name)
}

// StartExamine is Examine that does not wait for the answer; see StartSelect.
func (c *Conn) StartExamine(ctx context.Context, name string) (*Opening, error) {
	return c.startOpening(ctx, "EXAMINE", name)
}

func (c *Conn) startOpening(ctx context.Context, command, name string) (*Opening, error) {
	arg, ok := c.astring(name)
	if !ok {
		return nil, c.badName("select", name)
	}
	o := &Opening{c: c, name: name, ro: command == "EXAMINE"}
	p, err := c.start(ctx, "select", wire.Request{
		Line: command + " " + arg, Slow: true, InTurn: true,
		Wants:  func(kind string) bool { return kind == "EXISTS" || kind == "OK" || kind == "NO" }, // NO [UIDNOTSTICKY]
		Handle: o.read,
	})
	if err != nil {
		return nil, err
	}
	o.p, c.opening = p, o
	return o, nil
}

func (o *Opening) read(r *wire.Reader) error {
	if r.Kind == "EXISTS" {
		o.s.Exists = r.Num
		return nil
	}
	text, err := r.Rest()
	if err != nil {
		return err
	}
	code, _ := splitCode(text)
	o.s.code(code)
	return nil
}

// Wait waits for the answer. It may be called again, and by any goroutine.
func (o *Opening) Wait(ctx context.Context) (Selected, error) {
	r, err := o.c.awaitOK(ctx, "select", o.name, o.p)
	if err != nil {
		return Selected{}, err
	}
	s := o.s
	s.code(r.Code)
	s.ReadOnly = s.ReadOnly || o.ro
	if !s.FlagsKnown {
		s.AnyKeyword = true
	}
	o.c.selected(o.name, s)
	return s, nil
}

// exists returns how many messages the mailbox had when it was opened; 0 while
// the answer is not here, or when there is no opening.
func (o *Opening) exists() uint32 {
	if o == nil {
		return 0
	}
	select {
	case <-o.p.Done():
		return o.s.Exists
	default:
		return 0
	}
}

// code takes one response code.
func (s *Selected) code(code string) {
	name, args, _ := strings.Cut(code, " ")
	switch strings.ToUpper(name) {
	case "CLOSED": // what came before is about the mailbox that was selected (RFC 7162 section 3.2.11)
		*s = Selected{}
	case "UIDVALIDITY":
		s.UIDValidity, _ = number32(strings.TrimSpace(args))
	case "UIDNEXT":
		s.UIDNext, _ = number32(strings.TrimSpace(args))
	case "HIGHESTMODSEQ":
		s.HighestModSeq = modSeq(strings.TrimSpace(args))
	case "NOMODSEQ":
		s.NoModSeq = true
	case "UIDNOTSTICKY":
		s.UIDNotSticky = true
	case "READ-ONLY":
		s.ReadOnly = true
	case "READ-WRITE":
		s.ReadOnly = false
	case "PERMANENTFLAGS":
		s.FlagsKnown = true
		args = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(args), "("), ")")
		s.PermanentFlags = strings.Fields(args)
		s.AnyKeyword = containsFold(s.PermanentFlags, `\*`)
	}
}

// Unselect leaves the selected mailbox without expunging (RFC 3691). Where
// the server does not offer it nothing is done: another Select or Logout
// leaves a mailbox as well, and CLOSE would expunge.
func (c *Conn) Unselect(ctx context.Context) error {
	if !c.caps.Unselect {
		return nil
	}
	_, err := c.must(ctx, "unselect", "", wire.Request{Line: "UNSELECT"})
	return err
}
