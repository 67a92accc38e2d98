package mailsync

import (
	"context"
	"slices"
	"time"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// candidates are source messages that may stand in the destination already.
type candidates struct {
	party
	// flags returns those that the destination was given with a message; nil:
	// nobody knows.
	flags func(uid uint32) (flags []string, known bool)
	// other offers them in other forms; nil: they would have been sent in none.
	other otherForm
	// ours says that whatever is found was sent by us: what flags it has tells
	// which it was given, but for what happened to it meanwhile.
	ours bool
	// others says that whatever is found was put there by others: it counts as
	// what stood there before us.
	others bool
}

// settle finds the candidates that stand in the destination mailbox at or
// above its floor and are in nobody's UID map, and adopts them: their runs go
// to the ledger. No command may be in flight. With quiet it first waits until
// two looks agree, because a session that is gone may still be storing (DESIGN
// invariant 6). What it needs for each message is taken from the lane's memory.
func (p *pass) settle(ctx context.Context, b *box, dst *opened, c candidates, win *window, quiet bool) (pairs, error) {
	have, err := p.unmapped(ctx, b, dst, quiet)
	if err != nil || len(have) == 0 {
		return nil, err
	}
	dest := party{count: len(have), whole: dst.wholesOf, parts: dst.partsOf, idents: func(ctx context.Context, s stack) ([]ident, error) {
		return dst.identsOf(ctx, have, s)
	}}
	messages := c.count + dest.count
	room := win.reserve(int64(messages) * matchCost)
	defer win.restore(room)
	found, err := match(ctx, c.party, dest, roundsFor(messages, room))
	if err != nil {
		return nil, err
	}
	if c.other != nil {
		if found, err = p.matchForms(ctx, b, dst, c.other, have, found, roundsFor(messages, room)); err != nil {
			return nil, err
		}
	}
	if c.ours && len(found) > 0 {
		if c.flags, err = p.shown(ctx, b, dst, found); err != nil {
			return nil, err
		}
	}
	return found, p.adopt(ctx, b, found, c)
}

// shown asks which flags the destination shows of what was found.
func (p *pass) shown(ctx context.Context, b *box, dst *opened, found pairs) (func(uint32) ([]string, bool), error) {
	_, dests := found.split()
	slices.Sort(dests)
	known, err := dst.flagsOf(ctx, dests)
	if err != nil {
		return nil, p.flagsRefused(ctx, b, err)
	}
	return func(uid uint32) ([]string, bool) {
		dest, _ := found.of(uid)
		return known.get(dest)
	}, nil
}

// adopt maps what was found.
func (p *pass) adopt(ctx context.Context, b *box, found pairs, c candidates) error {
	if len(found) == 0 {
		return nil
	}
	base := &ledger.Baseline{}
	if c.flags != nil {
		for _, f := range found {
			if flags, known := c.flags(f.source); known {
				base.Set(f.source, flags)
			}
		}
	}
	p.log.Info("messages found at the destination", "mailbox", b.source.Name, "count", len(found))
	source, dest := found.split()
	runs := asRuns(source, dest)
	if c.others {
		if err := p.e.books.AddOthers(ctx, b.link.ID, runs); err != nil {
			return state(err)
		}
	}
	return state(p.e.books.AddRuns(ctx, b.link.ID, runs, base))
}

// unmapped lists the destination's UIDs at or above the floor that are in no
// UID map, of this row or of another that goes to the same mailbox.
func (p *pass) unmapped(ctx context.Context, b *box, dst *opened, quiet bool) ([]uint32, error) {
	have, err := dst.list(ctx, b.link.Floor)
	if err != nil {
		return nil, err
	}
	if quiet {
		if have, err = p.quiet(ctx, b, dst, have); err != nil {
			return nil, err
		}
	}
	b.next = nextFloor(b.link.Floor, dst.sel.UIDNext, have)
	runs, err := p.e.books.DestRuns(ctx, p.row, b.link.Dest, b.link.DestValidity)
	if err != nil {
		return nil, state(err)
	}
	mapped := newCovered(runs)
	return slices.DeleteFunc(have, mapped.has), nil
}

// nextFloor returns the floor that may stand once have, all at or above floor,
// is settled: the UIDNEXT of the very look that gave have; where the server
// gives none, what follows the highest UID.
func nextFloor(floor, uidNext uint32, have []uint32) uint32 {
	switch {
	case uidNext != 0:
		return uidNext
	case len(have) > 0:
		return slices.Max(have) + 1
	}
	return max(floor, 1)
}

// quietLimit is how long two looks may go on to differ.
const quietLimit = time.Minute

// quiet lists the mailbox again until two looks agree, at least
// Options.LookEvery apart and longer after each change.
func (p *pass) quiet(ctx context.Context, b *box, dst *opened, have []uint32) ([]uint32, error) {
	wait, waited := p.e.opt.LookEvery, time.Duration(0)
	for waited < quietLimit {
		if err := rest(ctx, throughput.DestWait, wait); err != nil {
			return nil, err
		}
		waited += wait
		now, err := dst.list(ctx, b.link.Floor)
		if err != nil {
			return nil, err
		}
		if slices.Equal(have, now) {
			return now, nil
		}
		have, wait = now, wait*3/2
	}
	return have, nil
}

// awaitOldSession waits until the mailboxes whose floors were left open by a
// process or a pass that ended in the middle are quiet: its session may still
// be storing.
func (p *pass) awaitOldSession(ctx context.Context) error {
	var open []*box
	var names []string
	for _, b := range p.boxes {
		if b.link.Open && b.target.OK {
			open, names = append(open, b), append(names, imapconn.EncodeMailbox(b.link.Dest))
		}
	}
	if len(open) == 0 {
		return nil
	}
	p.log.Info("an earlier pass ended in the middle: waiting until the destination is quiet", "mailboxes", len(open))
	last := make([]imapconn.Status, len(open))
	for i, b := range open {
		last[i] = b.target
	}
	wait, waited := p.e.opt.LookEvery, time.Duration(0)
	for waited < quietLimit {
		if err := rest(ctx, throughput.DestWait, wait); err != nil {
			return err
		}
		waited += wait
		var now []imapconn.Status
		if err := p.first.dst.do(ctx, func(c *imapconn.Conn) (err error) {
			now, err = c.Status(ctx, names)
			return err
		}); err != nil {
			return err
		}
		if slices.EqualFunc(last, now, sameState) {
			break
		}
		last, wait = now, wait*3/2
	}
	for i, b := range open {
		b.target, b.quiet = last[i], last[i].OK
	}
	return nil
}

func sameState(a, b imapconn.Status) bool {
	return a.OK && b.OK && a.Messages == b.Messages && a.UIDNext == b.UIDNext && a.UIDValidity == b.UIDValidity
}
