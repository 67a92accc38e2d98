package mailsync

import (
	"context"
	"errors"
	"slices"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/ledger"
)

// mild reports whether err costs messages or one mailbox only, so that the
// others go on.
func mild(ctx context.Context, err error) bool {
	if ctx.Err() != nil || err == nil {
		return false
	}
	s := fault.ScopeOf(err)
	return s == fault.Mailbox || s == fault.Message || errors.Is(err, errMoved)
}

// prepare opens the mailboxes of parts that nobody has begun, all in one round
// trip, and returns the parts that have something to move. The others are
// through.
func (f *fetcher) prepare(ctx context.Context, parts []*part) (ready []*part, err error) {
	for _, pt := range parts {
		pt.src = f.l.source(pt.b)
		pt.dst = &opened{s: f.l.dst, wire: imapconn.EncodeMailbox(pt.b.link.Dest), readOnly: f.p.e.opt.DryRun}
		if !pt.fresh { // of another lane: it must be what that one opened
			pt.src.sel.UIDValidity, pt.dst.sel.UIDValidity = pt.b.link.SourceValidity, pt.b.link.DestValidity
		}
	}
	lists, err := f.lists(ctx, parts)
	if err != nil {
		return nil, err
	}
	for i, pt := range parts {
		more, err := !pt.fresh, lists[i].err
		if pt.fresh && err == nil {
			f.p.meter.Mailbox(pt.b.source.Name)
			more, err = f.open(ctx, pt, lists[i])
		}
		switch {
		case err != nil && !mild(ctx, err):
			return nil, err
		case err != nil:
			f.p.work.fail(pt.b, err)
			fallthrough
		case !more:
			if err := f.p.leave(ctx, pt.b); err != nil {
				return nil, err
			}
		default:
			ready = append(ready, pt)
		}
	}
	return ready, nil
}

// open finds out which of uids, all that the source lists in a mailbox, are to
// be moved: what the ledger maps and what stands at the destination already is
// not; the flags of those follow. Then the floor is durable. more says that
// there is something to move.
func (f *fetcher) open(ctx context.Context, pt *part, list listing) (more bool, err error) {
	p, b := f.p, pt.b
	here := p.e.opt.DryRun && !b.exists // a mailbox that a real run would create
	if err := f.validate(ctx, pt, list.uids, here); err != nil {
		return false, err
	}
	runs, err := p.e.books.Runs(ctx, b.link.ID)
	if err != nil {
		return false, state(err)
	}
	p.planned(b, newPlan(list.uids, runs), pt.src.sel)
	for _, u := range b.moved {
		p.settled(b, u, alreadyThere)
	}
	b.plan.vanished -= int64(len(b.left))
	if err := f.choose(ctx, pt, list.chosen); err != nil {
		return false, err
	}
	place := placer{runs: runs}
	if !here && b.toSettle() {
		err := f.win.call(ctx, func(ctx context.Context) (err error) {
			place.adopted, err = p.settleEarlier(ctx, pt, f.win)
			return err
		})
		if err != nil {
			return false, err
		}
	}
	if err := f.skipDuplicates(ctx, pt); err != nil {
		return false, err
	}
	p.leftOut(b)
	if err := p.forgetRejects(ctx, b); err != nil {
		return false, err
	}
	p.leaveAccepted(b)
	if err := f.carryFlags(ctx, pt, list.flags, place); err != nil {
		return false, err
	}
	todo := b.plan.todo()
	if p.e.opt.DryRun {
		p.wouldCopy(b, todo)
		return false, nil
	}
	if len(todo) == 0 {
		return false, nil
	}
	if err := p.setFloor(ctx, b); err != nil {
		return false, err
	}
	rest, last := b.priorLast(todo)
	p.work.opened(pt, rest, last, p.mayDivide(b))
	return true, nil
}

// priorLast keeps what an earlier pass could not place for the end.
func (b *box) priorLast(todo []uint32) (rest, last []uint32) {
	prior := func(u uint32) bool { _, ok := b.rejects[u]; return ok }
	for _, u := range todo {
		if prior(u) {
			last = append(last, u)
		}
	}
	return slices.DeleteFunc(todo, prior), last
}

// mayDivide reports whether several lanes may send to the destination mailbox
// at a time: only where it says under which UIDs it stores (which it does not
// where UIDs do not last), since looking them up needs the mailbox to be at
// rest.
func (p *pass) mayDivide(b *box) bool { return p.uidPlus && b.mapped }

