package mapping

import (
	"strings"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// Tree is one side's naming: the prefix and delimiter of its personal
// namespace (RFC 2342). A Delimiter of 0 means NIL, a flat namespace.
type Tree struct {
	Prefix    string
	Delimiter rune
}

// TreeOf returns the naming of a connection's first personal namespace.
func TreeOf(c *imapconn.Conn) Tree {
	ns := c.Namespaces()
	if len(ns) == 0 {
		return Tree{}
	}
	return Tree{Prefix: ns[0].Prefix, Delimiter: ns[0].Delimiter}
}

// split cuts a mailbox's name into its levels, without the namespace's prefix.
func (t Tree) split(s imapconn.Mailbox) []string {
	d := s.Delimiter
	if d == 0 {
		d = t.Delimiter
	}
	return levels(t.bare(s.Name), d)
}

// bare is a name without the namespace's prefix.
func (t Tree) bare(name string) string {
	if t.Prefix != "" {
		if rest, ok := cutPrefixFold(name, t.Prefix); ok && rest != "" {
			return rest
		}
	}
	return name
}

func levels(name string, delimiter rune) []string {
	if delimiter == 0 {
		return []string{name}
	}
	return strings.Split(strings.TrimRight(name, string(delimiter)), string(delimiter))
}

// join spells a path from the top of the tree. What a source keeps below
// INBOX stands beside it where the destination's prefix is INBOX already.
func (t Tree) join(path []string) string {
	if len(path) > 1 && isInbox(path[0]) {
		if t.Delimiter != 0 && strings.EqualFold(t.Prefix, "INBOX"+string(t.Delimiter)) {
			return t.Prefix + t.path(path[1:])
		}
		return t.below("INBOX", path[1:])
	}
	return t.Prefix + t.path(path)
}

func (t Tree) below(parent string, path []string) string {
	if t.Delimiter == 0 {
		return parent + "_" + t.path(path)
	}
	return parent + string(t.Delimiter) + t.path(path)
}

// path joins levels; the delimiter inside a level becomes an underscore.
func (t Tree) path(levels []string) string {
	if t.Delimiter == 0 {
		return strings.Join(levels, "_")
	}
	clean := make([]string, len(levels))
	for i, l := range levels {
		clean[i] = strings.ReplaceAll(l, string(t.Delimiter), "_")
		if clean[i] == "" {
			clean[i] = "_"
		}
	}
	return strings.Join(clean, string(t.Delimiter))
}

// alters reports whether a level of path holds the delimiter, or nothing, so
// that path replaces it.
func (t Tree) alters(path []string) bool {
	for _, l := range path {
		if t.Delimiter != 0 && (l == "" || strings.ContainsRune(l, t.Delimiter)) {
			return true
		}
	}
	return t.Delimiter == 0 && len(path) > 1
}

// Parents returns the names above name, the highest first, without those that
// the namespace's prefix spells.
func (t Tree) Parents(name string) []string {
	var out []string
	if t.Delimiter == 0 {
		return nil
	}
	for i, r := range name {
		if r == t.Delimiter && i+len(string(r)) > len(t.Prefix) {
			out = append(out, name[:i])
		}
	}
	return out
}

func isInbox(name string) bool { return strings.EqualFold(name, "INBOX") }

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}
