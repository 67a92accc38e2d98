package mailsync

import (
	"context"
	"errors"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/ledger"
)

// moves is how often a mailbox may be replaced under a pass before the pass
// leaves it.
const moves = 3

// syncBox works through one mailbox. A mailbox that is replaced meanwhile (its
// UIDVALIDITY changes) is begun again: its map is void, so what stands at the
// destination is matched.
func (p *pass) syncBox(ctx context.Context, b *box) error {
	if b.refused != nil {
		return b.refused
	}
	p.meter.Mailbox(b.source.Name)
	for try := 0; ; try++ {
		err := p.mailbox(ctx, b)
		if !errors.Is(err, errMoved) {
			return err
		}
		if try == moves {
			return &fault.Error{Scope: fault.Mailbox, Temporary: true, Code: fault.Unavailable, Op: "select",
				Mailbox: b.source.Name, Err: err, Hint: "its UIDs do not last: run again when the mailbox is at rest"}
		}
		p.log.Warn("mailbox was replaced meanwhile, beginning it again", "mailbox", b.source.Name)
		b.floored, b.quiet, b.target = false, false, imapconn.Status{}
	}
}

func (p *pass) mailbox(ctx context.Context, b *box) error {
	src := &opened{s: p.src, wire: b.source.Wire, readOnly: true}
	dst := &opened{s: p.dst, wire: imapconn.EncodeMailbox(b.link.Dest), readOnly: p.e.opt.DryRun}
	uids, err := src.list(ctx, 1)
	if err != nil {
		return err
	}
	here := p.e.opt.DryRun && !b.exists // a mailbox that a real run would create
	if err := p.validate(ctx, b, src, dst, here); err != nil {
		return err
	}
	runs, err := p.e.opt.Ledger.Runs(ctx, b.link.ID)
	if err != nil {
		return state(err)
	}
	b.plan = newPlan(uids, runs)
	p.meter.AlreadyThere(b.plan.count[alreadyThere])
	if err := p.forgetRejects(ctx, b); err != nil {
		return err
	}
	todo := b.plan.todo()
	if len(todo) > 0 && !here {
		if err := p.settleEarlier(ctx, b, src, dst, todo); err != nil {
			return err
		}
		todo = b.plan.todo()
		if err := p.forgetRejects(ctx, b); err != nil {
			return err
		}
	}
	if p.e.opt.DryRun {
		p.wouldCopy(b, todo)
		return nil
	}
	if len(todo) > 0 {
		if err := p.setFloor(ctx, b); err != nil {
			return err
		}
		if err := p.pump(ctx, b, src, dst, todo); err != nil {
			return err
		}
	}
	return p.finishBox(ctx, b, src)
}

// validate holds both UIDVALIDITYs against those that the map stands for, and
// voids the map where one differs or where UIDs do not outlive the session
// (UIDNOTSTICKY, RFC 4315 section 3, or no UIDVALIDITY at all). From then on a
// mailbox that turns out to be another one is noticed.
func (p *pass) validate(ctx context.Context, b *box, src, dst *opened, here bool) error {
	source, dest := src.sel.UIDValidity, b.target.UIDValidity
	sticky := !src.sel.UIDNotSticky
	if !here && (dest == 0 || b.link.DestValidity != dest || b.link.SourceValidity != source || !sticky) {
		if err := dst.do(ctx, func(*imapconn.Conn) error { return nil }); err != nil {
			return err
		}
		dest = dst.sel.UIDValidity
		sticky = sticky && !dst.sel.UIDNotSticky
	}
	l := &b.link
	dst.sel.UIDValidity = dest
	sticky = sticky && source != 0 && (dest != 0 || here)
	if sticky && l.SourceValidity == source && l.DestValidity == dest {
		return nil
	}
	if l.SourceValidity != 0 || l.DestValidity != 0 {
		p.log.Warn("the map of this mailbox is void, matching it anew", "mailbox", b.source.Name, "sticky", sticky,
			"source", source, "wasSource", l.SourceValidity, "destination", dest, "wasDestination", l.DestValidity)
	}
	if err := p.e.opt.Ledger.ResetMap(ctx, l.ID, source, dest); err != nil {
		return state(err)
	}
	l.SourceValidity, l.DestValidity, l.Floor = source, dest, 0
	b.floored, b.rejects = false, map[uint32]ledger.Reject{}
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
		if err := p.e.opt.Ledger.DropReject(ctx, b.link.ID, u); err != nil {
			return state(err)
		}
	}
	return nil
}

// settleEarlier matches what stands in the destination at or above the floor:
// after a crash what was sent and not confirmed, before the first pass (floor
// 0) everything.
func (p *pass) settleEarlier(ctx context.Context, b *box, src, dst *opened, todo []uint32) error {
	if b.floored {
		return nil
	}
	pairs, err := p.settle(ctx, b, dst, candidates{
		idents: func(ctx context.Context) ([]ident, error) { return src.identsOf(ctx, todo) },
		whole:  src.wholesOf,
	}, b.link.Open && !b.quiet)
	if err != nil {
		return err
	}
	for u := range pairs {
		b.plan.set(u, alreadyThere)
	}
	p.meter.AlreadyThere(int64(len(pairs)))
	return nil
}

// setFloor makes the floor durable: everything below it is settled.
func (p *pass) setFloor(ctx context.Context, b *box) error {
	if b.floored {
		return nil
	}
	b.link.Floor, b.link.Open = b.next, true
	if err := p.e.opt.Ledger.SetFloors(ctx, []ledger.Floor{b.floor()}); err != nil {
		return state(err)
	}
	b.floored = true
	return nil
}

func (p *pass) finishBox(ctx context.Context, b *box, src *opened) error {
	b.link.Open = false
	return state(p.e.opt.Ledger.FinishMailbox(ctx, b.link.ID, src.sel.UIDNext))
}

// wouldCopy counts what a real run would send.
func (p *pass) wouldCopy(b *box, todo []uint32) {
	for _, u := range todo {
		b.plan.set(u, copied)
	}
	p.count.Octets += max(b.before.Size, 0) * int64(len(todo)) / max(int64(len(b.plan.uids)), 1)
	p.log.Info("would copy", "mailbox", b.source.Name, "destination", b.link.Dest, "messages", len(todo))
}
