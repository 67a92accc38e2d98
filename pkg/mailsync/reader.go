package mailsync

import (
	"context"
	"io"
	"slices"
	"sync"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/identity"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/mapping"
	"github.com/imapfleet/imapfleet/pkg/rules"
)

// Reader reads one account and changes nothing: EXAMINE and BODY.PEEK, over a
// connection that is opened again when it breaks, as in a pass. It belongs to
// one goroutine at a time.
type Reader struct{ s *session }

// Reader returns a Reader of one side of pair; Open connects it. One that is
// further is given up where a first one would wait and log in again: others
// go on without it.
func (e *Engine) Reader(pair account.Pair, side fault.Side, further bool) *Reader {
	ep := pair.Source
	if side == fault.Dest {
		ep = pair.Dest
	}
	return &Reader{e.newSession(side, ep, further, e.logger(pair))}
}

// Open connects and logs in.
func (r *Reader) Open(ctx context.Context) error {
	_, err := r.s.get(ctx)
	return err
}

// Close ends the connection, if there is one.
func (r *Reader) Close(ctx context.Context) { r.s.close(ctx) }

// Octets is how many octets came in over all connections of the Reader.
func (r *Reader) Octets() int64 {
	in := r.s.octets[0]
	if r.s.conn != nil {
		n, _ := r.s.conn.Octets()
		in += n
	}
	return in
}

// Listing is the mailboxes of one account with their states. The zero value
// has none.
type Listing struct{ side side }

// List lists the account.
func (r *Reader) List(ctx context.Context) (*Listing, error) {
	l := &Listing{}
	err := r.s.do(ctx, func(c *imapconn.Conn) error { return l.side.list(ctx, c) })
	return l, err
}

// Mailboxes are all that the account has.
func (l *Listing) Mailboxes() []imapconn.Mailbox { return l.side.Account.Mailboxes }

// Status is the state of a mailbox, by name or as on the wire; not OK where
// it is not known.
func (l *Listing) Status(name string) imapconn.Status {
	if st, ok := l.side.status[name]; ok {
		return st
	}
	return imapconn.Status{Size: -1}
}

// Routes says what becomes of every source mailbox that can hold messages: it
// is left out, or goes where earlier passes sent it, as links has it, else where
// a first pass over pair would. The error is a *fault.Error: pair's rules name a
// mailbox that the source does not have.
func Routes(pair account.Pair, source, dest *Listing, links []ledger.Mailbox) ([]mapping.Route, error) {
	m, err := mapped(pair.Rules.Value(), &source.side, &dest.side, choices(links))
	if err != nil {
		return nil, err
	}
	return m.Routes, nil
}

// MailboxReader reads one mailbox. It belongs to its Reader's goroutine.
type MailboxReader struct{ o *opened }

// Mailbox returns a reader of a mailbox, named as on the wire.
func (r *Reader) Mailbox(wire string) *MailboxReader {
	return &MailboxReader{&opened{s: r.s, wire: wire, readOnly: true}}
}

// UIDs lists the messages that the mailbox has now, ascending.
func (m *MailboxReader) UIDs(ctx context.Context) ([]uint32, error) { return m.o.list(ctx, 1) }

// Selected is what the server said when it opened the mailbox last.
func (m *MailboxReader) Selected() imapconn.Selected { return m.o.sel }

// bodyChunk is how many messages one command asks the bodies of: what came is
// not asked for again when the connection breaks.
const bodyChunk = 100

// Read asks for items of each of uids, ascending, and hands every message to
// take once, with what its header or body was digested to: nil where the
// server gave none, or none was asked for. missing are those that did not come:
// the server has them no more, or refuses to read them. take runs on a
// connection's reading goroutine, one call at a time.
func (m *MailboxReader) Read(ctx context.Context, uids []uint32, items imapconn.Items,
	take func(m *imapconn.Message, d *identity.Digester)) (missing []uint32, err error) {
	known, size, fresh := newTicks(uids), identChunk, identity.NewDigester
	if items&imapconn.ItemBody != 0 {
		size, fresh = bodyChunk, identity.NewExactDigester
	}
	err = m.o.digests(ctx, uids, known, size, items, fresh, func(msg *imapconn.Message, d *identity.Digester) {
		if !answers(msg, items) {
			return // an unasked one, that tells of flags only
		}
		known.tick(msg.UID, func() { take(msg, d) })
	})
	return known.missing(uids), err
}

