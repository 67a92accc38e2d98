package mailsync

import (
	"context"
	"fmt"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// holdBack decides, once in a pass and before anything is deleted, whether all
// deletions wait: a message that vanished from one mailbox may stand in another
// one, where this pass has not seen it.
type holdBack struct{ asked, hold bool }

// holds tells why by itself. That this pass leaves something out by rule is a
// fault, since the next one will not see it either; that mail has come meanwhile
// is none.
func (h *holdBack) holds(ctx context.Context, p *pass) (bool, error) {
	if h.asked {
		return h.hold, nil
	}
	h.asked, h.hold = true, true // also when it cannot be found out
	now, err := p.sourceNow(ctx)
	if err != nil {
		return true, err
	}
	if why := p.leavesOut(&now); why != "" {
		p.note(&fault.Error{Scope: fault.Mailbox, Side: fault.Source, Host: p.pair.Source.Host, Code: fault.Refused, Op: "expunge",
			Text: why + ": what vanished elsewhere may stand there, nothing was deleted",
			Hint: "--follow-deletes needs a run that leaves out no mailbox and no message of the account: run it without those rules, and with --views where it is a view"})
		return true, nil
	}
	if name := p.unseen(&now); name != "" {
		p.log.Warn("mail has come meanwhile, or may have: nothing is deleted in this pass", "mailbox", name)
		return true, nil
	}
	h.hold = false
	return false, nil
}

// sourceNow lists the source anew, with no mailbox selected: of one that is,
// STATUS need not tell what has come since (RFC 9051 section 6.3.11).
func (p *pass) sourceNow(ctx context.Context) (now side, err error) {
	src := p.first.src
	if src.conn != nil && src.at != nil && !src.conn.Caps().Unselect {
		src.close(ctx)
	}
	err = src.do(ctx, func(c *imapconn.Conn) error {
		if src.at != nil {
			if err := c.Unselect(ctx); err != nil {
				return err
			}
			src.at = nil
		}
		return now.list(ctx, c)
	})
	return now, err
}

// leavesOut says what of the source the user's rules leave out in this pass, ""
// if nothing. A mailbox that is left out counts unless it is known to be empty.
func (p *pass) leavesOut(now *side) string {
	if n := p.total().Filtered; n > 0 {
		return fmt.Sprintf("messages are left out by rule (%d)", n)
	}
	for i := range p.mapped.Routes {
		r := &p.mapped.Routes[i]
		st, there := now.status[r.Source.Wire]
		if r.LeftOut != "" && there && holdsMail(r.Source, st) {
			return fmt.Sprintf("mailbox %s is left out (%s)", fault.Clean(r.Source.Name), r.LeftOut)
		}
	}
	return ""
}

// holdsMail is true unless a mailbox is known to hold no message.
func holdsMail(m imapconn.Mailbox, st imapconn.Status) bool {
	return !m.NoSelect && !m.NonExistent && !(st.OK && st.Messages == 0)
}

// unseen names a mailbox of the source that has, or may have, mail which this
// pass did not see: one that is new, or whose UIDNEXT is not as low as it was
// (RFC 9051 section 2.3.1.1), or one that is gone, since it may have another
// name now. "" if there is none.
func (p *pass) unseen(now *side) string {
	known := map[string]bool{}
	for _, b := range p.boxes {
		known[b.source.Wire] = true
		st, listed := now.status[b.source.Wire]
		if !listed || !b.isAsSeen(st) {
			return b.source.Name
		}
	}
	for i := range p.mapped.Routes {
		if r := &p.mapped.Routes[i]; r.LeftOut != "" {
			known[r.Source.Wire] = true
		}
	}
	for _, m := range now.Mailboxes {
		if !known[m.Wire] && holdsMail(m, now.status[m.Wire]) {
			return m.Name
		}
	}
	return ""
}

// isAsSeen reports whether a source mailbox that is in the state st now holds
// nothing that this pass has not seen.
func (b *box) isAsSeen(st imapconn.Status) bool {
	validity, next := b.seen.UIDValidity, b.seen.UIDNext
	if b.plan == nil {
		validity, next = b.before.UIDValidity, b.before.UIDNext
	} else if n := len(b.plan.uids); n > 0 {
		next = max(next, b.plan.uids[n-1]+1) // it may have come between EXAMINE and SEARCH
	}
	if b.before.OK && b.before.UIDValidity == validity {
		next = max(next, b.before.UIDNext)
	}
	return st.OK && st.UIDValidity == validity && st.UIDNext != 0 && st.UIDNext <= next
}
