package verify

import (
	"context"
	"encoding/binary"
	"slices"

	"github.com/imapfleet/imapfleet/pkg/identity"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
)

// inbox is one mailbox on one side while it is read.
type inbox struct {
	r      *row
	m      *mailsync.MailboxReader
	box    int32
	unread map[place]bool
}

// source and dest are the inboxes of a group.
func (l *lane) source(g *group, box int) inbox {
	return inbox{l.r, l.src.Mailbox(g.boxes[box].wire), int32(box), g.unread[0]}
}

func (l *lane) dest(g *group) inbox {
	return inbox{l.r, l.dst.Mailbox(imapconn.EncodeMailbox(g.dest)), 0, g.unread[1]}
}

// items is what is asked for of each message.
func items(deep bool) imapconn.Items {
	if deep {
		return imapconn.ItemFlags | imapconn.ItemDate | imapconn.ItemSize | imapconn.ItemBody
	}
	return imapconn.ItemFlags | imapconn.ItemDate | imapconn.ItemSize | imapconn.ItemHeader
}

// read adds records of those of uids that belong to a stack to out, and
// returns those that are still there: what the server lists and does not give
// out is noted.
func (in inbox) read(ctx context.Context, uids []uint32, s stack, out *[]record) ([]uint32, error) {
	*out = slices.Grow(*out, len(uids)/s.of)
	missing, err := in.each(ctx, uids, func(r record) {
		if s.has(r, in.r.v.opt.Deep) {
			*out = append(*out, r)
		}
	})
	if err != nil || len(missing) == 0 {
		return uids, err
	}
	return in.gone(ctx, uids, missing)
}

// each reads a record of each of uids and returns those that did not come.
func (in inbox) each(ctx context.Context, uids []uint32, take func(record)) (missing []uint32, err error) {
	deep := in.r.v.opt.Deep
	return in.m.Read(ctx, uids, items(deep), func(m *imapconn.Message, d *identity.Digester) {
		r := seen(in.box, m, in.r.sets.code(m.Flags))
		switch {
		case deep && d == nil:
			in.unread[place{in.box, m.UID}] = true
			return
		case deep:
			r.digested(d)
		case d != nil:
			r.head, _ = d.Sums()
		}
		take(r)
	})
}

// digested takes the digests of a whole message.
func (r *record) digested(d *identity.Digester) {
	r.head, r.whole = d.Sums()
	r.exact, r.octets = d.Exact(), d.Octets()
}

// gone parts missing into what is there no more, which it takes out of uids,
// and what cannot be read.
func (in inbox) gone(ctx context.Context, uids, missing []uint32) ([]uint32, error) {
	now, err := in.m.UIDs(ctx)
	if err != nil {
		return uids, err
	}
	return slices.DeleteFunc(slices.Clone(uids), func(u uint32) bool {
		if _, ok := slices.BinarySearch(missing, u); !ok {
			return false
		}
		if _, ok := slices.BinarySearch(now, u); !ok {
			return true
		}
		in.unread[place{in.box, u}] = true
		return false
	}), nil
}

// digest reads the bodies of some records of this inbox.
func (in inbox) digest(ctx context.Context, records []*record) error {
	slices.SortFunc(records, func(a, b *record) int { return byUID(*a, *b) })
	uids := make([]uint32, len(records))
	for i, r := range records {
		uids[i] = r.uid
	}
	missing, err := in.m.Read(ctx, uids, imapconn.ItemBody, func(m *imapconn.Message, d *identity.Digester) {
		if i, ok := slices.BinarySearch(uids, m.UID); ok && d != nil {
			head := records[i].head
			records[i].digested(d)
			if head != (identity.Sum{}) {
				records[i].head = head // as the server shows it alone: what the other side is compared by
			}
		}
	})
	for _, u := range missing {
		in.unread[place{in.box, u}] = true
	}
	return err
}

// stack is the part of the messages that is held at a time where not all can
// be: those that may be equal are in the same one.
type stack struct{ n, of int }

// has reports whether a message belongs to the stack.
func (s stack) has(r record, deep bool) bool {
	if s.of == 1 {
		return true
	}
	sum := r.head
	if deep {
		sum = r.whole
	}
	return binary.BigEndian.Uint64(sum[:])>>16%uint64(s.of) == uint64(s.n)
}

// roundsFor returns in how many rounds so many messages can be compared with
// so much memory, in octets.
func roundsFor(messages, room int64) int {
	return int(max(1, (messages*recordCost+room-1)/room))
}
