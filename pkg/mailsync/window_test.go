package mailsync

import (
	"bytes"
	"io"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"
)

// TestBlockFor: a window has several blocks however small it is.
func TestBlockFor(t *testing.T) {
	for _, limit := range []int64{minShare, 100 << 10, 1 << 20, 64 << 20, 4 << 30} {
		if size := blockFor(limit); size > limit/16 || size > blockSize || size < 1<<10 {
			t.Errorf("blocks of %d octets in a window of %d", size, limit)
		}
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
		want := octets(h.i, h.b.octets())
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("message %d of %d octets has another's", h.i, len(want))
		}
		if k := rnd.IntN(200 << 10); !bytes.Equal(h.b.begin(k), want[:min(k, len(want))]) {
			t.Fatalf("message %d of %d octets: other %d octets at its beginning", h.i, len(want), k)
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
			n = w.most
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
	idle := int64(len(w.store.idle)) * w.store.size
	if w.used != 0 || w.store.busy != 0 || idle > limit || w.high.Load() > limit {
		t.Errorf("used %d, %d blocks busy, %d octets idle, at most %d of %d", w.used, w.store.busy, idle, w.high.Load(), limit)
	}
}

// TestWindowAhead: the reader goes no further ahead than it should, and after
// large commands further; a writer that has nothing under way gets a message
// even so, since what was set aside does not come back before the others.
func TestWindowAhead(t *testing.T) {
	const size = 1 << 20
	w := newWindow(12 * leastAhead)
	var held []body
	fill := func() int64 {
		for b := w.tryTake(size); b != nil; b = w.tryTake(size) {
			held = append(held, b)
		}
		return int64(len(held)) * size
	}
	if n := fill(); n < leastAhead-size || n > leastAhead+size {
		t.Errorf("%d octets are held at first", n)
	}
	w.stretch(leastAhead)
	if n := fill(); n < 4*leastAhead-size || n > 4*leastAhead+size {
		t.Errorf("%d octets are held after a command of %d", n, leastAhead)
	}
	before := len(held)
	w.starve()
	b := w.tryTake(size)
	if b == nil {
		t.Fatal("the writer waits for ever")
	}
	if !w.put(t.Context(), &item{body: b}) || w.tryTake(size) != nil {
		t.Error("it gets more than the one message it waits for")
	}
	<-w.items
	w.received()
	if n := fill(); len(held) != before {
		t.Errorf("%d octets are held although the writer has something to do", n)
	}
	w.stretch(100 * leastAhead)
	if n := fill(); n > w.limit {
		t.Errorf("%d octets are held of %d", n, w.limit)
	}
	w.starve()
	if w.tryTake(w.most) == nil {
		t.Error("what was set aside keeps the largest message away for ever")
	}
}

// TestWindowAllocates: messages that come and go take no new memory for their
// octets, and as long as they go about as fast as they come, it is the same few
// blocks.
func TestWindowAllocates(t *testing.T) {
	const rounds = 2000
	w := newWindow(64 << 20)
	sizes := []int64{100, 2 << 10, 300 << 10, 12_345, 2 << 20}
	var octets uint64
	var queue []body
	move := func() {
		for _, n := range sizes {
			b := w.tryTake(n)
			if b == nil {
				t.Fatalf("no memory for %d octets", n)
			}
			octets += uint64(n)
			if queue = append(queue, b); len(queue) > 4 {
				w.give(queue[0])
				queue = queue[1:]
			}
		}
	}
	for range 10 {
		move()
	}
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
	if n := (w.store.busy + int64(len(w.store.idle))) * w.store.size; n > 6<<20 {
		t.Errorf("%d octets of memory for at most 5 MiB of messages", n)
	}
}
