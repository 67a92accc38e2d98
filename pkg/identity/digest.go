package identity

import (
	"bytes"
	"crypto/sha256"
	"hash"
)

// Sum is a truncated SHA-256. The zero Sum means unknown.
type Sum [16]byte

// Digester computes the identity of a message from its octets. It hashes a
// canonical form, so that what servers are known to alter does not count:
// every CR is dropped (line ends), NUL reads as 0x80, octets above 0x7F in
// the header read as X, and newlines at the end do not count. The zero
// Digester is not usable; see NewDigester.
type Digester struct {
	head, whole hash.Hash
	scratch     []byte
	newlines    int  // newlines seen and not hashed yet
	inText      bool // the current line has octets
	inBody      bool // the first blank line was seen
	named       bool // the header has octets
	headSum     Sum
	octets      int64
	exact       hash.Hash // of the octets as they are; nil: not wanted
	body        hash.Hash // of what stands behind the header; nil: parts are not wanted
	header      []byte    // the first octets of it, for the parts
}

// NewDigester returns a Digester that has seen nothing.
func NewDigester() *Digester {
	return &Digester{head: sha256.New(), whole: sha256.New()}
}

// NewExactDigester returns one that knows the digest of the octets as they are
// too.
func NewExactDigester() *Digester {
	d := NewDigester()
	d.exact = sha256.New()
	return d
}

// Write takes the message's octets in order; it never fails.
func (d *Digester) Write(p []byte) (int, error) {
	n := len(p)
	d.octets += int64(n)
	if d.exact != nil {
		d.exact.Write(p)
	}
	if d.body != nil && !d.inBody && len(d.header) <= maxHeader {
		d.header = append(d.header, p[:min(len(p), maxHeader+1)]...)
	}
	for len(p) > 0 {
		k := min(len(p), 32<<10)
		d.chunk(p[:k])
		p = p[k:]
	}
	return n, nil
}

// Octets is how many octets it was given.
func (d *Digester) Octets() int64 { return d.octets }

func (d *Digester) chunk(p []byte) {
	out := d.scratch[:0]
	for _, b := range p {
		switch {
		case b == '\r':
			continue
		case b == '\n':
			d.newlines++
			if !d.inBody && !d.inText {
				d.flush(out)
				out = out[:0]
				d.endHead()
			}
			d.inText = false
			continue
		case b == 0:
			b = 0x80
		}
		if b >= 0x80 && !d.inBody {
			b = 'X'
		}
		for ; d.newlines > 0; d.newlines-- {
			out = append(out, '\n')
		}
		out = append(out, b)
		d.inText = true
	}
	d.flush(out)
	d.scratch = out[:0]
}

func (d *Digester) flush(out []byte) {
	d.whole.Write(out)
	switch {
	case !d.inBody:
		d.head.Write(out)
		d.named = d.named || len(out) > 0
	case d.body != nil:
		d.body.Write(out)
	}
}

func (d *Digester) endHead() {
	d.inBody = true
	if d.named {
		d.headSum = truncate(d.head)
	}
}

// Sums returns the digests of the header and of the whole message. That of a
// message without a header is zero: it tells nothing apart.
func (d *Digester) Sums() (head, whole Sum) {
	if !d.inBody {
		d.endHead()
	}
	return d.headSum, truncate(d.whole)
}

// Blank is the digest of a whole message that has nothing but line ends.
var Blank = truncate(sha256.New())

// Exact returns the digest of the octets as they are; zero when it was not
// wanted.
func (d *Digester) Exact() Sum {
	if d.exact == nil {
		return Sum{}
	}
	return truncate(d.exact)
}

func truncate(h hash.Hash) (s Sum) {
	copy(s[:], h.Sum(nil))
	return s
}

// OfHeader returns the digest of a header alone, as BODY[HEADER] gives it.
func OfHeader(b []byte) Sum {
	d := NewDigester()
	d.Write(bytes.TrimRight(b, "\r\n"))
	head, _ := d.Sums()
	return head
}
