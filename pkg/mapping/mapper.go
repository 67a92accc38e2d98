package mapping

import (
	"fmt"
	"slices"
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
	wanting     map[[2]string]int    // by key and wantKey of those who go there: how many
	owning      map[[2]string]int    // by key and ownKey of those
	twins       map[string]twinNames // by TwinKey: the spellings that are claimed
	listedTwins map[string]twinNames // by TwinKey: the spellings that the destination lists; nil: not asked for yet
	notes       []string
}

// twinNames are names that differ in case or in Unicode form only.
type twinNames map[string]bool

// place is what was decided about one mailbox.
type place struct {
	source           imapconn.Mailbox
	dest             string
	want, own, made  string // of its wish: name, and the same
	wantKey, ownKey  string // mapper.key of these
	rewritten, exact bool   // of its wish; where exact, children do not follow
	special          bool   // its special use sends it there
	why              string
	changed          bool
	stored           bool
}

// newPlace is the place of a mailbox that gets the name it wants.
func (m *mapper) newPlace(s imapconn.Mailbox, w wish) *place {
	p := &place{source: s, dest: w.name, own: w.own, made: w.made, ownKey: m.key(w.own), rewritten: w.rewritten, exact: w.exact, why: w.why}
	m.wants(p, w.name)
	return p
}

func (m *mapper) wants(p *place, name string) { p.want, p.wantKey = name, m.key(name) }

