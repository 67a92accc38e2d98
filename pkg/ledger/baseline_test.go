package ledger

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// flagsOf makes a Baseline of flags joined by blanks.
func flagsOf(all map[uint32]string) *Baseline {
	b := &Baseline{}
	for uid, flags := range all { // in no order
		b.Set(uid, strings.Fields(flags))
	}
	return b
}

// words is what a Baseline knows.
func words(b *Baseline) map[uint32]string {
	all := make(map[uint32]string)
	b.settle()
	b.each(func(uid uint32, code uint16) {
		if flags, known := b.Flags(uid); known {
			all[uid] = strings.Join(flags, " ")
		}
	})
	return all
}

func wordsOf(t testing.TB, l *Ledger, id MailboxID) map[uint32]string {
	t.Helper()
	b, err := l.Baseline(t.Context(), id)
	must(t, err)
	return words(b)
}

func TestBaselineFlags(t *testing.T) {
	for _, tt := range []struct {
		set, is []string
		want    string
		same    bool
	}{
		{[]string{`\seen`, `\FLAGGED`}, []string{`\Flagged`, `\Seen`}, `\Flagged \Seen`, true},
		{[]string{`\Recent`, `\RECENT`}, nil, "", true},
		{[]string{"$Forwarded", "$forwarded"}, []string{"$Forwarded"}, "$Forwarded $forwarded", false},
		{[]string{"b", "a", "b"}, []string{"a", "b", "a", `\Recent`}, "a b", true},
		{[]string{"a b", "c\r\nd", "", "e"}, []string{"e"}, "e", true},
		{[]string{`\`, `\*`}, []string{`\*`}, `\ \*`, false},
		{nil, []string{`\Seen`}, "", false},
	} {
		var b Baseline
		b.Set(5, tt.set)
		flags, known := b.Flags(5)
		if got := strings.Join(flags, " "); got != tt.want || !known {
			t.Errorf("%q: got %q, %v, want %q", tt.set, got, known, tt.want)
		}
		if same, known := b.Is(5, tt.is); same != tt.same || !known {
			t.Errorf("%q is %q: %v, %v", tt.set, tt.is, same, known)
		}
		if same, known := b.Is(6, tt.set); same || known {
			t.Errorf("a message that nobody knows is %q: %v, %v", tt.set, same, known)
		}
	}
}

func TestBaselineOrder(t *testing.T) {
	var b Baseline
	want := make(map[uint32]string)
	set := func(uid uint32, flag string) { b.Set(uid, []string{flag}); want[uid] = flag }
	for _, uid := range []uint32{10, 11, 13, math.MaxUint32, 12, 1, 9, 14, 1, 5, math.MaxUint32 - 1} {
		set(uid, fmt.Sprint("k", uid))
	}
	set(5, "again")
	set(13, "again")
	b.Set(0, []string{"none"})
	equal(t, "flags", words(&b), want)
	if b.Len() != len(want) {
		t.Errorf("%d messages, want %d", b.Len(), len(want))
	}
	var o Baseline
	for uid, flag := range map[uint32]string{9: "new", 15: "more", 2: "k1"} {
		o.Set(uid, []string{flag})
		want[uid] = flag
	}
	b.Merge(&o)
	equal(t, "merged", words(&b), want)
}

// TestBaselineAgainstMap holds a Baseline, also stored and read again, against
// a plain map.
func TestBaselineAgainstMap(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 50 {
		b, want := &Baseline{}, make(map[uint32]string)
		most, sets := 1+rnd.Uint32N(400), 1+rnd.IntN(300)
		for range rnd.IntN(600) {
			uid, flag := 1+rnd.Uint32N(most), fmt.Sprint("k", rnd.IntN(sets))
			b.Set(uid, []string{flag})
			want[uid] = flag
			switch rnd.IntN(50) {
			case 0:
				b.settle()
			case 1:
				data, err := b.encode()
				must(t, err)
				b, err = decodeBaseline(data)
				must(t, err)
			}
		}
		equal(t, "flags", words(b), want)
	}
}

// More sets than can be told apart: the rest is unknown, and stays so.
func TestBaselineTooManySets(t *testing.T) {
	var b Baseline
	for i := range uint32(maxSets + 5) {
		b.Set(i+1, []string{fmt.Sprint("k", i)})
	}
	b.Set(7, []string{"one more"})
	data, err := b.encode()
	must(t, err)
	got, err := decodeBaseline(data)
	must(t, err)
	for _, b := range []*Baseline{&b, got} {
		if n := b.Len(); n != maxSets-1 {
			t.Errorf("%d messages are known, want %d", n, maxSets-1)
		}
		for uid, known := range map[uint32]bool{1: true, 7: false, maxSets: true, maxSets + 1: false} {
			if flags, ok := b.Flags(uid); ok != known || ok && flags[0] != fmt.Sprint("k", uid-1) {
				t.Errorf("%d: %v, %v", uid, flags, ok)
			}
		}
	}
	var older Baseline
	older.Set(7, []string{"older"})
	older.Merge(got)
	if _, known := older.Flags(7); known {
		t.Error("what is not known any more is believed")
	}
}

func FuzzBaseline(f *testing.F) {
	for _, n := range []int{0, 1, 50, 1000} {
		b := &Baseline{}
		for i := range n {
			b.Set(uint32(1+i+i/9), []string{fmt.Sprint("k", i%(1+n/3))})
		}
		data, err := b.encode()
		must(f, err)
		f.Add(data)
	}
	f.Add([]byte{0, 1, 1, 'a', 1, 1, 2, 1, 1, 1})
	f.Add([]byte{0, 0, 2, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 0, 1, 1, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := decodeBaseline(data)
		if err != nil {
			return
		}
		all := words(b)
		again, err := b.encode()
		must(t, err)
		c, err := decodeBaseline(again)
		must(t, err)
		equal(t, "written and read again", words(c), all)
	})
}
