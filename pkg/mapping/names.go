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
	made      string // what it would be without what became of its parents, where not exact
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
	own := m.plain(s)
	w := wish{name: m.translate(s), own: own, made: own}
	if m.to.alters(m.path(s)) {
		w.why, w.altered = whyDelimiter, true
	}
	if m.below != "" {
		w.why, w.ruled = "--subfolder2", true
	} else if m.top != nil {
		w.why, w.ruled = "--subfolder1", true
	}
	if made, raw := m.rewriteBy(own); raw != "" {
		w = wish{name: m.follow(s, made), own: own, made: made, why: "--regextrans2 " + raw, ruled: true, rewritten: true}
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

// translate spells the name of s below wherever its parent went, unless
// --regextrans2 sent that there: then it would have sent s there too.
func (m *mapper) translate(s imapconn.Mailbox) string {
	path := m.path(s)
	for n := len(path) - 1; n > 0; n-- {
		if parent := m.parent(s, path, n); parent != nil && !parent.rewritten {
			return m.to.below(parent.dest, path[n:])
		}
	}
	return m.plain(s)
}

// follow puts a name that --regextrans2 has made of s below wherever its parent
// went, if that is above it by the rules.
func (m *mapper) follow(s imapconn.Mailbox, made string) string {
	path := m.path(s)
	for n := len(path) - 1; n > 0; n-- {
		parent := m.parent(s, path, n)
		if parent == nil {
			continue
		}
		if rest, ok := strings.CutPrefix(made, m.to.below(parent.made, nil)); ok {
			return m.to.below(parent.dest, nil) + rest
		}
	}
	return made
}

// parent finds the place of the mailbox that has the first n levels of the path
// of s; nil: what is below it does not follow it.
func (m *mapper) parent(s imapconn.Mailbox, path []string, n int) *place {
	if n == 1 && isInbox(path[0]) && m.below == "" {
		return nil // join knows what is below INBOX
	}
	d := s.Delimiter
	if d == 0 {
		return nil
	}
	rest := strings.Join(path[:n], string(d))
	if m.top != nil {
		rest = strings.Join(m.top, string(d)) + string(d) + rest
	}
	for _, name := range []string{m.from.Prefix + rest, rest} {
		if p := m.places[imapconn.EncodeMailbox(name)]; p != nil && !p.exact {
			return p
		}
	}
	return nil
}
