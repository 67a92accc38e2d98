package mailsync

import (
	"context"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// turn deals with the next item. What is under way is answered before the
// writer turns to another part, or to something else than messages.
func (w *writer) turn(ctx context.Context) error {
	it := w.next
	ours := w.stint != nil && w.pt == it.part
	switch {
	case it.call == nil && !it.end && w.p.work.failed(it.part.b) != nil:
		w.next = nil
		w.drop(it)
		return nil
	case ours && !it.end:
		w.next = nil
		w.one[0] = it
		w.queue = w.one[:]
		return nil
	case it.end && !ours && !it.part.waiting(): // nothing of it is under way
		w.next = nil
		w.l.reached(it.part)
		return w.p.leave(ctx, it.part.b)
	case w.stint != nil:
		w.selectAhead(ctx, it)
		done, err := w.end(ctx, ours)
		if err != nil || !done {
			return err
		}
		w.part()
		return nil
	case it.call != nil:
		w.next = nil
		it.answer <- it.call(ctx)
		return nil
	}
	return w.enter(ctx, it.part)
}

// waiting reports whether the writer keeps messages of a part for its end.
func (pt *part) waiting() bool { return pt.stint != nil && len(pt.stint.aside) > 0 }

// enter begins the work at a part, or takes it up again.
func (w *writer) enter(ctx context.Context, pt *part) error {
	if pt.stint == nil {
		pt.stint = &stint{pt: pt, b: pt.b, dst: pt.dst, breaks: map[uint32]int{}, asideAt: map[uint32]int64{}}
	}
	if err := pt.b.gate.enter(ctx); err != nil {
		return err
	}
	w.stint = pt.stint
	w.l.reached(pt)
	return nil
}

// part ends the work at a part, for now or for good: nothing is under way.
func (w *writer) part() {
	w.tellChanged()
	w.b.gate.exit()
	w.stint = nil
}

// makeWay lets another lane settle the mailbox: what is under way is answered
// first.
func (w *writer) makeWay(ctx context.Context) error {
	if w.open != nil || len(w.flying) > 0 || len(w.acked) > 0 || len(w.late) > 0 {
		_, err := w.end(ctx, false)
		return err
	}
	w.b.gate.exit()
	err := w.b.gate.enter(ctx)
	if err != nil { // we are inside for everybody who asks
		w.stint = nil
	}
	return err
}

// selectAhead selects the mailbox that is to come: behind the last command of
// this one, so that the two answers cost one round trip, or while its first
// message is on its way from the source. it is what the writer has in hand; nil
// when it waits for something.
func (w *writer) selectAhead(ctx context.Context, it *item) {
	s, next := w.l.dst, w.l.next()
	if it != nil && it.part != nil && it.part != w.pt {
		next = it.part
	}
	switch {
	case next == nil || s.conn == nil || s.at == next.dst || w.open != nil || w.p.work.failed(next.b) != nil:
	case w.stint == nil || next != w.pt && s.at == w.dst && len(w.flying) > 0 && len(w.acked) == 0 && len(w.late) == 0:
		// A refusal is met again when the mailbox is entered.
		_ = next.dst.ask(ctx, s.conn)
	}
}

// restOctets is how much goes to the destination before it is asked whether
// the connection should be compressed.
const restOctets = 4 << 20

// rest gives the connection the chance to be compressed, for which nothing may
// be in flight.
func (w *writer) rest(ctx context.Context) error {
	if c := w.l.dst.conn; c != nil && c.Compressible() && len(w.flying) > 0 {
		return w.collect()
	}
	w.unrested = 0
	return w.dst.do(ctx, func(c *imapconn.Conn) error { return c.MaybeCompress(ctx) })
}
