package mailsync

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/ledger"
)

// maxDelete is what --max-delete is by default, in percent of a mailbox.
const maxDelete = 10

// vanished are messages of one mailbox that the ledger maps and that the source
// no longer lists.
type vanished struct {
	pairs  pairs // ascending by source UID; a dest of 0 is not known
	mapped int64 // messages of the mailbox that are mapped, these included
}

// vanishedFrom finds them among runs.
func vanishedFrom(p *plan, runs []ledger.Run) (v vanished) {
	for _, r := range runs {
		v.mapped += int64(r.Count)
		for i := range r.Count {
			if _, listed := p.fate(r.Source + i); listed {
				continue
			}
			dest := r.Dest
			if dest != 0 {
				dest += i
			}
			v.pairs = append(v.pairs, pair{r.Source + i, dest})
		}
	}
	return v
}

// followed is what is to become of messages that vanished at the source.
type followed struct {
	take pairs    // put there by us, and as we left them
	lost []uint32 // source UIDs: the destination does not have them either
}

// follow looks which of the vanished messages may be taken away at the
// destination, or moved there: those that we put there (what was there before
// the first pass stands below its floor) and that nobody has touched since, as
// far as IMAP can tell: their flags are those that we left, \Deleted apart. The
// others are kept.
func (p *pass) follow(ctx context.Context, b *box, dst *opened, v vanished) (f followed, err error) {
	ours, err := p.putByUs(ctx, b, v.pairs)
	if err != nil {
		return f, err
	}
	if len(ours) == 0 {
		return f, nil
	}
	_, uids := ours.split()
	slices.Sort(uids)
	now, err := dst.flagsOf(ctx, uids)
	if err != nil {
		return f, err
	}
	base, err := p.e.books.Baseline(ctx, b.link.ID)
	if err != nil {
		return f, state(err)
	}
	for _, m := range ours {
		flags, there := now.get(m.dest)
		was, known := base.Flags(m.source)
		switch {
		case !there:
			f.lost = append(f.lost, m.source)
		case known && untouched(dst.sel, was, flags):
			f.take = append(f.take, m)
		}
	}
	return f, nil
}

// putByUs returns those of messages that we put into the destination mailbox.
func (p *pass) putByUs(ctx context.Context, b *box, all pairs) (ours pairs, err error) {
	if b.link.FirstFloor == 0 {
		return nil, nil
	}
	runs, err := p.e.books.Others(ctx, b.link.ID)
	if err != nil {
		return nil, state(err)
	}
	others := newCovered(runs)
	for _, m := range all {
		if m.dest >= b.link.FirstFloor && !others.has(m.dest) {
			ours = append(ours, m)
		}
	}
	return ours, nil
}

// untouched reports whether a message that was given the flags was, and has
// flags now, is as it was left. What the mailbox cannot keep does not count, and
// \Deleted neither: we may have set it before we were cut off.
func untouched(sel imapconn.Selected, was, now []string) bool {
	own := func(f string) bool { return isRecent(f) || strings.EqualFold(f, `\Deleted`) }
	taken, _ := storable(sel, minus(was, now))
	return len(slices.DeleteFunc(taken, own)) == 0 && len(slices.DeleteFunc(minus(now, was), own)) == 0
}

// destOf is the destination mailbox of b on the first lane, which must still be
// the one that the map stands for.
func (p *pass) destOf(b *box) *opened {
	return &opened{s: p.first.dst, wire: imapconn.EncodeMailbox(b.link.Dest), readOnly: p.e.opt.DryRun,
		sel: imapconn.Selected{UIDValidity: b.link.DestValidity}}
}

// followDeletes takes away at the destination what the source's users have
// deleted, if the user asks for it: at the end of a pass that has brought over
// everything else, since what is gone from one mailbox may stand in another.
func (p *pass) followDeletes(ctx context.Context) error {
	if !p.rules.Deletes {
		return nil
	}
	c := p.total()
	if c.NotTried > 0 || c.MailboxesRefused > 0 || c.Rejected > c.Accepted {
		p.log.Warn("not everything is at the destination: nothing is deleted there in this pass")
		return nil
	}
	var held holdBack
	for _, b := range p.boxes {
		if b.plan == nil || !b.mapped || b.unsticky || b.plan.vanished == 0 {
			continue
		}
		if !p.uidPlus {
			p.note(p.noUIDPlus("--follow-deletes"))
			return nil
		}
		if err := p.deleteIn(ctx, b, &held); err != nil {
			if !mild(ctx, err) {
				return err
			}
			p.log.Warn("deletions not followed", "mailbox", b.source.Name, "err", err)
			p.note(err)
		}
	}
	return nil
}

