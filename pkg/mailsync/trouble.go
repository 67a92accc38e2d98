package mailsync

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// mend puts the writer right after err, so that its loop can go on: a lost
// connection is opened again, and what was under way is settled. Any other
// error is returned.
func (w *writer) mend(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !isLost(err) {
		return err
	}
	if w.open != nil {
		w.doubtful(w.open)
		w.open = nil
	}
	for _, c := range w.flying {
		w.doubtful(c)
	}
	w.flying = nil
	w.p.tempo.halve()
	if err := w.dst.s.broken(ctx, err); err != nil {
		return err
	}
	return w.settleDoubt(ctx)
}

// doubtful moves the messages of a broken command to doubt.
func (w *writer) doubtful(c *command) {
	w.doubt = append(w.doubt, c.items...)
	if !c.end.IsZero() && (c.answer == nil || c.answer.Sent()) {
		w.quiet = true
	}
}

// settleDoubt finds out which messages in doubt are stored; the others are
// sent again, before anything new.
func (w *writer) settleDoubt(ctx context.Context) error {
	if len(w.doubt) == 0 {
		return nil
	}
	if err := w.resolve(ctx); err != nil {
		return err
	}
	items := w.doubt
	slices.SortFunc(items, func(a, b *item) int { return cmp.Compare(a.uid, b.uid) })
	pairs, err := w.p.settle(ctx, w.b, w.dst, inMemory(items), w.quiet)
	if err != nil {
		return err
	}
	w.doubt, w.quiet = nil, false
	var back []*item
	for _, it := range items {
		if _, ok := pairs[it.uid]; ok {
			if err := w.done(it); err != nil {
				return err
			}
			continue
		}
		if it.stream != nil {
			w.lentBack(it)
			continue
		}
		back = append(back, it)
	}
	w.queue = append(back, w.queue...)
	return nil
}

// inMemory offers items that are still held.
func inMemory(items []*item) candidates {
	return candidates{
		idents: func(context.Context) ([]ident, error) {
			out := make([]ident, 0, len(items))
			for _, it := range items {
				if id, ok := it.ident(); ok {
					out = append(out, id)
				}
			}
			return out, nil
		},
		whole: func(_ context.Context, uids []uint32) (map[uint32]sum, error) {
			out := map[uint32]sum{}
			for _, it := range items {
				if _, ok := slices.BinarySearch(uids, it.uid); ok {
					_, out[it.uid] = it.digest.sums()
				}
			}
			return out, nil
		},
	}
}

// refused deals with a NO or BAD to a command. Not every server is atomic, so
// after a refused MULTIAPPEND the mailbox is settled and what is not there
// goes again, each message alone: a bad one then rejects only itself.
func (w *writer) refused(c *command, cause error) error {
	if len(c.items) == 1 {
		return w.refusedOne(c.items[0], cause)
	}
	for _, it := range c.items {
		it.single = true
	}
	w.doubt = append(w.doubt, c.items...)
	// One thing at a time: the answers to what is under way come first.
	if w.open != nil {
		if err := w.finish(); err != nil {
			return err
		}
	}
	for len(w.flying) > 0 {
		if err := w.collect(); err != nil {
			return err
		}
	}
	w.p.log.Info("the destination refused a batch, sending its messages one by one", "mailbox", w.b.source.Name,
		"messages", len(c.items), "err", cause)
	return w.settleDoubt(w.p.hard)
}

// refusedOne decides about a message that was refused by itself.
func (w *writer) refusedOne(it *item, cause error) error {
	f := fault.Of(cause)
	if f == nil || f.Scope != fault.Message && !poisoned(cause) {
		w.queue = append([]*item{it}, w.queue...)
		return cause
	}
	if !it.tried && it.stream == nil && f.Code != fault.TooBig {
		it.tried, it.single = true, true
		w.queue = append([]*item{it}, w.queue...)
		if poisoned(cause) {
			return lostTo(f)
		}
		return nil
	}
	return w.reject(it, cause)
}

// unanswered reports whether err is something else than the server's refusal.
func unanswered(err error) bool {
	return err != nil && (isLost(err) || fault.Of(err) == nil)
}

// poisoned reports a BAD to a literal that the server did not wait for: the
// connection was ended at once (DESIGN invariant 9).
func poisoned(err error) bool { return errors.Is(err, imapconn.ErrAborted) }

// lostTo is the broken connection that a poisoned command leaves behind.
func lostTo(f *fault.Error) error {
	return &fault.Error{Side: f.Side, Host: f.Host, Op: f.Op, Mailbox: f.Mailbox, Code: fault.ConnectionLost,
		Temporary: true, Text: f.Text}
}

// giveUp hands back what the source waits for.
func (w *writer) giveUp() {
	for _, c := range append(w.flying, w.open) {
		if c != nil {
			w.doubt = append(w.doubt, c.items...)
		}
	}
	for _, it := range append(w.doubt, w.queue...) {
		w.lentBack(it)
	}
	if w.open != nil || len(w.flying) > 0 {
		w.dst.s.drop()
	}
}

// lentBack ends the loan of a stream: the message must be fetched again.
func (w *writer) lentBack(it *item) {
	if it.stream != nil && it.stream.mine() {
		it.stream.finish(true)
	}
}
