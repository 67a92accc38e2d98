package imaptest

import "sync/atomic"

// change tells whoever waits that something is another than it was. The zero
// value is ready. It is safe for concurrent use.
type change struct{ next atomic.Pointer[chan struct{}] }

// came wakes all who wait; it costs next to nothing where nobody does.
func (c *change) came() {
	if c.next.Load() == nil {
		return
	}
	if next := c.next.Swap(nil); next != nil {
		close(*next)
	}
}

// wait returns what the next change closes. Who takes it before looking at what
// may change misses none.
func (c *change) wait() <-chan struct{} {
	for {
		if next := c.next.Load(); next != nil {
			return *next
		}
		next := make(chan struct{})
		if c.next.CompareAndSwap(nil, &next) {
			return next
		}
	}
}
