package mailsync

import "github.com/imapfleet/imapfleet/pkg/throughput"

// leaveUnchanged marks the mailboxes that need not be opened: all that they
// hold was brought over by earlier passes.
func (p *pass) leaveUnchanged() {
	for _, b := range p.boxes {
		if b.unchanged = p.isUnchanged(b); b.unchanged {
			var c throughput.Count
			b.addUnchanged(&c)
			p.meter.AlreadyThere(c.AlreadyThere)
			p.meter.Rejected(c.Rejected)
			p.meter.Filtered(c.FilteredDate + c.FilteredSize + c.FilteredDuplicate)
		}
	}
}

// addUnchanged counts what became of the messages of a mailbox in the last whole
// pass.
func (b *box) addUnchanged(c *throughput.Count) {
	l := &b.link
	c.FilteredDate += int64(l.FilteredDate)
	c.FilteredSize += int64(l.FilteredSize)
	c.FilteredDuplicate += int64(l.FilteredDuplicate)
	c.GoneKept += int64(l.GoneKept)
	c.AlreadyThere += int64(l.SourceMessages) - int64(l.FilteredDate) - int64(l.FilteredSize) - int64(l.FilteredDuplicate)
	left := int64(len(b.rejects)) // all accepted
	c.AlreadyThere -= left
	c.Rejected += left
	c.Accepted += left
}

// isUnchanged compares both sides with what the last whole pass left. The same
// UIDNEXT under the same UIDVALIDITY says that no message has come (RFC 9051
// section 2.3.1.1), the same HIGHESTMODSEQ, where there is one, that no flags
// have changed (RFC 7162 section 3.1.2.1). MESSAGES need be the same too, so
// that what is counted as being there is what was found there. The user's rules
// for messages must be the same: what they say of date, size and duplicates
// then is, but the meaning of SEARCH keys may change with the time and the flags.
func (p *pass) isUnchanged(b *box) bool {
	l, source, dest := &b.link, &b.before, &b.target
	switch {
	case b.refused != nil, l.Open, l.Rejects > b.accepted(), !source.OK, !dest.OK:
		return false
	case l.SourceValidity == 0 || l.SourceValidity != source.UIDValidity:
		return false
	case l.DestValidity == 0 || l.DestValidity != dest.UIDValidity:
		return false
	case l.SourceUIDNext == 0 || l.SourceUIDNext != source.UIDNext || l.SourceMessages != source.Messages:
		return false
	case l.Rules != p.rules.Messages.Fingerprint(), p.rules.Search != "":
		return false
	case p.rules.Deletes && l.GoneKept > 0: // they may be taken away now
		return false
	}
	sameFlags := source.HighestModSeq > 0 && source.HighestModSeq == l.SourceModSeq
	return sameFlags || p.e.opt.FlagsOff || source.Messages == 0
}

// accepted counts the rejects of earlier passes that a human has accepted.
func (b *box) accepted() (n int64) {
	for _, r := range b.rejects {
		if r.Accepted {
			n++
		}
	}
	return n
}

// leaveAccepted books what is left to do and a human has accepted to stay
// behind: it is not tried again.
func (p *pass) leaveAccepted(b *box) {
	for u, r := range b.rejects {
		if f, ok := b.plan.fate(u); r.Accepted && ok && f == notTried {
			p.settled(b, u, rejected)
			p.meter.Rejected(1)
		}
	}
}

// toOpen returns the mailboxes that are not unchanged.
func (p *pass) toOpen() []*box {
	var open []*box
	for _, b := range p.boxes {
		if !b.unchanged {
			open = append(open, b)
		}
	}
	return open
}
