package imapconn

import (
	"context"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/wire"
)

// Mailbox is one mailbox of the account.
type Mailbox struct {
	Name        string // UTF-8; "INBOX" whatever case the server lists it in
	Wire        string // exactly as listed, unquoted: for Select, Status
	Delimiter   rune   // 0: flat
	NoSelect    bool   // holds no messages
	NonExistent bool   // only a name in the hierarchy; NoSelect too
	HasChildren bool
	Use         string // special use of RFC 6154, as `\Sent`; "" none
	Subscribed  bool
}

// listing is one LIST or LSUB response.
type listing struct {
	name                               string
	delimiter                          rune
	noSelect, nonExistent, hasChildren bool
	subscribed                         bool
	use                                string
}

// List returns the mailboxes of the personal namespaces in the server's
// order, each once, INBOX always among them. Subscriptions are merged in;
// those to mailboxes that do not exist, and mailboxes of other users and
// shared ones, are left out.
func (c *Conn) List(ctx context.Context) ([]Mailbox, error) {
	listed, extended, err := c.listExtended(ctx, nil)
	if err != nil {
		return nil, err
	}
	if !extended {
		if listed, err = c.listPlain(ctx); err != nil {
			return nil, err
		}
	}
	return c.mailboxes(c.withInbox(listed)), nil
}

// withInbox adds INBOX, which always exists (RFC 3501 section 5.1), where the
// server does not list it.
func (c *Conn) withInbox(listed []listing) []listing {
	for _, l := range listed {
		if isInbox(l.name) {
			return listed
		}
	}
	inbox := listing{name: "INBOX", delimiter: c.namespaces.personal[0].Delimiter}
	return append([]listing{inbox}, listed...)
}

// listExtended lists by RFC 5258 where it is offered, with the STATUS of each
// mailbox for status, unless that is nil. ok is false where it is not offered,
// or where the server takes it back by a refusal.
func (c *Conn) listExtended(ctx context.Context, status *listStatus) (listed []listing, ok bool, err error) {
	if !c.caps.ListExtended {
		return nil, false, nil
	}
	options := "SUBSCRIBED"
	if c.caps.SpecialUse {
		options += " SPECIAL-USE"
	}
	if status != nil {
		options += " STATUS " + c.statusItems()
	}
	var lines []string
	for _, p := range c.patterns() {
		lines = append(lines, `LIST "" `+p+" RETURN ("+options+")")
	}
	answers, err := c.lists(ctx, status, lines...)
	if err != nil {
		return nil, false, err
	}
	for _, a := range answers {
		if a.reply.Status != "OK" {
			return nil, false, nil
		}
		listed = append(listed, a.listed...)
	}
	return listed, true, nil
}

// listPlain lists by LIST and LSUB. A refused LSUB is no reason to lose the
// mailboxes: it gives no subscriptions.
func (c *Conn) listPlain(ctx context.Context) ([]listing, error) {
	patterns := c.patterns()
	var lines []string
	for _, command := range []string{"LIST", "LSUB"} {
		for _, p := range patterns {
			lines = append(lines, command+` "" `+p)
		}
	}
	answers, err := c.lists(ctx, nil, lines...)
	if err != nil {
		return nil, err
	}
	var listed, subs []listing
	for i, a := range answers {
		switch {
		case i >= len(patterns):
			subs = append(subs, a.listed...)
		case a.reply.Status != "OK":
			return nil, c.refused("list", "", a.reply)
		default:
			listed = append(listed, a.listed...)
		}
	}
	listed = c.withInbox(listed)
	subscribe(listed, subs)
	return listed, nil
}

// patterns are what the personal namespaces are listed by. INBOX stands
// outside a prefix such as "INBOX.".
func (c *Conn) patterns() []string {
	inbox := true
	var all []string
	for _, n := range c.namespaces.personal {
		name, ok := c.astring(n.Prefix + "*")
		if !ok || containsFold(all, name) {
			continue
		}
		if n.Prefix == "" {
			inbox = false
		}
		all = append(all, name)
	}
	if inbox {
		all = append([]string{`"INBOX"`}, all...)
	}
	return all
}

// listAnswer is what one LIST or LSUB gave.
type listAnswer struct {
	listed []listing
	reply  wire.Reply
}

