package mailsync

import (
	"context"
	"io"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

func isRecent(flag string) bool { return strings.EqualFold(flag, `\Recent`) }

// one fetches a single message in two steps, what is known of it first, and
// hands over the message or a verdict. It is the way for whatever did not come
// as asked: refused, without a body, too big to be held, or expunged.
func (f *fetcher) one(ctx context.Context, uid uint32, prior bool) error {
	var refusal error
	for range 2 { // a server that could not read a message may do so now
		it, err := f.tryOne(ctx, uid)
		switch {
		case err == nil && it != nil:
			it.prior, it.single = prior, prior
			return f.handOver(ctx, it, prior)
		case err != nil && (ctx.Err() != nil || fault.ScopeOf(err) != fault.Message):
			return err
		case err != nil:
			refusal = err
		}
	}
	listed, err := f.src.listed(ctx, uid)
	if err != nil {
		return err
	}
	if !listed {
		return f.put(ctx, &item{uid: uid, verdict: gone, prior: prior})
	}
	if refusal == nil {
		refusal = &fault.Error{Scope: fault.Message, Side: fault.Source, Code: fault.SourceUnreadable, Op: "fetch",
			Text: "the server lists the message and gives no content", Hint: "ask the source's administrator to repair the mailbox"}
	}
	return f.put(ctx, &item{uid: uid, verdict: rejected, prior: prior, cause: refusal})
}

// handOver gives a message to the writer; one that was lent and could not be
// used up is fetched again.
func (f *fetcher) handOver(ctx context.Context, it *item, prior bool) error {
	if it.stream == nil {
		return f.put(ctx, it)
	}
	if !it.lentAgain {
		return nil
	}
	return f.one(ctx, it.uid, prior)
}

// tryOne returns the message in memory, or one that was lent to the writer
// already; nil when the server gave none.
func (f *fetcher) tryOne(ctx context.Context, uid uint32) (it *item, err error) {
	err = f.src.do(ctx, func(c *imapconn.Conn) error {
		defer f.settleUp()
		it = nil
		known, err := f.known(ctx, c, uid)
		if err != nil || known == nil {
			return err
		}
		it, err = f.fetchOne(ctx, c, known)
		return err
	})
	return it, err
}

// known reads flags and date of one message.
func (f *fetcher) known(ctx context.Context, c *imapconn.Conn, uid uint32) (*imapconn.Message, error) {
	var known *imapconn.Message
	cmd, err := c.Fetch(ctx, []imapconn.Range{{First: uid, Last: uid}}, imapconn.ItemFlags|imapconn.ItemDate,
		imapconn.FetchHandler{Message: func(m *imapconn.Message) error {
			if m.UID == uid && (known == nil || m.HasDate) {
				known = &imapconn.Message{UID: uid, Flags: m.Flags, HasFlags: m.HasFlags, Date: m.Date, HasDate: m.HasDate}
			}
			return nil
		}})
	if err != nil {
		return nil, err
	}
	return known, cmd.Wait(ctx)
}

// fetchOne reads the body of a message whose flags and date are known.
func (f *fetcher) fetchOne(ctx context.Context, c *imapconn.Conn, known *imapconn.Message) (*item, error) {
	var it *item
	cmd, err := c.Fetch(ctx, []imapconn.Range{{First: known.UID, Last: known.UID}}, imapconn.ItemBody, imapconn.FetchHandler{
		Body: func(m *imapconn.Message, n int64, r io.Reader) error {
			if m.UID != 0 && m.UID != known.UID || it != nil {
				return nil
			}
			if f.win.fits(n) {
				return f.body(ctx, m, n, r)
			}
			it = newItem(known)
			it.size, it.stream = n, newStream(r)
			if err := f.put(ctx, it); err != nil {
				return err
			}
			it.lentAgain = it.stream.wait(ctx, f.win.closed)
			return nil
		},
		Message: func(m *imapconn.Message) error {
			switch {
			case m.Body == nil || !f.release():
			case m.UID != known.UID || it != nil:
				f.win.give(int64(len(m.Body)))
			default:
				known.Body = m.Body
				it = newItem(known)
			}
			return nil
		},
	})
	if err != nil {
		return nil, err
	}
	if err := cmd.Wait(ctx); it == nil {
		return nil, err
	}
	return it, nil // whole, whatever came after it
}

// listed asks whether the source still lists uid.
func (o *opened) listed(ctx context.Context, uid uint32) (bool, error) {
	found := false
	err := o.do(ctx, func(c *imapconn.Conn) error {
		if err := o.look(ctx, c); err != nil {
			return err
		}
		uids, err := c.UIDs(ctx, uid)
		found = len(uids) > 0 && uids[0] == uid
		return err
	})
	return found, err
}
