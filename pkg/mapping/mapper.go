package mapping

import (
	"fmt"
	"strconv"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// mapper gives every chosen source mailbox its name at the destination.
type mapper struct {
	in       Input
	from, to Tree
	limits   limits
	source   []imapconn.Mailbox // ascending by name
	top      []string           // the levels of --subfolder1
	below    string             // --subfolder2 with the destination's prefix; "": none

	listed map[string]imapconn.Mailbox // at the destination, by name
	spelt  map[string]string           // where the destination folds case: the listed spelling by TwinKey

	leftOut     map[string]string    // by wire name: why
	places      map[string]*place    // by wire name
	claims      map[string][]*place  // by key: who goes there
	moving      map[string]int       // by key: how many of them are migrated
	suffix      map[string]int       // by key: the last suffix that free gave
	twins       map[string]twinNames // by TwinKey: the spellings that are claimed
	listedTwins map[string]twinNames // by TwinKey: the spellings that the destination lists; nil: not asked for yet
	notes       []string
}

// twinNames are names that differ in case or in Unicode form only.
type twinNames map[string]bool

// place is what was decided about one mailbox.
type place struct {
	source  imapconn.Mailbox
	dest    string
	why     string
	rule    bool // a rule of the user's sends it there: others may be there too
	exact   bool // --map: children do not follow
	changed bool
	stored  bool
}

func newMapper(in Input) *mapper {
	m := &mapper{in: in, from: in.Source.Tree, to: in.Dest.Tree, limits: limitsOf(in.Dest.Software, in.Dest.Delimiter),
		source: sorted(in.Source.Mailboxes),
		listed: map[string]imapconn.Mailbox{}, spelt: map[string]string{}, leftOut: map[string]string{},
		places: map[string]*place{}, claims: map[string][]*place{}, moving: map[string]int{}, suffix: map[string]int{}, twins: map[string]twinNames{}}
	for _, d := range sorted(in.Dest.Mailboxes) {
		m.listed[d.Name] = d
		if k := TwinKey(d.Name); m.limits.folds && m.spelt[k] == "" {
			m.spelt[k] = d.Name
		}
	}
	if sub := in.Rules.Subfolder1; sub != "" {
		m.top = levels(m.from.bare(sub), m.from.Delimiter)
	}
	if sub := in.Rules.Subfolder2; sub != "" {
		m.below = m.to.join(levels(m.to.bare(sub), m.to.Delimiter))
	}
	return m
}

// key is what two names that are one mailbox at the destination have in
// common.
func (m *mapper) key(name string) string {
	if m.limits.folds {
		return TwinKey(name)
	}
	return name
}

// taken reports whether somebody goes to name whom no rule sends there: a
// second one like that is none of the user's doing.
func (m *mapper) taken(name string) bool {
	for _, p := range m.claims[m.key(name)] {
		if !p.rule {
			return true
		}
	}
	return false
}

func (m *mapper) take(p *place) {
	if listed, ok := m.spelt[TwinKey(p.dest)]; ok && m.limits.folds && !p.stored {
		p.dest = listed
	}
	m.places[p.source.Wire] = p
	k := m.key(p.dest)
	m.claims[k] = append(m.claims[k], p)
	if m.moves(p) {
		m.moving[k]++
	}
	t := TwinKey(p.dest)
	if m.twins[t] == nil {
		m.twins[t] = twinNames{}
	}
	m.twins[t][p.dest] = true
}

// open reports whether a mailbox has no place yet and wants one.
func (m *mapper) open(s imapconn.Mailbox) bool {
	_, left := m.leftOut[s.Wire]
	return m.places[s.Wire] == nil && !left
}

// keepSettled keeps the places of mailboxes of which something was copied, also
// of those that are left out by now, and tells where the rules want another.
func (m *mapper) keepSettled() {
	for _, s := range m.source {
		c, ok := m.in.Stored[s.Wire]
		if !ok || !c.Settled {
			continue
		}
		_, byMap := m.mapped(s)
		m.take(&place{source: s, dest: c.Dest, stored: true, rule: byMap, exact: byMap})
	}
	for _, s := range m.source { // parents have their places now
		p := m.places[s.Wire]
		if p == nil || m.leftOut[s.Wire] != "" {
			continue
		}
		want := m.wanted(s)
		if m.variant(p.dest, want.name) {
			p.why, p.changed = want.why, p.dest != want.name
			if p.changed {
				p.why = whyTaken
			}
			p.rule = p.rule || want.merges
			continue
		}
		p.why = "chosen by an earlier run"
		if want.ruled {
			m.notes = append(m.notes, fmt.Sprintf("%s went to %s in an earlier run and stays there, although %s says %s now: "+
				"mail is never moved from one mailbox to another", s.Name, p.dest, want.why, want.name))
		}
	}
}

// claimMapped gives those that --map names what it says.
func (m *mapper) claimMapped() {
	for _, s := range m.source {
		if to, ok := m.mapped(s); ok && m.open(s) {
			m.take(&place{source: s, dest: to, why: "--map", rule: true, exact: true})
		}
	}
}

// mapped returns what --map says of a mailbox.
func (m *mapper) mapped(s imapconn.Mailbox) (to string, ok bool) {
	for _, r := range m.in.Rules.Map {
		if named(s, r.From) {
			return destName(r.To), true
		}
	}
	return "", false
}

// named reports whether a user who writes name means s: as people read it, or
// as it is on the wire, which is how imapsync's users have it.
func named(s imapconn.Mailbox, name string) bool {
	return s.Name == name || s.Wire == name || s.Name == "INBOX" && isInbox(name)
}

// destName reads a name that a user wrote in UTF-8 or in modified UTF-7.
func destName(name string) string {
	if isInbox(name) {
		return "INBOX"
	}
	if decoded, ok := imapconn.DecodeMailbox(name); ok {
		return decoded
	}
	return name
}

func (m *mapper) claimInbox() {
	if m.below != "" {
		return
	}
	for _, s := range m.source {
		inbox := s.Name == "INBOX" && m.top == nil || m.top != nil && isTop(m.path(s))
		if inbox && m.open(s) && m.wanted(s).name == "INBOX" && !m.taken("INBOX") {
			m.take(&place{source: s, dest: "INBOX", why: m.wanted(s).why})
		}
	}
}

// isTop reports whether a path is INBOX itself.
func isTop(path []string) bool { return len(path) == 1 && isInbox(path[0]) }

// claimRoles sends special mailboxes to the destination's special mailboxes,
// those with an attribute before those that only have the name.
func (m *mapper) claimRoles() {
	if m.in.Rules.NoAutomap || m.below != "" {
		return
	}
	var chosen, usable []imapconn.Mailbox
	for _, s := range m.source {
		if m.leftOut[s.Wire] == "" && !s.NoSelect {
			chosen = append(chosen, s)
		}
	}
	for _, d := range sorted(m.in.Dest.Mailboxes) {
		if !d.NonExistent && !d.NoSelect {
			usable = append(usable, d)
		}
	}
	from, to := newSpecials(chosen, m.path), newSpecials(usable, m.to.split)
	for _, r := range roles {
		s, ok := from.holder(r)
		target, there := to.holder(r)
		if !ok || !there || !m.open(s) || m.taken(target.Name) {
			continue
		}
		p := &place{source: s, dest: target.Name}
		if plain := m.translate(s); plain != target.Name {
			p.why = "special use " + r.attribute
		}
		m.take(p)
	}
}

// placeAll translates the names of all others, those first that need not be
// altered for it, so that what is altered gives way to what is not. Parents
// sort before their children.
func (m *mapper) placeAll() {
	for _, altered := range []bool{false, true} {
		for _, s := range m.source {
			if m.open(s) && (altered || !m.alters(s)) {
				m.place(s)
			}
		}
	}
}

// alters reports whether the destination cannot hold the name as it is.
func (m *mapper) alters(s imapconn.Mailbox) bool {
	path := m.path(s)
	return m.to.alters(path) || m.limits.fit(m.to.join(path), m.to) != m.to.join(path)
}

const (
	whyDelimiter = "the destination's delimiter cannot stand inside a name"
	whyLimits    = "the destination cannot hold the name as it is"
	whyTaken     = "its name was taken by another mailbox"
)

func (m *mapper) place(s imapconn.Mailbox) {
	want := m.wanted(s)
	p := &place{source: s, dest: want.name, why: want.why, rule: want.merges}
	if fit := m.limits.fit(p.dest, m.to); fit != p.dest {
		if !want.merges {
			fit = m.unlike(fit, p.dest)
		}
		p.dest, p.why, p.changed = fit, whyLimits, true
	}
	switch c, ok := m.in.Stored[s.Wire]; {
	case ok && !m.claimed(c.Dest) && m.variant(c.Dest, want.name) && !want.merges:
		p.dest, p.stored = c.Dest, true
		if c.Dest != want.name && !p.changed {
			p.why, p.changed = whyTaken, true
		}
	case m.taken(p.dest) && !want.merges:
		p.dest, p.why, p.changed = m.free(p.dest), whyTaken, true
	}
	p.changed = p.changed || want.altered
	m.take(p)
}

func (m *mapper) claimed(name string) bool { return len(m.claims[m.key(name)]) > 0 }

// free returns name with the first suffix that nobody has. Names that the
// destination lists count as free: they are most likely what an earlier pass
// made for this very mailbox, and its ledger is lost.
func (m *mapper) free(name string) string {
	k := m.key(name)
	for n := max(m.suffix[k], 1) + 1; ; n++ {
		m.suffix[k] = n
		if candidate := name + " (" + strconv.Itoa(n) + ")"; !m.claimed(candidate) && !m.twin(candidate) {
			return candidate
		}
	}
}

// twin reports whether a name differs from a claimed one in case or Unicode
// form only.
func (m *mapper) twin(name string) bool { return len(m.twins[TwinKey(name)]) > 0 }
