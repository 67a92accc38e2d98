package mailsync

import (
	"context"
	"errors"
	"io"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// errMoved says that a mailbox has another UIDVALIDITY than when it was
// opened: no UID read so far means anything any more.
var errMoved = errors.New("the mailbox was replaced meanwhile: its UIDVALIDITY changed")

// opened is one mailbox on one side, selected again whenever the connection
// is opened again. It belongs to one goroutine at a time.
type opened struct {
	s        *session
	wire     string
	readOnly bool
	sel      imapconn.Selected
	on       *imapconn.Conn // where sel is valid
}

// do runs f with the mailbox selected; f must be safe to repeat.
func (o *opened) do(ctx context.Context, f func(*imapconn.Conn) error) error {
	return o.s.do(ctx, func(c *imapconn.Conn) error {
		if err := o.ensure(ctx, c); err != nil {
			return err
		}
		return f(c)
	})
}

// ensure selects the mailbox on c unless it is.
func (o *opened) ensure(ctx context.Context, c *imapconn.Conn) error {
	if o.on == c {
		return nil
	}
	return o.look(ctx, c)
}

// look selects the mailbox anew, which also brings its state up to date.
func (o *opened) look(ctx context.Context, c *imapconn.Conn) error {
	open := c.Select
	if o.readOnly {
		open = c.Examine
	}
	sel, err := open(ctx, o.wire)
	if err != nil {
		return err
	}
	if o.sel.UIDValidity != 0 && sel.UIDValidity != o.sel.UIDValidity {
		return errMoved
	}
	o.sel, o.on = sel, c
	return nil
}

// list returns the UIDs at or above from, ascending.
func (o *opened) list(ctx context.Context, from uint32) (uids []uint32, err error) {
	err = o.do(ctx, func(c *imapconn.Conn) error {
		uids, err = c.UIDs(ctx, from)
		return err
	})
	return uids, err
}

// chunk cuts the front of uids that one command may name: at most n messages
// and imapconn.MaxLine octets of set.
func chunk(uids []uint32, n int) (set []imapconn.Range, taken int) {
	octets := 0
	for _, u := range uids[:min(n, len(uids))] {
		if k := len(set); k > 0 && set[k-1].Last+1 == u {
			set[k-1].Last = u
		} else {
			octets += 22 // two numbers of ten digits, a colon and a comma
			if octets > imapconn.MaxLine-200 {
				break
			}
			set = append(set, imapconn.Range{First: u, Last: u})
		}
		taken++
	}
	return set, taken
}

const identChunk = 500

// idents reads what identifies uids into known, which survives a broken
// connection: what was read is not read again. UIDs that the server no longer
// has are absent.
func (o *opened) idents(ctx context.Context, uids []uint32, known map[uint32]ident) error {
	left := unread(uids, known)
	for len(left) > 0 {
		err := o.do(ctx, func(c *imapconn.Conn) error {
			left = unread(left, known)
			if len(left) == 0 {
				return nil
			}
			set, n := chunk(left, identChunk)
			err := o.fetchIdents(ctx, c, set, known)
			if err == nil {
				left = left[n:]
			}
			return err
		})
		if err != nil {
			return err
		}
		o.s.moved()
	}
	return nil
}

func unread[T any](uids []uint32, known map[uint32]T) []uint32 {
	var out []uint32
	for _, u := range uids {
		if _, ok := known[u]; !ok {
			out = append(out, u)
		}
	}
	return out
}

// maxHeader bounds what is read of a header: what lies beyond does not
// identify a message any better.
const maxHeader = 256 << 10

func (o *opened) fetchIdents(ctx context.Context, c *imapconn.Conn, set []imapconn.Range, known map[uint32]ident) error {
	var heads = map[*imapconn.Message]sum{}
	f, err := c.Fetch(ctx, set, imapconn.ItemSize|imapconn.ItemDate|imapconn.ItemHeader, imapconn.FetchHandler{
		Body: func(m *imapconn.Message, n int64, r io.Reader) error {
			head, err := io.ReadAll(io.LimitReader(r, maxHeader))
			heads[m] = digestHeader(head)
			return err
		},
		Message: func(m *imapconn.Message) error {
			head, ok := heads[m]
			delete(heads, m)
			if m.UID != 0 && m.HasBody && ok {
				known[m.UID] = ident{uid: m.UID, octets: m.Size, date: m.Date, head: head}
			}
			return nil
		},
	})
	if err != nil {
		return err
	}
	return f.Wait(ctx)
}

const wholeChunk = 20

// wholes reads the digests of whole messages into known, a few messages a
// command, so that a connection that breaks often still makes progress.
func (o *opened) wholes(ctx context.Context, uids []uint32, known map[uint32]sum) error {
	left := unread(uids, known)
	for len(left) > 0 {
		err := o.do(ctx, func(c *imapconn.Conn) error {
			left = unread(left, known)
			if len(left) == 0 {
				return nil
			}
			set, n := chunk(left, wholeChunk)
			err := o.fetchWholes(ctx, c, set, known)
			if err == nil {
				left = left[n:]
			}
			return err
		})
		if err != nil {
			return err
		}
		o.s.moved()
	}
	return nil
}

func (o *opened) fetchWholes(ctx context.Context, c *imapconn.Conn, set []imapconn.Range, known map[uint32]sum) error {
	var d *digester
	f, err := c.Fetch(ctx, set, imapconn.ItemBody, imapconn.FetchHandler{
		Body: func(m *imapconn.Message, n int64, r io.Reader) error {
			d = newDigester()
			_, err := io.Copy(d, r)
			return err
		},
		Message: func(m *imapconn.Message) error {
			if d != nil && m.UID != 0 && m.HasBody {
				_, known[m.UID] = d.sums()
			}
			d = nil
			return nil
		},
	})
	if err != nil {
		return err
	}
	return f.Wait(ctx)
}
