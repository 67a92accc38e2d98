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
// rules leave out, and notes by which.
func (r *row) leaveOut(ctx context.Context, l *lane, leftover []*left) error {
	by := r.rules()
	if by.Messages == (rules.Messages{}) && !by.JustFolders {
		return nil
	}
	byBox := map[*sourceBox][]*left{}
	for _, s := range leftover {
		switch {
		case by.JustFolders:
			s.rule = "--justfolders"
		case by.SkipDuplicates && s.copies:
			s.rule = "--skip-duplicates"
		default:
			b := s.g.boxes[s.box]
			byBox[b] = append(byBox[b], s)
		}
	}
	for b, some := range byBox {
		uids := make([]uint32, len(some))
		for i, s := range some {
			uids[i] = s.uid
		}
		slices.Sort(uids)
		out, err := l.src.Mailbox(b.wire).LeftOut(ctx, uids, by.Messages)
		if err != nil && !mailsync.Mild(ctx, err) {
			return err
		}
		for _, s := range some {
			if rule := out[s.uid]; rule != "" {
				s.rule = "the rule about " + rule
			}
		}
	}
	return nil
}

// rules are the row's.
func (r *row) rules() rules.Rules {
	if r.pair.Rules == nil {
		return rules.Rules{}
	}
	return *r.pair.Rules
}

// leftOut notes a mailbox that the user's own rules leave out.
func (r *row) leftOut(route mapping.Route, st imapconn.Status) {
	if st.OK && st.Messages == 0 {
		return
	}
	f := Finding{Mailbox: route.Source.Name, Octets: st.Size}
	r.report.add(f.explain(Filtered, "a mailbox of %d messages is left out: %s", st.Messages, route.LeftOut))
}
