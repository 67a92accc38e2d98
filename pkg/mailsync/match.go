package mailsync

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// ident is what is known of one message without its body. octets is what the
// server says (RFC822.SIZE) or the literal's own count; date is INTERNALDATE,
// zero when the server gives none.
type ident struct {
	uid    uint32
	octets int64
	date   time.Time
	head   sum
}

// wholeFunc returns the digests of whole messages, by UID.
type wholeFunc func(ctx context.Context, uids []uint32) (map[uint32]sum, error)

// match pairs source messages with destination messages that are the same
// message, as multisets: no message of either side is used twice (DESIGN
// invariants 6 and 7). Header digest and octets decide where exactly one
// message on each side has them (a header, and more octets than 0, which some
// servers say of every message) and INTERNALDATE agrees; everything else that
// could be equal is compared by the digest of the whole message. Where several
// are equal to the last octet, INTERNALDATE breaks the tie, then UID order.
// The result maps source UIDs to destination UIDs.
func match(ctx context.Context, source, dest []ident, sourceWhole, destWhole wholeFunc) (map[uint32]uint32, error) {
	m := &matcher{pairs: map[uint32]uint32{}, used: map[uint32]bool{}}
	doubtful := m.byHeader(source, dest)
	if err := m.byWhole(ctx, doubtful, sourceWhole, destWhole); err != nil {
		return nil, err
	}
	// A server that shows another header than it was given (no blank line,
	// no header at all) still keeps octets and date.
	rest := m.bySizeAndDate(source, dest)
	if err := m.byWhole(ctx, rest, sourceWhole, destWhole); err != nil {
		return nil, err
	}
	return m.pairs, nil
}

type matcher struct {
	pairs map[uint32]uint32
	used  map[uint32]bool // destination UIDs
}

// group holds the messages of both sides that may be equal.
type group struct{ source, dest []ident }

func (m *matcher) pair(s, d ident) {
	m.pairs[s.uid] = d.uid
	m.used[d.uid] = true
}

// byHeader pairs what is certain and returns the groups that are not.
func (m *matcher) byHeader(source, dest []ident) []group {
	var doubtful []group
	for _, g := range groupBy(source, dest, func(i ident) sum { return i.head }) {
		if len(g.source) == 1 && len(g.dest) == 1 {
			s, d := g.source[0], g.dest[0]
			if s.head != (sum{}) && s.octets > 0 && s.octets == d.octets && !s.date.IsZero() && s.date.Equal(d.date) {
				m.pair(s, d)
				continue
			}
		}
		doubtful = append(doubtful, g)
	}
	return doubtful
}

// bySizeAndDate groups what is left.
func (m *matcher) bySizeAndDate(source, dest []ident) []group {
	type key struct {
		octets int64
		date   int64
	}
	left := slices.DeleteFunc(slices.Clone(source), func(i ident) bool { _, ok := m.pairs[i.uid]; return ok || i.date.IsZero() })
	free := slices.DeleteFunc(slices.Clone(dest), func(i ident) bool { return m.used[i.uid] || i.date.IsZero() })
	return groupBy(left, free, func(i ident) key { return key{i.octets, i.date.Unix()} })
}

// byWhole pairs the members of each group whose whole digests are equal.
func (m *matcher) byWhole(ctx context.Context, groups []group, sourceWhole, destWhole wholeFunc) error {
	if len(groups) == 0 {
		return nil
	}
	var su, du []uint32
	for _, g := range groups {
		su, du = appendUIDs(su, g.source), appendUIDs(du, g.dest)
	}
	slices.Sort(su)
	slices.Sort(du)
	ds, err := destWhole(ctx, du)
	if err != nil {
		return err
	}
	ss, err := sourceWhole(ctx, su)
	if err != nil {
		return err
	}
	for _, g := range groups {
		known := func(sums map[uint32]sum) func(ident) bool {
			return func(i ident) bool { _, ok := sums[i.uid]; return !ok }
		}
		src := slices.DeleteFunc(slices.Clone(g.source), known(ss))
		dst := slices.DeleteFunc(slices.Clone(g.dest), known(ds))
		for _, equal := range groupTwo(src, dst, func(i ident) sum { return ss[i.uid] }, func(i ident) sum { return ds[i.uid] }) {
			m.pairEqual(equal)
		}
	}
	return nil
}

// pairEqual pairs messages that are equal to the last octet: those with equal
// dates first, then in UID order.
func (m *matcher) pairEqual(g group) {
	byUID := func(a, b ident) int { return cmp.Compare(a.uid, b.uid) }
	slices.SortFunc(g.source, byUID)
	slices.SortFunc(g.dest, byUID)
	byDate := map[int64][]ident{}
	for _, d := range g.dest {
		byDate[d.date.UnixNano()] = append(byDate[d.date.UnixNano()], d)
	}
	var left []ident
	for _, s := range g.source {
		k := s.date.UnixNano()
		if same := byDate[k]; len(same) > 0 {
			m.pair(s, same[0])
			byDate[k] = same[1:]
			continue
		}
		left = append(left, s)
	}
	free := slices.DeleteFunc(g.dest, func(d ident) bool { return m.used[d.uid] })
	for i := range min(len(left), len(free)) {
		m.pair(left[i], free[i])
	}
}

func appendUIDs(to []uint32, ids []ident) []uint32 {
	for _, i := range ids {
		to = append(to, i.uid)
	}
	return to
}

// groupBy groups both sides by one key; only groups with members on both
// sides are returned, in the order of their first source message.
func groupBy[K comparable](source, dest []ident, key func(ident) K) []group {
	return groupTwo(source, dest, key, key)
}

func groupTwo[K comparable](source, dest []ident, sourceKey, destKey func(ident) K) []group {
	byKey := map[K][]ident{}
	for _, d := range dest {
		k := destKey(d)
		byKey[k] = append(byKey[k], d)
	}
	at := map[K]int{}
	var out []group
	for _, s := range source {
		k := sourceKey(s)
		if len(byKey[k]) == 0 {
			continue
		}
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k] = i
			out = append(out, group{dest: byKey[k]})
		}
		out[i].source = append(out[i].source, s)
	}
	return out
}
