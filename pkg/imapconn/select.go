package imapconn

import (
	"context"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/wire"
)

// Selected is what SELECT or EXAMINE says. UIDNext and UIDValidity are 0 when
// the server gave none.
type Selected struct {
	Exists, UIDNext, UIDValidity uint32
	PermanentFlags               []string // as sent, `\*` included
	FlagsKnown                   bool     // PERMANENTFLAGS came; absent means all can be kept (RFC 3501 section 7.1)
	AnyKeyword                   bool     // new keywords may be made: `\*`, or PERMANENTFLAGS absent
	UIDNotSticky                 bool     // UIDs do not last (RFC 4315)
	ReadOnly                     bool
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
	arg, ok := c.astring(name)
	if !ok {
		return Selected{}, c.badName("select", name)
	}
	var s Selected
	r, err := c.must(ctx, "select", name, wire.Request{
		Line: command + " " + arg, Slow: true,
		Wants: func(kind string) bool { return kind == "EXISTS" || kind == "OK" },
		Handle: func(r *wire.Reader) error {
			if r.Kind == "EXISTS" {
				s.Exists = r.Num
				return nil
			}
			text, err := r.Rest()
			if err != nil {
				return err
			}
			code, _ := splitCode(text)
			s.code(code)
			return nil
		},
	})
	if err != nil {
		return Selected{}, err
	}
	s.code(r.Code)
	s.ReadOnly = s.ReadOnly || command == "EXAMINE"
	if !s.FlagsKnown {
		s.AnyKeyword = true
	}
	c.exists = s.Exists
	c.selected(name)
	return s, nil
}

// code takes one response code.
func (s *Selected) code(code string) {
	name, args, _ := strings.Cut(code, " ")
	switch strings.ToUpper(name) {
	case "UIDVALIDITY":
		s.UIDValidity, _ = number32(strings.TrimSpace(args))
	case "UIDNEXT":
		s.UIDNext, _ = number32(strings.TrimSpace(args))
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
