package mailsync

import (
	"context"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/ledger"
)

// goneMailboxes says which mailboxes of earlier passes the source no longer has:
// what was copied of them is kept, whatever the rules.
func (p *pass) goneMailboxes(ctx context.Context, links []ledger.Mailbox, source *side) error {
	there, known := map[string]bool{}, map[string]bool{}
	for _, m := range source.Mailboxes {
		there[m.Wire] = !m.NoSelect && !m.NonExistent
	}
	for _, l := range links {
		known[l.Source] = true
	}
	for _, l := range links {
		if there[l.Source] {
			continue
		}
		runs, err := p.e.books.Runs(ctx, l.ID)
		if err != nil {
			return state(err)
		}
		n := int64(0)
		for _, r := range runs {
			n += int64(r.Count)
		}
		if n == 0 {
			continue
		}
		name, _ := imapconn.DecodeMailbox(l.Source)
		p.count.GoneKept += n
		if now := source.renamed(l, known); now != "" {
			p.log.Warn("mailbox seems to have another name at the source now: it is copied there as a new one, and kept as it is here",
				"mailbox", name, "now", now, "destination", l.Dest, "messages", n)
			continue
		}
		p.log.Warn("mailbox is gone at the source, kept at the destination", "mailbox", name, "destination", l.Dest, "messages", n)
	}
	return nil
}

// renamed finds the mailbox that l, which is gone, may be now: one that no pass
// has known, with its UIDVALIDITY, and no fewer UIDs given out. "" is none, or
// more than one.
func (s *side) renamed(l ledger.Mailbox, known map[string]bool) (name string) {
	for _, m := range s.Mailboxes {
		st := s.status[m.Wire]
		if known[m.Wire] || !st.OK || l.SourceValidity == 0 || st.UIDValidity != l.SourceValidity || st.UIDNext < l.SourceUIDNext {
			continue
		}
		if name != "" {
			return ""
		}
		name = m.Name
	}
	return name
}

// fewest is how many messages a mailbox had at least of which it is worth saying
// that it has far fewer.
const fewest = 20

// tellFewer warns of mailboxes that have lost more than half of what the last
// whole pass has found: a user's doing, or a source that is not well. What was
// copied is kept, unless the user follows deletions, which have a bound.
func (p *pass) tellFewer() {
	for _, b := range p.boxes {
		l := &b.link
		if b.before.OK && l.SourceMessages >= fewest && b.before.Messages < l.SourceMessages/2 {
			p.log.Warn("the source has far fewer messages in this mailbox than before: what was copied is kept",
				"mailbox", b.source.Name, "messages", b.before.Messages, "before", l.SourceMessages)
		}
	}
}
