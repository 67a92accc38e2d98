package mapping

import (
	"fmt"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

// result lists what was decided. Mailboxes that hold no messages were only
// there to be followed by their children.
func (m *mapper) result() *Map {
	out := &Map{Warnings: m.notes, m: m}
	for _, s := range m.source {
		if s.NoSelect || s.NonExistent {
			continue
		}
		r := Route{Source: s, LeftOut: m.leftOut[s.Wire]}
		if r.LeftOut == "" {
			out.fill(&r)
		}
		out.Routes = append(out.Routes, r)
	}
	return out
}

// fill says where a mailbox goes.
func (m *Map) fill(r *Route) {
	p := m.m.places[r.Source.Wire]
	r.Dest, r.Exists = p.dest, m.m.exists(p.dest)
	r.Why, r.Changed, r.Asked, r.Stored = p.why, p.changed, p.exact, p.stored
	k := m.m.key(p.dest)
	r.With, r.Others = nil, m.m.moving[k]-1
	for _, o := range m.m.claims[k] {
		if len(r.With) == min(r.Others, namedOthers) {
			break
		}
		if o != p && m.m.moves(o) {
			r.With = append(r.With, o.source.Name)
		}
	}
}

// namedOthers is how many of those that go to one name are named.
const namedOthers = 3

// moves reports whether the mailbox of a place is migrated.
func (m *mapper) moves(p *place) bool {
	return !p.source.NoSelect && !p.source.NonExistent && m.leftOut[p.source.Wire] == ""
}

func (m *mapper) exists(name string) bool {
	d, ok := m.listed[name]
	return ok && !d.NonExistent && !d.NoSelect
}

// Use returns the special use that the destination should know the mailbox by,
// when it is made: one that the source says, and under the name that it has
// there.
func (r *Route) Use() string {
	if r.Why != "" || viewOf(r.Source) != "" {
		return ""
	}
	return r.Source.Use
}

// LeftOut is how many mailboxes are not migrated.
func (m *Map) LeftOut() (n int) {
	for i := range m.Routes {
		if m.Routes[i].LeftOut != "" {
			n++
		}
	}
	return n
}

// Notes tells, in sentences for the user, which mailboxes go to another name
// than their own, are left out or are merged, and of what the rules miss.
func (m *Map) Notes() []string {
	var out []string
	for _, w := range m.Warnings {
		out = append(out, fault.Clean(w))
	}
	for i := range m.Routes {
		if note := m.Routes[i].Note(); note != "" {
			out = append(out, fault.Clean(note))
		}
	}
	return out
}

// Note is the sentence of Map.Notes about a mailbox; "" where there is nothing to
// say.
func (r *Route) Note() string {
	switch {
	case r.LeftOut != "":
		return fmt.Sprintf("%s is left out: %s", r.Source.Name, r.LeftOut)
	case r.Others > 0:
		text := fmt.Sprintf("%s goes to %s, together with %s", r.Source.Name, r.Dest, strings.Join(r.With, ", "))
		if more := r.Others - len(r.With); more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		if r.Why != "" {
			text += ": " + r.Why
		}
		return text
	case r.Why != "":
		return fmt.Sprintf("%s goes to %s: %s", r.Source.Name, r.Dest, r.Why)
	}
	return ""
}
