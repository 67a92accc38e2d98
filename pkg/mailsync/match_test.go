package mailsync

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
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
	return ident{uid: m.uid, octets: m.octets, head: sum{m.head}, date: time.Date(2024, 1, 1, 0, m.minute, 0, 0, time.UTC)}
}

func wholes(msgs []msg, asked *int) wholeFunc {
	return func(_ context.Context, uids []uint32) (map[uint32]sum, error) {
		out := map[uint32]sum{}
		for _, m := range msgs {
			for _, u := range uids {
				if u == m.uid {
					var s sum
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
			idents := func(ms []msg) (out []ident) {
				for _, m := range ms {
					out = append(out, m.ident())
				}
				return out
			}
			asked := 0
			got, err := match(t.Context(), idents(tt.source), idents(tt.dest), wholes(tt.source, &asked), wholes(tt.dest, &asked))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("pairs (-want +got):\n%s", d)
			}
			if asked != tt.bodies {
				t.Errorf("read %d bodies, want %d", asked, tt.bodies)
			}
		})
	}
}

func TestDigest(t *testing.T) {
	base := "From: a\r\nSubject: b\r\n\r\nbody\r\nmore\r\n"
	tests := []struct {
		name, text        string
		sameHead, sameAll bool
	}{
		{"itself", base, true, true},
		{"bare LF", "From: a\nSubject: b\n\nbody\nmore\n", true, true},
		{"no newline at the end", "From: a\r\nSubject: b\r\n\r\nbody\r\nmore", true, true},
		{"another body", "From: a\r\nSubject: b\r\n\r\nbody\r\nMore\r\n", true, false},
		{"another header", "From: a\r\nSubject: c\r\n\r\nbody\r\nmore\r\n", false, false},
		{"a blank line more inside", "From: a\r\nSubject: b\r\n\r\nbody\r\n\r\nmore\r\n", true, false},
		{"header line moved into the body", "From: a\r\n\r\nSubject: b\r\nbody\r\nmore\r\n", false, false},
		{"empty", "", false, false},
	}
	digest := func(s string, n int) (sum, sum) {
		d := newDigester()
		for len(s) > 0 {
			k := min(n, len(s))
			d.Write([]byte(s[:k]))
			s = s[k:]
		}
		return d.sums()
	}
	head, whole := digest(base, 1000)
	if h := digestHeader([]byte("From: a\r\nSubject: b\r\n\r\n")); h != head {
		t.Error("the header alone has another digest than in its message")
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, n := range []int{1, 2, 3, 7, 1000} {
				h, w := digest(tt.text, n)
				if (h == head) != tt.sameHead || (w == whole) != tt.sameAll {
					t.Errorf("in pieces of %d: same header %v, same message %v", n, h == head, w == whole)
				}
			}
		})
	}
	a, _ := digest("Subject: caf\xe9\r\n\r\n", 99)
	b, _ := digest("Subject: cafX\r\n\r\n", 99)
	if a != b {
		t.Error("an 8-bit header that a server shows as X is another header")
	}
}