// Headers asks for the headers of uids and hands each to take, at most the
// first 256 KiB of it.
func (m *MailboxReader) Headers(ctx context.Context, uids []uint32, take func(uid uint32, header []byte)) error {
	known := newTicks(uids)
	return gather(ctx, m.o, uids, known, identChunk, func(ctx context.Context, c *imapconn.Conn, set []imapconn.Range) error {
		var head []byte
		return fetchAll(ctx, c, set, imapconn.ItemHeader, imapconn.FetchHandler{
			Body: func(_ *imapconn.Message, _ int64, r io.Reader) (err error) {
				head, err = io.ReadAll(io.LimitReader(r, maxHeader))
				return err
			},
			Message: func(msg *imapconn.Message) error {
				if head != nil {
					known.tick(msg.UID, func() { take(msg.UID, head) })
				}
				head = nil
				return nil
			},
		})
	})
}

// answers reports whether a response is one to a FETCH of items.
func answers(m *imapconn.Message, items imapconn.Items) bool {
	switch {
	case items&(imapconn.ItemBody|imapconn.ItemHeader) != 0 && m.HasBody:
		return true
	case items&imapconn.ItemSize != 0:
		return m.Size >= 0
	}
	return items&imapconn.ItemFlags != 0 && m.HasFlags
}

// LeftOut returns which of uids, ascending, the user's rules about messages
// leave out, and by which rule: "date", "size" or "search". See Duplicates for
// the other one.
func (m *MailboxReader) LeftOut(ctx context.Context, uids []uint32, r rules.Messages) (map[uint32]string, error) {
	s := newSelection(r)
	if s == nil || len(uids) == 0 {
		return nil, nil
	}
	if err := s.read(ctx, m.o, uids); err != nil {
		return nil, err
	}
	if r.Search != "" {
		err := m.o.do(ctx, func(c *imapconn.Conn) error {
			search, err := c.StartSearch(ctx, r.Search)
			if err == nil {
				s.found, err = search.Wait(ctx)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	out := map[uint32]string{}
	s.leftOut(uids, func(uid uint32, f fate) {
		out[uid] = map[fate]string{filteredDate: "date", filteredSize: "size", filteredSearch: "search"}[f]
	})
	return out, nil
}

// Duplicates calls leave for those of uids, ascending, that SkipDuplicates
// leaves out of a pass: todo says of each whether it has to be copied, of which
// one at most is left of those that are equal. memory, in octets, is what it may
// take; with less it reads the headers in several rounds.
func (m *MailboxReader) Duplicates(ctx context.Context, uids []uint32, memory int64, todo func(uid uint32) bool, leave func(uid uint32)) error {
	return twins{o: m.o, todo: todo, leave: leave}.find(ctx, uids, roundsFor(len(uids), memory))
}

// Parts reads what whole messages consist of, of those of uids, ascending, that
// the server gives out.
func (m *MailboxReader) Parts(ctx context.Context, uids []uint32) (map[uint32]identity.Parts, error) {
	return m.o.partsOf(ctx, uids)
}

// party is messages of the mailbox that can be matched by their parts.
func (m *MailboxReader) party(uids []uint32) party {
	return party{count: len(uids), parts: m.o.partsOf, idents: func(ctx context.Context, s stack) ([]ident, error) {
		return m.o.identsOf(ctx, uids, s)
	}}
}

// MoreFields pairs source messages with those of the destination to which
// header fields have been added, as a pass does: among those with the same
// Message-ID and Date. UIDs are ascending; memory is as in Duplicates.
func MoreFields(ctx context.Context, source, dest *MailboxReader, sourceUIDs, destUIDs []uint32, memory int64, pair func(source, dest uint32)) error {
	m := &matcher{source: source.party(sourceUIDs), dest: dest.party(destUIDs), rounds: roundsFor(len(sourceUIDs)+len(destUIDs), memory)}
	err := m.each(ctx, ofName, func(s, d []ident) error { return m.byParts(ctx, joined(s, d, byName)) })
	for _, p := range m.pairs {
		pair(p.source, p.dest)
	}
	return err
}

// Mild reports whether err costs one mailbox only: the others can be read.
func Mild(ctx context.Context, err error) bool { return mild(ctx, err) }

// ticks is which of some UIDs were read. It is safe for concurrent use.
type ticks struct {
	uids []uint32 // ascending

	mu   sync.Mutex
	seen []bool // by index in uids
	n    int
}

func newTicks(uids []uint32) *ticks { return &ticks{uids: uids, seen: make([]bool, len(uids))} }

// tick calls do for the first word about each of the UIDs.
func (t *ticks) tick(uid uint32, do func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at, ok := slices.BinarySearch(t.uids, uid)
	if !ok || t.seen[at] {
		return
	}
	t.seen[at] = true
	t.n++
	do()
}

func (t *ticks) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.n
}

// missing returns those of uids that were not read.
func (t *ticks) missing(uids []uint32) []uint32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []uint32
	for _, u := range uids {
		if at, ok := slices.BinarySearch(t.uids, u); !ok || !t.seen[at] {
			out = append(out, u)
		}
	}
	return out
}
