package verify

import (
	"context"
	"slices"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/ledger"
)

// ours returns those of uids, which the destination mailbox of a group has,
// that may be proof for it: not what the ledger says was put there for another
// row, or for another mailbox of this one. It may hold the same messages, and
// each of them needs a copy of its own.
func (r *row) ours(ctx context.Context, g *group, uids []uint32, sel imapconn.Selected) ([]uint32, error) {
	runs, err := r.otherRuns(ctx, g, validityOf(sel))
	if err != nil || len(runs) == 0 {
		return uids, err
	}
	others := origins{}.with(0, runs)
	return slices.DeleteFunc(slices.Clone(uids), func(uid uint32) bool {
		_, _, other := others.of(uid)
		_, _, own := g.origins.of(uid)
		return other && !own
	}), nil
}

// otherRuns are the runs into the destination mailbox of a group that are not
// from its source mailboxes; validity is the mailbox's UIDVALIDITY, 0 where
// that tells nothing.
func (r *row) otherRuns(ctx context.Context, g *group, validity uint32) ([]ledger.Run, error) {
	l := r.v.opt.Ledger
	if l == nil || validity == 0 {
		return nil, nil
	}
	all, err := l.OtherRuns(ctx, r.id, r.pair.DestID(), g.dest, validity)
	if err != nil {
		return nil, unreadable(err)
	}
	for _, link := range r.history.links {
		if link.Dest != g.dest || link.DestValidity != validity ||
			slices.ContainsFunc(g.boxes, func(b *sourceBox) bool { return b.wire == link.Source }) {
			continue
		}
		own, err := l.Runs(ctx, link.ID)
		if err != nil {
			return nil, unreadable(err)
		}
		all = append(all, own...)
	}
	return all, nil
}
