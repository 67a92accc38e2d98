package mailsync

import (
	"context"
	"errors"

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
	doubtful bool           // what is read settles a doubt: that is no progress by itself
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
	if o.sel.UIDValidity != 0 && sel.UIDValidity != o.sel.UIDValidity && !sel.UIDNotSticky {
		return errMoved
	}
	o.sel, o.on = sel, c
	return nil
}

// shortLooks is how often a mailbox is opened again when its list is shorter
// than it: messages may have gone away in between.
const shortLooks = 3

// list returns the UIDs at or above from, ascending, as of now: the mailbox is
// selected anew, because a server may show a session nothing new before that.
// A server that lists fewer messages than it says there are is not believed.
func (o *opened) list(ctx context.Context, from uint32) (uids []uint32, err error) {
	for range shortLooks {
		err = o.s.do(ctx, func(c *imapconn.Conn) error {
			if err := o.look(ctx, c); err != nil {
				return err
			}
			uids, err = c.UIDs(ctx, from)
			return err
		})
		if !errors.Is(err, imapconn.ErrShort) {
			break
		}
	}
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
