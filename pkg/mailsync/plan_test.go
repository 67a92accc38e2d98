package mailsync

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/ledger"
)

func TestPlan(t *testing.T) {
	p := newPlan([]uint32{1, 2, 3, 5, 8, 9, 4294967295}, []ledger.Run{{Source: 2, Dest: 10, Count: 2}, {Source: 6, Dest: 90, Count: 3}})
	if d := cmp.Diff([]uint32{1, 5, 9, 4294967295}, p.todo()); d != "" {
		t.Errorf("todo (-want +got):\n%s", d)
	}
	p.set(5, copied)
	p.set(5, copied)
	p.set(77, copied)
	p.set(9, gone)
	p.set(4294967295, filteredDate)
	if want := [fates]int64{notTried: 1, alreadyThere: 3, copied: 1, gone: 1, filteredDate: 1}; p.count != want {
		t.Errorf("count = %v, want %v", p.count, want)
	}
	if p.vanished != 2 {
		t.Errorf("%d messages of the map are not listed, want 2", p.vanished)
	}
}

func TestAsRuns(t *testing.T) {
	got := asRuns([]uint32{1, 2, 3, 5, 6, 7}, []uint32{41, 42, 43, 44, 45, 60})
	want := []ledger.Run{{Source: 1, Dest: 41, Count: 3}, {Source: 5, Dest: 44, Count: 2}, {Source: 7, Dest: 60, Count: 1}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("runs (-want +got):\n%s", d)
	}
}

func TestCovered(t *testing.T) {
	c := newCovered([]ledger.Run{{Source: 9, Dest: 50, Count: 2}, {Source: 1, Dest: 10, Count: 5}, {Source: 7, Dest: 12, Count: 9}, {Source: 99, Dest: 0, Count: 1}})
	for uid, want := range map[uint32]bool{0: false, 9: false, 10: true, 14: true, 20: true, 21: false, 49: false, 50: true, 51: true, 52: false} {
		if got := c.has(uid); got != want {
			t.Errorf("has(%d) = %v, want %v", uid, got, want)
		}
	}
}

func TestChunk(t *testing.T) {
	var uids []uint32
	for u := uint32(1); u < 4000; u += 2 {
		uids = append(uids, u)
	}
	set, n := chunk(uids, 5000)
	if imapconn.SetLen(set) > imapconn.MaxLine-100 || n < 300 {
		t.Errorf("a chunk of %d messages and %d octets", n, imapconn.SetLen(set))
	}
	set, n = chunk([]uint32{1, 2, 3, 9, 10}, 4)
	if want := []imapconn.Range{{First: 1, Last: 3}, {First: 9, Last: 9}}; n != 4 || cmp.Diff(want, set) != "" {
		t.Errorf("chunk = %v, %d", set, n)
	}
}

func TestTempo(t *testing.T) {
	var tp tempo
	var got []int
	for range 10 {
		tp.halve(tp.batch(), 0)
		got = append(got, tp.batch())
	}
	for range 9 {
		tp.grow()
		got = append(got, tp.batch())
	}
	want := []int{250, 125, 62, 31, 15, 7, 3, 1, 1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 500}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("batches (-want +got):\n%s", d)
	}
}

func TestTempoOfAnswers(t *testing.T) {
	const full = 16 << 20
	var tp tempo
	var got []int64
	for _, took := range []time.Duration{250 * time.Millisecond, 0, 100 * time.Millisecond, 0, 900 * time.Millisecond, 2 * time.Second, 3 * time.Second, 900 * time.Millisecond, 0, 0, 0, 0, 0, 0} {
		tp.answered(took, tp.octets(full), full, full)
		got = append(got, tp.octets(full)>>10)
	}
	want := []int64{128, 2048, 10240, 16384, 16384, 8192, 4096, 4096, 6144, 9216, 13824, 16384, 16384, 16384}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("KiB a batch (-want +got):\n%s", d)
	}
	for range 20 {
		tp.answered(time.Minute, tp.octets(full), full, full)
	}
	for range 20 {
		tp.answered(0, 1000, full, full) // little is soon through any link
	}
	if n := tp.octets(full); n != minOctets {
		t.Errorf("at the slowest %d octets, want %d", n, minOctets)
	}
	tp = tempo{}
	for range 20 {
		tp.answered(0, tp.octets(full), full, ample/4)
	}
	if n := tp.octets(full); n != ample {
		t.Errorf("%d octets on a short way, want %d", n, ample)
	}
	if n := tp.octets(1000); n != 1000 {
		t.Errorf("%d octets where no more than 1000 are free", n)
	}
}

// An account begins with what the last one has come to at that host, with care.
func TestTempos(t *testing.T) {
	const full = 16 << 20
	var known tempos
	a := known.begin("a")
	if n := a.octets(full); n != minOctets {
		t.Errorf("%d octets at an unknown host, want %d", n, minOctets)
	}
	for range 3 {
		a.answered(0, a.octets(full), full, full)
	}
	known.learn("a", a)
	b := known.begin("a")
	if got, want := b.octets(full), a.octets(full)/4; got != want {
		t.Errorf("the next lane begins with %d octets, want %d", got, want)
	}
	c := known.begin("c")
	if n := c.octets(full); n != minOctets {
		t.Errorf("%d octets at another host, want %d", n, minOctets)
	}
}
