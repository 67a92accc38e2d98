package mailsync

import (
	"cmp"
	"context"
	"slices"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/identity"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/ledger"
)

// followMoves moves at the destination what the source's users have moved, if
// the user asks for it: a message that vanished from one mailbox and, alone of
// its kind, appeared alone in another. It is done before anything is copied, on
// the first lane, with the floor of the mailbox that it goes to open: whatever
// is cut off, the message is found there as after a crash of an APPEND.
func (p *pass) followMoves(ctx context.Context) error {
	if !p.rules.Moves {
		return nil
	}
	m := &moving{p: p, from: map[likeness][]departed{}, to: map[likeness][]appeared{}}
	for _, b := range p.toOpen() {
		if err := m.leftIn(ctx, b); err != nil {
			if !mild(ctx, err) {
				return err
			}
			m.skip(b, err)
		}
	}
	if len(m.from) == 0 {
		return nil
	}
	for _, b := range m.fresh {
		if err := m.cameTo(ctx, b.box, b.todo); err != nil {
			if !mild(ctx, err) {
				return err
			}
			m.skip(b.box, err)
		}
	}
	return m.follow(ctx)
}

// moving is what followMoves has found out. A message is known by its likeness
// on both servers; one that a server alters is not followed but copied.
type moving struct {
	p     *pass
	fresh []arrivals
	from  map[likeness][]departed
	to    map[likeness][]appeared
}

// likeness is what tells one message from others without its body.
type likeness struct {
	head   identity.Sum
	octets int64
	date   int64
}

// likenessOf is not ok where it would not tell enough.
func likenessOf(i ident) (likeness, bool) {
	return likeness{i.head, i.octets, i.date}, i.head != (identity.Sum{}) && i.octets > 0 && i.date != noDate
}

// departed is a message that vanished at the source, and where it stands at the
// destination; appeared is one that is new at the source.
type departed struct {
	b *box
	pair
}

type appeared struct {
	b   *box
	uid uint32
}

// arrivals are the messages of a mailbox that are not mapped.
type arrivals struct {
	box  *box
	todo []uint32
}

// skip leaves a mailbox out of it: what it has is kept, or copied.
func (m *moving) skip(b *box, err error) {
	m.p.log.Warn("moves not followed", "mailbox", b.source.Name, "err", err)
}

// known reports whether both mailboxes are those that the map, or the floor,
// stands for.
func (b *box) known() bool {
	l := &b.link
	return b.refused == nil && b.before.OK && b.target.OK && l.SourceValidity != 0 && l.DestValidity != 0 &&
		l.SourceValidity == b.before.UIDValidity && l.DestValidity == b.target.UIDValidity
}

// leftIn finds out what vanished from a mailbox, and what is new there.
func (m *moving) leftIn(ctx context.Context, b *box) error {
	if !b.known() {
		return nil
	}
	src := &opened{s: m.p.first.src, wire: b.source.Wire, readOnly: true,
		sel: imapconn.Selected{UIDValidity: b.link.SourceValidity}}
	uids, err := src.list(ctx, 1)
	if err != nil || src.sel.UIDNotSticky {
		return err
	}
	runs, err := m.p.e.books.Runs(ctx, b.link.ID)
	if err != nil {
		return state(err)
	}
	plan := newPlan(uids, runs)
	m.fresh = append(m.fresh, arrivals{b, plan.todo()})
	if plan.vanished == 0 {
		return nil
	}
	dst := m.p.destOf(b)
	f, err := m.p.follow(ctx, b, dst, vanishedFrom(plan, runs))
	if err != nil || dst.sel.UIDNotSticky {
		return err
	}
	if len(f.lost) > 0 && !m.p.e.opt.DryRun { // moved by a pass that was cut off, or by the user at the destination
		if err := m.p.e.books.DropRuns(ctx, b.link.ID, f.lost); err != nil {
			return state(err)
		}
	}
	_, dests := f.take.split()
	slices.Sort(dests)
	ids, err := dst.identsOf(ctx, dests, stack{of: 1})
	if err != nil {
		return err
	}
	sources := map[uint32]uint32{}
	for _, t := range f.take {
		sources[t.dest] = t.source
	}
	for _, i := range ids {
		if k, ok := likenessOf(i); ok {
			m.from[k] = append(m.from[k], departed{b, pair{sources[i.uid], i.uid}})
		}
	}
	return nil
}

