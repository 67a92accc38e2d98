package mailsync

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/identity"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// mend puts the writer right after err, so that its loop can go on: a lost
// connection is opened again, and what was under way is settled. Any other
// error is returned.
func (w *writer) mend(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if w.babbled(err) {
		w.alongside()
		err = lostTo(err)
	}
	if !isLost(err) {
		return err
	}
	w.cut(err)
	if err := w.l.dst.broken(ctx, err); err != nil {
		return err
	}
	return w.settleDoubt(ctx)
}

// cut moves what was under way on a broken connection to doubt. A message that
// was under way alone may be the cause: it is counted.
func (w *writer) cut(err error) {
	var largest, all int
	octets := w.underWay()
	if w.open != nil {
		octets += w.open.octets
		w.flying = append(w.flying, w.open)
		w.open = nil
	}
	for _, c := range w.flying {
		largest = max(largest, len(c.items))
		all += len(c.items)
		w.doubtful(c)
	}
	if all == 1 {
		it := w.flying[0].items[0]
		w.breaks[it.uid]++
		w.broke = err
	}
	if len(w.flying) > 0 && w.flying[0].mode != imapconn.AppendMulti {
		largest = all
	}
	w.flying = nil
	if all > 0 {
		w.l.tempo.halve(largest, octets)
	}
}

// poison rejects a message at which connection after connection broke, if it
// is the message: others were stored since it was set aside, or an earlier
// pass rejected it.
func (w *writer) poison(it *item) (rejected bool, err error) {
	at, known := w.asideAt[it.uid]
	if !it.prior && !(known && w.p.storedSoFar() > at) {
		return false, nil
	}
	return true, w.reject(it, w.breaker(it))
}

// setAside keeps a message until all others are done with; false when it was
// set aside before, or is lent: the fetcher brings that one again at the end.
func (w *writer) setAside(it *item) bool {
	if _, known := w.asideAt[it.uid]; known {
		return false
	}
	w.asideAt[it.uid] = w.p.storedSoFar()
	if it.stream != nil {
		return false
	}
	w.aside = append(w.aside, it)
	return true
}

// breaker is the fault of a message at which connection after connection broke.
func (w *writer) breaker(it *item) error {
	return &fault.Error{Scope: fault.Message, Side: fault.Dest, Code: fault.MessageRefused, Op: "append",
		Mailbox: w.b.source.Name, UID: it.uid, Err: w.broke,
		Text: "the connection broke each time this message was sent alone: " + fault.Clean(w.broke.Error()),
		Hint: "a limit of the server, or of something before it, may end the connection: see rejects.csv"}
}

// babbled reports whether the connection ended because the server said
// nonsense in the middle of APPENDs: it may have read a message as commands.
func (w *writer) babbled(err error) bool {
	return fault.CodeOf(err) == fault.Protocol && (w.open != nil || len(w.flying) > 0) &&
		w.l.dst.conn != nil && w.l.dst.conn.Err() != nil
}

// alongside makes everything that is under way go again alone, each message
// with a literal that the server must ask for.
func (w *writer) alongside() {
	for _, c := range append(slices.Clone(w.flying), w.open) {
		if c != nil {
			c.alone()
		}
	}
}

