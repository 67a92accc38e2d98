package verify

import (
	"context"
	"slices"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/mapping"
	"github.com/imapfleet/imapfleet/pkg/rules"
)

// leaveOut finds out which of the messages without a partner the user's own
// rules leave out, and notes by which. What was delivered before there was such
// a rule was not left out.
func (r *row) leaveOut(ctx context.Context, l *lane, leftover []*left) error {
	by := r.pair.Rules.Value()
	if by.Messages == (rules.Messages{}) && !by.JustFolders {
		return nil
	}
	byBox := map[*sourceBox][]*left{}
	for _, s := range leftover {
		b := s.g.boxes[s.box]
		if _, delivered := b.past.delivered(s.uid); delivered {
			continue
		}
		if by.JustFolders {
			s.rule = "--justfolders"
			continue
		}
		byBox[b] = append(byBox[b], s)
	}
	for b, some := range byBox {
		slices.SortFunc(some, func(a, b *left) int { return byUID(a.record, b.record) })
		err := r.leaveOutOf(ctx, l.src.Mailbox(b.wire), b.uids, some)
		if err != nil && !mailsync.Mild(ctx, err) {
			return err
		}
	}
	return nil
}

// leaveOutOf does so for some messages of one mailbox, ascending, which has
// uids.
func (r *row) leaveOutOf(ctx context.Context, m *mailsync.MailboxReader, uids []uint32, some []*left) error {
	by := r.pair.Rules.Value().Messages
	asked := make([]uint32, len(some))
	for i, s := range some {
		asked[i] = s.uid
	}
	out, err := m.LeftOut(ctx, asked, by)
	if err != nil {
		return err
	}
	for i, s := range some {
		if rule := out[asked[i]]; rule != "" {
			s.rule = "the rule about " + rule
		}
	}
	if !by.SkipDuplicates {
		return nil
	}
	at := func(uid uint32) (*left, bool) {
		i, ok := slices.BinarySearch(asked, uid)
		if !ok {
			return nil, false
		}
		return some[i], true
	}
	uids = slices.DeleteFunc(slices.Clone(uids), func(uid uint32) bool { s, ok := at(uid); return ok && s.rule != "" })
	room, err := r.v.memory.take(ctx, int64(len(uids))*recordCost)
	if err != nil {
		return err
	}
	defer r.v.memory.give(room)
	return m.Duplicates(ctx, uids, room, func(uid uint32) bool { _, ok := at(uid); return ok }, func(uid uint32) {
		s, _ := at(uid)
		s.rule = "--skip-duplicates"
	})
}

// leftOut notes a mailbox that the user's own rules leave out.
func (r *row) leftOut(route mapping.Route, st imapconn.Status) {
	if st.OK && st.Messages == 0 {
		return
	}
	f := Finding{Mailbox: route.Source.Name, Octets: st.Size}
	r.report.add(f.explain(Filtered, "a mailbox of %d messages is left out: %s", st.Messages, route.LeftOut))
}
