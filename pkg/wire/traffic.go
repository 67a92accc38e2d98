package wire

import (
	"sync"
	"time"

	"github.com/klauspost/compress/flate"
)

// Traffic is what a connection has moved so far and what that took. All of it
// only grows.
type Traffic struct {
	In, Out           int64 // octets read and written, as they are on the wire
	PlainIn, PlainOut int64 // the same before compression
	// Waited is the time in which the server owed an answer and nothing came,
	// or took no more octets: one or both, counted once.
	Waited time.Duration
	Taste  Taste
}

// Taste is what compression did to pieces of the octets that passed while the
// connection was not compressed. The zero value: none was tried.
type Taste struct {
	Plain, Deflated int64 // octets
	// Took is what deflating them takes here, by the piece that took least: the
	// others were held up by what else the machine does.
	Took time.Duration
}

// Traffic returns the counts so far.
func (c *Conn) Traffic() Traffic {
	t := Traffic{In: c.in.Load(), Out: c.out.Load(), PlainIn: c.plainIn.Load(), PlainOut: c.plainOut.Load(), Taste: c.taster.so()}
	t.Waited = c.wait.So(time.Now())
	return t
}

// RoundTrip returns how long it takes at least until the server has heard a
// command and we its answer: the least that a command sent with Start while
// nothing was in flight has taken. Zero: there was none.
func (c *Conn) RoundTrip() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trip
}

// clock notes how long an answer took. c.mu is held.
func (c *Conn) clock(p *Pending) {
	if p.left.IsZero() {
		return
	}
	if took := time.Since(p.left); c.trip == 0 || took < c.trip {
		c.trip = took
	}
}

// Taste tries compression on pieces of the next megabytes, for Traffic.Taste: a
// quarter of a megabyte of deflating in all.
func (c *Conn) Taste() {
	c.taster.mu.Lock()
	defer c.taster.mu.Unlock()
	c.taster.on = c.taster.taste == Taste{}
}

// What is tasted: a piece of each half megabyte, up to a number of pieces. In
// octets.
const (
	tastePiece = 32 << 10
	tasteEvery = 512 << 10
	tasteMost  = 8 * tastePiece
)

// taster deflates pieces of what passes, to know what compression would bring.
// It keeps only the piece that it is collecting. The zero value does nothing;
// it is safe for concurrent use.
type taster struct {
	mu     sync.Mutex
	on     bool
	passed int64
	buf    []byte
	taste  Taste

	quickest time.Duration // of the pieces
}

// pass sees octets on their way.
func (t *taster) pass(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.on {
		return
	}
	t.passed += int64(len(p))
	if t.passed < (t.taste.Plain/tastePiece+1)*tasteEvery {
		return
	}
	t.buf = append(t.buf, p[:min(len(p), tastePiece-len(t.buf))]...)
	if len(t.buf) == tastePiece {
		t.deflate()
	}
}

func (t *taster) deflate() {
	began := time.Now()
	var n counter
	if err := flate.StatelessDeflate(&n, t.buf, false, nil); err != nil {
		return // a counter takes everything
	}
	took := time.Since(began)
	if t.quickest == 0 || took < t.quickest {
		t.quickest = took
	}
	t.taste.Plain += int64(len(t.buf))
	t.taste.Took = t.quickest * time.Duration(t.taste.Plain/tastePiece)
	t.taste.Deflated += int64(n)
	t.buf = t.buf[:0]
	if t.taste.Plain >= tasteMost {
		t.on, t.buf = false, nil
	}
}

func (t *taster) so() Taste {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.taste
}

// counter is a writer that only counts.
type counter int64

func (n *counter) Write(p []byte) (int, error) {
	*n += counter(len(p))
	return len(p), nil
}
