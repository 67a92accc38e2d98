package verify

import (
	"cmp"
	"context"
	"slices"

	"github.com/imapfleet/imapfleet/pkg/identity"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
)

// elsewhere is where a message stands that is not in its mailbox.
type elsewhere struct {
	mailbox string // at the destination, in UTF-8
	uid     uint32
	extra   *left // it has no partner there; nil: that mailbox belongs to no source mailbox
}

// finish deals with what is left when all mailboxes have been read: a message
// that has no partner in its own may stand in another.
func (r *row) finish(ctx context.Context, l *lane) error {
	var leftover, extra []*left
	for _, g := range r.groups {
		for i := range g.leftover {
			leftover = append(leftover, &g.leftover[i])
		}
		for i := range g.extra {
			extra = append(extra, &g.extra[i])
		}
	}
	if err := r.leaveOut(ctx, l, leftover); err != nil {
		return err
	}
	found := map[*left]elsewhere{}
	wanted := slices.DeleteFunc(slices.Clone(leftover), func(s *left) bool { return s.rule != "" })
	rest := r.findExtra(wanted, extra, found)
	if err := r.findBeside(ctx, l, rest, found); err != nil {
		return err
	}
	used := map[*left]bool{}
	for _, e := range found {
		used[e.extra] = true
	}
	var all []Finding
	for _, g := range r.groups {
		all = append(all, g.findings...)
	}
	for _, s := range leftover {
		e, ok := found[s]
		all = append(all, r.judge(s, e, ok))
	}
	for _, d := range extra {
		if f, ok := r.judgeExtra(d); ok && !used[d] {
			all = append(all, f)
		}
	}
	for _, g := range r.groups {
		all = append(all, g.unreadAtDest()...)
		all = append(all, g.missingMailboxes(all)...)
	}
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.DestMailbox, b.DestMailbox), cmp.Compare(a.Mailbox, b.Mailbox), cmp.Compare(a.UID, b.UID), cmp.Compare(a.DestUID, b.DestUID))
	})
	err := r.describe(ctx, l, all)
	r.report.add(all...)
	return err
}

// findExtra looks for leftover messages among what other mailboxes of the
// destination have too much, and returns those that it did not find.
func (r *row) findExtra(leftover, extra []*left, found map[*left]elsewhere) (rest []*left) {
	by := func(key func(a, b record) int) func(a, b *left) int {
		return func(a, b *left) int { return key(a.record, b.record) }
	}
	content := byContent(r.v.opt.Deep)
	one := func(s, d []*left) {
		n := min(len(s), len(d))
		if len(s) > 0 && content(s[0].record, record{}) == 0 {
			n = 0
		}
		for i := range n {
			found[s[i]] = elsewhere{d[i].g.dest, d[i].uid, d[i]}
		}
		rest = append(rest, s[n:]...)
	}
	extra = slices.Clone(extra)
	identity.Join(leftover, extra, by(content), by(byUID), one)
	return rest
}

// findBeside looks for them in the mailboxes of the destination that no source
// mailbox belongs to.
func (r *row) findBeside(ctx context.Context, l *lane, rest []*left, found map[*left]elsewhere) error {
	if len(rest) == 0 {
		return nil
	}
	content := byContent(r.v.opt.Deep)
	byLeft := func(a, b *left) int { return content(a.record, b.record) }
	slices.SortFunc(rest, byLeft)
	for _, box := range r.beside() {
		in := inbox{r, l.dst.Mailbox(box.Wire), 0, map[place]bool{}}
		uids, err := in.m.UIDs(ctx)
		if err == nil {
			uids, err = r.ours(ctx, &group{dest: box.Name}, uids, in.m.Selected())
		}
		if err == nil {
			_, err = in.each(ctx, uids, func(d record) {
				i, ok := slices.BinarySearchFunc(rest, d, func(s *left, d record) int { return content(s.record, d) })
				for ; ok && i < len(rest) && content(rest[i].record, d) == 0; i++ {
					if _, taken := found[rest[i]]; !taken && content(d, record{}) != 0 {
						found[rest[i]] = elsewhere{mailbox: box.Name, uid: d.uid}
						return
					}
				}
			})
		}
		if err != nil && !mailsync.Mild(ctx, err) {
			return err
		}
	}
	return nil
}

// beside are the mailboxes of the destination that no source mailbox belongs
// to.
func (r *row) beside() []imapconn.Mailbox {
	targets := map[string]bool{}
	for _, g := range r.groups {
		targets[g.dest] = true
	}
	return slices.DeleteFunc(slices.Clone(r.dest.Mailboxes()), func(b imapconn.Mailbox) bool {
		return b.NoSelect || b.NonExistent || targets[b.Name]
	})
}

