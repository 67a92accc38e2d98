package mailsync

import (
	"context"
	"io"
	"slices"
	"sync"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/identity"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

const (
	identChunk = 500 // messages of a command that asks for headers
	wholeChunk = 20  // of one that asks for bodies: a connection that breaks often still makes progress

	// maxHeader bounds what is read of a header, in octets: what lies beyond
	// does not identify a message any better.
	maxHeader = 256 << 10
)

// book holds what was read of messages, by UID. Handlers write it on a
// connection's reading goroutine.
type book[T any] struct {
	mu sync.Mutex
	m  map[uint32]T
}

func newBook[T any]() *book[T] { return &book[T]{m: map[uint32]T{}} }

func (b *book[T]) put(uid uint32, v T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.m[uid] = v
}

func (b *book[T]) get(uid uint32) (T, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	v, ok := b.m[uid]
	return v, ok
}

func (b *book[T]) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.m)
}

// missing returns those of uids that are not in the book.
func (b *book[T]) missing(uids []uint32) []uint32 {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []uint32
	for _, u := range uids {
		if _, ok := b.m[u]; !ok {
			out = append(out, u)
		}
	}
	return out
}

// reading is what was read of the messages that were asked for.
type reading interface {
	missing(uids []uint32) []uint32
	len() int
}

// gather reads something of each of uids into known, which survives a broken
// connection: what was read is not read again. A UID that the server no longer
// has, or refuses to read, is left out. A command asks for size messages.
func gather(ctx context.Context, o *opened, uids []uint32, known reading, size int,
	fetch func(ctx context.Context, c *imapconn.Conn, set []imapconn.Range) error) error {
	for some := range slices.Chunk(uids, size) {
		if err := gatherSome(ctx, o, some, known, fetch); err != nil {
			return err
		}
	}
	return nil
}

func gatherSome(ctx context.Context, o *opened, left []uint32, known reading,
	fetch func(ctx context.Context, c *imapconn.Conn, set []imapconn.Range) error) error {
	size, alone := len(left), 0
	left = known.missing(left)
	for len(left) > 0 {
		err := o.do(ctx, func(c *imapconn.Conn) error {
			if left = known.missing(left); len(left) == 0 {
				return nil
			}
			most := size
			if limit := c.Caps().MessageLimit; limit > 0 {
				most = min(most, limit)
			}
			if alone > 0 {
				most = 1
			}
			set, n := chunk(left, most)
			before := known.len()
			err := fetch(ctx, c, set)
			if known.len() > before && !o.doubtful {
				o.s.moved()
			}
			switch {
			case err == nil, n == 1 && refusesMessage(err):
				left, alone = left[n:], alone-1
				return nil
			case refusesMessage(err):
				alone = n // one of them cannot be read: which?
				return nil
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func refusesMessage(err error) bool {
	return fault.Of(err) != nil && fault.ScopeOf(err) == fault.Message
}

// identsOf reads what identifies those of uids, ascending, that belong to a
// stack and have no partner yet.
func (o *opened) identsOf(ctx context.Context, uids []uint32, s stack) ([]ident, error) {
	uids = s.left(uids)
	known := newSieve(uids, s)
	items := imapconn.ItemSize | imapconn.ItemDate
	if s.by != ofSize {
		items |= imapconn.ItemHeader
	}
	err := o.digests(ctx, uids, known, identChunk, items, identity.NewPartsDigester, func(m *imapconn.Message, d *identity.Digester) {
		id := ident{uid: m.UID, octets: m.Size, date: dateOf(m.Date)}
		switch {
		case d != nil:
			id.head, _ = d.Sums()
			id.name = d.Name()
			known.put(id)
		case m.Size >= 0 || s.by == ofSize && m.HasDate: // no header (NIL): octets, date and body identify it
			known.put(id)
		}
	})
	return known.out, err
}

// wholesOf reads the digests of whole messages; it is a wholeFunc.
func (o *opened) wholesOf(ctx context.Context, uids []uint32) (map[uint32]identity.Sum, error) {
	known := newBook[identity.Sum]()
	err := o.digests(ctx, uids, known, wholeChunk, imapconn.ItemBody, identity.NewDigester, func(m *imapconn.Message, d *identity.Digester) {
		if d != nil && m.HasBody {
			_, whole := d.Sums()
			known.put(m.UID, whole)
		}
	})
	return known.m, err
}

// partsOf reads what whole messages consist of; it is a partsFunc.
func (o *opened) partsOf(ctx context.Context, uids []uint32) (map[uint32]identity.Parts, error) {
	known := newBook[identity.Parts]()
	err := o.digests(ctx, uids, known, wholeChunk, imapconn.ItemBody, identity.NewPartsDigester, func(m *imapconn.Message, d *identity.Digester) {
		if d != nil && m.HasBody {
			known.put(m.UID, d.Parts())
		}
	})
	return known.m, err
}

// digests reads items of each of uids and hands every message to take, with
// what its header or body was digested to by a fresh digester; nil where none
// came. Octets go from
// the socket to the digest: no message is held. take runs on a connection's
// reading goroutine.
func (o *opened) digests(ctx context.Context, uids []uint32, known reading, size int, items imapconn.Items,
	fresh func() *identity.Digester, take func(m *imapconn.Message, d *identity.Digester)) error {
	return gather(ctx, o, uids, known, size, func(ctx context.Context, c *imapconn.Conn, set []imapconn.Range) error {
		var d *identity.Digester
		return fetchAll(ctx, c, set, items, imapconn.FetchHandler{
			Body: func(_ *imapconn.Message, _ int64, r io.Reader) error {
				if d = fresh(); items&imapconn.ItemBody == 0 {
					r = io.LimitReader(r, maxHeader)
				}
				_, err := io.Copy(d, r)
				return err
			},
			Message: func(m *imapconn.Message) error {
				if m.UID != 0 {
					take(m, d)
				}
				d = nil
				return nil
			},
		})
	})
}

func fetchAll(ctx context.Context, c *imapconn.Conn, set []imapconn.Range, items imapconn.Items, h imapconn.FetchHandler) error {
	f, err := c.Fetch(ctx, set, items, h)
	if err != nil {
		return err
	}
	return f.Wait(ctx)
}
