package main

import (
	"bytes"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

func TestSets(t *testing.T) {
	tests := []struct {
		set                           string
		accounts, mailboxes, messages int // mailboxes and messages of the first account
	}{
		{realistic, 8, 8, 2000},
		{small, 8, 8, 2000},
		{large, 1, 8, 16_000},
		{huge, 1, 1, 20_000},
		{quiet, 1, 40, 20_000},
	}
	for _, tt := range tests {
		accounts := contentsOf(tt.set, 1)
		n := 0
		for _, b := range accounts[0] {
			n += b.Len()
		}
		if len(accounts) != tt.accounts || len(accounts[0]) != tt.mailboxes || n != tt.messages {
			t.Errorf("%s: %d accounts, the first with %d messages in %d mailboxes", tt.set, len(accounts), n, len(accounts[0]))
		}
	}
	for _, set := range []string{skewed, even} {
		accounts := contentsOf(set, 0.02)
		n := 0
		for _, boxes := range accounts {
			for _, b := range boxes {
				n += b.Len()
			}
		}
		if len(accounts) != 8 || n != 160 {
			t.Errorf("%s: %d messages in %d accounts", set, n, len(accounts))
		}
	}
}

// The mix is what DESIGN and README say of it, in every account.
func TestMixSizes(t *testing.T) {
	var sum, above int
	const n = 4000
	var generators []*imaptest.Generator
	for i := range mostAccounts {
		generators = append(generators, mix(uint64(i)))
	}
	for i := range n {
		size := len(generators[i%mostAccounts].Message(i / mostAccounts).Body)
		sum += size
		if size > 12<<10 {
			above++
		}
	}
	if mean := sum / n; mean < 60<<10 || mean > 90<<10 {
		t.Errorf("mean %d octets", mean)
	}
	if above < n*47/100 || above > n*53/100 {
		t.Errorf("%d of %d messages are above 12 KB", above, n)
	}
}

func TestCuts(t *testing.T) {
	sizes := []int{10, 10, 10, 10, 10, 10, 10, 10, 400, 10, 10, 10, 10, 10, 10, 10}
	message := func(i int) imaptest.Message { return imaptest.Message{Body: make([]byte, sizes[i])} }
	for name, skew := range map[string]bool{"skewed": true, "even": false} {
		ends := cuts(message, len(sizes), skew)
		at := 0
		for _, end := range ends {
			if end < at {
				t.Fatalf("%s: %v", name, ends)
			}
			at = end
		}
		if len(ends) != mostAccounts || at != len(sizes) {
			t.Errorf("%s: %v", name, ends)
		}
	}
	equal := func(int) imaptest.Message { return imaptest.Message{Body: make([]byte, 100)} }
	if ends := cuts(equal, 1000, true); ends[0] != 800 || ends[1] != 828 || ends[7] != 1000 {
		t.Errorf("80 %%: %v", ends)
	}
	if ends := cuts(equal, 1000, false); ends[0] != 125 || ends[6] != 875 {
		t.Errorf("even: %v", ends)
	}
}

// No message is in two mailboxes, and none is left out.
func TestSpread(t *testing.T) {
	seen := make(map[int]bool)
	boxes := spread(func(i int) imaptest.Message { return imaptest.Message{Body: make([]byte, i)} }, 50, 333)
	for _, b := range boxes {
		for i := range b.Len() {
			seen[len(b.At(i).Body)] = true
		}
	}
	for i := 50; i < 50+333; i++ {
		if !seen[i] {
			t.Fatalf("message %d is nowhere", i)
		}
	}
	if len(seen) != 333 {
		t.Errorf("%d messages, want 333", len(seen))
	}
}

func TestCut(t *testing.T) {
	text := plainText(500)
	for n := int64(0); n <= 500; n++ {
		got := cut(text, n)
		if int64(len(got)) != n || bytes.HasSuffix(got, []byte("\r")) {
			t.Fatalf("%d octets wanted: %q", n, got)
		}
	}
}
