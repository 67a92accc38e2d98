package mailsync

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/ledger"
)

// carryBatch is how many messages' flags are worked out at a time.
const carryBatch = 5000

// change is a message whose flags have changed at the source.
type change struct {
	uid, dest uint32   // at the source, at the destination
	was, now  []string // at the source
	done      bool     // the destination took some of it
}

// carryFlags has the destination follow what has become of the flags of the
// messages that are there, each by its difference: what a user has changed at
// the destination stays. Of a message without a baseline nobody can tell what
// has changed: its flags of now become the baseline. A refusal costs flags,
// not the mailbox: the next pass tries them again.
func (f *fetcher) carryFlags(ctx context.Context, pt *part, c *changes, place placer) error {
	b := pt.b
	if c == nil {
		return nil
	}
	there := b.plan.are(alreadyThere)
	if c.base == nil || len(place.adopted) > 0 { // those have come into it
		if len(there) == 0 {
			b.told = true
			return nil
		}
		if err := c.load(ctx, f.p, b); err != nil {
			return err
		}
	}
	if err := c.rest(ctx, pt, there, place.adopted); err != nil {
		return f.p.flagsRefused(ctx, b, err)
	}
	b.told = true
	for uids := range slices.Chunk(c.sorted(), carryBatch) {
		if err := f.carrySome(ctx, pt, c, place, uids); err != nil {
			return err
		}
	}
	return nil
}

// carrySome does so for some of the messages.
func (f *fetcher) carrySome(ctx context.Context, pt *part, c *changes, place placer, uids []uint32) error {
	p, b := f.p, pt.b
	base := &ledger.Baseline{}
	var todo []change
	for _, u := range uids {
		if fate, _ := b.plan.fate(u); fate != alreadyThere {
			continue
		}
		now, was, known := c.of(u)
		if !known {
			base.Set(u, now)
		} else if dest := place.of(u); dest != 0 { // else nobody knows where it is
			todo = append(todo, change{uid: u, dest: dest, was: was, now: now})
		}
	}
	if p.e.opt.DryRun {
		p.wouldUpdate(b, todo)
		return nil
	}
	if len(todo) > 0 {
		err := f.win.call(ctx, func(ctx context.Context) error { return p.pushFlags(ctx, pt, todo) })
		if err != nil && !errors.Is(err, errFlags) {
			return err
		}
		b.told = b.told && err == nil
	}
	n := 0
	for _, ch := range todo {
		if ch.done {
			n++
		}
		base.Set(ch.uid, ch.now)
	}
	p.updated(n)
	b.noted = true
	return state(p.e.books.SetFlags(ctx, b.link.ID, base))
}

// flagsRefused books that flags could not be read, or changed; other errors it
// returns.
func (p *pass) flagsRefused(ctx context.Context, b *box, err error) error {
	if !mild(ctx, err) || errors.Is(err, errMoved) {
		return err
	}
	p.log.Warn("flags not carried", "mailbox", b.source.Name, "err", err)
	e := *fault.Of(err)
	if e.Side == fault.Source {
		e.Scope, e.Hint = fault.Mailbox, "the source does not tell the flags of this mailbox: those that have changed are tried again on each run"
	}
	p.note(&e)
	return nil
}

// placer knows where messages stand at the destination.
type placer struct {
	runs    []ledger.Run // ascending
	adopted pairs        // found in this pass
}

// of returns 0 when nobody knows.
func (pl placer) of(uid uint32) uint32 {
	if d, ok := pl.adopted.of(uid); ok {
		return d
	}
	i, found := slices.BinarySearchFunc(pl.runs, uid, func(r ledger.Run, u uint32) int { return cmp.Compare(r.Source, u) })
	if !found {
		i--
	}
	if i < 0 {
		return 0
	}
	r := pl.runs[i]
	if r.Dest == 0 || uid-r.Source >= r.Count {
		return 0
	}
	return r.Dest + (uid - r.Source)
}

// flagOp is one flag that is to be set, or taken away. Flags go singly: one
// that is refused then costs nothing but itself, and the commands are no more
// than the flags that changed.
type flagOp struct {
	flag string
	add  bool
}

// opsOf sorts changes by what is to be done, with what a mailbox does not keep
// left out and named in dropped.
func opsOf(sel imapconn.Selected, todo []change) (ops map[flagOp][]*change, dropped map[string]bool) {
	ops, dropped = map[flagOp][]*change{}, map[string]bool{}
	for i := range todo {
		ch := &todo[i]
		kept, left := storable(sel, minus(ch.now, ch.was))
		for _, f := range kept {
			ops[flagOp{f, true}] = append(ops[flagOp{f, true}], ch)
		}
		for _, f := range left {
			dropped[f] = true
		}
		kept, _ = storable(sel, minus(ch.was, ch.now))
		for _, f := range kept {
			ops[flagOp{f, false}] = append(ops[flagOp{f, false}], ch)
		}
	}
	for _, all := range ops {
		slices.SortFunc(all, func(a, b *change) int { return cmp.Compare(a.dest, b.dest) })
	}
	return ops, dropped
}

