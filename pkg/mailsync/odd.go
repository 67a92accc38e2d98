package mailsync

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

func isRecent(flag string) bool { return strings.EqualFold(flag, `\Recent`) }

// one fetches a single message in two steps, what is known of it first, and
// hands over the message or a verdict. It is the way for whatever did not come
// as asked: refused, without a body, too big to be held, or expunged.
func (f *fetcher) one(ctx context.Context, pt *part, uid uint32, prior bool) error {
	var refusal error
	for tries := 0; tries < 2; { // a server that could not read a message may do so now
		it, err := f.tryOne(ctx, pt, uid, prior)
		switch {
		case err != nil && (ctx.Err() != nil || fault.ScopeOf(err) != fault.Message):
			return err
		case err != nil:
			refusal = err
			if tries++; errors.Is(err, errBreaks) {
				tries = 2
			}
		case it == nil:
			tries++
		case it.stream == nil:
			return f.put(ctx, it)
		case !it.lentAgain:
			return nil
		}
	}
	listed, err := f.listed(ctx, pt, uid)
	if err != nil {
		return err
	}
	if !listed {
		return f.put(ctx, &item{part: pt, uid: uid, verdict: gone, prior: prior})
	}
	if refusal == nil {
		refusal = unreadable(errNothing)
	}
	return f.put(ctx, &item{part: pt, uid: uid, verdict: rejected, prior: prior, cause: refusal})
}

var (
	errBreaks  = errors.New("the connection breaks each time at this message")
	errNothing = errors.New("the server lists the message and gives no content")
)

func unreadable(cause error) error {
	return &fault.Error{Scope: fault.Message, Side: fault.Source, Code: fault.SourceUnreadable, Op: "fetch",
		Text: cause.Error(), Err: cause, Hint: "ask the source's administrator to repair the mailbox"}
}

// tryOne returns the message in memory, or one that was lent to the writer
// already; nil when the server gave none.
func (f *fetcher) tryOne(ctx context.Context, pt *part, uid uint32, prior bool) (it *item, err error) {
	breaks := 0
	err = pt.src.do(ctx, func(c *imapconn.Conn) error {
		it, err = f.onConn(ctx, c, pt, uid, prior)
		if isLost(err) && ctx.Err() == nil {
			if breaks++; breaks >= maxBreaks {
				return unreadable(errBreaks)
			}
		}
		return err
	})
	return it, err
}

func (f *fetcher) onConn(ctx context.Context, c *imapconn.Conn, pt *part, uid uint32, prior bool) (*item, error) {
	u := &use{c: c}
	defer f.leave(u)
	known, err := f.known(ctx, u, uid)
	if err != nil || known == nil {
		return nil, err
	}
	return f.fetchOne(ctx, u, pt, known, prior)
}

// known reads flags, date and size of one message.
func (f *fetcher) known(ctx context.Context, u *use, uid uint32) (*imapconn.Message, error) {
	var known *imapconn.Message
	cmd, err := u.c.Fetch(ctx, []imapconn.Range{{First: uid, Last: uid}}, imapconn.ItemFlags|imapconn.ItemDate|imapconn.ItemSize,
		f.handlers(u, imapconn.FetchHandler{Message: func(m *imapconn.Message) error {
			if m.UID != uid {
				return nil
			}
			if known == nil {
				known = &imapconn.Message{UID: uid, Size: -1}
			}
			if m.HasFlags {
				known.Flags, known.HasFlags = m.Flags, true
			}
			if m.HasDate || m.RawDate != "" {
				known.Date, known.HasDate, known.RawDate = m.Date, m.HasDate, m.RawDate
			}
			known.Size = max(known.Size, m.Size)
			return nil
		}}))
	if err != nil {
		return nil, err
	}
	if err := cmd.Wait(ctx); err != nil {
		return nil, err
	}
	return known, nil
}

// fetchOne reads the body of a message whose flags and date are known.
func (f *fetcher) fetchOne(ctx context.Context, u *use, pt *part, known *imapconn.Message, prior bool) (*item, error) {
	var it *item
	cmd, err := u.c.Fetch(ctx, []imapconn.Range{{First: known.UID, Last: known.UID}}, imapconn.ItemBody, f.handlers(u, imapconn.FetchHandler{
		Body: func(m *imapconn.Message, n int64, r io.Reader) (err error) {
			if m.UID != 0 && m.UID != known.UID || it != nil {
				return nil
			}
			if f.win.fits(n) {
				return f.body(ctx, u, m, n, r)
			}
			it = newItem(pt, known, nil, prior)
			it.size, it.stream = n, newStream(r, n)
			it.lentAgain, err = f.loan(ctx, it)
			return err
		},
		Message: func(m *imapconn.Message) error {
			empty := len(m.Body) == 0 && known.Size > 0 // no message, whatever it looks like
			if m.Body == nil || empty || m.UID != known.UID || it != nil {
				f.release(u)
				return nil
			}
			it = newItem(pt, known, f.keep(u), prior)
			return nil
		},
	}))
	if err != nil {
		return nil, err
	}
	err = cmd.Wait(ctx)
	f.leave(u)
	if it == nil || it.lentAgain {
		return it, err
	}
	return it, nil // whole, whatever came after it
}

// listed asks whether the source still lists uid. What it lists is asked for
// once for all messages of a mailbox that have vanished.
func (f *fetcher) listed(ctx context.Context, pt *part, uid uint32) (bool, error) {
	if still, known := f.still[pt.b]; known {
		if _, ok := slices.BinarySearch(still, uid); !ok {
			return false, nil
		}
	}
	uids, err := pt.src.list(ctx, 1)
	if errors.Is(err, imapconn.ErrShort) {
		return true, nil // nobody can say, so it is not gone
	}
	if err != nil {
		return false, err
	}
	f.still[pt.b] = uids
	_, ok := slices.BinarySearch(uids, uid)
	return ok, nil
}
