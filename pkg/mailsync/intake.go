package mailsync

import (
	"context"
	"io"
	"slices"
	"sync"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// use is one use of a source connection and what its handlers hold. The
// fetcher's mu guards it.
type use struct {
	c    *imapconn.Conn
	busy sync.WaitGroup // handlers at work
	over bool           // nothing more is taken from it
	held body           // memory taken for the message that is being read; nil: none
}

// enter begins the work of a handler, which u.busy.Done ends; false when the
// use of its connection is over.
func (f *fetcher) enter(u *use) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !u.over {
		u.busy.Add(1)
	}
	return !u.over
}

// leave ends the use of a connection, whose commands are answered or which is
// dead: it waits for the handler that is still at work. Memory taken for a
// message that never became whole goes back, and what was handed over counts
// as progress. It may be called again.
func (f *fetcher) leave(u *use) {
	f.mu.Lock()
	u.over = true
	f.mu.Unlock()
	u.busy.Wait()
	f.release(u)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.moved {
		f.l.src.moved()
		f.moved = false
	}
}

// release gives the memory of a message back that is not handed over.
func (f *fetcher) release(u *use) {
	if b := f.keep(u); b != nil {
		f.win.give(b)
	}
}

// keep ends the hold on the memory of the message that is being read: it is
// the caller's.
func (f *fetcher) keep(u *use) body {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := u.held
	u.held = nil
	return b
}

// wanted finds a message that a response is about among those asked for and
// not handed over; what is not asked for, or came already, is not the message.
// Nothing is wanted while the EXAMINE ahead of the command was refused, or
// opened another mailbox than it should.
func (f *fetcher) wanted(ctx context.Context, r *request, uid uint32) (i int, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !r.checked {
		r.checked, r.usable = true, true
		if r.opened != nil { // answered by now: servers answer in order
			sel, err := r.opened.Wait(ctx)
			r.usable = err == nil && r.part.src.same(sel) == nil
		}
	}
	i, ok = slices.BinarySearch(r.uids, uid)
	if !ok || !r.usable || r.got[i] {
		return 0, false
	}
	if !r.begun[i] {
		r.begun[i] = true
		if r.waiting--; r.waiting == 0 {
			close(r.last)
		}
	}
	return i, true
}

// handler takes the messages of one command.
func (f *fetcher) handler(ctx context.Context, u *use, r *request) imapconn.FetchHandler {
	return f.handlers(u, imapconn.FetchHandler{
		Body: func(m *imapconn.Message, n int64, octets io.Reader) error {
			i, ok := f.wanted(ctx, r, m.UID)
			switch {
			case m.UID != 0 && !ok:
				return nil
			case f.win.fits(n):
				return f.body(ctx, u, m, n, octets)
			case m.UID == 0 || !m.HasFlags || !m.HasDate:
				return nil // too big, and not known well enough: fetched alone
			}
			return f.lend(ctx, r, i, m, n, octets)
		},
		Message: func(m *imapconn.Message) error {
			i, ok := f.wanted(ctx, r, m.UID)
			// Flags that a server tells apart from the body are asked for apart.
			// So is a body of no octets, which may be a server's way not to give it.
			if len(m.Body) == 0 || !m.HasFlags || !ok {
				f.release(u)
				return nil
			}
			f.took(r, i)
			return f.put(ctx, newItem(r.part, m, f.keep(u), false))
		},
	})
}

// handlers lets h work for as long as the use of the connection lasts.
func (f *fetcher) handlers(u *use, h imapconn.FetchHandler) imapconn.FetchHandler {
	return imapconn.FetchHandler{
		Body: func(m *imapconn.Message, n int64, r io.Reader) error {
			if !f.enter(u) {
				return errOver
			}
			defer u.busy.Done()
			if m.Body != nil || h.Body == nil {
				return nil // a second body in one response is nobody's
			}
			return h.Body(m, n, r)
		},
		Message: func(m *imapconn.Message) error {
			if !f.enter(u) {
				return errOver
			}
			defer u.busy.Done()
			return h.Message(m)
		},
	}
}

// took notes that a message has been handed over, or is about to be.
func (f *fetcher) took(r *request, i int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r.got[i] = true
}

// body reads a literal into memory. m has only its beginning.
func (f *fetcher) body(ctx context.Context, u *use, m *imapconn.Message, n int64, r io.Reader) error {
	b := f.win.take(ctx, u.c.Dead(), n)
	if b == nil {
		return context.Canceled
	}
	f.mu.Lock()
	u.held = b
	f.mu.Unlock()
	if err := b.fill(r); err != nil {
		f.release(u)
		return err
	}
	m.Body = b[0].octets
	f.p.meter.Fetched(n)
	return nil
}

// lend streams a message that is larger than the lane's share straight to the
// writer and waits until it is done with it.
func (f *fetcher) lend(ctx context.Context, r *request, i int, m *imapconn.Message, n int64, octets io.Reader) error {
	it := newItem(r.part, m, nil, false)
	it.size, it.stream = n, newStream(octets, n)
	again, err := f.loan(ctx, it)
	if err != nil {
		return err
	}
	if !again {
		f.took(r, i) // else it is missing, and fetched alone
	}
	return nil
}

// loan hands over a message that is lent; again when the writer could not use
// it up.
func (f *fetcher) loan(ctx context.Context, it *item) (again bool, err error) {
	octets := it.size
	if !f.win.put(ctx, it) {
		return false, context.Canceled
	}
	again = it.stream.wait(ctx, f.win.closed)
	if again {
		return true, nil
	}
	f.progress()
	return false, f.spend(ctx, octets)
}

// newItem makes what is handed over; prior marks a reject of an earlier pass,
// which goes alone.
func newItem(pt *part, m *imapconn.Message, b body, prior bool) *item {
	flags := slices.DeleteFunc(slices.Clone(m.Flags), isRecent)
	return &item{part: pt, uid: m.UID, size: b.octets(), body: b, prior: prior, single: prior, rawDate: m.RawDate,
		head: imapconn.Head{Flags: flags, Date: m.Date, HasDate: m.HasDate}}
}

func (f *fetcher) put(ctx context.Context, it *item) error {
	octets := it.size
	if !f.win.put(ctx, it) {
		return context.Canceled
	}
	f.progress()
	return f.spend(ctx, octets)
}

func (f *fetcher) progress() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.moved = true
}

// spend books a message for the day's budgets. The error ends the use of the
// source, and is what the fetcher ends with.
func (f *fetcher) spend(ctx context.Context, octets int64) error {
	err := f.p.daily.take(ctx, octets)
	if err != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.spent = err
	}
	return err
}