// lists sends LIST and LSUB commands, all before the first answer, and reads
// their responses. Some servers answer LSUB with LIST responses. STATUS
// responses among them are for status, unless that is nil.
func (c *Conn) lists(ctx context.Context, status *listStatus, lines ...string) ([]listAnswer, error) {
	answers := make([]listAnswer, len(lines))
	pending := make([]*wire.Pending, len(lines))
	for i, line := range lines {
		command, _, _ := strings.Cut(line, " ")
		p, err := c.start(ctx, "list", wire.Request{
			Line: line, Slow: true,
			Wants: func(kind string) bool {
				return kind == "LIST" || kind == command || kind == "XLIST" || kind == "STATUS" && status != nil
			},
			Handle: func(r *wire.Reader) error {
				if r.Kind == "STATUS" {
					return status.read(r)
				}
				l, err := readListing(r)
				if err == nil && l.name != "" {
					answers[i].listed = append(answers[i].listed, l)
				}
				return err
			},
		})
		if err != nil {
			return nil, err
		}
		pending[i] = p
	}
	for i, p := range pending {
		r, err := c.await(ctx, "list", p)
		if err != nil {
			return nil, err
		}
		answers[i].reply = r
	}
	return answers, nil
}

// subscribe marks the listed mailboxes that subs names.
func subscribe(listed, subs []listing) {
	names := make(map[string]bool, len(subs))
	for _, s := range subs {
		// LSUB marks by \Noselect a parent that is not itself subscribed.
		if !s.noSelect {
			names[foldInbox(s.name)] = true
		}
	}
	for i := range listed {
		if names[foldInbox(listed[i].name)] {
			listed[i].subscribed = true
		}
	}
}

func foldInbox(name string) string {
	if isInbox(name) {
		return "INBOX"
	}
	return name
}

// mailboxes turns listings into the account's mailboxes.
func (c *Conn) mailboxes(listed []listing) []Mailbox {
	all := make([]Mailbox, 0, len(listed))
	at := make(map[string]int, len(listed))
	for _, l := range listed {
		key := foldInbox(l.name)
		if i, twice := at[key]; twice {
			all[i].merge(l)
			continue
		}
		if key != "INBOX" && !c.namespaces.own(l) {
			continue
		}
		name, _ := DecodeMailbox(key)
		at[key] = len(all)
		m := Mailbox{Name: name, Wire: l.name, Delimiter: l.delimiter, NoSelect: l.noSelect, NonExistent: l.nonExistent}
		m.merge(l)
		all = append(all, m)
	}
	return all
}

// merge adds what a further listing of the same mailbox says.
func (m *Mailbox) merge(l listing) {
	m.HasChildren = m.HasChildren || l.hasChildren
	m.Subscribed = m.Subscribed || l.subscribed
	if m.Use == "" {
		m.Use = l.use
	}
}

// uses are the special uses of RFC 6154 section 2 and RFC 8457.
var uses = [...]string{`\All`, `\Archive`, `\Drafts`, `\Flagged`, `\Junk`, `\Sent`, `\Trash`, `\Important`}

// attribute takes one mailbox attribute, in any case. Unknown ones, and the
// names that XLIST gave to the same uses, say nothing.
func (l *listing) attribute(a string) {
	switch strings.ToLower(a) {
	case `\noselect`:
		l.noSelect = true
	case `\nonexistent`:
		l.noSelect, l.nonExistent = true, true
	case `\haschildren`:
		l.hasChildren = true
	case `\subscribed`:
		l.subscribed = true
	}
	for _, u := range uses {
		if l.use == "" && strings.EqualFold(a, u) {
			l.use = u
		}
	}
}

// readListing reads `(attributes) delimiter name`, whatever follows.
func readListing(r *wire.Reader) (listing, error) {
	var l listing
	t, err := r.Next()
	if err != nil {
		return l, err
	}
	if t.Kind == wire.Open {
		if err := readAttributes(r, &l); err != nil {
			return l, err
		}
		if t, err = r.Next(); err != nil {
			return l, err
		}
	}
	d, ok, err := r.String(t, maxName)
	if err != nil {
		return l, err
	}
	if ok {
		l.delimiter = delimiter(d)
	}
	if t, err = r.Next(); err != nil || t.Kind == wire.End || t.Kind == wire.Open || t.Kind == wire.Close {
		return l, err
	}
	atom := t.Kind == wire.Atom
	if l.name, ok, err = r.String(t, maxName); err != nil {
		return l, err
	}
	if !ok { // a mailbox called NIL
		l.name = "NIL"
	}
	if !atom {
		return l, nil
	}
	return l, l.tail(r)
}

// tail adds the rest of a name that its server forgot to quote; extended data
// (RFC 5258) are a list after a blank and no part of it.
func (l *listing) tail(r *wire.Reader) error {
	rest, err := r.Rest()
	if err != nil {
		return err
	}
	if said := strings.TrimLeft(rest, " "); said != "" && said[0] != '(' {
		l.name += rest
	}
	return nil
}

func readAttributes(r *wire.Reader, l *listing) error {
	for depth := 1; depth > 0; {
		t, err := r.Next()
		if err != nil || t.Kind == wire.End {
			return err
		}
		switch t.Kind {
		case wire.Open:
			depth++
		case wire.Close:
			depth--
		case wire.Atom, wire.Quoted:
			l.attribute(string(t.Text))
		}
	}
	return nil
}
