package mailsync

import (
	"bytes"
	"crypto/sha256"
	"hash"
)

// sum is a truncated SHA-256. The zero sum means unknown.
type sum [16]byte

// digester computes the identity of a message from its octets. It hashes a
// canonical form, so that what servers are known to alter does not count:
// every CR is dropped (line ends), NUL reads as 0x80, octets above 0x7F in
// the header read as X, and newlines at the end do not count. The zero
// digester is not usable; see newDigester.
type digester struct {
	head, whole hash.Hash
	scratch     []byte
	newlines    int  // newlines seen and not hashed yet
	inText      bool // the current line has octets
	inBody      bool // the first blank line was seen
	named       bool // the header has octets
	headSum     sum
	octets      int64
}

func newDigester() *digester {
	return &digester{head: sha256.New(), whole: sha256.New()}
}

// Write takes the message's octets in order; it never fails.
func (d *digester) Write(p []byte) (int, error) {
	n := len(p)
	d.octets += int64(n)
	for len(p) > 0 {
		k := min(len(p), 32<<10)
		d.chunk(p[:k])
		p = p[k:]
	}
	return n, nil
}

func (d *digester) chunk(p []byte) {
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

func (d *digester) flush(out []byte) {
	d.whole.Write(out)
	if !d.inBody {
		d.head.Write(out)
		d.named = d.named || len(out) > 0
	}
}

func (d *digester) endHead() {
	d.inBody = true
	if d.named {
		d.headSum = truncate(d.head)
	}
}

// sums returns the digests of the header and of the whole message. That of a
// message without a header is zero: it tells nothing apart.
func (d *digester) sums() (head, whole sum) {
	if !d.inBody {
		d.endHead()
	}
	return d.headSum, truncate(d.whole)
}

func truncate(h hash.Hash) (s sum) {
	copy(s[:], h.Sum(nil))
	return s
}

// digestHeader returns the digest of a header alone, as BODY[HEADER] gives it.
func digestHeader(b []byte) sum {
	d := newDigester()
	d.Write(bytes.TrimRight(b, "\r\n"))
	head, _ := d.sums()
	return head
}