func newMapper(in Input) *mapper {
	m := &mapper{in: in, from: in.Source.Tree, to: in.Dest.Tree, limits: limitsOf(in.Dest.Software, in.Dest.Delimiter),
		source: sorted(in.Source.Mailboxes),
		listed: map[string]imapconn.Mailbox{}, spelt: map[string]string{}, leftOut: map[string]string{},
		places: map[string]*place{}, claims: map[string][]*place{}, moving: map[string]int{}, suffix: map[string]int{},
		wanting: map[[2]string]int{}, owning: map[[2]string]int{}, twins: map[string]twinNames{}}
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

// taken reports whether somebody goes to name with whom p must not be there.
func (m *mapper) taken(name string, p *place) bool {
	k := m.key(name)
	all := m.claims[k]
	if p.rewritten && m.wanting[[2]string{k, p.wantKey}] == len(all) && m.owning[[2]string{k, p.ownKey}] == 0 {
		return false // thousands may be merged: they need not be asked one by one
	}
	return slices.ContainsFunc(all, func(o *place) bool { return !m.together(p, o) })
}

// together reports whether it is the user's doing that two mailboxes go to one
// name: --map says so of one of them, or --regextrans2 has made one name of two.
// It is not where the destination alone makes them equal, before the rewriting or
// after it.
func (m *mapper) together(p, o *place) bool {
	switch {
	case p.wantKey != o.wantKey:
		return false
	case p.exact || o.exact:
		return true
	case p.own == o.own: // would one name be made of Name and Name (2)?
		return p.want == o.want && len(m.in.Rules.Transforms) > 0 && m.rewrite(suffix(p.own, 2)) == p.want
	case !p.rewritten && !o.rewritten:
		return false
	}
	return p.ownKey != o.ownKey || p.want == o.want
}

func (m *mapper) take(p *place) {
	if listed, ok := m.spelt[TwinKey(p.dest)]; ok && m.limits.folds && !p.stored {
		p.dest = listed
	}
	m.places[p.source.Wire] = p
	k := m.key(p.dest)
	m.claims[k] = append(m.claims[k], p)
	m.tally(p, k, 1)
	t := TwinKey(p.dest)
	if m.twins[t] == nil {
		m.twins[t] = twinNames{}
	}
	m.twins[t][p.dest] = true
}

// tally counts p, or counts it no more, among those that go to what k is the key
// of.
func (m *mapper) tally(p *place, k string, by int) {
	if m.moves(p) {
		m.moving[k] += by
	}
	m.wanting[[2]string{k, p.wantKey}] += by
	m.owning[[2]string{k, p.ownKey}] += by
}

// open reports whether a mailbox has no place yet and wants one.
func (m *mapper) open(s imapconn.Mailbox) bool {
	_, left := m.leftOut[s.Wire]
	return m.places[s.Wire] == nil && !left
}

// keepSettled keeps the places of mailboxes of which something was copied, also
// of those that are left out by now.
func (m *mapper) keepSettled() {
	for _, s := range m.source {
		c, ok := m.in.Stored[s.Wire]
		if !ok || !c.Settled {
			continue
		}
		w := m.wanted(s)
		if !m.became(c.Dest, w) {
			own := m.plain(s)
			w = wish{name: c.Dest, own: own, made: own}
		}
		p := m.newPlace(s, w)
		p.dest, p.stored = c.Dest, true
		m.take(p)
	}
}

// judgeSettled says of what is settled why it is where it is, as of what is
// not, and tells where the rules want another place. All have their places now.
func (m *mapper) judgeSettled() {
	for _, s := range m.source {
		p := m.places[s.Wire]
		if p == nil || !m.in.Stored[s.Wire].Settled || m.leftOut[s.Wire] != "" || p.special {
			continue
		}
		want := m.wanted(s)
		if m.became(p.dest, want) {
			p.why, p.changed = reason(p.dest, want)
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
		if _, ok := m.mapped(s); ok && m.open(s) {
			m.take(m.newPlace(s, m.wanted(s)))
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
		if !inbox || !m.open(s) {
			continue
		}
		if p := m.newPlace(s, m.wanted(s)); p.dest == "INBOX" && !m.taken("INBOX", p) {
			m.take(p)
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
		if ok && there {
			m.claimRole(r, s, target.Name)
		}
	}
}

// claimRole sends a mailbox to the destination's for the same special use.
// Where an earlier pass did so, that is why it is there.
func (m *mapper) claimRole(r role, s imapconn.Mailbox, target string) {
	own := m.plain(s)
	p := m.newPlace(s, wish{name: target, own: own, made: own})
	switch settled := m.places[s.Wire]; {
	case settled != nil && settled.dest == target && !settled.exact:
		p = settled
	case !m.open(s) || m.taken(target, p):
		return
	default:
		m.take(p)
	}
	p.special, p.why = true, ""
	if m.translate(s) != target {
		p.why = "special use " + r.attribute
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
	name := m.to.join(path)
	if w := m.wanted(s); w.rewritten {
		name = w.name
	}
	return m.to.alters(path) || m.limits.fit(name, m.to) != name
}

const (
	whyDelimiter = "the destination's delimiter cannot stand inside a name"
	whyLimits    = "the destination cannot hold the name as it is"
	whyTaken     = "its name was taken by another mailbox"
)

func (m *mapper) place(s imapconn.Mailbox) {
	want := m.wanted(s)
	p := m.newPlace(s, want)
	if fit := m.limits.fit(p.dest, m.to); fit != p.dest {
		p.dest, p.why, p.changed = m.unlike(fit, p), whyLimits, true
	}
	taken := m.taken(p.dest, p)
	switch c, ok := m.in.Stored[s.Wire]; {
	case ok && !m.claimed(c.Dest) && m.became(c.Dest, want) && (taken || !want.rewritten):
		p.dest, p.stored = c.Dest, true
		p.why, p.changed = reason(c.Dest, want)
	case taken:
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
		if candidate := suffix(name, n); !m.claimed(candidate) && !m.twin(candidate) {
			return candidate
		}
	}
}

func suffix(name string, n int) string { return name + " (" + strconv.Itoa(n) + ")" }

// twin reports whether a name differs from a claimed one in case or Unicode
// form only.
func (m *mapper) twin(name string) bool { return len(m.twins[TwinKey(name)]) > 0 }