func (c *command) alone() {
	for _, it := range c.items {
		it.single = true
	}
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
	w.dst.doubtful = true
	found, err := w.settle(ctx, inMemory(items), false, w.quiet)
	w.dst.doubtful = false
	if err != nil {
		return err
	}
	if len(found) > 0 {
		w.l.dst.moved()
	}
	w.doubt, w.quiet = nil, false
	var back []*item
	for _, it := range items {
		if dest, ok := found.of(it.uid); ok {
			if err := w.done(it, dest); err != nil {
				return err
			}
			continue
		}
		if w.breaks[it.uid] >= maxBreaks {
			rejected, err := w.poison(it)
			if err != nil {
				return err
			}
			if rejected || w.setAside(it) {
				continue
			}
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
		party: party{
			count: len(items),
			idents: func(_ context.Context, s stack) ([]ident, error) {
				ids := make([]ident, 0, len(items))
				for _, it := range items {
					if id, ok := it.ident(); ok {
						ids = append(ids, id)
					}
				}
				return s.pick(ids), nil
			},
			whole: func(_ context.Context, uids []uint32) (map[uint32]identity.Sum, error) {
				out := map[uint32]identity.Sum{}
				for _, it := range items {
					if _, ok := slices.BinarySearch(uids, it.uid); ok {
						_, out[it.uid] = it.digest.Sums()
					}
				}
				return out, nil
			},
		},
		flags: func(uid uint32) ([]string, bool) {
			i := slices.IndexFunc(items, func(it *item) bool { return it.uid == uid })
			return items[i].given(), true
		},
	}
}

// refused deals with a NO or BAD to a command. Not every server is atomic, so
// after a refused MULTIAPPEND the mailbox is settled and what is not there
// goes again, each message alone: a bad one then rejects only itself.
func (w *writer) refused(c *command, cause error) error {
	if poisoned(cause) {
		c.alone()
		w.doubtful(c)
		return lostTo(cause)
	}
	if len(c.items) == 1 {
		return w.refusedOne(c.items[0], cause)
	}
	c.alone()
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
	return w.settleDoubt(w.hard)
}

// refusedOne decides about a message that was refused by itself.
func (w *writer) refusedOne(it *item, cause error) error {
	f := fault.Of(cause)
	if f == nil || f.Scope != fault.Message {
		w.queue = append([]*item{it}, w.queue...)
		return cause
	}
	if !it.tried && it.stream == nil && f.Code != fault.TooBig {
		it.tried, it.single = true, true
		w.queue = append([]*item{it}, w.queue...)
		return nil
	}
	if f.Code == fault.TooBig {
		return w.reject(it, cause)
	}
	if w.amend(it, cause) {
		return nil
	}
	return w.reject(it, it.mend.refusal)
}

// unanswered reports whether err is something else than the server's refusal.
func unanswered(err error) bool {
	return err != nil && (isLost(err) || fault.Of(err) == nil)
}

// poisoned reports a BAD to a literal that the server did not wait for, or
// nonsense in the place of an answer: the connection was ended at once (DESIGN
// invariant 9).
func poisoned(err error) bool { return errors.Is(err, imapconn.ErrAborted) }

// lostTo is the broken connection that a poisoned command leaves behind.
func lostTo(cause error) error {
	f := fault.Of(cause)
	return &fault.Error{Side: f.Side, Host: f.Host, Op: f.Op, Mailbox: f.Mailbox, Code: fault.ConnectionLost,
		Temporary: true, Text: f.Text}
}

// settle is the pass's, while no other lane has anything under way in the
// mailbox; certain says that the candidates are stored.
func (w *writer) settle(ctx context.Context, c candidates, certain, quiet bool) (found pairs, err error) {
	err = w.b.gate.settle(ctx, certain, func() (err error) {
		found, err = w.p.settle(ctx, w.b, w.dst, c, w.win, quiet)
		return err
	})
	return found, err
}

// giveUp takes the answers that are owed on a connection that still stands,
// hands back what the source waits for, and lets go of everything else.
func (w *writer) giveUp() {
	if c := w.l.dst.conn; c != nil && c.Err() == nil {
		w.lastAnswers()
	}
	if w.open != nil || len(w.flying) > 0 {
		w.l.dst.drop()
	}
	w.abandon()
}

// abandon lets go of every message: those that were under way are in doubt for
// whoever comes next, and what is lent goes back.
func (w *writer) abandon() {
	for _, c := range append(w.flying, w.open) {
		if c != nil {
			w.doubt = append(w.doubt, c.items...)
		}
	}
	if w.stint != nil {
		w.p.unclear(w.b, len(w.doubt) > 0)
		w.doubt = append(w.doubt, w.aside...)
		w.aside, w.acked, w.late = nil, nil, nil
	}
	for _, it := range slices.Concat(w.doubt, w.queue) {
		w.drop(it)
	}
	w.queue, w.open, w.flying, w.doubt, w.quiet = nil, nil, nil, nil, false
}

// lastAnswers books what is stored of the commands under way. What is refused
// or unclear stays untried; the floor stays open for it.
func (w *writer) lastAnswers() {
	if w.open != nil && w.finish() != nil {
		return
	}
	for len(w.flying) > 0 {
		c := w.flying[0]
		got, err := w.answer(c)
		if unanswered(err) {
			return
		}
		w.flying = w.flying[1:]
		if err != nil {
			w.doubt = append(w.doubt, c.items...)
		} else if w.stored(c, got) != nil {
			return
		}
	}
}

// lentBack ends the loan of a stream: the message must be fetched again.
func (w *writer) lentBack(it *item) {
	if it.stream != nil && it.stream.mine() {
		it.stream.finish(true)
	}
}
