package mailsync

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// tree is one side's naming: the prefix and delimiter of its personal
// namespace (RFC 2342). A delimiter of 0 means NIL, a flat namespace.
type tree struct {
	prefix    string
	delimiter rune
}

// route says where one source mailbox goes.
type route struct {
	source imapconn.Mailbox
	dest   string // name at the destination
	exists bool   // the destination lists it
	note   string // why the name is another than the source's, for the operator; empty when it is the plain translation
}

// mapper gives every source mailbox one destination name, and never the same
// one twice. Its rules, in order: a choice made by an earlier pass, INBOX, the
// special-use attribute (RFC 6154), the special name, the translated name. The
// second claimant of a name gets a stable suffix, and its children follow it.
type mapper struct {
	from, to tree
	dest     map[string]imapconn.Mailbox // what the destination lists, by name
	taken    map[string]bool             // destination names that are given away
	chosen   map[string]string           // source name -> destination name
	notes    map[string]string           // source name -> note
}

// mapMailboxes routes all of source. stored holds the choices of earlier
// passes by the source's wire name; they never change.
func mapMailboxes(source, dest []imapconn.Mailbox, from, to tree, stored map[string]string) []route {
	m := &mapper{from: from, to: to, dest: map[string]imapconn.Mailbox{}, taken: map[string]bool{},
		chosen: map[string]string{}, notes: map[string]string{}}
	for _, d := range dest {
		m.dest[d.Name] = d
	}
	// Two wire names may decode to one name: the first keeps it.
	sorted := slices.Clone(source)
	slices.SortStableFunc(sorted, func(a, b imapconn.Mailbox) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Wire, b.Wire))
	})
	for _, s := range sorted {
		if name, ok := stored[s.Wire]; ok {
			m.take(s, name, "")
		}
	}
	m.claimInbox(sorted)
	m.claimRoles(sorted)
	for _, s := range sorted { // parents sort before their children
		m.place(s)
	}
	routes := make([]route, 0, len(source))
	for _, s := range sorted {
		name := m.chosen[s.Wire]
		d, ok := m.dest[name]
		routes = append(routes, route{source: s, dest: name, exists: ok && !d.NonExistent, note: m.notes[s.Wire]})
	}
	return routes
}

func (m *mapper) take(s imapconn.Mailbox, name, note string) {
	m.chosen[s.Wire] = name
	m.taken[name] = true
	if note != "" {
		m.notes[s.Wire] = note
	}
}

func (m *mapper) done(s imapconn.Mailbox) bool {
	_, ok := m.chosen[s.Wire]
	return ok
}

func (m *mapper) claimInbox(source []imapconn.Mailbox) {
	for _, s := range source {
		if strings.EqualFold(s.Name, "INBOX") && !m.done(s) && !m.taken["INBOX"] {
			m.take(s, "INBOX", "")
		}
	}
}

// claimRoles sends special mailboxes to the destination's special mailboxes,
// those with an attribute before those that only have the name.
func (m *mapper) claimRoles(source []imapconn.Mailbox) {
	for _, role := range roles {
		if target, ok := m.roleAt(role); ok && !m.taken[target] {
			m.claimRole(source, role, target)
		}
	}
}

func (m *mapper) claimRole(source []imapconn.Mailbox, role role, target string) {
	s, ok := roleHolder(source, role, m.from)
	if !ok || m.done(s) {
		return
	}
	note := ""
	if plain := m.translate(s); plain != target {
		note = "special use " + role.attribute
	}
	m.take(s, target, note)
}

