package verify

import (
	"context"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
)

// group is a destination mailbox with all source mailboxes whose messages
// belong there. It is compared by one lane at a time.
type group struct {
	dest   string // in UTF-8
	exists bool   // the destination lists it
	boxes  []*sourceBox
	size   int64 // messages, as listed

	destUIDs  []uint32
	destSel   imapconn.Selected
	origins   origins
	unread    [2]map[place]bool // of the source, and of the destination: what is not given out
	findings  []Finding
	leftover  []left // at the source, without a partner
	extra     []left // at the destination, without a partner
	same      int64
	octets    int64
	messages  int64
	destCount int64
}

// sourceBox is one source mailbox of a group.
type sourceBox struct {
	name   string // in UTF-8
	wire   string
	listed bool // the source has it; else only the ledger knows it
	past   *past
	uids   []uint32
}

// place is a message: of which of the group's source mailboxes (0 at the
// destination), and its UID.
type place struct {
	box int32
	uid uint32
}

// left is a message without a partner in its own mailbox.
type left struct {
	record
	g    *group
	rule string // of the user's, that leaves it out; empty when it was delivered all the same
}

// find notes a finding.
func (g *group) find(f Finding) { g.findings = append(g.findings, f) }

// reset forgets what a lane that was lost has found out.
func (g *group) reset() {
	g.destUIDs, g.destSel, g.origins = nil, imapconn.Selected{}, nil
	g.findings, g.leftover, g.extra = nil, nil, nil
	g.same, g.octets, g.messages, g.destCount = 0, 0, 0, 0
	g.unread = [2]map[place]bool{{}, {}}
	for _, b := range g.boxes {
		b.past, b.uids = nil, nil
	}
}

// lane is a pair of connections that compares the mailboxes of one row. It
// belongs to one goroutine at a time, which uses both at once.
type lane struct {
	r        *row
	src, dst *mailsync.Reader
}

func (l *lane) open(ctx context.Context) error {
	return both(ctx, l.src.Open, l.dst.Open)
}

func (l *lane) close(ctx context.Context) {
	l.src.Close(ctx)
	l.dst.Close(ctx)
}

// compare compares one group and leaves what it found there.
func (l *lane) compare(ctx context.Context, g *group) error {
	g.reset()
	err := guarded(ctx, func(ctx context.Context) error { return l.compareOpen(ctx, g) })
	if mailsync.Mild(ctx, err) {
		g.reset()
		g.find(Finding{Kind: NoMailbox, Mailbox: g.boxes[0].name, DestMailbox: g.dest, Belongs: g.dest, Octets: -1, Text: fault.Clean(err.Error())})
		return nil
	}
	return err
}

func (l *lane) compareOpen(ctx context.Context, g *group) error {
	if err := l.list(ctx, g); err != nil {
		return err
	}
	messages := int64(len(g.destUIDs))
	for _, b := range g.boxes {
		messages += int64(len(b.uids))
	}
	room, err := l.r.v.memory.take(ctx, messages*recordCost)
	if err != nil {
		return err
	}
	defer l.r.v.memory.give(room)
	rounds := roundsFor(messages, room)
	c := &comparison{l: l, g: g, deep: l.r.v.opt.Deep, room: room}
	var s, d []record
	for n := range rounds {
		rs, rd, err := l.read(ctx, g, stack{n, rounds})
		if err != nil {
			return err
		}
		rs, rd, err = c.round(ctx, rs, rd)
		if err != nil {
			return err
		}
		s, d = append(s, rs...), append(d, rd...)
	}
	return c.end(ctx, s, d)
}

// list lists both sides and reads what the ledger knows of them.
func (l *lane) list(ctx context.Context, g *group) error {
	validities := make([]uint32, len(g.boxes))
	err := both(ctx, func(ctx context.Context) (err error) {
		for i, b := range g.boxes {
			if !b.listed {
				continue
			}
			m := l.src.Mailbox(b.wire)
			if b.uids, err = m.UIDs(ctx); err != nil {
				return err
			}
			validities[i] = validityOf(m.Selected())
		}
		return nil
	}, func(ctx context.Context) (err error) {
		if !g.exists {
			return nil
		}
		m := l.dst.Mailbox(imapconn.EncodeMailbox(g.dest))
		g.destUIDs, err = m.UIDs(ctx)
		g.destSel = m.Selected()
		return err
	})
	if err != nil {
		return err
	}
	return l.recall(ctx, g, validities)
}

// validityOf is the UIDVALIDITY of a mailbox whose UIDs last; else 0.
func validityOf(s imapconn.Selected) uint32 {
	if s.UIDNotSticky {
		return 0
	}
	return s.UIDValidity
}

// recall reads what the ledger knows of a group. What the destination holds for
// somebody else is not looked at any more.
func (l *lane) recall(ctx context.Context, g *group, validities []uint32) (err error) {
	h := l.r.history
	for i, b := range g.boxes {
		if b.past, err = h.of(ctx, h.link(b.wire), validities[i], validityOf(g.destSel)); err != nil {
			return err
		}
	}
	g.origins = newOrigins(g.boxes)
	listed := len(g.destUIDs)
	g.destUIDs, err = l.r.ours(ctx, g, g.destUIDs, g.destSel)
	g.destCount = int64(listed - len(g.destUIDs))
	return err
}

// read reads a stack of the messages of both sides at once.
func (l *lane) read(ctx context.Context, g *group, s stack) (source, dest []record, err error) {
	err = both(ctx, func(ctx context.Context) (err error) {
		for i, b := range g.boxes {
			if len(b.uids) == 0 {
				continue
			}
			if b.uids, err = l.source(g, i).read(ctx, b.uids, s, &source); err != nil {
				return err
			}
		}
		return nil
	}, func(ctx context.Context) (err error) {
		if len(g.destUIDs) > 0 {
			g.destUIDs, err = l.dest(g).read(ctx, g.destUIDs, s, &dest)
		}
		return err
	})
	return source, dest, err
}
