package mailsync

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imapfleet/imapfleet/pkg/identity"
)

// msg is a message of the match tests: header, whole text, date.
type msg struct {
	uid    uint32
	head   byte
	body   string
	octets int64
	minute int
}

func (m msg) ident() ident {
	date := noDate
	if m.minute >= 0 {
		date = dateOf(time.Date(2024, 1, 1, 0, m.minute, 0, 0, time.UTC))
	}
	head := identity.Sum{}
	if m.head != 0 { // as spread as a digest
		head = identity.OfHeader([]byte{'h', m.head})
	}
	return ident{uid: m.uid, octets: m.octets, head: head, date: date}
}

// partyOf is the side that has msgs; those without a body cannot be read. asked
// counts the bodies that were.
func partyOf(msgs []msg, asked *int) party {
	var ids []ident
	for _, m := range msgs {
		ids = append(ids, m.ident())
	}
	return party{count: len(msgs), whole: wholes(msgs, asked),
		idents: func(_ context.Context, s stack) ([]ident, error) { return s.pick(ids), nil }}
}

func wholes(msgs []msg, asked *int) wholeFunc {
	return func(_ context.Context, uids []uint32) (map[uint32]identity.Sum, error) {
		out := map[uint32]identity.Sum{}
		for _, m := range msgs {
			for _, u := range uids {
				if u == m.uid && m.body != "" {
					var s identity.Sum
					copy(s[:], m.body)
					out[u] = s
					*asked++
				}
			}
		}
		return out, nil
	}
}

func TestMatch(t *testing.T) {
	tests := []struct {
		name         string
		source, dest []msg
		want         map[uint32]uint32
		bodies       int // how many bodies had to be read, on both sides
	}{
		{name: "certain without a body",
			source: []msg{{1, 'a', "x", 10, 0}, {2, 'b', "y", 20, 0}},
			dest:   []msg{{7, 'b', "y", 20, 0}},
			want:   map[uint32]uint32{2: 7}},
		{name: "two equal source messages never adopt one destination message",
			source: []msg{{1, 'a', "x", 10, 0}, {2, 'a', "x", 10, 0}},
			dest:   []msg{{7, 'a', "x", 10, 0}},
			want:   map[uint32]uint32{1: 7}, bodies: 3},
		{name: "one source message adopts one of two equal ones",
			source: []msg{{1, 'a', "x", 10, 0}},
			dest:   []msg{{7, 'a', "x", 10, 0}, {8, 'a', "x", 10, 0}},
			want:   map[uint32]uint32{1: 7}, bodies: 3},
		{name: "same header and octets, another body: not the same message",
			source: []msg{{1, 'a', "x", 10, 0}},
			dest:   []msg{{7, 'a', "z", 10, 5}},
			want:   map[uint32]uint32{}, bodies: 2},
		{name: "same header and octets, two bodies, one there",
			source: []msg{{1, 'a', "x", 10, 0}, {2, 'a', "y", 10, 0}},
			dest:   []msg{{7, 'a', "y", 10, 0}},
			want:   map[uint32]uint32{2: 7}, bodies: 3},
		{name: "the date breaks a tie of equals",
			source: []msg{{1, 'a', "x", 10, 0}, {2, 'a', "x", 10, 3}},
			dest:   []msg{{7, 'a', "x", 10, 3}},
			want:   map[uint32]uint32{2: 7}, bodies: 3},
		{name: "octets break a tie of equals before the date does",
			source: []msg{{1, 'a', "x", 8, 0}, {2, 'a', "x", 10, 0}},
			dest:   []msg{{7, 'a', "x", 10, 3}},
			want:   map[uint32]uint32{2: 7}, bodies: 3},
		{name: "octets differ since the server counts otherwise: the body decides",
			source: []msg{{1, 'a', "x", 10, 0}},
			dest:   []msg{{7, 'a', "x", 12, 0}},
			want:   map[uint32]uint32{1: 7}, bodies: 2},
		{name: "another date, same message",
			source: []msg{{1, 'a', "x", 10, 0}},
			dest:   []msg{{7, 'a', "x", 10, 9}},
			want:   map[uint32]uint32{1: 7}, bodies: 2},
		{name: "the server shows another header: octets, date and body decide",
			source: []msg{{1, 'a', "x", 10, 0}, {2, 'b', "w", 10, 1}},
			dest:   []msg{{7, 'q', "x", 10, 0}},
			want:   map[uint32]uint32{1: 7}, bodies: 2},
		{name: "foreign mail stays foreign",
			source: []msg{{1, 'a', "x", 10, 0}},
			dest:   []msg{{7, 'q', "v", 99, 0}},
			want:   map[uint32]uint32{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, rounds := range []int{1, 2, 7} {
				asked := 0
				got, err := match(t.Context(), partyOf(tt.source, &asked), partyOf(tt.dest, &asked), rounds)
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(tt.want, mapOf(got)); d != "" {
					t.Errorf("%d rounds: pairs (-want +got):\n%s", rounds, d)
				}
				if asked != tt.bodies {
					t.Errorf("%d rounds: read %d bodies, want %d", rounds, asked, tt.bodies)
				}
			}
		})
	}
}

