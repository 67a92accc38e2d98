package mailsync

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// fetchChunk is how many messages one UID FETCH asks for. One command is in
// flight at a time: a server may answer two at once with their messages mixed
// (Dovecot does so when its output is full), which would lose their order. A
// round trip for so many messages costs nothing.
const fetchChunk = 1000

const fetchItems = imapconn.ItemFlags | imapconn.ItemDate | imapconn.ItemBody

// fetcher reads the messages of one mailbox into the window. Whatever the
// source does, each UID that it was given ends as one item: a message, or the
// verdict that there is none.
type fetcher struct {
	p            *pass
	src          *opened
	win          *window
	normal, last []uint32 // ascending; last are rejects of earlier passes
	first        uint32   // the first message asked for on this connection, and
	breaks       int      // on how many before it
	still        []uint32 // what the source listed when a message was missed; nil: not asked yet

	mu    sync.Mutex // handlers run on the connection's reading goroutine
	got   map[uint32]bool
	odd   []uint32 // to be fetched one by one
	moved bool     // something was handed over since the last look
}

// use is one use of a source connection and what its handlers hold. The
// fetcher's mu guards it.
type use struct {
	c    *imapconn.Conn
	busy sync.WaitGroup // handlers at work
	over bool           // nothing more is taken from it
	held int64          // memory taken for the message that is being read; -1 none
}

// errOver ends a connection that still sends what nobody waits for.
var errOver = errors.New("the answer came after its use")

// run returns nil when every UID has been handed over; the context's error
// when the writer stopped.
func (f *fetcher) run(ctx context.Context) error {
	f.got = map[uint32]bool{}
	left := f.normal
	for len(left) > 0 {
		err := f.src.do(ctx, func(c *imapconn.Conn) error { return f.stream(ctx, c, &left) })
		if err != nil {
			return err
		}
	}
	slices.Sort(f.odd)
	for _, u := range f.odd {
		if err := f.one(ctx, u, false); err != nil {
			return err
		}
	}
	for _, u := range f.last {
		if err := f.one(ctx, u, true); err != nil {
			return err
		}
	}
	return nil
}

// stream asks for all of left, a chunk at a time. What a broken connection
// leaves open stays in left.
func (f *fetcher) stream(ctx context.Context, c *imapconn.Conn, left *[]uint32) error {
	u := &use{c: c, held: -1}
	defer f.leave(u)
	*left = f.missing(*left)
	if len(*left) > 0 && f.suspect((*left)[0]) {
		f.mu.Lock()
		f.odd = append(f.odd, (*left)[0])
		f.mu.Unlock()
		*left = (*left)[1:]
	}
	for len(*left) > 0 {
		set, n := chunk(*left, fetchChunk)
		asked := (*left)[:n]
		cmd, err := c.Fetch(ctx, set, fetchItems, f.handler(ctx, u, asked))
		if err != nil {
			return err
		}
		if err := cmd.Wait(ctx); err != nil && fault.ScopeOf(err) != fault.Message {
			return err
		}
		f.answered(asked)
		*left = (*left)[n:]
	}
	return nil
}

// maxBreaks is how many connections in a row may break at one message before
// the message is what breaks them.
const maxBreaks = 3

// suspect reports whether connections keep breaking with uid as the next
// message to come: it is read last then, for the sake of the others.
func (f *fetcher) suspect(uid uint32) bool {
	if uid != f.first {
		f.first, f.breaks = uid, 0
		return false
	}
	f.breaks++
	return f.breaks >= maxBreaks
}

// answered closes one command. What it was asked for and is not here was
// refused, expunged meanwhile, or came oddly: it is fetched one by one.
func (f *fetcher) answered(uids []uint32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, u := range uids {
		if !f.got[u] {
			f.odd = append(f.odd, u)
		}
		delete(f.got, u)
	}
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
	f.release(u, true)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.moved {
		f.src.s.moved()
		f.moved = false
	}
}

// release ends the hold on the memory of the message that is being read, and
// gives it back or leaves it to the message. It reports whether there was one.
func (f *fetcher) release(u *use, give bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := u.held
	u.held = -1
	if n >= 0 && give {
		f.win.give(n)
	}
	return n >= 0
}

// missing returns the UIDs that were not handed over.
func (f *fetcher) missing(uids []uint32) []uint32 {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []uint32
	for _, u := range uids {
		if !f.got[u] {
			out = append(out, u)
		}
	}
	return out
}

// handler takes the messages of one command. A response for a UID that was
// not asked for, or that came already, is not the message.
func (f *fetcher) handler(ctx context.Context, u *use, uids []uint32) imapconn.FetchHandler {
	wanted := func(uid uint32) bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		_, ok := slices.BinarySearch(uids, uid)
		return ok && !f.got[uid]
	}
	return f.handlers(u, imapconn.FetchHandler{
		Body: func(m *imapconn.Message, n int64, r io.Reader) error {
			if m.UID != 0 && !wanted(m.UID) {
				return nil
			}
			if f.win.fits(n) {
				return f.body(ctx, u, m, n, r)
			}
			if m.UID == 0 || !m.HasFlags || !m.HasDate {
				return nil // too big, and not known well enough: fetched alone
			}
			return f.lend(ctx, m, n, r)
		},
		Message: func(m *imapconn.Message) error {
			// Flags that a server tells apart from the body are asked for apart.
			if m.Body == nil || !m.HasFlags || !wanted(m.UID) {
				f.release(u, true)
				return nil
			}
			f.release(u, false)
			f.took(m.UID)
			return f.put(ctx, newItem(m, false))
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

// took notes that uid has been handed over, or is about to be.
func (f *fetcher) took(uid uint32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.got[uid] = true
}

// body reads a literal into memory.
func (f *fetcher) body(ctx context.Context, u *use, m *imapconn.Message, n int64, r io.Reader) error {
	if !f.win.take(ctx, u.c.Dead(), n) {
		return context.Canceled
	}
	f.mu.Lock()
	u.held = n
	f.mu.Unlock()
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		f.release(u, true)
		return err
	}
	m.Body = body
	f.p.meter.Fetched(n)
	return nil
}

// lend streams a message that is larger than the lane's share straight to the
// writer and waits until it is done with it.
func (f *fetcher) lend(ctx context.Context, m *imapconn.Message, n int64, r io.Reader) error {
	it := newItem(m, false)
	it.size, it.stream = n, newStream(r, n)
	again, err := f.loan(ctx, it)
	if err != nil {
		return err
	}
	f.took(m.UID)
	if again {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.odd = append(f.odd, m.UID)
	}
	return nil
}

// loan hands over a message that is lent; again when the writer could not use
// it up.
func (f *fetcher) loan(ctx context.Context, it *item) (again bool, err error) {
	if !f.win.put(ctx, it) {
		return false, context.Canceled
	}
	again = it.stream.wait(ctx, f.win.closed)
	if !again {
		f.progress()
	}
	return again, nil
}

// newItem makes what is handed over; prior marks a reject of an earlier pass,
// which goes alone.
func newItem(m *imapconn.Message, prior bool) *item {
	flags := slices.DeleteFunc(slices.Clone(m.Flags), isRecent)
	return &item{uid: m.UID, size: int64(len(m.Body)), body: m.Body, prior: prior, single: prior,
		head: imapconn.Head{Flags: flags, Date: m.Date, HasDate: m.HasDate}}
}

func (f *fetcher) put(ctx context.Context, it *item) error {
	if !f.win.put(ctx, it) {
		return context.Canceled
	}
	f.progress()
	return nil
}

func (f *fetcher) progress() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.moved = true
}
