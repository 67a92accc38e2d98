package mailsync

import (
	"context"
	"slices"
)

// early is what the source listed of a mailbox while the destination was
// prepared.
type early struct {
	src *opened
	listing
}

// makeAndList makes what the destination lacks, and meanwhile lists what the
// source has in the mailboxes that come first: neither waits for the other.
func (p *pass) makeAndList(ctx context.Context) error {
	parts, lists, err := p.first.beginEarly(ctx)
	if err != nil {
		return err
	}
	var errs [2]error
	clockOf(ctx).apart(ctx, func(ctx context.Context) {
		errs[0] = guard("list", func() error { return p.first.lists(ctx, parts, lists) })
	}, func(ctx context.Context) {
		errs[1] = guard("create", func() error { return p.makeMailboxes(ctx) })
	})
	for i, pt := range parts {
		pt.b.early = &early{src: pt.src, listing: lists[i]}
	}
	return both(errs[0], errs[1])
}

// beginEarly prepares to list the mailboxes that the lane will begin with; none
// when it will have to wait for an old session, which may take a minute, and
// when messages may be moved first, which changes what is known of them.
func (l *lane) beginEarly(ctx context.Context) (parts []*part, lists []listing, err error) {
	if l.p.rules.Moves || slices.ContainsFunc(l.p.boxes, func(b *box) bool { return b.link.Open }) {
		return nil, nil, nil
	}
	w := work{boxes: l.p.toOpen()}
	for _, pt := range w.group() {
		pt.b.parts = 0 // nobody has begun it
		pt.src = l.source(pt.b)
		list, err := l.p.newListing(ctx, pt.b)
		if err != nil {
			return nil, nil, err
		}
		parts, lists = append(parts, pt), append(lists, list)
	}
	return parts, lists, nil
}

// source is the source mailbox on a lane.
func (l *lane) source(b *box) *opened {
	return &opened{s: l.src, wire: b.source.Wire, readOnly: true}
}
