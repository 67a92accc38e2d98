package mailsync

import (
	"io"
	"net"
)

// body is the octets of a message in memory: pieces of blocks, in order. It
// belongs to the window it was taken from, which fills its memory with another
// message once it was given back. nil is no body; that of an empty message has
// one piece.
type body []piece

// piece is a part of a block that belongs to one message.
type piece struct {
	octets []byte
	of     *block
}

// octets is the length of the message.
func (b body) octets() (n int64) {
	for _, p := range b {
		n += int64(len(p.octets))
	}
	return n
}

// begin returns the first octets of the message, at most n.
func (b body) begin(n int) []byte {
	if len(b) == 0 {
		return nil
	}
	if first := b[0].octets; len(b) == 1 || len(first) >= n {
		return first[:min(n, len(first))]
	}
	var out []byte
	for _, p := range b {
		out = append(out, p.octets[:min(n-len(out), len(p.octets))]...)
	}
	return out
}

// fill reads all of the message.
func (b body) fill(r io.Reader) error {
	for _, p := range b {
		if _, err := io.ReadFull(r, p.octets); err != nil {
			return err
		}
	}
	return nil
}

// reader gives the octets, as often as one is asked for.
func (b body) reader() io.Reader {
	buffers := make(net.Buffers, len(b))
	for i, p := range b {
		buffers[i] = p.octets
	}
	return &buffers
}

// writeTo hands the octets to a writer that never fails.
func (b body) writeTo(w io.Writer) {
	for _, p := range b {
		_, _ = w.Write(p.octets)
	}
}

// blockSize is how much memory is taken at a time, in octets, where there is
// plenty. One write to a socket takes a piece of it.
const blockSize = 128 << 10

// blockFor is the size of the blocks of a window: small windows are cut into
// enough of them for messages to come and go.
func blockFor(limit int64) int64 { return max(min(limit/16, blockSize), 1<<10) }

// block is memory that holds messages one behind the other until it is full,
// and begins anew when none of them is needed any more.
type block struct {
	memory []byte
	used   int64 // octets handed out since it was empty
	pieces int   // that are not given back
}

// arena hands out memory for messages, one behind the other, and takes it back
// in any order. What was given back last is handed out next: as long as
// messages leave about as fast as they come it is the same few blocks, which
// the processor's caches and the system's page tables know.
type arena struct {
	size int64    // of a block
	open *block   // that the next message begins in; nil: another one
	idle []*block // hold nothing
	busy int64    // how many hold something
}

// blocks returns how many more blocks a message of n octets takes.
func (a *arena) blocks(n int64) int64 {
	if a.open != nil && a.open.used < a.size {
		n -= a.size - a.open.used
		return max((n+a.size-1)/a.size, 0)
	}
	return max((n+a.size-1)/a.size, 1)
}

// take returns memory for n octets.
func (a *arena) take(n int64) body {
	b := make(body, 0, a.blocks(n)+1)
	for {
		if a.open == nil || a.open.used == a.size {
			a.open = a.another()
		}
		at := a.open
		k := min(n, a.size-at.used)
		b = append(b, piece{at.memory[at.used : at.used+k : at.used+k], at})
		at.used += k
		at.pieces++
		if n -= k; n == 0 {
			return b
		}
	}
}

// another returns a block that holds nothing, counted as busy.
func (a *arena) another() *block {
	a.busy++
	if n := len(a.idle); n > 0 {
		b := a.idle[n-1]
		a.idle[n-1] = nil
		a.idle = a.idle[:n-1]
		return b
	}
	return &block{memory: make([]byte, a.size)}
}

// give takes back what take gave.
func (a *arena) give(b body) {
	for _, p := range b {
		if p.of.pieces--; p.of.pieces > 0 {
			continue
		}
		p.of.used = 0
		if a.open == p.of {
			a.open = nil
		}
		a.idle = append(a.idle, p.of)
		a.busy--
	}
}

// shrink leaves idle blocks to the garbage collector until there are at most
// so many octets of them.
func (a *arena) shrink(most int64) {
	keep := int(max(most, 0) / a.size)
	if len(a.idle) > keep {
		clear(a.idle[keep:])
		a.idle = a.idle[:keep]
	}
}
