package mailsync

import (
	"context"
	"errors"
	"sync"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/ledger"
)

// moves is how often a mailbox may be replaced under a pass before the pass
// leaves it.
const moves = 3

// round moves what the mailboxes of p.work have. The pass's first lane goes
// through them; further ones come while there is something to share out, and
// end when there is not, or when a row waits for them.
func (p *pass) round(outer context.Context) error {
	ctx, cancel := context.WithCancel(outer)
	defer cancel()
	c := &crew{p: p, cancel: cancel}
	p.crew = c
	for {
		opening, stop := context.WithCancel(ctx)
		c.starting(func() { c.lanes.Go(func() { c.further(ctx, opening) }) })
		err := p.first.run(ctx)
		c.starting(nil)
		stop()                            // who is still not in finds nothing to do
		spent := errors.Is(err, errSpent) // the others see that at their next message
		if err != nil && !spent {
			cancel()
		}
		p.awaitCrew(ctx) // none can start: only lanes that run let the crew grow
		switch {
		case err != nil && !spent && !errors.Is(err, context.Canceled):
			return err
		case c.err != nil:
			return c.err // why the first lane was canceled
		case spent:
			return err
		case c.spent != nil:
			return c.spent
		case c.lost && outer.Err() == nil:
			p.goOnAlone()
			return nil
		case err != nil || !p.work.divisible():
			return err
		}
	}
}

// awaitCrew waits until the further lanes have ended. What that takes is spent
// on what they spend theirs on.
func (p *pass) awaitCrew(ctx context.Context) {
	p.meter.Snapshot() // they tell what they have spent before
	clock := clockOf(ctx)
	defer clock.in(clock.in(doing{kind: joins}))
	p.crew.lanes.Wait()
}

// crew is the further lanes of a round.
type crew struct {
	p      *pass
	cancel context.CancelFunc // of the round
	lanes  sync.WaitGroup

	mu     sync.Mutex
	start  func() // begins one; nil: the first lane has found nothing more to do
	over   bool   // no lane starts any more
	ending *lane  // ends because a row waits for it; nil: none does
	lost   bool   // one ended in the middle because of its connections
	err    error  // the first of theirs that is not about their connections
	spent  error  // why nothing more is to be moved today
}

// goOnAlone has the pass's first lane begin again what the round has not come
// to the end of. What the lost lane had under way is settled before.
func (p *pass) goOnAlone() {
	p.lanes = nil
	for _, b := range p.work.unfinished(p.boxes) {
		p.beginAgain(b)
	}
}

// beginAgain puts a mailbox into another round, as if nothing was known of it
// but what the ledger knows.
func (p *pass) beginAgain(b *box) {
	b.floored, b.quiet, b.told, b.target = false, false, false, imapconn.Status{}
	p.work.repeat(b)
}

// ends reports whether a further lane is to end at this border: one at a time
// does while a row waits for a lane.
func (c *crew) ends(l *lane) bool {
	if !l.further {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending == nil && c.p.lanes.Wanted() {
		c.ending = l
	}
	return c.ending == l
}

// giveBack returns a further lane whose connections are closed.
func (c *crew) giveBack(l *lane) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.p.lanes.Release()
	if c.ending == l {
		c.ending = nil
	}
}

// grow takes a further lane if one is free and would find something to move.
func (c *crew) grow() {
	if c.p.lanes == nil || !c.p.work.divisible() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over && c.start != nil && c.p.lanes.TryAcquire() {
		c.start()
	}
}

// starting sets how a lane begins; nil: none does.
func (c *crew) starting(start func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.start = start
}

// further is the life of a further lane. That it cannot be opened is no
// trouble of the account's: the others go on without it.
func (c *crew) further(ctx, opening context.Context) {
	l := c.p.newLane(true)
	defer c.giveBack(l)
	clock := l.clock(c.p.meter)
	defer clock.stop()
	ctx = withClock(ctx, clock)
	defer l.close(ctx)
	if err := l.open(withClock(opening, clock)); err != nil {
		c.refused(opening, err)
		return
	}
	if err := c.run(ctx, l); err != nil {
		c.failed(ctx, err)
	}
}