// minus returns the flags of a that b has not; letter case does not count.
func minus(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(f string) bool { return hasFlag(b, f) })
}

func hasFlag(flags []string, flag string) bool {
	return slices.ContainsFunc(flags, func(f string) bool { return strings.EqualFold(f, flag) })
}

// errFlags says that some flags were refused.
var errFlags = errors.New("the destination refused flags")

// pushFlags makes the changes at the destination. What is refused is taken out
// of them, and the error is errFlags.
func (p *pass) pushFlags(ctx context.Context, pt *part, todo []change) error {
	var refused []refusedFlag
	err := pt.dst.do(ctx, func(c *imapconn.Conn) (err error) {
		ops, dropped := opsOf(pt.dst.sel, todo)
		p.tellDropped(pt.b, dropped)
		if err := p.putDropped(ctx, pt.b, pt.dst.sel, todo); err != nil {
			return err
		}
		refused, err = storeAll(ctx, c, ops)
		return err
	})
	if err != nil || len(refused) == 0 {
		return err
	}
	for _, r := range refused {
		for _, ch := range r.changes {
			ch.undo(r.op)
		}
	}
	if err := p.flagsRefused(ctx, pt.b, refused[0].cause); err != nil {
		return err
	}
	return errFlags
}

// putDropped writes down which messages are without flags that the mailbox does
// not keep.
func (p *pass) putDropped(ctx context.Context, b *box, sel imapconn.Selected, todo []change) error {
	for _, ch := range todo {
		if _, left := storable(sel, minus(ch.now, ch.was)); len(left) > 0 {
			if err := p.putRepairs(ctx, b, ch.uid, []altered{withoutFlags(ch.now, left)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// refusedFlag is a STORE that was refused.
type refusedFlag struct {
	op      flagOp
	changes []*change
	cause   error
}

// undo takes what was refused out of the change.
func (ch *change) undo(op flagOp) {
	if op.add {
		ch.now = minus(ch.now, []string{op.flag})
	} else {
		ch.now = append(slices.Clone(ch.now), op.flag)
	}
}

// maxStores is how many STOREs are in flight at most.
const maxStores = 50

// storeAll sends a STORE for each op, or several where one line cannot hold
// its messages, and waits for all answers. It is safe to repeat.
func storeAll(ctx context.Context, c *imapconn.Conn, ops map[flagOp][]*change) (refused []refusedFlag, err error) {
	type sent struct {
		refusedFlag
		cmd *imapconn.Storing
	}
	var flying []sent
	take := func() error {
		s := flying[0]
		flying = flying[1:]
		switch s.cause = s.cmd.Wait(ctx); {
		case s.cause == nil:
			for _, ch := range s.changes {
				ch.done = true
			}
		case !mild(ctx, s.cause):
			return s.cause
		default:
			refused = append(refused, s.refusedFlag)
		}
		return nil
	}
	most := mostChunk
	if limit := c.Caps().MessageLimit; limit > 0 {
		most = min(most, limit)
	}
	for op, all := range ops {
		uids := make([]uint32, len(all))
		for i, ch := range all {
			uids[i] = ch.dest
		}
		for len(uids) > 0 {
			set, n := chunk(uids, most)
			cmd, err := c.Store(ctx, set, op.add, []string{op.flag})
			if err != nil {
				return nil, err
			}
			flying = append(flying, sent{refusedFlag{op: op, changes: all[:n]}, cmd})
			uids, all = uids[n:], all[n:]
			if len(flying) == maxStores {
				if err := take(); err != nil {
					return nil, err
				}
			}
		}
	}
	for len(flying) > 0 {
		if err := take(); err != nil {
			return nil, err
		}
	}
	return refused, nil
}

// wouldUpdate counts messages whose flags a real run would change.
func (p *pass) wouldUpdate(b *box, todo []change) {
	ops, _ := opsOf(imapconn.Selected{}, todo)
	messages := map[uint32]bool{}
	for _, all := range ops {
		for _, ch := range all {
			messages[ch.uid] = true
		}
	}
	if len(messages) == 0 {
		return
	}
	p.updated(len(messages))
	p.log.Info("would change flags", "mailbox", b.source.Name, "destination", b.link.Dest, "messages", len(messages))
}
