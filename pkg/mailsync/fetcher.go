package mailsync

import (
	"context"
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

	mu    sync.Mutex // handlers run on the connection's reading goroutine
	got   map[uint32]bool
	odd   []uint32 // to be fetched one by one
	held  int64    // memory taken for the message that is being read; -1 none
	moved bool     // something was handed over since the last look
}

// run returns nil when every UID has been handed over; the context's error
// when the writer stopped.
func (f *fetcher) run(ctx context.Context) error {
	f.got, f.held = map[uint32]bool{}, -1
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
	defer f.settleUp()
	*left = f.missing(*left)
	for len(*left) > 0 {
		set, n := chunk(*left, fetchChunk)
		asked := (*left)[:n]
		cmd, err := c.Fetch(ctx, set, fetchItems, f.handler(ctx, asked))
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

// settleUp ends the use of a connection: memory taken for a message that never
// became whole goes back, and what was handed over counts as progress.
func (f *fetcher) settleUp() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.held >= 0 {
		f.win.give(f.held)
		f.held = -1
	}
	if f.moved {
		f.src.s.moved()
		f.moved = false
	}
}

// hold notes the memory taken for the message that is being read.
func (f *fetcher) hold(n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held = n
}

// release ends hold; false when the memory was given back meanwhile.
func (f *fetcher) release() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	ok := f.held >= 0
	f.held = -1
	return ok
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
func (f *fetcher) handler(ctx context.Context, uids []uint32) imapconn.FetchHandler {
	wanted := func(u uint32) bool {
		_, ok := slices.BinarySearch(uids, u)
		return ok && !f.got[u]
	}
	return imapconn.FetchHandler{
		Body: func(m *imapconn.Message, n int64, r io.Reader) error {
			f.mu.Lock()
			skip := m.UID != 0 && !wanted(m.UID)
			f.mu.Unlock()
			if skip || !f.win.fits(n) && !(m.UID != 0 && m.HasFlags && m.HasDate) {
				return nil // not ours, or too big and not known well enough: fetched alone
			}
			return f.body(ctx, m, n, r)
		},
		Message: func(m *imapconn.Message) error {
			if m.Body == nil || !f.release() {
				return nil
			}
			f.mu.Lock()
			ok := wanted(m.UID)
			if ok {
				f.got[m.UID] = true
			}
			f.mu.Unlock()
			if !ok {
				f.win.give(int64(len(m.Body)))
				return nil
			}
			return f.put(ctx, newItem(m))
		},
	}
}

// body reads a literal into memory, or lends it to the writer where it is
// larger than the lane's share.
func (f *fetcher) body(ctx context.Context, m *imapconn.Message, n int64, r io.Reader) error {
	if !f.win.fits(n) {
		return f.lend(ctx, m, n, r)
	}
	if !f.win.take(ctx, n) {
		return context.Canceled
	}
	m.Body = make([]byte, n)
	if _, err := io.ReadFull(r, m.Body); err != nil {
		f.win.give(n)
		return err
	}
	f.hold(n)
	f.p.meter.Fetched(n)
	return nil
}

// lend streams a message straight to the writer and waits until it is done
// with it.
func (f *fetcher) lend(ctx context.Context, m *imapconn.Message, n int64, r io.Reader) error {
	it := newItem(m)
	it.size, it.stream = n, newStream(r)
	if err := f.put(ctx, it); err != nil {
		return err
	}
	again := it.stream.wait(ctx, f.win.closed)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.got[m.UID] = true
	if again {
		f.odd = append(f.odd, m.UID)
	}
	return nil
}

func newItem(m *imapconn.Message) *item {
	flags := slices.DeleteFunc(slices.Clone(m.Flags), isRecent)
	return &item{uid: m.UID, size: int64(len(m.Body)), body: m.Body,
		head: imapconn.Head{Flags: flags, Date: m.Date, HasDate: m.HasDate}}
}

func (f *fetcher) put(ctx context.Context, it *item) error {
	if !f.win.put(ctx, it) {
		return context.Canceled
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.moved = true
	return nil
}
