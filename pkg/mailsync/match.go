package mailsync

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"time"

	"github.com/imapfleet/imapfleet/pkg/identity"
)

// ident is what is known of one message without its body: 56 octets. octets is
// what the server says (RFC822.SIZE) or the literal's own count.
type ident struct {
	uid    uint32
	octets int64
	date   int64        // INTERNALDATE, see dateOf
	name   identity.Sum // of Message-ID and Date; zero: it has none, or nobody looked
	head   identity.Sum
}

// noDate is the date of a message of which the server gives none.
var noDate = dateOf(time.Time{})

// dateOf is an INTERNALDATE in seconds, which is all that it has.
func dateOf(t time.Time) int64 { return t.Unix() }

// wholeFunc returns the digests of whole messages, by UID.
type wholeFunc func(ctx context.Context, uids []uint32) (map[uint32]identity.Sum, error)

// partsFunc returns what whole messages consist of, by UID.
type partsFunc func(ctx context.Context, uids []uint32) (map[uint32]identity.Parts, error)

// party is one of the two sides of a match.
type party struct {
	count  int // of its messages
	idents func(ctx context.Context, s stack) ([]ident, error)
	whole  wholeFunc
	parts  partsFunc // nil: that cannot be told of them
}

// pairs are source messages with the destination messages that are the same
// ones, ascending by source UID: 8 octets each.
type pairs []pair

type pair struct{ source, dest uint32 }

// of returns the destination's UID of a source message.
func (p pairs) of(source uint32) (dest uint32, ok bool) {
	i, ok := slices.BinarySearchFunc(p, source, func(p pair, u uint32) int { return cmp.Compare(p.source, u) })
	if !ok {
		return 0, false
	}
	return p[i].dest, true
}

// split returns the UIDs of both sides, in the order of the pairs.
func (p pairs) split() (source, dest []uint32) {
	source, dest = make([]uint32, len(p)), make([]uint32, len(p))
	for i, p := range p {
		source[i], dest[i] = p.source, p.dest
	}
	return source, dest
}

// match pairs source messages with destination messages that are the same
// message, as multisets: no message of either side is used twice (DESIGN
// invariants 6 and 7). Header digest and octets decide where exactly one
// message on each side has them (a header, and more octets than 0, which some
// servers say of every message) and INTERNALDATE agrees; everything else that
// could be equal is compared by the digest of the whole message, in the
// canonical form of package identity, for servers alter what they store. Where
// several are equal in it, octets break the tie, then INTERNALDATE, then UID
// order. What is left is compared with what has the same Message-ID and Date:
// somebody at the destination may have added header fields.
//
// In more than one round, which read again what identifies the messages, only
// one of as many stacks of them is held at a time. The outcome is the same.
func match(ctx context.Context, source, dest party, rounds int) (pairs, error) {
	m := &matcher{source: source, dest: dest, rounds: rounds}
	if err := m.each(ctx, ofHeader, func(s, d []ident) error {
		return m.compare(ctx, joined(s, d, byHead), certain)
	}); err != nil {
		return nil, err
	}
	// A server that shows another header than it was given (no blank line,
	// no header at all) still keeps octets and date.
	if err := m.each(ctx, ofSize, func(s, d []ident) error {
		return m.compare(ctx, joined(s, d, bySizeAndDate), nil)
	}); err != nil {
		return nil, err
	}
	if source.parts == nil || dest.parts == nil {
		return m.pairs, nil
	}
	if err := m.each(ctx, ofName, func(s, d []ident) error {
		return m.byParts(ctx, joined(s, d, byName))
	}); err != nil {
		return nil, err
	}
	return m.pairs, nil
}

type matcher struct {
	source, dest party
	rounds       int

	pairs pairs
	used  []uint32 // the destination UIDs of pairs, ascending
	// In one round all messages are read once and kept.
	s, d []ident
	kept bool
}

// each hands over, stack by stack, the messages that have no partner yet and
// can be compared by a trait.
func (m *matcher) each(ctx context.Context, by trait, do func(s, d []ident) error) error {
	total, open := m.source.count+m.dest.count, m.source.count+m.dest.count-2*len(m.pairs)
	rounds := max(1, (open*m.rounds+total-1)/max(1, total)) // fewer messages, fewer stacks
	for n := range rounds {
		if m.rounds > 1 || !m.kept {
			var err error
			if m.s, m.d, err = m.read(ctx, stack{n: n, of: rounds, by: by}); err != nil {
				return err
			}
			m.kept = true
		}
		s := left(m.s, by, m.paired)
		d := left(m.d, by, m.taken)
		if err := do(s, d); err != nil {
			return err
		}
		slices.SortFunc(m.pairs, func(a, b pair) int { return cmp.Compare(a.source, b.source) })
		slices.Sort(m.used)
	}
	return nil
}

// left returns a copy of those that have no partner and are not bare of what
// they would be compared by.
func left(ids []ident, by trait, done func(uid uint32) bool) []ident {
	return slices.DeleteFunc(slices.Clone(ids), func(i ident) bool {
		return by == ofSize && i.date == noDate || by == ofName && i.name == (identity.Sum{}) || done(i.uid)
	})
}

func (m *matcher) paired(uid uint32) bool { _, ok := m.pairs.of(uid); return ok }
func (m *matcher) taken(uid uint32) bool  { _, ok := slices.BinarySearch(m.used, uid); return ok }

// read reads one stack of what has no partner yet.
func (m *matcher) read(ctx context.Context, s stack) (source, dest []ident, err error) {
	s.done = m.taken
	if dest, err = m.dest.idents(ctx, s); err != nil || len(dest) == 0 {
		return nil, nil, err
	}
	s.done = m.paired
	source, err = m.source.idents(ctx, s)
	return source, dest, err
}