func mapOf(found pairs) map[uint32]uint32 {
	out := map[uint32]uint32{}
	for _, p := range found {
		out[p.source] = p.dest
	}
	return out
}

// randomMessages makes messages that resemble one another in all ways.
func randomMessages(rnd *rand.Rand, n int) []msg {
	out := make([]msg, n)
	uid := uint32(0)
	for i := range out {
		uid += 1 + rnd.Uint32N(3)
		out[i] = msg{uid: uid, head: byte(rnd.IntN(n + 2)), octets: int64(rnd.IntN(3)), minute: rnd.IntN(4) - 1}
		if out[i].body = string(rune('a' + rnd.IntN(3))); rnd.IntN(9) == 0 {
			out[i].body = ""
		}
	}
	return out
}

// matchSlowly is match by its words.
func matchSlowly(source, dest []msg) map[uint32]uint32 {
	found, used := map[uint32]uint32{}, map[uint32]bool{}
	alone := func(all []msg, head byte) bool {
		n := 0
		for _, m := range all {
			if m.head == head {
				n++
			}
		}
		return n == 1
	}
	pair := func(same func(s, d msg) bool) {
		for tie := range 4 { // octets and date, octets, date, nothing
			for _, s := range source {
				for _, d := range dest {
					tied := (tie > 1 || s.octets == d.octets) && (tie%2 == 1 || s.minute == d.minute)
					if _, ok := found[s.uid]; !ok && !used[d.uid] && same(s, d) && tied {
						found[s.uid], used[d.uid] = d.uid, true
					}
				}
			}
		}
	}
	pair(func(s, d msg) bool {
		return s.head == d.head && s.head != 0 && alone(source, s.head) && alone(dest, s.head) && s.octets == d.octets && s.octets > 0 &&
			s.minute == d.minute && s.minute >= 0
	})
	pair(func(s, d msg) bool { return s.head == d.head && s.body == d.body && s.body != "" })
	pair(func(s, d msg) bool {
		return s.octets == d.octets && s.minute == d.minute && s.minute >= 0 && s.body == d.body && s.body != ""
	})
	return found
}

// TestMatchAtRandom: as the words say, in however many rounds.
func TestMatchAtRandom(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	found := 0
	for range 3000 {
		source, dest := randomMessages(rnd, rnd.IntN(12)), randomMessages(rnd, rnd.IntN(12))
		want := matchSlowly(source, dest)
		found += len(want)
		for _, rounds := range []int{1, 3, 7} {
			asked := 0
			got, err := match(t.Context(), partyOf(source, &asked), partyOf(dest, &asked), rounds)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, mapOf(got)); d != "" {
				t.Fatalf("%d rounds\nsource %+v\ndest %+v\n(-want +got):\n%s", rounds, source, dest, d)
			}
		}
	}
	if found < 2000 {
		t.Errorf("only %d pairs: the messages are too different", found)
	}
}

// TestRoundsFor: what a round holds fits into the memory that there is.
func TestRoundsFor(t *testing.T) {
	for _, tt := range []struct {
		messages int
		room     int64
		want     int
	}{{0, 1 << 20, 1}, {1000, 96_000, 1}, {1001, 96_000, 2}, {1_000_000, 1 << 20, 92}} {
		if got := roundsFor(tt.messages, tt.room); got != tt.want {
			t.Errorf("%d messages, %d octets: %d rounds, want %d", tt.messages, tt.room, got, tt.want)
		}
	}
}
