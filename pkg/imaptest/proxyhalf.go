package imaptest

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// proxyHalf is one direction of a connection: one goroutine reads from src
// into the window, another writes out of it to dst.
type proxyHalf struct {
	c        *proxyConn
	dir      Direction
	link     *proxyLink
	src, dst *net.TCPConn
	rewrite  *lineRewriter // nil: octets pass as they are
	arrived  chan struct{} // closed when nothing more will be written to dst

	mu      sync.Mutex
	changed sync.Cond
	queue   []proxyPiece
	held    int   // octets under way
	ended   error // why src has ended; nil: it has not
	discard bool  // dst is gone: what still comes is thrown away
}

type proxyPiece struct {
	b    []byte
	lent *[proxyChunk]byte // what b is part of; nil: b is on its own
	at   time.Time         // when it has crossed the link
}

// proxyBuffers are those that nothing is read into or written from.
var proxyBuffers = sync.Pool{New: func() any { return new([proxyChunk]byte) }}

func newProxyHalf(c *proxyConn, dir Direction, link *proxyLink, src, dst *net.TCPConn) *proxyHalf {
	h := &proxyHalf{c: c, dir: dir, link: link, src: src, dst: dst, arrived: make(chan struct{})}
	h.changed.L = &h.mu
	return h
}

// read fills the window until src ends or the connection dies.
func (h *proxyHalf) read() {
	for {
		buf := proxyBuffers.Get().(*[proxyChunk]byte)
		n, err := h.src.Read(buf[:h.room()])
		b, lent := buf[:n], buf
		if n < proxyChunk/4 || h.rewrite != nil {
			// Small pieces would hold large buffers.
			b, lent = bytes.Clone(b), nil
			proxyBuffers.Put(buf)
		}
		if h.dir == Up {
			h.c.tap(Up, b)
		}
		if h.rewrite != nil {
			if b = h.rewrite.feed(b); err != nil {
				b = append(b, h.rewrite.rest()...)
			}
		}
		h.mu.Lock()
		if len(b) > 0 && !h.discard {
			h.queue = append(h.queue, proxyPiece{b, lent, time.Now().Add(h.c.opt.Delay)})
			h.held += len(b)
		}
		if err != nil {
			h.ended = err
		}
		h.changed.Broadcast()
		h.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// room waits until the window has room and returns how many octets to read.
func (h *proxyHalf) room() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.held >= h.c.opt.Window && !h.discard {
		h.changed.Wait()
	}
	if h.discard {
		return proxyChunk
	}
	return min(proxyChunk, h.c.opt.Window-h.held)
}

// next waits for something to write. It returns false when src has ended and
// all of it is written.
func (h *proxyHalf) next() (proxyPiece, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.queue) == 0 && h.ended == nil {
		h.changed.Wait()
	}
	if len(h.queue) == 0 {
		return proxyPiece{}, false
	}
	piece := h.queue[0]
	h.queue = h.queue[1:]
	return piece, true
}

// release makes room in the window.
func (h *proxyHalf) release(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held -= n
	h.changed.Broadcast()
}

// throw lets read go on although nothing is written any more.
func (h *proxyHalf) throw() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.discard, h.queue, h.held = true, nil, 0
	h.changed.Broadcast()
}

// write empties the window into dst. When src has ended well, so does dst;
// when it was reset, so is dst, after all that was under way. When dst is
// gone, the connection is reset as soon as the other direction has arrived.
func (h *proxyHalf) write(other *proxyHalf) {
	for {
		piece, ok := h.next()
		if !ok {
			break
		}
		if err := h.pass(piece); err != nil {
			h.throw()
			close(h.arrived)
			select {
			case <-other.arrived:
				h.c.reset()
			case <-h.c.dead:
			}
			return
		}
		h.release(len(piece.b))
		if piece.lent != nil {
			proxyBuffers.Put(piece.lent)
		}
	}
	close(h.arrived)
	if !errors.Is(h.ended, io.EOF) {
		h.c.reset()
		return
	}
	// If dst is gone by now, nothing was lost by that.
	_ = h.dst.CloseWrite()
}

var errProxyConnDead = errors.New("proxy connection closed")

// pass writes one piece at the time and the rate of the link.
func (h *proxyHalf) pass(piece proxyPiece) error {
	if err := h.wait(time.Until(piece.at)); err != nil {
		return err
	}
	for b := piece.b; len(b) > 0; {
		n := min(len(b), h.link.chunk())
		if err := h.wait(h.link.book(n)); err != nil {
			return err
		}
		n, cut, stall := h.c.allow(h.dir, n)
		// All is counted first: who has seen the octets finds it in the counts.
		if cut || stall {
			h.c.p.count(func(s *ProxyStats) {
				if cut {
					s.Cuts++
				} else {
					s.Stalls++
				}
			})
		}
		if n > 0 {
			if h.dir == Down {
				h.c.tap(Down, b[:n])
			}
			h.link.passed.Add(int64(n))
			h.c.p.moved.came()
			if wrote, err := h.dst.Write(b[:n]); err != nil {
				h.link.passed.Add(int64(wrote - n))
				return err
			}
			b = b[n:]
		}
		switch {
		case cut:
			h.settle()
			h.c.reset()
			return errProxyConnDead
		case stall:
			<-h.c.dead
			return errProxyConnDead
		}
	}
	return nil
}

// settle waits until the kernel of dst has what was written, because a reset
// throws away what it has not: for half a second, as dst may not be reading.
func (h *proxyHalf) settle() {
	deadline := time.Now().Add(500 * time.Millisecond)
	for unsent(h.dst) > 0 && time.Now().Before(deadline) {
		if h.wait(time.Millisecond) != nil {
			return
		}
	}
}

// wait sleeps for d, or less when the connection dies.
func (h *proxyHalf) wait(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-h.c.dead:
		return errProxyConnDead
	}
}
