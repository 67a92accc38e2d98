package imapconn

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/imapfleet/imapfleet/pkg/wire"
)

// Namespace is one of the user's own (RFC 2342). Prefix is as on the wire
// ("" or "INBOX."), Delimiter 0 where the hierarchy is flat.
type Namespace struct {
	Prefix    string
	Delimiter rune
}

// namespaces holds the personal ones, never none, and the prefixes of all
// others.
type namespaces struct {
	personal []Namespace
	foreign  []Namespace
}

// Namespaces returns the personal namespaces, at least one. A server that
// names none has one that is guessed from its mailboxes.
func (c *Conn) Namespaces() []Namespace { return slices.Clone(c.namespaces.personal) }

// maxName bounds a mailbox name in octets; the longest that a server took was
// far below.
const maxName = 64 << 10

// learnNamespaces sends NAMESPACE (RFC 2342) where it is offered; finish waits
// for the answer and makes up for a missing one.
func (c *Conn) learnNamespaces(ctx context.Context) (finish func(context.Context) error, err error) {
	if !c.caps.Namespace {
		return c.guessNamespace, nil
	}
	p, err := c.start(ctx, "namespace", wire.Request{
		Line:   "NAMESPACE",
		Wants:  func(kind string) bool { return kind == "NAMESPACE" },
		Handle: c.namespaces.read,
	})
	return func(ctx context.Context) error {
		if _, err := c.await(ctx, "namespace", p); err != nil || len(c.namespaces.personal) > 0 {
			return err
		}
		return c.guessNamespace(ctx)
	}, err
}

// read takes a NAMESPACE response: three lists, each NIL or ((prefix
// delimiter extension...)...).
func (n *namespaces) read(r *wire.Reader) error {
	var all [3][]Namespace
	for i := range all {
		t, err := r.Next()
		if err != nil {
			return err
		}
		if t.Kind != wire.Open {
			continue // NIL, or the line is over
		}
		if all[i], err = readNamespaceList(r); err != nil {
			return err
		}
	}
	n.personal = all[0]
	n.foreign = append(all[1], all[2]...)
	return nil
}

func readNamespaceList(r *wire.Reader) ([]Namespace, error) {
	var list []Namespace
	for {
		t, err := r.Next()
		if err != nil || t.Kind == wire.Close || t.Kind == wire.End {
			return list, err
		}
		if t.Kind != wire.Open {
			continue
		}
		n, err := readNamespace(r)
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
}

// readNamespace reads what follows the "(" of one namespace, with its ")".
func readNamespace(r *wire.Reader) (Namespace, error) {
	var n Namespace
	depth := 1
	for field := 0; depth > 0; field++ {
		t, err := r.Next()
		if err != nil || t.Kind == wire.End {
			return n, err
		}
		switch {
		case t.Kind == wire.Open:
			depth++
		case t.Kind == wire.Close:
			depth--
		case depth == 1 && field < 2:
			s, ok, err := r.String(t, maxName)
			if err != nil {
				return n, err
			}
			if field == 0 {
				n.Prefix = s
			} else if ok {
				n.Delimiter = delimiter(s)
			}
		}
	}
	return n, nil
}

// delimiter returns the first character of s; 0 when there is none.
func delimiter(s string) rune {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 || r == utf8.RuneError {
		return 0
	}
	return r
}

// guessNamespace makes up for a missing NAMESPACE: the delimiter is what LIST
// says, the prefix is "INBOX" plus it when every mailbox but INBOX is below
// INBOX (and there is one), else none.
func (c *Conn) guessNamespace(ctx context.Context) error {
	answers, err := c.lists(ctx, nil, `LIST "" ""`, `LIST "" "*"`)
	if err != nil {
		return err
	}
	var d rune
	for _, a := range answers {
		if a.reply.Status != "OK" {
			return c.refused("list", "", a.reply)
		}
		for _, l := range a.listed {
			if d == 0 {
				d = l.delimiter
			}
		}
	}
	c.namespaces.personal = []Namespace{{Prefix: guessPrefix(answers[1].listed, d), Delimiter: d}}
	return nil
}

func guessPrefix(all []listing, d rune) string {
	if d == 0 {
		return ""
	}
	prefix, below := "INBOX"+string(d), 0
	for _, l := range all {
		switch {
		case l.name == "" || isInbox(l.name):
		case len(l.name) > len(prefix) && strings.EqualFold(l.name[:len(prefix)], prefix):
			prefix = l.name[:len(prefix)]
			below++
		default:
			return ""
		}
	}
	if below == 0 {
		return ""
	}
	return prefix
}

// own reports whether a mailbox belongs to the personal namespaces: it is
// below no prefix of others' that is more telling than a personal one.
func (n namespaces) own(l listing) bool {
	mine := -1
	for _, p := range n.personal {
		if strings.HasPrefix(l.name, p.Prefix) {
			mine = max(mine, len(p.Prefix))
		}
	}
	for _, f := range n.foreign {
		if f.Prefix == "" || len(f.Prefix) <= mine {
			continue
		}
		root := l.noSelect && f.Delimiter != 0 && l.name+string(f.Delimiter) == f.Prefix
		if strings.HasPrefix(l.name, f.Prefix) || root {
			return false
		}
	}
	return true
}
