package mailsync

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/imapfleet/imapfleet/pkg/identity"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// skipDuplicates leaves out each message that is equal, to the last octet of
// its canonical form, to one that is at the destination already or that comes
// before it in the mailbox and is to be copied. Those only that cannot be told
// apart by what is cheaper are read whole: octets, then the header.
func (f *fetcher) skipDuplicates(ctx context.Context, pt *part) error {
	b := pt.b
	if !f.p.rules.SkipDuplicates || b.plan.count[notTried] == 0 {
		return nil
	}
	uids := b.plan.are(notTried, alreadyThere, copied)
	room := f.win.reserve(int64(len(uids)) * matchCost)
	defer f.win.restore(room)
	t := twins{o: pt.src, todo: b.plan.isTodo, leave: func(uid uint32) { f.p.settled(b, uid, filteredDuplicate) }}
	return t.find(ctx, uids, roundsFor(len(uids), room))
}

// twins finds equal messages in one mailbox.
type twins struct {
	o     *opened
	todo  func(uid uint32) bool // what is not at the destination
	leave func(uid uint32)      // gets what is left out of that
}

// find looks at uids, ascending, in so many rounds.
func (t twins) find(ctx context.Context, uids []uint32, rounds int) error {
	uids, err := t.o.sameSize(ctx, uids, t.todo)
	if err != nil {
		return err
	}
	for n := range rounds {
		ids, err := t.o.identsOf(ctx, uids, stack{n: n, of: rounds})
		if err != nil {
			return err
		}
		if err := t.dropEqual(ctx, ids); err != nil {
			return err
		}
	}
	return nil
}

// dropEqual finds those of ids that are equal and drops all but one of each.
func (t twins) dropEqual(ctx context.Context, ids []ident) error {
	var groups [][]ident
	messages := 0
	var err error
	compare := func() {
		if err == nil && messages > 0 {
			err = t.byWhole(ctx, groups)
		}
		groups, messages = groups[:0], 0
	}
	byHeadAndSize := func(a, b ident) int { return cmp.Or(byHead(a, b), cmp.Compare(a.octets, b.octets)) }
	identity.Join(ids, nil, byHeadAndSize, byUID, func(same, _ []ident) {
		if worthComparing(same, t.todo) {
			groups = append(groups, same)
			if messages += len(same); messages >= compareAtOnce {
				compare()
			}
		}
	})
	compare()
	return err
}

// worthComparing reports whether one of same, which may be equal, may be left
// out.
func worthComparing(same []ident, todo func(uint32) bool) bool {
	return len(same) > 1 && slices.ContainsFunc(same, func(i ident) bool { return todo(i.uid) })
}

// byWhole compares the members of each group by the digests of whole messages.
// One that cannot be read is equal to none.
func (t twins) byWhole(ctx context.Context, groups [][]ident) error {
	var uids []uint32
	for _, g := range groups {
		uids = appendUIDs(uids, g)
	}
	slices.Sort(uids)
	wholes, err := t.o.wholesOf(ctx, uids)
	if err != nil {
		return err
	}
	for _, g := range groups {
		identity.Join(withWhole(g, wholes), nil, byHead, byUID, func(equal, _ []ident) { t.keepOne(equal) })
	}
	return nil
}

// keepOne leaves out all of equal, ascending, but those that are there already,
// or else the first.
func (t twins) keepOne(equal []ident) {
	there := slices.ContainsFunc(equal, func(i ident) bool { return !t.todo(i.uid) })
	for _, i := range equal {
		switch {
		case !t.todo(i.uid):
		case !there:
			there = true
		default:
			t.leave(i.uid)
		}
	}
}

// sizesByUID holds the octets of messages as the server says them.
type sizesByUID struct {
	uids []uint32 // ascending

	mu     sync.Mutex // handlers write it on a connection's reading goroutine
	octets []int64    // by index in uids; -1: not read
	n      int
}

func newSizes(uids []uint32) *sizesByUID {
	return &sizesByUID{uids: uids, octets: slices.Repeat([]int64{-1}, len(uids))}
}

// sameSize returns those of uids, ascending, whose size another of them has, if
// either is to be done.
func (o *opened) sameSize(ctx context.Context, uids []uint32, todo func(uint32) bool) ([]uint32, error) {
	z, err := o.sizes(ctx, uids)
	if err != nil {
		return nil, err
	}
	order := make([]int, len(uids))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(z.octets[a], z.octets[b]) })
	var out []uint32
	for len(order) > 0 {
		n, wanted := 0, false
		for n < len(order) && z.octets[order[n]] == z.octets[order[0]] {
			wanted = wanted || todo(uids[order[n]])
			n++
		}
		for _, i := range order[:n] {
			if n > 1 && wanted {
				out = append(out, uids[i])
			}
		}
		order = order[n:]
	}
	slices.Sort(out)
	return out, nil
}

func (z *sizesByUID) take(m *imapconn.Message) error {
	z.mu.Lock()
	defer z.mu.Unlock()
	if i, ok := slices.BinarySearch(z.uids, m.UID); ok && z.octets[i] < 0 && m.Size >= 0 {
		z.octets[i] = m.Size
		z.n++
	}
	return nil
}

func (z *sizesByUID) len() int {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.n
}

func (z *sizesByUID) missing(uids []uint32) (out []uint32) {
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, u := range uids {
		if i, ok := slices.BinarySearch(z.uids, u); !ok || z.octets[i] < 0 {
			out = append(out, u)
		}
	}
	return out
}