// cameTo finds those of the new messages of a mailbox that are like one that
// vanished. The headers are read of those only that are as large and as old:
// there may be very many new messages.
func (m *moving) cameTo(ctx context.Context, b *box, todo []uint32) error {
	src := &opened{s: m.p.first.src, wire: b.source.Wire, readOnly: true,
		sel: imapconn.Selected{UIDValidity: b.link.SourceValidity}}
	headless := map[likeness]bool{}
	for k := range m.from {
		headless[likeness{octets: k.octets, date: k.date}] = true
	}
	for some := range slices.Chunk(todo, mostChunk) {
		ids, err := src.identsOf(ctx, some, stack{of: 1, by: ofSize})
		if err != nil {
			return err
		}
		var alike []uint32
		for _, i := range ids {
			if headless[likeness{octets: i.octets, date: i.date}] {
				alike = append(alike, i.uid)
			}
		}
		slices.Sort(alike)
		if ids, err = src.identsOf(ctx, alike, stack{of: 1}); err != nil {
			return err
		}
		for _, i := range ids {
			if k, ok := likenessOf(i); ok && len(m.from[k]) > 0 {
				m.to[k] = append(m.to[k], appeared{b, i.uid})
			}
		}
	}
	return nil
}

// follow moves what went from one mailbox to another one.
func (m *moving) follow(ctx context.Context) error {
	type way struct{ from, to *box }
	all := map[way][]move{}
	var ways []way
	for k, to := range m.to {
		from := m.from[k]
		if len(from) != 1 || len(to) != 1 || from[0].b == to[0].b || from[0].b.link.Dest == to[0].b.link.Dest {
			continue
		}
		w := way{from[0].b, to[0].b}
		if all[w] == nil {
			ways = append(ways, w)
		}
		all[w] = append(all[w], move{old: from[0].source, dest: from[0].dest, now: to[0].uid})
	}
	slices.SortFunc(ways, func(a, b way) int {
		return cmp.Or(cmp.Compare(a.from.link.ID, b.from.link.ID), cmp.Compare(a.to.link.ID, b.to.link.ID))
	})
	for _, w := range ways {
		if err := m.p.moveAll(ctx, w.from, w.to, all[w]); err != nil {
			return err
		}
	}
	return nil
}

// move is one message: its UIDs at the source before and now, and the one that
// it has at the destination.
type move struct{ old, dest, now uint32 }

// moveAll moves messages from one destination mailbox to another. What is
// refused is copied from the source instead, and the old copy kept. After a lost
// connection nobody knows what was done: nothing is sent again, the mailbox is
// settled before anything is copied to it.
func (p *pass) moveAll(ctx context.Context, from, to *box, all []move) error {
	if p.e.opt.DryRun {
		for _, m := range all { // they count where the mailboxes are opened
			to.moved, from.left = append(to.moved, m.now), append(from.left, m.old)
		}
		p.log.Info("would move", "mailbox", from.source.Name, "to", to.source.Name, "messages", len(all))
		return nil
	}
	// What is added is found at or above the floor, and that mailbox settled
	// before it gets anything else.
	fresh := to.floored || !to.link.Open // nothing was sent there that may be unknown
	to.quiet, to.answered, to.floored = to.quiet || fresh, to.answered || fresh, false
	if !to.link.Open {
		if to.link.Open = true; to.link.Floor == 0 && to.target.Messages == 0 { // nothing is there to be matched
			to.link.Floor = to.target.UIDNext
		}
		if err := p.e.books.SetFloors(ctx, []ledger.Floor{to.floor()}); err != nil {
			return state(err)
		}
	}
	slices.SortFunc(all, func(a, b move) int { return cmp.Compare(a.dest, b.dest) })
	for some := range slices.Chunk(all, moveChunk) {
		err := p.moveSome(ctx, from, to, some)
		to.answered = to.answered && err == nil
		switch {
		case err == nil:
		case isLost(err) && ctx.Err() == nil:
			to.quiet, to.doubts = false, true
			return p.first.dst.broken(ctx, err)
		case mild(ctx, err):
			p.log.Warn("moves not followed", "mailbox", from.source.Name, "to", to.source.Name, "err", err)
			p.note(err)
			return nil
		default:
			return err
		}
	}
	return nil
}

