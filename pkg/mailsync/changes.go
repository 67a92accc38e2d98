package mailsync

import (
	"context"
	"slices"
	"sync"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/ledger"
)

// changes is what a pass learns about the flags that the messages of one
// mailbox have at the source. It keeps those only that are others than the
// baseline says, or that it does not know of.
type changes struct {
	below uint32           // UIDs below it are of the last whole pass
	since uint64           // of those, what has a higher mod-sequence is asked for; 0: all
	same  bool             // of those, none has changed
	base  *ledger.Baseline // what the destination was told; nil: not read yet
	tried bool             // they were asked for together with the list
	here  bool             // and came

	mu   sync.Mutex // handlers run on the connection's reading goroutine
	now  ledger.Baseline
	uids []uint32 // that now has, in the order they came
}

// newChanges returns nil when flags are left as they are.
func (p *pass) newChanges(b *box) *changes {
	if p.e.opt.FlagsOff {
		return nil
	}
	c := &changes{below: b.link.SourceUIDNext}
	if now, last := b.before.HighestModSeq, b.link.SourceModSeq; now > 0 {
		c.since, c.same = last, last == now
	}
	return c
}

// load reads the baseline.
func (c *changes) load(ctx context.Context, p *pass, b *box) error {
	base, err := p.e.books.Baseline(ctx, b.link.ID)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.base = base
	return state(err)
}

// ahead prepares to ask for the flags before the mailbox is open, where that
// is worth it: by all that is known it is the one of the last whole pass.
func (c *changes) ahead(ctx context.Context, p *pass, b *box) error {
	if c == nil || c.same || c.below <= 1 || b.before.Messages == 0 {
		return nil
	}
	l := &b.link
	if l.SourceValidity != b.before.UIDValidity || b.target.OK && l.DestValidity != b.target.UIDValidity {
		return nil
	}
	return c.load(ctx, p, b)
}

// ask sends what ahead prepared, behind the EXAMINE; nil when it has not, or
// when a connection broke over it: then flags are asked for in small pieces,
// as by a server that answers for some messages at a time only.
func (c *changes) ask(ctx context.Context, conn *imapconn.Conn, h imapconn.FetchHandler) (*imapconn.Fetching, error) {
	if c == nil || c.base == nil || c.tried || conn.Caps().MessageLimit > 0 {
		return nil, nil
	}
	c.tried = true
	return c.fetch(ctx, conn, []imapconn.Range{{First: 1, Last: c.below - 1}}, c.since, h)
}

// answered takes the answer to ask. A refusal is met again where it counts, when
// all flags are asked for: not every server that numbers changes does so in
// every mailbox.
func (c *changes) answered(ctx context.Context, cmd *imapconn.Fetching) error {
	if cmd == nil {
		return nil
	}
	err := cmd.Wait(ctx)
	c.here = err == nil
	if mild(ctx, err) {
		c.since = 0
		return nil
	}
	return err
}

func (c *changes) fetch(ctx context.Context, conn *imapconn.Conn, set []imapconn.Range, since uint64,
	h imapconn.FetchHandler) (*imapconn.Fetching, error) {
	return conn.FetchSince(ctx, set, imapconn.ItemFlags, since, h)
}

// flagsTo hands the flags of each message to take.
func flagsTo(take func(uid uint32, flags []string)) imapconn.FetchHandler {
	return imapconn.FetchHandler{Message: func(m *imapconn.Message) error {
		if m.UID != 0 && m.HasFlags {
			take(m.UID, m.Flags)
		}
		return nil
	}}
}

// take notes the flags of one message.
func (c *changes) take(uid uint32, flags []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if same, _ := c.base.Is(uid, flags); same {
		return
	}
	c.now.Set(uid, flags)
	c.uids = append(c.uids, uid)
}

// flagChunk is how many messages one command asks the flags of.
const flagChunk = 2000

// flags asks for the flags of uids, piece by piece: what has come is not asked
// for again when the connection breaks.
func (o *opened) flags(ctx context.Context, uids []uint32,
	fetch func(context.Context, *imapconn.Conn, []imapconn.Range) (*imapconn.Fetching, error)) error {
	for len(uids) > 0 {
		err := o.do(ctx, func(c *imapconn.Conn) error {
			most := flagChunk
			if limit := c.Caps().MessageLimit; limit > 0 {
				most = min(most, limit)
			}
			set, n := chunk(uids, most)
			cmd, err := fetch(ctx, c, set)
			if err == nil {
				err = cmd.Wait(ctx)
			}
			if err == nil {
				uids = uids[n:]
				o.s.moved()
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// flagsOf returns the flags of uids as they are now, by UID.
func (o *opened) flagsOf(ctx context.Context, uids []uint32) (*book[[]string], error) {
	known := newBook[[]string]()
	err := o.flags(ctx, uids, func(ctx context.Context, c *imapconn.Conn, set []imapconn.Range) (*imapconn.Fetching, error) {
		return c.Fetch(ctx, set, imapconn.ItemFlags, flagsTo(known.put))
	})
	return known, err
}

// rest asks for the flags that did not come together with the list: of all
// messages that are there, when none did; always of those that were found just
// now, and of those that a pass has brought over which did not come to its
// end.
func (c *changes) rest(ctx context.Context, pt *part, there []uint32, adopted pairs) error {
	first, _ := slices.BinarySearch(there, c.below)
	ask := func(uids []uint32, since uint64) error {
		return pt.src.flags(ctx, uids, func(ctx context.Context, conn *imapconn.Conn, set []imapconn.Range) (*imapconn.Fetching, error) {
			return c.fetch(ctx, conn, set, since, flagsTo(c.take))
		})
	}
	if !c.here && !c.same {
		if err := ask(there[:first], c.since); err != nil {
			return err
		}
	}
	late := slices.Clone(there[first:])
	for _, f := range adopted {
		late = append(late, f.source)
	}
	slices.Sort(late)
	return ask(slices.Compact(late), 0)
}

// sorted returns the UIDs that now has.
func (c *changes) sorted() []uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	slices.Sort(c.uids)
	return slices.Compact(c.uids)
}

// of returns the flags of a message now and as the baseline has them.
func (c *changes) of(uid uint32) (now, was []string, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, _ = c.now.Flags(uid)
	was, known = c.base.Flags(uid)
	return now, was, known
}
