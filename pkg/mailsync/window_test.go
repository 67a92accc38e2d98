package mailsync

import (
	"bytes"
	"io"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"
)

// TestPieceFor: at most an eighth of the memory of a message is idle, but for
// the smallest ones, and there are few sizes to look for.
func TestPieceFor(t *testing.T) {
	sizes := map[int64]bool{}
	for n := range int64(pieceSize + 1) {
		size := pieceFor(n)
		if size < n || size <= 0 || n >= 1024 && (size-n)*8 > n {
			t.Fatalf("%d octets for %d", size, n)
		}
		sizes[size] = true
	}
	if len(sizes) > 80 {
		t.Errorf("%d sizes", len(sizes))
	}
}

// octets are those of message i.
func octets(i int, n int64) []byte {
	return bytes.Repeat([]byte{byte(i), byte(i >> 8), 7}, int(n/3)+1)[:n]
}

// TestWindowReuses: whatever order messages come and go in, each has its
// octets to itself, and memory in use and idle never exceeds the limit.
func TestWindowReuses(t *testing.T) {
	const limit = 3 << 20
	rnd := rand.New(rand.NewPCG(1, 2))
	w := newWindow(limit)
	w.high = new(atomic.Int64)
	type held struct {
		i int
		b body
	}
	var all []held
	drop := func() {
		at := rnd.IntN(len(all))
		h := all[at]
		got, err := io.ReadAll(h.b.reader())
		if want := octets(h.i, h.b.octets()); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("message %d of %d octets has another's", h.i, len(want))
		}
		w.give(h.b)
		all = append(all[:at], all[at+1:]...)
	}
	for i := range 5000 {
		n := rnd.Int64N(1 << (2 + rnd.IntN(18)))
		switch i % 500 {
		case 0:
			n = 0
		case 1: // as large as may be
			n = limit - itemOverhead
		}
		if !w.fits(n) {
			t.Fatalf("%d octets do not fit", n)
		}
		var b body
		for b = w.tryTake(n); b == nil; b = w.tryTake(n) {
			if len(all) == 0 {
				t.Fatalf("no memory for %d octets although nothing is held", n)
			}
			drop()
		}
		if err := b.fill(bytes.NewReader(octets(i, n))); err != nil || b.octets() != n {
			t.Fatalf("%d octets of %d: %v", b.octets(), n, err)
		}
		all = append(all, held{i, b})
	}
	for len(all) > 0 {
		drop()
	}
	if w.used != 0 || w.pool.octets > limit || w.high.Load() > limit {
		t.Errorf("used %d, idle %d, at most %d of %d", w.used, w.pool.octets, w.high.Load(), limit)
	}
	var idle int64
	for size, same := range w.pool.idle {
		idle += int64(size * len(same))
	}
	if idle != w.pool.octets {
		t.Errorf("%d octets are idle, counted were %d", idle, w.pool.octets)
	}
}

// TestWindowAllocates: messages that come and go take no new memory for their
// octets.
func TestWindowAllocates(t *testing.T) {
	const rounds = 2000
	w := newWindow(8 << 20)
	sizes := []int64{100, 2 << 10, 300 << 10, 12_345, 5 << 20}
	var octets uint64
	move := func() {
		for _, n := range sizes {
			b := w.tryTake(n)
			if b == nil {
				t.Fatalf("no memory for %d octets", n)
			}
			octets += uint64(n)
			w.give(b)
		}
	}
	move()
	octets = 0
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range rounds {
		move()
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got*500 > octets {
		t.Errorf("%d octets allocated for %d octets of messages", got, octets)
	}
}