// moveChunk is how many messages one command moves: a set of so many single
// UIDs fits its line.
const moveChunk = 500

func (p *pass) moveSome(ctx context.Context, from, to *box, some []move) error {
	var conn *imapconn.Conn
	dst := p.destOf(from)
	err := dst.do(ctx, func(c *imapconn.Conn) error { // nothing is sent yet: it is repeated on another connection
		conn = c
		return nil
	})
	if err != nil {
		return err
	}
	dests, gone := make([]uint32, len(some)), make([]uint32, len(some))
	for i, m := range some {
		dests[i], gone[i] = m.dest, m.old
	}
	got, err := dst.move(ctx, conn, dests, imapconn.EncodeMailbox(to.link.Dest))
	if err != nil {
		return err
	}
	if err := p.moved(ctx, from, to, some, got); err != nil {
		return err
	}
	p.count.Moved += int64(len(some))
	p.log.Info("moved as at the source", "mailbox", from.source.Name, "to", to.source.Name, "messages", len(some))
	return state(p.e.books.DropRuns(ctx, from.link.ID, gone))
}

// moved maps what is in another mailbox now, with the flags that it had. What
// the server does not tell is found when that mailbox is settled.
func (p *pass) moved(ctx context.Context, from, to *box, some []move, got imapconn.Copied) error {
	if got.UIDValidity != to.link.DestValidity {
		to.answered = false
		return nil
	}
	base, err := p.e.books.Baseline(ctx, from.link.ID)
	if err != nil {
		return state(err)
	}
	at := map[uint32]uint32{}
	for i, u := range got.From {
		at[u] = got.To[i]
	}
	var source, dest []uint32
	flags := &ledger.Baseline{}
	for _, m := range some {
		if u := at[m.dest]; u != 0 {
			source, dest = append(source, m.now), append(dest, u)
			if was, known := base.Flags(m.old); known {
				flags.Set(m.now, was)
			}
		}
	}
	to.noted, to.answered = true, to.answered && len(source) == len(some)
	return state(p.e.books.AddRuns(ctx, to.link.ID, asRuns(source, dest), flags))
}

// move has the server move messages to another mailbox, in one command where it
// can, else by copying them and taking exactly them away. It is not repeated.
func (o *opened) move(ctx context.Context, conn *imapconn.Conn, uids []uint32, mailbox string) (imapconn.Copied, error) {
	set := imapconn.Ranges(uids)
	if conn.Caps().Move {
		return conn.Move(ctx, set, mailbox)
	}
	if !conn.Caps().UIDPlus {
		return imapconn.Copied{}, &fault.Error{Scope: fault.Mailbox, Side: fault.Dest, Code: fault.Refused, Op: "move",
			Text: "the destination offers neither MOVE nor UIDPLUS: messages cannot be moved there",
			Hint: "run without --follow-moves: what was moved at the source is copied, and the old copy is kept"}
	}
	got, err := conn.Copy(ctx, set, mailbox)
	if err != nil {
		return got, err
	}
	mark, err := conn.Store(ctx, set, true, []string{`\Deleted`})
	if err == nil {
		err = mark.Wait(ctx)
	}
	if err == nil {
		err = conn.Expunge(ctx, set)
	}
	return got, err
}