// failed ends a round in which a further lane failed. Where that was about its
// connections the account is not to blame: the first lane goes on without it,
// and meets whatever is wrong with the account by itself.
func (c *crew) failed(ctx context.Context, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case ctx.Err() != nil && fault.ScopeOf(err) != fault.Run: // the round had ended
	case errors.Is(err, errSpent):
		c.spent = err
		return // each lane stores what it has got: it counts as spent
	case ofConnection(err):
		c.p.log.Warn("a further lane was lost, going on with one", "err", err)
		c.lost = true
		c.tell(err)
	case c.err == nil:
		c.err = err
	}
	c.cancel()
}

// ofConnection reports whether err is a server's word, or silence, about more
// than a mailbox.
func ofConnection(err error) bool {
	f := fault.Of(err)
	return f != nil && f.Side != fault.Local && (f.Scope == fault.Account || f.Scope == fault.Host) &&
		f.Code != fault.Panic && f.Code != fault.TooManyRejects
}

func (c *crew) run(ctx context.Context, l *lane) error {
	return guard("lane", func() error { return l.run(ctx) })
}

// refused ends the growth of a round whose last lane could not be opened.
func (c *crew) refused(opening context.Context, err error) {
	if opening.Err() != nil {
		return
	}
	c.p.log.Info("no further lane", "err", err)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	c.tell(err)
}

// tell passes on what a server said of its limit of connections.
func (c *crew) tell(err error) {
	if fault.CodeOf(err) == fault.TooManySessions {
		e := fault.Of(err)
		c.p.lanes.Refused(e.MaxPerUser)
		if told := c.p.e.opt.OnRefused; told != nil {
			host := c.p.pair.Source.Host
			if e.Side == fault.Dest {
				host = c.p.pair.Dest.Host
			}
			told(e.Side, host)
		}
	}
}

// leave ends a lane's work at a part. Whoever is the last at a mailbox closes
// it: in good order, for another round, or as refused.
func (p *pass) leave(ctx context.Context, b *box) error {
	last, err := p.work.leave(b)
	switch {
	case !last:
		return nil
	case err == nil:
		return p.finishBox(ctx, b)
	case !errors.Is(err, errMoved):
		p.refuseBox(b, err)
		return nil
	}
	if b.tries++; b.tries > moves {
		p.refuseBox(b, &fault.Error{Scope: fault.Mailbox, Temporary: true, Code: fault.Unavailable, Op: "select",
			Mailbox: b.source.Name, Err: err, Hint: "its UIDs do not last: run again when the mailbox is at rest"})
		return nil
	}
	p.log.Warn("mailbox was replaced meanwhile, beginning it again", "mailbox", b.source.Name)
	p.beginAgain(b)
	return nil
}

// finishBox ends a whole pass over a mailbox in the ledger.
func (p *pass) finishBox(ctx context.Context, b *box) error {
	if p.e.opt.DryRun {
		return nil
	}
	if b.split {
		p.log.Info("mailbox was split over several lanes: its messages stand in another order", "mailbox", b.source.Name)
		p.splitOne()
	}
	end := p.finished(b)
	l := &b.link
	last := ledger.Finished{UIDNext: l.SourceUIDNext, Messages: l.SourceMessages, ModSeq: l.SourceModSeq, Rules: l.Rules,
		FilteredDate: l.FilteredDate, FilteredSize: l.FilteredSize, FilteredDuplicate: l.FilteredDuplicate, GoneKept: l.GoneKept}
	if !l.Open && !b.noted && end == last {
		return nil
	}
	l.Open = false
	return state(p.e.books.FinishMailbox(ctx, l.ID, end))
}

// finished returns by what the next pass may know that nothing has changed.
// HIGHESTMODSEQ is that of before the mailbox was opened, so that no later
// change is missed; where the destination does not know of all changes, it
// stays what it was.
func (p *pass) finished(b *box) ledger.Finished {
	if !b.mapped || b.unsticky {
		return ledger.Finished{Void: b.unsticky}
	}
	n := &b.plan.count
	end := ledger.Finished{UIDNext: b.seen.UIDNext, Messages: b.seen.Exists, ModSeq: b.link.SourceModSeq,
		Rules: p.rules.Messages.Fingerprint(), FilteredDate: uint32(n[filteredDate]), FilteredSize: uint32(n[filteredSize]),
		FilteredDuplicate: uint32(n[filteredDuplicate]), GoneKept: uint32(b.plan.vanished)}
	if b.told {
		end.ModSeq = 0
		if b.before.UIDValidity == b.seen.UIDValidity {
			end.ModSeq = b.before.HighestModSeq
		}
	}
	return end
}