// noUIDPlus says why nothing is taken away.
func (p *pass) noUIDPlus(option string) error {
	return &fault.Error{Scope: fault.Mailbox, Side: fault.Dest, Host: p.pair.Dest.Host, Code: fault.Refused, Op: "expunge",
		Text: "the destination does not offer UIDPLUS: single messages cannot be taken away there, nothing was",
		Hint: "run without " + option + ": what vanished at the source is kept at the destination, and counted"}
}

// deleteIn takes away what vanished from one mailbox, unless all is held back.
func (p *pass) deleteIn(ctx context.Context, b *box, held *holdBack) error {
	runs, err := p.e.books.Runs(ctx, b.link.ID)
	if err != nil {
		return state(err)
	}
	v, dst := vanishedFrom(b.plan, runs), p.destOf(b)
	v.pairs = slices.DeleteFunc(v.pairs, func(m pair) bool { return slices.Contains(b.left, m.source) })
	f, err := p.follow(ctx, b, dst, v)
	if err != nil || dst.sel.UIDNotSticky {
		return err
	}
	if err := p.mayDelete(b, v, len(f.take)); err != nil {
		return err
	}
	if len(f.take) > 0 {
		hold, err := held.holds(ctx, p)
		if err != nil {
			return err
		}
		if hold {
			f.take = nil
		}
	}
	if p.e.opt.DryRun {
		if len(f.take) == 0 {
			return nil
		}
		p.deleted(b, len(f.take), 0)
		p.log.Info("would delete", "mailbox", b.source.Name, "destination", b.link.Dest, "messages", len(f.take))
		return nil
	}
	source, dest := f.take.split()
	slices.Sort(dest)
	if err := dst.expunge(ctx, dest); err != nil {
		return err
	}
	p.deleted(b, len(f.take), len(f.lost))
	if len(f.take) > 0 {
		p.log.Info("deleted as at the source", "mailbox", b.source.Name, "destination", b.link.Dest, "messages", len(f.take))
	}
	return p.dropRuns(ctx, b, append(source, f.lost...))
}

// mayDelete refuses what looks like an accident at the source. INBOX is never
// emptied.
func (p *pass) mayDelete(b *box, v vanished, n int) error {
	limit := p.rules.MaxDelete
	if limit == 0 {
		limit = maxDelete
	}
	e := &fault.Error{Scope: fault.Mailbox, Side: fault.Source, Host: p.pair.Source.Host, Code: fault.TooManyDeletes, Op: "expunge",
		Mailbox: b.source.Name}
	part := 100 * float64(n) / float64(max(v.mapped, 1))
	inbox := strings.EqualFold(b.source.Name, "INBOX") || strings.EqualFold(b.link.Dest, "INBOX")
	switch {
	case n == 0:
		return nil
	case inbox && (len(b.plan.uids) == 0 || int64(n) == v.mapped):
		e.Text = fmt.Sprintf("all %d messages are gone at the source: INBOX is not emptied, nothing was deleted", n)
		e.Hint = "look at the source's INBOX; if it is meant, delete them at the destination by hand"
	case part > limit:
		e.Text = fmt.Sprintf("%d of %d messages are gone at the source, more than %g%%: nothing was deleted", n, v.mapped, limit)
		e.Hint = fmt.Sprintf("look at the source; if it is meant, allow it with --max-delete %g%%", min(math.Ceil(part), 100))
	default:
		return nil
	}
	return e
}

// deleted counts messages that are gone on both sides now: taken away by us, and
// before us.
func (p *pass) deleted(b *box, taken, lost int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count.Deleted += int64(taken)
	b.plan.vanished -= int64(taken + lost)
}

// dropRuns forgets messages that are gone on both sides, and corrects what is
// known of the mailbox.
func (p *pass) dropRuns(ctx context.Context, b *box, uids []uint32) error {
	if len(uids) == 0 {
		return nil
	}
	if err := p.e.books.DropRuns(ctx, b.link.ID, uids); err != nil {
		return state(err)
	}
	return state(p.e.books.FinishMailbox(ctx, b.link.ID, p.finished(b)))
}

// expunge takes exactly these messages away, ascending. It may be repeated: what
// is gone already is left alone by both commands.
func (o *opened) expunge(ctx context.Context, uids []uint32) error {
	for len(uids) > 0 {
		err := o.do(ctx, func(c *imapconn.Conn) error {
			most := mostChunk
			if limit := c.Caps().MessageLimit; limit > 0 {
				most = min(most, limit)
			}
			set, n := chunk(uids, most)
			mark, err := c.Store(ctx, set, true, []string{`\Deleted`})
			if err == nil {
				err = mark.Wait(ctx)
			}
			if err == nil {
				err = c.Expunge(ctx, set)
			}
			if err == nil {
				uids = uids[n:]
				o.s.moved()
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
