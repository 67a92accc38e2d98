package mailsync

import (
	"bytes"
	"context"
	"io"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/identity"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/ledger"
)

// acked is a message that the destination has stored without saying under
// which UID (no UIDPLUS, RFC 4315).
type acked struct {
	id    ident
	whole identity.Sum
	flags []string // at the source
}

// maxAcked is how many of them are looked up at once.
const maxAcked = 1000

// answer waits for the answer to a command.
func (w *writer) answer(c *command) (imapconn.Appended, error) {
	defer w.clock.in(w.clock.in(doing{kind: asksDst}))
	return c.answer.Wait(w.hard)
}

// stored books the messages of a command that was answered OK.
func (w *writer) stored(c *command, got imapconn.Appended) error {
	lasting := !w.dst.sel.UIDNotSticky
	if !lasting {
		w.p.unlasting(w.b)
	}
	told := lasting && len(got.UIDs) == len(c.items) && got.UIDValidity == w.b.link.DestValidity
	var source []uint32
	flags := &ledger.Baseline{}
	for i, it := range c.items {
		var dest uint32
		if told {
			source = append(source, it.uid)
			flags.Set(it.uid, it.given())
			dest = got.UIDs[i]
		} else if id, ok := it.ident(); ok {
			_, whole := it.digest.Sums()
			w.acked = append(w.acked, acked{id, whole, it.given()})
		}
		if err := w.done(it, dest); err != nil {
			return err
		}
	}
	if !told {
		return nil
	}
	return state(w.p.e.books.AddRuns(w.hard, w.b.link.ID, asRuns(source, got.UIDs), flags))
}

// done books one message as copied, under a UID of the destination (0: nobody
// knows it yet), and frees its memory.
func (w *writer) done(it *item, dest uint32) error {
	w.p.stored(w.b, it.uid, it.size)
	if err := w.settleUp(it, dest); err != nil {
		return err
	}
	w.free(it)
	return w.dropReject(it)
}

func (w *writer) free(it *item) {
	switch {
	case it.stream != nil:
		if it.stream.mine() {
			it.stream.finish(false)
		}
	case it.body != nil:
		w.win.give(it.body)
		it.body = nil
	}
}

// resolve looks up the UIDs of messages that were stored without one being
// told. What cannot be found, because the server altered it beyond
// recognition, is mapped to UID 0: it was acknowledged and is never sent
// again.
func (w *writer) resolve(ctx context.Context) error {
	if len(w.acked) == 0 {
		return nil
	}
	ids := make([]ident, len(w.acked))
	sums, flags := map[uint32]identity.Sum{}, map[uint32][]string{}
	for i, a := range w.acked {
		ids[i], sums[a.id.uid], flags[a.id.uid] = a.id, a.whole, a.flags
	}
	found, err := w.settle(ctx, candidates{
		party: party{
			count:  len(ids),
			idents: func(_ context.Context, s stack) ([]ident, error) { return s.pick(ids), nil },
			whole:  func(context.Context, []uint32) (map[uint32]identity.Sum, error) { return sums, nil },
		},
		flags: func(uid uint32) ([]string, bool) { return flags[uid], true },
	}, true, false)
	if err != nil {
		return err
	}
	for i := range w.late {
		if l := &w.late[i]; l.dest == 0 {
			l.dest, _ = found.of(l.uid)
		}
	}
	var lost []ledger.Run
	for _, id := range ids {
		if _, ok := found.of(id.uid); !ok {
			lost = append(lost, ledger.Run{Source: id.uid, Dest: 0, Count: 1})
		}
	}
	w.acked = nil
	if len(lost) == 0 {
		return nil
	}
	return state(w.p.e.books.AddRuns(ctx, w.b.link.ID, lost, nil))
}

// book takes a verdict of the fetcher.
func (w *writer) book(it *item) error {
	if it.verdict == rejected {
		return w.reject(it, it.cause)
	}
	w.p.settled(w.b, it.uid, gone)
	w.p.meter.Gone(1)
	return w.dropReject(it)
}

// reject records a message that one of the servers refuses. Too many in a row
// end the account: something larger is wrong.
func (w *writer) reject(it *item, cause error) error {
	w.p.settled(w.b, it.uid, rejected)
	w.p.meter.Rejected(1)
	r := ledger.Reject{Mailbox: w.b.link.ID, UID: it.uid, Octets: it.size, MessageID: messageID(it.body)}
	if it.head.HasDate {
		r.Date = it.head.Date
	}
	if f := fault.Of(cause); f != nil {
		r.Code, r.Text = string(f.Code), f.Side.String()+": "+f.Text
	}
	w.p.log.Warn("message rejected", "mailbox", w.b.source.Name, "uid", it.uid, "octets", it.size, "err", cause)
	w.p.note(cause)
	w.free(it)
	if err := w.p.e.books.PutReject(w.hard, r); err != nil {
		return state(err)
	}
	if !it.prior && w.p.tooManyRejects() {
		return tooMany(cause, w.b.source.Name)
	}
	return nil
}

// tooMany blames the side that gave the last of the causes.
func tooMany(cause error, mailbox string) error {
	e := &fault.Error{Side: fault.Dest, Code: fault.TooManyRejects, Op: "append", Mailbox: mailbox, Err: cause,
		Hint: "too many messages in a row were refused: the cause is larger than one message; see rejects.csv"}
	if f := fault.Of(cause); f != nil {
		e.Side, e.Op = f.Side, f.Op
	}
	return e
}

func (w *writer) dropReject(it *item) error {
	if !it.prior {
		return nil
	}
	return state(w.p.e.books.DropReject(w.hard, w.b.link.ID, it.uid))
}

// ident returns what identifies the message; false for a stream that did not
// go through whole.
func (it *item) ident() (ident, bool) {
	if it.digest == nil {
		if it.stream != nil {
			return ident{}, false
		}
		it.digest = identity.NewDigester()
		_, _ = io.Copy(it.digest, it.reader()) // neither can fail
	}
	if it.digest.Octets() != it.size {
		return ident{}, false
	}
	head, _ := it.digest.Sums()
	return ident{uid: it.uid, octets: it.size, date: dateOf(it.head.Date), head: head}, true
}

// reader returns the octets to send; those of a stream are digested on their
// way, since they pass only once.
func (it *item) reader() io.Reader {
	if it.stream == nil {
		return it.sent().form.reader(it.body.reader())
	}
	it.digest = identity.NewDigester()
	octets := io.MultiReader(bytes.NewReader(it.peeked), it.stream)
	if it.survey != nil {
		octets = io.TeeReader(octets, it.survey)
	}
	return io.TeeReader(it.sent().form.reader(octets), it.digest)
}

// messageID finds the Message-ID header field (RFC 5322 section 3.6.4) in the
// octets of a message, for reports only.
func messageID(b body) string {
	for line := range bytes.Lines(b.begin(64 << 10)) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if name, value, ok := bytes.Cut(line, []byte(":")); ok && bytes.EqualFold(bytes.TrimSpace(name), []byte("Message-ID")) {
			return fault.Clean(string(value))
		}
	}
	return ""
}