// roleAt finds the destination's mailbox for a role, by attribute, else by
// name.
func (m *mapper) roleAt(r role) (string, bool) {
	var all []imapconn.Mailbox
	for _, d := range m.dest {
		if !d.NonExistent && !d.NoSelect {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(a, b imapconn.Mailbox) int { return cmp.Compare(a.Name, b.Name) })
	d, ok := roleHolder(all, r, m.to)
	return d.Name, ok
}

// place translates the name of s below wherever its parent went.
func (m *mapper) place(s imapconn.Mailbox) {
	if m.done(s) {
		return
	}
	name, note := m.translate(s), ""
	if m.changesLevel(s) {
		note = "the destination's delimiter cannot stand inside a name"
	}
	if m.taken[name] {
		name = m.free(name)
		note = "its name was taken by another mailbox"
	}
	m.take(s, name, note)
}

// changesLevel reports whether a level of the name holds the destination's
// delimiter, which path replaces.
func (m *mapper) changesLevel(s imapconn.Mailbox) bool {
	for _, level := range m.from.split(s) {
		if m.to.delimiter != 0 && strings.ContainsRune(level, m.to.delimiter) {
			return true
		}
	}
	return false
}

// free returns name with the first suffix that nobody has.
func (m *mapper) free(name string) string {
	for n := 2; ; n++ {
		candidate := name + " (" + strconv.Itoa(n) + ")"
		if _, listed := m.dest[candidate]; !listed && !m.taken[candidate] {
			return candidate
		}
	}
}

// translate spells the name of s in the destination's tree. It follows the
// parent when the parent has a place already.
func (m *mapper) translate(s imapconn.Mailbox) string {
	path := m.from.split(s)
	if len(path) == 0 {
		return m.to.join([]string{s.Name})
	}
	for n := len(path) - 1; n > 0; n-- {
		if parent, ok := m.parent(s, path[:n]); ok {
			return m.to.below(parent, path[n:])
		}
	}
	return m.to.join(path)
}

// parent finds where the mailbox with this path went.
func (m *mapper) parent(s imapconn.Mailbox, path []string) (string, bool) {
	if len(path) == 1 && strings.EqualFold(path[0], "INBOX") {
		return "", false // join knows what is below INBOX
	}
	d := s.Delimiter
	if d == 0 {
		return "", false
	}
	rest := strings.Join(path, string(d))
	for _, name := range []string{m.from.prefix + rest, rest} {
		wire := imapconn.EncodeMailbox(name)
		if dest, ok := m.chosen[wire]; ok {
			return dest, true
		}
	}
	return "", false
}

// split cuts a source name into its levels, without the namespace's prefix.
func (t tree) split(s imapconn.Mailbox) []string {
	name := s.Name
	if t.prefix != "" {
		if rest, ok := cutPrefixFold(name, t.prefix); ok && rest != "" {
			name = rest
		}
	}
	d := s.Delimiter
	if d == 0 {
		d = t.delimiter
	}
	if d == 0 {
		return []string{name}
	}
	return strings.Split(strings.TrimRight(name, string(d)), string(d))
}

// join spells a path from the top of the tree. What a source keeps below
// INBOX stands beside it where the destination's prefix is INBOX already.
func (t tree) join(path []string) string {
	if len(path) > 1 && strings.EqualFold(path[0], "INBOX") {
		if t.delimiter != 0 && strings.EqualFold(t.prefix, "INBOX"+string(t.delimiter)) {
			return t.prefix + t.path(path[1:])
		}
		return t.below("INBOX", path[1:])
	}
	return t.prefix + t.path(path)
}

func (t tree) below(parent string, path []string) string {
	if t.delimiter == 0 {
		return parent + "_" + t.path(path)
	}
	return parent + string(t.delimiter) + t.path(path)
}

// path joins levels; the delimiter inside a level becomes an underscore.
func (t tree) path(levels []string) string {
	if t.delimiter == 0 {
		return strings.Join(levels, "_")
	}
	clean := make([]string, len(levels))
	for i, l := range levels {
		clean[i] = strings.ReplaceAll(l, string(t.delimiter), "_")
		if clean[i] == "" {
			clean[i] = "_"
		}
	}
	return strings.Join(clean, string(t.delimiter))
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}
