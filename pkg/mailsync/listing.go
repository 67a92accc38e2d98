package mailsync

import (
	"context"
	"errors"
	"slices"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// listing is what the source lists in one mailbox, and tells of its messages.
type listing struct {
	uids   []uint32
	flags  *changes   // nil: they are left as they are
	chosen *selection // nil: all messages are
	done   bool
	err    error
}

// lists selects and searches the mailboxes of all fresh parts without waiting
// in between. What was listed while the destination was prepared is not asked
// for again.
func (f *fetcher) lists(ctx context.Context, parts []*part) ([]listing, error) {
	out := make([]listing, len(parts))
	for i, pt := range parts {
		early := pt.b.early
		pt.b.early = nil
		switch {
		case !pt.fresh || pt.b.refused != nil:
			out[i] = listing{done: true, err: pt.b.refused}
		case early != nil && early.src.s == f.l.src:
			pt.src, out[i] = early.src, early.listing
		default:
			var err error
			if out[i], err = f.p.newListing(ctx, pt.b); err != nil {
				return nil, err
			}
		}
	}
	return out, f.l.lists(ctx, parts, out)
}

// newListing prepares to list a mailbox.
func (p *pass) newListing(ctx context.Context, b *box) (listing, error) {
	l := listing{flags: p.newChanges(b), chosen: newSelection(p.rules.Messages)}
	err := l.flags.ahead(ctx, p, b)
	if err == nil {
		err = l.chosen.ahead(ctx, p, b)
	}
	return l, err
}

// lists asks the source for those of out that are not done.
func (l *lane) lists(ctx context.Context, parts []*part, out []listing) error {
	if !slices.ContainsFunc(out, func(o listing) bool { return !o.done }) {
		return nil
	}
	err := l.src.do(ctx, func(c *imapconn.Conn) error { return l.listAhead(ctx, c, parts, out) })
	if err != nil {
		return err
	}
	for i, pt := range parts {
		if errors.Is(out[i].err, imapconn.ErrShort) { // messages may have gone away in between
			out[i].uids, out[i].err = pt.src.list(ctx, 1)
		}
	}
	return nil
}

func (l *lane) listAhead(ctx context.Context, c *imapconn.Conn, parts []*part, out []listing) error {
	asked := make([]asked, len(parts))
	for i, pt := range parts {
		if out[i].done {
			continue
		}
		if err := out[i].ask(ctx, c, pt.src, &asked[i]); err != nil {
			return err
		}
	}
	for i, pt := range parts {
		if asked[i].search == nil {
			continue
		}
		if err := out[i].answered(ctx, pt.src, &asked[i]); err != nil {
			return err
		}
		l.src.moved() // it is not asked again
	}
	return nil
}

// asked is what was asked about one mailbox; nil: was not.
type asked struct {
	opening      *imapconn.Opening // of the mailbox, for keys alone
	keys, search *imapconn.Searching
	flags, read  *imapconn.Fetching
}

// ask selects the mailbox and sends all that is to be known of it. The mailbox
// is selected twice where there are keys: a server may tell what two searches
// have found before it ends either (Dovecot does), and nothing but another
// EXAMINE keeps them apart.
func (l *listing) ask(ctx context.Context, c *imapconn.Conn, o *opened, a *asked) (err error) {
	if l.chosen != nil && l.chosen.rules.Search != "" {
		if err := o.ask(ctx, c); err != nil {
			return err
		}
		a.opening = o.pending
		if a.keys, err = c.StartSearch(ctx, l.chosen.rules.Search); err != nil {
			return err
		}
	}
	if err := o.ask(ctx, c); err != nil {
		return err
	}
	if a.search, err = c.StartUIDs(ctx, 1); err != nil {
		return err
	}
	if a.flags, err = l.flags.ask(ctx, c, l.handler()); err != nil {
		return err
	}
	a.read, err = l.chosen.ask(ctx, c, l.handler())
	return err
}

// handler takes what two commands in flight read of messages: a server may mix
// their answers (see fetcher).
func (l *listing) handler() imapconn.FetchHandler {
	if l.chosen == nil {
		return flagsTo(l.flags.take)
	}
	h := l.chosen.handler()
	judge := h.Message
	h.Message = func(m *imapconn.Message) error {
		if m.UID != 0 && m.HasFlags && l.flags != nil && l.flags.base != nil {
			l.flags.take(m.UID, m.Flags)
		}
		return judge(m)
	}
	return h
}

// answered takes the answers. An error ends more than the mailbox.
func (l *listing) answered(ctx context.Context, o *opened, a *asked) error {
	err := o.answered(ctx)
	if err == nil {
		err = l.found(ctx, o, a)
	}
	if err != nil && !mild(ctx, err) {
		return err
	}
	if err == nil {
		l.uids, err = a.search.Wait(ctx)
	}
	if err != nil && !mild(ctx, err) {
		return err
	}
	l.done, l.err = true, err
	if err := l.flags.answered(ctx, a.flags); err != nil {
		return err
	}
	return l.chosen.answered(ctx, a.read)
}

// found takes what the user's keys have found in the mailbox that o has open.
func (l *listing) found(ctx context.Context, o *opened, a *asked) error {
	if a.keys == nil {
		return nil
	}
	sel, err := a.opening.Wait(ctx)
	if err == nil && sel.UIDValidity != o.sel.UIDValidity {
		err = errMoved
	}
	if err == nil {
		l.chosen.found, err = a.keys.Wait(ctx)
	}
	return err
}
