package mapping

import (
	"strings"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/rules"
)

// wish is the name that the rules give a mailbox.
type wish struct {
	name      string
	own       string // what it would be without --map, --regextrans2 and what became of its parents
	why       string
	altered   bool // the destination's delimiter had to give way
	ruled     bool // a rule of the user's had a part in it
	exact     bool // --map says exactly this name
	rewritten bool // --regextrans2 made it
}

// wanted returns the name of s by the rules alone.
func (m *mapper) wanted(s imapconn.Mailbox) wish {
	if to, ok := m.mapped(s); ok {
		return wish{name: to, own: m.plain(s), why: "--map", ruled: true, exact: true}
	}
	w := wish{name: m.translate(s), own: m.plain(s)}
	if m.to.alters(m.path(s)) {
		w.why, w.altered = whyDelimiter, true
	}
	if m.below != "" {
		w.why, w.ruled = "--subfolder2", true
	} else if m.top != nil {
		w.why, w.ruled = "--subfolder1", true
	}
	if name, raw := m.rewriteBy(w.own); raw != "" {
		w = wish{name: name, own: w.own, why: "--regextrans2 " + raw, ruled: true, rewritten: true}
	}
	return w
}

// rewrite returns what --regextrans2 makes of a name.
func (m *mapper) rewrite(name string) string {
	name, _ = m.rewriteBy(name)
	return name
}

// rewriteBy returns also the last one that had a part in it; "": none had.
func (m *mapper) rewriteBy(name string) (rewritten, raw string) {
	rewritten = name
	for _, t := range m.in.Rules.Transforms {
		if next := transform(t, name); next != name && next != "" {
			name, rewritten, raw = next, destName(next), t.Raw
		}
	}
	return rewritten, raw
}

// transform rewrites a name by one --regextrans2.
func transform(t rules.Transform, name string) string {
	if t.All {
		return t.From.ReplaceAllString(name, t.To)
	}
	at := t.From.FindStringSubmatchIndex(name)
	if at == nil {
		return name
	}
	return name[:at[0]] + string(t.From.ExpandString(nil, t.To, name, at)) + name[at[1]:]
}

// path is a source mailbox's levels below --subfolder1.
func (m *mapper) path(s imapconn.Mailbox) []string {
	path := m.from.split(s)
	if rest, ok := cutPath(path, m.top); ok && len(rest) > 0 {
		return rest
	}
	return path
}

// cutPath returns what a path has below top.
func cutPath(path, top []string) (rest []string, ok bool) {
	if len(path) < len(top) {
		return nil, false
	}
	for i, l := range top {
		if path[i] != l && !(i == 0 && isInbox(l) && isInbox(path[0])) {
			return nil, false
		}
	}
	return path[len(top):], true
}

// plain spells the name of s in the destination's tree, whatever became of its
// parents.
func (m *mapper) plain(s imapconn.Mailbox) string {
	path := m.path(s)
	switch {
	case len(path) == 0:
		path = []string{s.Name}
	case m.below != "":
		return m.to.below(m.below, path)
	case s.Name == "INBOX", m.top != nil && isTop(path):
		return "INBOX"
	}
	return m.to.join(path)
}

// translate spells the name of s below wherever its parent went.
func (m *mapper) translate(s imapconn.Mailbox) string {
	path := m.path(s)
	for n := len(path) - 1; n > 0; n-- {
		if parent, ok := m.parent(s, path, n); ok {
			return m.to.below(parent, path[n:])
		}
	}
	return m.plain(s)
}

// parent finds where the mailbox went that has the first n levels of the path
// of s.
func (m *mapper) parent(s imapconn.Mailbox, path []string, n int) (string, bool) {
	if n == 1 && isInbox(path[0]) && m.below == "" {
		return "", false // join knows what is below INBOX
	}
	d := s.Delimiter
	if d == 0 {
		return "", false
	}
	rest := strings.Join(path[:n], string(d))
	if m.top != nil {
		rest = strings.Join(m.top, string(d)) + string(d) + rest
	}
	for _, name := range []string{m.from.Prefix + rest, rest} {
		if p := m.places[imapconn.EncodeMailbox(name)]; p != nil && !p.exact {
			return p.dest, true
		}
	}
	return "", false
}
