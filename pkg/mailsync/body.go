package mailsync

import (
	"io"
	"math/bits"
	"net"
	"slices"
)

// body is the octets of a message in memory: pieces of pieceSize, and a last
// one that is just large enough. It belongs to the window it was taken from,
// which fills it with another message once it was given back. nil is no body;
// that of an empty message has one piece.
type body [][]byte

// pieceSize is what large messages are cut into, in octets, so that memory
// that held one fits any other. One write to a socket takes a piece.
const pieceSize = 128 << 10

// pieceFor returns the octets of memory for n octets at the end of a message:
// eight sizes an octave, so that at most an eighth of it is idle and a piece
// soon finds another message that it fits.
func pieceFor(n int64) int64 {
	step := int64(64)
	if b := bits.Len64(uint64(n)); b > 10 {
		step = 1 << (b - 4)
	}
	return max((n+step-1)/step, 1) * step
}

// cost is what it takes of the window's memory.
func (b body) cost() int64 {
	n := int64(itemOverhead)
	for _, p := range b {
		n += int64(cap(p))
	}
	return n
}

// octets is the length of the message.
func (b body) octets() (n int64) {
	for _, p := range b {
		n += int64(len(p))
	}
	return n
}

// fill reads all of the message.
func (b body) fill(r io.Reader) error {
	for _, p := range b {
		if _, err := io.ReadFull(r, p); err != nil {
			return err
		}
	}
	return nil
}

// reader gives the octets, as often as one is asked for.
func (b body) reader() io.Reader {
	buffers := net.Buffers(slices.Clone(b))
	return &buffers
}

// writeTo hands the octets to a writer that never fails.
func (b body) writeTo(w io.Writer) {
	for _, p := range b {
		_, _ = w.Write(p)
	}
}

// pool keeps pieces that are not in use for the next messages. The zero pool
// is empty.
type pool struct {
	idle   map[int][][]byte // by capacity
	octets int64            // of all that are idle
}

// get returns n octets of memory, of a piece of exactly size if there is one.
func (p *pool) get(n, size int64) []byte {
	same := p.idle[int(size)]
	if len(same) == 0 {
		return make([]byte, n, size)
	}
	last := len(same) - 1
	piece := same[last]
	same[last] = nil
	p.idle[int(size)] = same[:last]
	p.octets -= size
	return piece[:n]
}

func (p *pool) put(piece []byte) {
	if p.idle == nil {
		p.idle = map[int][][]byte{}
	}
	size := cap(piece)
	p.idle[size] = append(p.idle[size], piece)
	p.octets += int64(size)
}

// shrink leaves idle pieces to the garbage collector until there are at most
// so many octets of them.
func (p *pool) shrink(most int64) {
	for size, same := range p.idle {
		for len(same) > 0 && p.octets > most {
			same[len(same)-1] = nil
			same = same[:len(same)-1]
			p.octets -= int64(size)
		}
		p.idle[size] = same
		if p.octets <= most {
			return
		}
	}
}