// group holds the messages of both sides that may be equal.
type group struct{ source, dest []ident }

// certain reports that the only two messages with a header are the same.
func certain(g group) bool {
	if len(g.source) != 1 || len(g.dest) != 1 {
		return false
	}
	s, d := g.source[0], g.dest[0]
	return s.head != (identity.Sum{}) && s.octets > 0 && s.octets == d.octets && s.date != noDate && s.date == d.date
}

// compareAtOnce is how many messages' bodies are digested before the digests
// are compared, unless one group has more.
const compareAtOnce = 1000

// compare pairs what is the same in each group: without a look at the bodies
// where that is certain (nil: never).
func (m *matcher) compare(ctx context.Context, groups iter.Seq[group], certain func(group) bool) error {
	var doubtful []group
	messages := 0
	for g := range groups {
		if certain != nil && certain(g) {
			m.pair(g.source[0], g.dest[0])
			continue
		}
		doubtful = append(doubtful, g)
		if messages += len(g.source) + len(g.dest); messages >= compareAtOnce {
			if err := m.byWhole(ctx, doubtful); err != nil {
				return err
			}
			doubtful, messages = doubtful[:0], 0
		}
	}
	return m.byWhole(ctx, doubtful)
}

func (m *matcher) pair(s, d ident) {
	m.pairs = append(m.pairs, pair{s.uid, d.uid})
	m.used = append(m.used, d.uid)
}

// byWhole pairs the members of each group whose whole digests are equal.
func (m *matcher) byWhole(ctx context.Context, groups []group) error {
	if len(groups) == 0 {
		return nil
	}
	su, du := groupUIDs(groups)
	ds, err := m.dest.whole(ctx, du)
	if err != nil {
		return err
	}
	ss, err := m.source.whole(ctx, su)
	if err != nil {
		return err
	}
	for _, g := range groups {
		before := len(m.pairs)
		for equal := range joined(withWhole(g.source, ss), withWhole(g.dest, ds), byHead) {
			m.pairEqual(equal)
		}
		m.pairBlank(g, m.pairs[before:], ds)
	}
	return nil
}

// pairBlank pairs what is left of a group whose octets and dates are equal with
// messages of which the destination shows nothing, though it says that they have
// octets. Where there are fewer of those, nobody can tell whose they are.
func (m *matcher) pairBlank(g group, paired pairs, dests map[uint32]identity.Sum) {
	var source, dest []ident
	for _, d := range g.dest {
		if whole, ok := dests[d.uid]; ok && whole == identity.Blank && d.octets > 0 && d.date != noDate &&
			!slices.ContainsFunc(paired, func(p pair) bool { return p.dest == d.uid }) {
			dest = append(dest, d)
		}
	}
	if len(dest) == 0 {
		return
	}
	for _, s := range g.source {
		if !slices.ContainsFunc(paired, func(p pair) bool { return p.source == s.uid }) {
			source = append(source, s)
		}
	}
	alike := func(i ident) bool { return bySizeAndDate(i, dest[0]) == 0 }
	if len(dest) < len(source) || !all(source, alike) || !all(dest, alike) {
		return
	}
	for i, s := range source {
		m.pair(s, dest[i])
	}
}

func all(ids []ident, is func(ident) bool) bool {
	return !slices.ContainsFunc(ids, func(i ident) bool { return !is(i) })
}

// withWhole returns copies of those whose whole digest is known, with it in
// the place of the header's.
func withWhole(ids []ident, wholes map[uint32]identity.Sum) []ident {
	out := make([]ident, 0, len(ids))
	for _, i := range ids {
		if whole, ok := wholes[i.uid]; ok {
			i.head = whole
			out = append(out, i)
		}
	}
	return out
}

// pairEqual pairs messages whose whole digests are equal: first those with
// equal octets and dates, then with equal octets, then with equal dates, then in
// UID order. The digest leaves out what servers alter, and with equal octets it
// is less likely that one is another message, such as one CRLF longer.
func (m *matcher) pairEqual(g group) {
	for _, same := range []func(a, b ident) int{bySizeAndDate, byOctets, byDate, func(a, b ident) int { return 0 }} {
		var left, free []ident
		identity.Join(g.source, g.dest, same, byUID, func(s, d []ident) {
			n := min(len(s), len(d))
			for i := range n {
				m.pair(s[i], d[i])
			}
			left, free = append(left, s[n:]...), append(free, d[n:]...)
		})
		g = group{left, free}
	}
}

func appendUIDs(to []uint32, ids []ident) []uint32 {
	for _, i := range ids {
		to = append(to, i.uid)
	}
	return to
}

func byUID(a, b ident) int { return cmp.Compare(a.uid, b.uid) }

func byHead(a, b ident) int   { return identity.Compare(a.head, b.head) }
func byName(a, b ident) int   { return identity.Compare(a.name, b.name) }
func byOctets(a, b ident) int { return cmp.Compare(a.octets, b.octets) }
func byDate(a, b ident) int   { return cmp.Compare(a.date, b.date) }

func bySizeAndDate(a, b ident) int { return cmp.Or(byOctets(a, b), byDate(a, b)) }

// joined groups both sides by a key: groups with members on both sides. It
// sorts the slices that it is given, and the groups are parts of them.
func joined(source, dest []ident, key func(a, b ident) int) iter.Seq[group] {
	return func(yield func(group) bool) {
		on := true
		identity.Join(source, dest, key, byUID, func(s, d []ident) {
			if on && len(s) > 0 && len(d) > 0 {
				on = yield(group{s, d})
			}
		})
	}
}
