package mailsync

import (
	"math"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// TestWindowFits: a size that a hostile server makes up must not overflow.
func TestWindowFits(t *testing.T) {
	w := newWindow(64 << 10)
	for n, want := range map[int64]bool{
		0: true, 60 << 10: true, 60<<10 + 1: false, // the octets of 15 blocks of 16
		math.MaxInt64: false, math.MaxInt64 - itemOverhead + 1: false,
	} {
		if got := w.fits(n); got != want {
			t.Errorf("fits(%d) = %v, want %v", n, got, want)
		}
	}
}

// TestSameState: two refused looks at a mailbox say nothing about quiet.
func TestSameState(t *testing.T) {
	ok := imapconn.Status{OK: true, Messages: 3, UIDNext: 4, UIDValidity: 5}
	more := ok
	more.Messages, more.UIDNext = 4, 5
	for _, tt := range []struct {
		name string
		a, b imapconn.Status
		want bool
	}{
		{"the same", ok, ok, true},
		{"a message more", ok, more, false},
		{"refused twice", imapconn.Status{}, imapconn.Status{}, false},
		{"refused once", ok, imapconn.Status{}, false},
	} {
		if got := sameState(tt.a, tt.b); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestNextFloor: the floor is what the look said that was matched.
func TestNextFloor(t *testing.T) {
	for _, tt := range []struct {
		floor, uidNext uint32
		have           []uint32
		want           uint32
	}{
		{5, 9, []uint32{6, 8}, 9}, {5, 0, []uint32{6, 8}, 9}, {5, 0, nil, 5}, {0, 0, nil, 1},
	} {
		if got := nextFloor(tt.floor, tt.uidNext, tt.have); got != tt.want {
			t.Errorf("nextFloor(%d, %d, %v) = %d, want %d", tt.floor, tt.uidNext, tt.have, got, tt.want)
		}
	}
}

// TestShareOf: what connections take is not there for messages.
func TestShareOf(t *testing.T) {
	for _, tt := range []struct {
		memory int64
		lanes  int
		want   int64
	}{
		{256 << 20, 4, 64<<20 - laneBuffers}, {256 << 20, 100, 256<<20/100 - laneBuffers}, {1 << 20, 1, 1<<20 - laneBuffers}, {1 << 20, 100, minShare},
	} {
		if got := shareOf(tt.memory, tt.lanes); got != tt.want {
			t.Errorf("%d octets, %d lanes: %d, want %d", tt.memory, tt.lanes, got, tt.want)
		}
	}
}
