package probe

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

const (
	lineOctets  = 78 // with CRLF
	blockOctets = 1 << 20 / lineOctets * lineOctets
)

// synth makes messages that no server has seen before, of sizes from a mix. Its
// methods are safe for concurrent use.
type synth struct {
	sizes []int64 // sorted
	step  int64   // through sizes
	made  atomic.Int64
	block []byte // whole lines
	id    string // of the probe
}

// usualSizes are those of mail whose sizes are not known.
func usualSizes() []int64 {
	return []int64{2 << 10, 3 << 10, 5 << 10, 8 << 10, 12 << 10, 20 << 10, 40 << 10, 90 << 10, 250 << 10, 1 << 20}
}

// newSynth takes sizes that are sorted, at least one.
func newSynth(sizes []int64, id string) *synth {
	s := &synth{sizes: sizes, id: id, block: make([]byte, 0, blockOctets)}
	for s.step = max(int64(float64(len(sizes))*0.618), 1); gcd(s.step, int64(len(sizes))) != 1; s.step++ {
	}
	var raw [57]byte
	for len(s.block) < blockOctets {
		for i := range raw {
			raw[i] = byte(rand.Uint32())
		}
		s.block = append(base64.StdEncoding.AppendEncode(s.block, raw[:]), '\r', '\n')
	}
	return s
}

// message makes one. It has size octets, but never fewer than a header needs.
func (s *synth) message(rng *rand.Rand, size int64) (octets int64, body io.Reader) {
	head := fmt.Appendf(nil, "From: imapfleet probe <probe@imapfleet.invalid>\r\nSubject: imapfleet probe, may be removed\r\n"+
		"Date: %s\r\nMessage-ID: <%s.%016x@imapfleet.invalid>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n",
		time.Now().UTC().Format(time.RFC1123Z), s.id, rng.Uint64())
	rest := max(size-int64(len(head))-2, 0)
	if rest%lineOctets == 1 { // the body would begin with the LF of a CRLF
		rest--
	}
	head = append(head, '\r', '\n')
	part := rest % int64(len(s.block))
	first := (part + lineOctets - 1) / lineOctets // lines that end at or after it
	last := int64(len(s.block) / lineOctets)
	end := (first + rng.Int64N(last-first+1)) * lineOctets
	readers := []io.Reader{bytes.NewReader(head), bytes.NewReader(s.block[end-part : end])}
	for range rest / int64(len(s.block)) {
		readers = append(readers, bytes.NewReader(s.block))
	}
	return int64(len(head)) + rest, io.MultiReader(readers...)
}

// size is the next one of the mix. They come by steps of the golden ratio, so
// that any few in a row are as mixed as all: else a step of the probe that got
// the large ones would look faster than the others.
func (s *synth) size() int64 {
	n := int64(len(s.sizes))
	return s.sizes[s.made.Add(1)%n*s.step%n]
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