// validate holds both UIDVALIDITYs against those that the map stands for, and
// voids the map where one differs or where UIDs do not outlive the session
// (UIDNOTSTICKY, RFC 4315 section 3, or no UIDVALIDITY at all). Only opening a
// mailbox tells the latter: where nobody may have seen it yet (nothing is mapped,
// or a pass was cut off) it is opened now, or, where nothing was to be matched,
// when something is stored. From then on a mailbox that turns out to be another
// one is noticed.
func (f *fetcher) validate(ctx context.Context, pt *part, uids []uint32, here bool) error {
	p, b, l := f.p, pt.b, &pt.b.link
	source, dest := pt.src.sel.UIDValidity, b.target.UIDValidity
	sticky := !pt.src.sel.UIDNotSticky
	unseen := !b.floored && (!l.Mapped || l.Open) && len(uids) > 0
	if !here && (dest == 0 || l.DestValidity != dest || l.SourceValidity != source || !sticky || unseen) {
		err := f.win.call(ctx, func(ctx context.Context) error {
			return pt.dst.do(ctx, func(*imapconn.Conn) error { return nil })
		})
		if err != nil {
			return err
		}
		dest = pt.dst.sel.UIDValidity
		sticky = sticky && !pt.dst.sel.UIDNotSticky
	}
	pt.dst.sel.UIDValidity = dest
	sticky = sticky && source != 0 && (dest != 0 || here)
	b.mapped = sticky
	if sticky && l.SourceValidity == source && l.DestValidity == dest {
		return nil
	}
	if l.SourceValidity != 0 || l.DestValidity != 0 {
		p.log.Warn("the map of this mailbox is void, matching it anew", "mailbox", b.source.Name, "sticky", sticky,
			"source", source, "wasSource", l.SourceValidity, "destination", dest, "wasDestination", l.DestValidity)
	}
	if pt.src.sel.UIDNotSticky {
		source = 0
	}
	if pt.dst.sel.UIDNotSticky {
		dest = 0
	}
	return p.voidMap(ctx, b, source, dest)
}

// voidMap forgets all that is known of a mailbox but its name and what was
// refused, if the source is the same; 0 is the UIDVALIDITY where UIDs do not last.
func (p *pass) voidMap(ctx context.Context, b *box, source, dest uint32) error {
	l := &b.link
	if err := p.e.books.ResetMap(ctx, l.ID, source, dest); err != nil {
		return state(err)
	}
	if source == 0 || source != l.SourceValidity {
		b.rejects = map[uint32]ledger.Reject{}
	}
	*l = ledger.Mailbox{ID: l.ID, Row: l.Row, Source: l.Source, Dest: l.Dest, SourceValidity: source, DestValidity: dest,
		Open: l.Open, Rejects: int64(len(b.rejects))}
	b.floored = false
	return nil
}

// forgetRejects drops the rejects of earlier passes whose messages the source
// no longer lists or that are at the destination by now.
func (p *pass) forgetRejects(ctx context.Context, b *box) error {
	for u := range b.rejects {
		if f, ok := b.plan.fate(u); ok && f == notTried {
			continue
		}
		delete(b.rejects, u)
		if err := p.e.books.DropReject(ctx, b.link.ID, u); err != nil {
			return state(err)
		}
	}
	return nil
}

// toSettle reports whether what stands at the destination is to be matched:
// before something is sent, and while something that was may not be confirmed.
func (b *box) toSettle() bool {
	return !b.floored && (b.plan.count[notTried] > 0 || b.link.Open && b.plan.filtered() > 0)
}

// settleEarlier matches what stands in the destination at or above the floor:
// after a crash what was sent and not confirmed, before the first pass (floor
// 0) everything. What the user's rules leave out is matched as well: the floor
// goes up above all of it, and another run may have other rules.
func (p *pass) settleEarlier(ctx context.Context, pt *part, win *window) (pairs, error) {
	b := pt.b
	todo := b.plan.are(notTried, filteredDate, filteredSize, filteredSearch)
	c := candidates{
		party: party{count: len(todo), whole: pt.src.wholesOf, parts: pt.src.partsOf, idents: func(ctx context.Context, s stack) ([]ident, error) {
			return pt.src.identsOf(ctx, todo, s)
		}},
		other: formsOf(pt.src, todo),
		ours:  b.link.Open && b.link.Floor > 0 && !b.answered,
	}
	c.others = b.link.Floor > 0 && !c.ours // else all of it is below the first floor
	found, err := b.settleAlone(ctx, func() (pairs, error) {
		return p.settle(ctx, b, pt.dst, c, win, b.link.Open && !b.quiet)
	})
	if err != nil {
		return nil, err
	}
	b.noted = b.noted || len(found) > 0
	for _, f := range found {
		b.plan.set(f.source, alreadyThere)
	}
	p.meter.AlreadyThere(int64(len(found)))
	return found, nil
}

// settleAlone runs settle while no lane has anything under way in the
// destination mailbox: others may be sending there what merges into it. The
// caller has nothing under way anywhere.
func (b *box) settleAlone(ctx context.Context, settle func() (pairs, error)) (found pairs, err error) {
	if err := b.gate.enter(ctx); err != nil {
		return nil, err
	}
	defer b.gate.exit()
	err = b.gate.settle(ctx, false, func() (err error) {
		found, err = settle()
		return err
	})
	return found, err
}

// setFloor makes the floor durable: everything below it is settled.
func (p *pass) setFloor(ctx context.Context, b *box) error {
	if b.floored {
		return nil
	}
	b.link.Floor, b.link.Open = b.next, true
	if err := p.e.books.SetFloors(ctx, []ledger.Floor{b.floor()}); err != nil {
		return state(err)
	}
	b.floored = true
	return nil
}

// wouldCopy counts what a real run would send.
func (p *pass) wouldCopy(b *box, todo []uint32) {
	for _, u := range todo {
		b.plan.set(u, copied)
	}
	p.would(max(b.before.Size, 0) * int64(len(todo)) / max(int64(len(b.plan.uids)), 1))
	p.log.Info("would copy", "mailbox", b.source.Name, "destination", b.link.Dest, "messages", len(todo))
}
