package mailsync

import (
	"context"
	"io"
	"slices"
	"sync"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// fetchChunk is how many messages one UID FETCH asks for; two are in flight,
// so the source is never idle between them.
const fetchChunk = 250

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

// flight is one UID FETCH under way.
type flight struct {
	uids []uint32
	cmd  *imapconn.Fetching
}

// stream keeps two commands in flight until all of left is accounted for.
// What a broken connection leaves open stays in left.
func (f *fetcher) stream(ctx context.Context, c *imapconn.Conn, left *[]uint32) error {
	defer f.settleUp()
	*left = f.missing(*left)
	next := *left
	var flying []flight
	for len(next) > 0 || len(flying) > 0 {
		for len(flying) < 2 && len(next) > 0 {
			set, n := chunk(next, fetchChunk)
			cmd, err := c.Fetch(ctx, set, fetchItems, f.handler(ctx, next[:n]))
			if err != nil {
				return err
			}
			flying = append(flying, flight{next[:n], cmd})
			next = next[n:]
		}
		err := flying[0].cmd.Wait(ctx)
		if err != nil && fault.ScopeOf(err) != fault.Message {
			return err
		}
		f.answered(flying[0].uids)
		*left = (*left)[len(flying[0].uids):]
		flying = flying[1:]
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
