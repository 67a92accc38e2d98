package mailsync

import (
	"cmp"
	"context"
	"iter"
	"slices"
)

// byParts pairs, in groups of one name, source messages with those of the
// destination to which header fields have been added since: the body is equal,
// and every field of the source's header is there. A name alone makes no two
// messages one.
func (m *matcher) byParts(ctx context.Context, groups iter.Seq[group]) error {
	var some []group
	messages := 0
	for g := range groups {
		some = append(some, g)
		if messages += len(g.source) + len(g.dest); messages >= compareAtOnce {
			if err := m.pairParts(ctx, some); err != nil {
				return err
			}
			some, messages = some[:0], 0
		}
	}
	return m.pairParts(ctx, some)
}

func (m *matcher) pairParts(ctx context.Context, groups []group) error {
	if len(groups) == 0 {
		return nil
	}
	su, du := groupUIDs(groups)
	ds, err := m.dest.parts(ctx, du)
	if err != nil {
		return err
	}
	ss, err := m.source.parts(ctx, su)
	if err != nil {
		return err
	}
	for _, g := range groups {
		// Who has more to say of itself chooses first among those with the
		// fewest fields: a message with fewer fields is within more others.
		slices.SortFunc(g.source, func(a, b ident) int {
			return cmp.Or(cmp.Compare(ss[b.uid].Fields(), ss[a.uid].Fields()), byUID(a, b))
		})
		slices.SortFunc(g.dest, func(a, b ident) int {
			return cmp.Or(cmp.Compare(ds[a.uid].Fields(), ds[b.uid].Fields()), byUID(a, b))
		})
		free := slices.Clone(g.dest)
		for _, s := range g.source {
			i := slices.IndexFunc(free, func(d ident) bool { return ss[s.uid].Within(ds[d.uid]) })
			if i >= 0 {
				m.pair(s, free[i])
				free = slices.Delete(free, i, i+1)
			}
		}
	}
	return nil
}

// groupUIDs returns the UIDs of all groups, ascending.
func groupUIDs(groups []group) (source, dest []uint32) {
	for _, g := range groups {
		source, dest = appendUIDs(source, g.source), appendUIDs(dest, g.dest)
	}
	slices.Sort(source)
	slices.Sort(dest)
	return source, dest
}
