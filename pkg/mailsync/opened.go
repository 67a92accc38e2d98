package mailsync

import (
	"context"
	"errors"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// errMoved says that a mailbox has another UIDVALIDITY than when it was
// opened: no UID read so far means anything any more.
var errMoved = errors.New("the mailbox was replaced meanwhile: its UIDVALIDITY changed")

// opened is one mailbox on one side of a lane, selected again whenever another
// one was selected since, or the connection is a new one. It belongs to one
// goroutine at a time.
type opened struct {
	s        *session
	wire     string
	readOnly bool
	sel      imapconn.Selected // of the last time; UIDValidity also before: what it must be
	pending  *imapconn.Opening // sent, its answer not taken yet; nil: none is owed
	doubtful bool              // what is read settles a doubt: that is no progress by itself
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
	switch {
	case o.s.at != o:
		return o.look(ctx, c)
	case o.pending != nil:
		return o.answered(ctx)
	}
	return nil
}

// look selects the mailbox anew, which also brings its state up to date.
func (o *opened) look(ctx context.Context, c *imapconn.Conn) error {
	if err := o.ask(ctx, c); err != nil {
		return err
	}
	return o.answered(ctx)
}

// ask sends what selects the mailbox and does not wait: servers carry it out
// after the commands before it, and those behind it in the mailbox (RFC 9051
// section 5.5). Its answer is taken by answered.
func (o *opened) ask(ctx context.Context, c *imapconn.Conn) (err error) {
	start := c.StartSelect
	if o.readOnly {
		start = c.StartExamine
	}
	o.s.at = nil
	if o.pending, err = start(ctx, o.wire); err == nil {
		o.s.at = o
	}
	return err
}

// answered takes the answer to ask.
func (o *opened) answered(ctx context.Context) error {
	sel, err := o.pending.Wait(ctx)
	o.pending = nil
	if err == nil {
		err = o.same(sel)
	}
	if err != nil {
		if o.s.at == o {
			o.s.at = nil
		}
		return err
	}
	o.sel = sel
	return nil
}

// same reports by errMoved that a mailbox is not the one that was opened.
func (o *opened) same(sel imapconn.Selected) error {
	if o.sel.UIDValidity != 0 && sel.UIDValidity != o.sel.UIDValidity && !sel.UIDNotSticky {
		return errMoved
	}
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
			if err := o.ask(ctx, c); err != nil {
				return err
			}
			uids, err = o.listed(ctx, c, from)
			return err
		})
		if !errors.Is(err, imapconn.ErrShort) {
			break
		}
	}
	return uids, err
}

// listed asks for the UIDs behind what ask has sent, and takes both answers.
func (o *opened) listed(ctx context.Context, c *imapconn.Conn, from uint32) ([]uint32, error) {
	search, err := c.StartUIDs(ctx, from)
	if err != nil {
		return nil, err
	}
	if err := o.answered(ctx); err != nil {
		return nil, err // what was searched is another mailbox, or none
	}
	return search.Wait(ctx)
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
