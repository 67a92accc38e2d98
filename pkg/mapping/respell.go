package mapping

import (
	"slices"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// Respell gives those of the routes (indexes, ascending) another name that may
// have one: the destination refuses what they have, without saying what is
// wrong with it. It is called with try from 0 below [Spellings], which goes
// from the mildest change to a name of letters and digits, and returns the
// routes whose name is another now. The name that the user asked for by --map,
// and one to which something was copied, stay.
func (m *Map) Respell(refused []int, try int) (again []int) {
	return m.rename(refused, whyLimits, func(p *place, want string) string {
		return m.m.unlike(spelling(want, m.m.to, try), p)
	})
}

// Taken gives routes a name with a suffix: the destination takes the one that
// they have for that of another mailbox, from which it differs in case or
// Unicode form only.
func (m *Map) Taken(routes []int) (again []int) {
	return m.rename(routes, whyTaken, func(p *place, want string) string {
		if want != p.dest && !m.m.claimed(want) && !m.m.twin(want) {
			return want // its parent goes by another name
		}
		return m.m.free(want)
	})
}

// rename gives routes the names that the function makes of what they want,
// parents first.
func (m *Map) rename(routes []int, why string, name func(p *place, want string) string) (again []int) {
	for _, i := range routes {
		r := &m.Routes[i]
		if r.Asked || m.m.in.Stored[r.Source.Wire].Settled {
			continue
		}
		p := m.m.places[r.Source.Wire]
		want := m.m.wanted(r.Source).name
		m.m.leave(p)
		m.m.wants(p, want) // where its parent is by now
		now := name(p, want)
		if now != p.dest {
			p.dest, p.why, p.changed, p.stored = now, why, true, false
			again = append(again, i)
		}
		m.m.take(p)
		m.fill(r)
	}
	return again
}

// SpeltAs gives a route the destination's spelling of its name.
func (m *Map) SpeltAs(i int, name string) {
	p := m.m.places[m.Routes[i].Source.Wire]
	m.m.leave(p)
	p.dest = name
	m.m.take(p)
	m.fill(&m.Routes[i])
}

// Reset gives routes the name that they want, which was refused.
func (m *Map) Reset(routes []int) (again []int) {
	again = m.rename(routes, "", func(_ *place, want string) string { return want })
	for _, i := range again {
		p := m.m.places[m.Routes[i].Source.Wire]
		p.why, p.changed = m.m.wanted(p.source).why, false
		m.fill(&m.Routes[i])
	}
	return again
}

// Strays reports whether the parent of the route at i goes by a name that the
// route's does not begin with.
func (m *Map) Strays(i int) bool {
	p := m.m.places[m.Routes[i].Source.Wire]
	return !p.special && !m.m.became(p.dest, m.m.wanted(p.source))
}

// Made says that the destination has the mailbox of a route by now.
func (m *Map) Made(i int) {
	r := &m.Routes[i]
	m.m.listed[r.Dest] = imapconn.Mailbox{Name: r.Dest}
	r.Exists = true
}

// Claimed reports whether a mailbox goes to name.
func (m *Map) Claimed(name string) bool {
	return slices.ContainsFunc(m.m.claims[m.m.key(name)], func(p *place) bool { return p.dest == name && m.m.moves(p) })
}

// Twins reports whether a server that does not tell names apart by case or
// Unicode form alone would have the route at i meet another, or what it lists.
func (m *Map) Twins(i int) bool {
	name := m.Routes[i].Dest
	names := m.m.twins[TwinKey(name)]
	return len(names) > 1 || m.m.twinListed(name)
}

// twinListed reports whether the destination lists a twin of name.
func (m *mapper) twinListed(name string) bool {
	if m.listedTwins == nil {
		m.listedTwins = map[string]twinNames{}
		for listed := range m.listed {
			k := TwinKey(listed)
			if m.listedTwins[k] == nil {
				m.listedTwins[k] = twinNames{}
			}
			m.listedTwins[k][listed] = true
		}
	}
	names := m.listedTwins[TwinKey(name)]
	return len(names) > 1 || len(names) == 1 && !names[name]
}

// leave takes back a claim.
func (m *mapper) leave(p *place) {
	k, same := m.key(p.dest), false
	m.claims[k] = slices.DeleteFunc(m.claims[k], func(o *place) bool { return o == p })
	m.tally(p, k, -1)
	for _, o := range m.claims[k] {
		same = same || o.dest == p.dest
	}
	if !same {
		delete(m.twins[TwinKey(p.dest)], p.dest)
	}
}

func isTwin(a, b string) bool { return a != b && TwinKey(a) == TwinKey(b) }

// unlike returns name if p may go there, else name marked by what p wants.
func (m *mapper) unlike(name string, p *place) string {
	if m.vacant(name, p) {
		return name
	}
	if name = shortened(name, p.want, m.to); !strings.HasSuffix(name, mark(p.want)) {
		name += mark(p.want)
	}
	if m.vacant(name, p) {
		return name
	}
	return m.free(name)
}

// vacant reports whether nobody goes to name, nor to a twin of it, but those
// that want to be where p wants to be.
func (m *mapper) vacant(name string, p *place) bool {
	if m.taken(name, p) {
		return false
	}
	twins := m.twins[TwinKey(name)]
	return len(twins) == 0 || len(twins) == 1 && twins[name]
}

// became reports whether name is what became of a mailbox by its wish: that,
// with a suffix, or in one of its other Spellings.
func (m *mapper) became(name string, w wish) bool {
	want := w.name
	if name == want || suffixed(name, want) || isTwin(name, want) {
		return true
	}
	fit := m.limits.fit(want, m.to)
	if name == fit || suffixed(name, fit) || strings.HasSuffix(name, mark(want)) {
		return true
	}
	for n := range Spellings {
		if s := spelling(want, m.to, n); name == s || suffixed(name, s) {
			return true
		}
	}
	return false
}

// reason says why that is its name now, and whether it had to be changed. The
// destination's own spelling is no change.
func reason(name string, w wish) (why string, changed bool) {
	switch {
	case name == w.name || isTwin(name, w.name):
		return w.why, w.altered
	case suffixed(name, w.name):
		return whyTaken, true
	}
	return whyLimits, true
}

// suffixed reports whether free may have made name of base.
func suffixed(name, base string) bool {
	rest, ok := strings.CutPrefix(name, base+" (")
	rest, end := strings.CutSuffix(rest, ")")
	return ok && end && rest != "" && strings.Trim(rest, "0123456789") == ""
}
