package mailsync

// leaveUnchanged marks the mailboxes that need not be opened: all that they
// hold was brought over by earlier passes.
func (p *pass) leaveUnchanged() {
	for _, b := range p.boxes {
		if b.unchanged = p.isUnchanged(b); b.unchanged {
			p.meter.AlreadyThere(int64(b.before.Messages))
		}
	}
}

// isUnchanged compares both sides with what the last whole pass left. The same
// UIDNEXT under the same UIDVALIDITY says that no message has come (RFC 9051
// section 2.3.1.1), the same HIGHESTMODSEQ, where there is one, that no flags
// have changed (RFC 7162 section 3.1.2.1). MESSAGES need be the same too, so
// that what is counted as being there is what was found there.
func (p *pass) isUnchanged(b *box) bool {
	l, source, dest := &b.link, &b.before, &b.target
	switch {
	case b.refused != nil, l.Open, l.Rejects > 0, !source.OK, !dest.OK:
		return false
	case l.SourceValidity == 0 || l.SourceValidity != source.UIDValidity:
		return false
	case l.DestValidity == 0 || l.DestValidity != dest.UIDValidity:
		return false
	case l.SourceUIDNext == 0 || l.SourceUIDNext != source.UIDNext || l.SourceMessages != source.Messages:
		return false
	}
	sameFlags := source.HighestModSeq > 0 && source.HighestModSeq == l.SourceModSeq
	return sameFlags || p.e.opt.FlagsOff || source.Messages == 0
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