// judge says what became of a source message that has no partner in its own
// mailbox; e is where it stands, if anywhere.
func (r *row) judge(s *left, e elsewhere, ok bool) Finding {
	p, f := s.g.boxes[s.box].past, s.g.about(&s.record)
	reject, refused := p.rejects[s.uid]
	dest, delivered := p.delivered(s.uid)
	_, there := slices.BinarySearch(s.g.destUIDs, dest)
	next := s.g.destSel.UIDNext
	gone := delivered && dest != 0 && !there && (next == 0 || dest < next)
	f.DestUID = dest
	switch {
	case s.rule != "":
		return f.explain(Filtered, "left out by %s", s.rule)
	case refused && reject.Accepted:
		return f.explain(Accepted, "refused: %s", reject.Text)
	case s.g.unread[1][place{0, dest}]:
		return f.differ(Unreadable, "the destination lists it and does not give it out")
	case ok && gone:
		f.DestMailbox, f.DestUID = e.mailbox, e.uid
		return r.since(f.explain(Moved, "delivered as UID %d, stands in %s now as UID %d", dest, e.mailbox, e.uid))
	case ok:
		f.DestMailbox, f.DestUID = e.mailbox, e.uid
		return f.differ(WrongMailbox, "it belongs into %s and stands in %s", s.g.dest, e.mailbox)
	case gone:
		return r.since(f.explain(Removed, "delivered as UID %d, which is there no more", dest))
	case s.g.unread[0][place{s.box, s.uid}]:
		return f.differ(Unreadable, "the source lists it and does not give it out: %s", reject.Text)
	case refused:
		return f.differ(Rejected, "refused: %s", reject.Text)
	}
	switch first := p.link.SourceUIDNext; {
	case !s.g.exists:
		return f.differ(Missing, "the destination has no mailbox of this name")
	case delivered && dest == 0:
		return f.differ(Missing, "the destination has confirmed it and did not say as which UID; nothing there is like it")
	case there:
		return f.differ(Content, "delivered as UID %d, which holds another message", dest)
	case delivered:
		return f.differ(Missing, "delivered as UID %d, which the destination has not given out yet: was it set back?", dest)
	case p.valid && first > 0 && s.uid >= first:
		return f.differ(NotCopiedYet, "it came after the last whole run")
	}
	return f.differ(Missing, "")
}

// judgeExtra says why the destination has a message without a partner; false:
// what became of it is said elsewhere.
func (r *row) judgeExtra(d *left) (Finding, bool) {
	f := Finding{DestMailbox: d.g.dest, Belongs: d.g.dest, DestUID: d.uid, Octets: d.octets, Date: d.when()}
	f.Mailbox = d.g.boxes[0].name
	if box, source, mapped := d.g.origins.of(d.uid); mapped {
		b := d.g.boxes[box]
		f.Mailbox, f.UID = b.name, source
		if _, there := slices.BinarySearch(b.uids, source); !there {
			return f.explain(Gone, "UID %d was removed there after it was delivered", source), true
		}
		if d.g.unread[0][place{int32(box), source}] {
			return f, false // that one is a finding itself
		}
		return f.differ(Content, "delivered for UID %d, which is not like it", source), true
	}
	if !d.copies {
		return f.explain(NotOurs, "nothing that belongs here is like it"), true
	}
	if r.after(d) {
		return r.since(f.explain(Added, "a message of the source stands here once more, and came after the last one that was delivered")), true
	}
	return f.differ(Duplicate, "a message of the source stands here once more"), true
}

// after reports that a message came to the destination when all that the runs
// have delivered was there, as the ledger knows.
func (r *row) after(d *left) bool {
	if r.history.ledger == nil {
		return false
	}
	last := uint32(0)
	for _, b := range d.g.boxes {
		highest, whole := b.past.highest()
		if !whole {
			return false
		}
		last = max(last, highest)
	}
	return last > 0 && d.uid > last
}

// missingMailboxes are the source's mailboxes that the destination does not
// have though no difference among those found says so: they are empty, or all
// their messages are explained.
func (g *group) missingMailboxes(found []Finding) (out []Finding) {
	if g.exists {
		return nil
	}
	for _, b := range g.boxes {
		if !b.listed || slices.ContainsFunc(found, func(f Finding) bool { return !f.Explained && f.Mailbox == b.name && f.Belongs == g.dest }) {
			continue
		}
		f := Finding{Mailbox: b.name, DestMailbox: g.dest, Belongs: g.dest, Octets: -1}
		out = append(out, f.differ(NoDest, "the destination has no mailbox of this name"))
	}
	return out
}

// unreadAtDest are the destination's messages that it does not give out and
// that no source message is known to be.
func (g *group) unreadAtDest() []Finding {
	var out []Finding
	for p := range g.unread[1] {
		if _, _, mapped := g.origins.of(p.uid); mapped {
			continue
		}
		f := Finding{Mailbox: g.boxes[0].name, DestMailbox: g.dest, Belongs: g.dest, DestUID: p.uid, Octets: -1}
		out = append(out, f.differ(Unreadable, "the destination lists it and does not give it out"))
	}
	slices.SortFunc(out, func(a, b Finding) int { return int(int64(a.DestUID) - int64(b.DestUID)) })
	return out
}
