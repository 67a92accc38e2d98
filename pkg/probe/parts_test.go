package probe

import (
	"bytes"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/rules"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

func TestSynth(t *testing.T) {
	s := newSynth(usualSizes(), "0123456789ab")
	rng := rand.New(rand.NewPCG(1, 2))
	sizes := []int64{0, 1, 300, 1 << 20, 1<<20 + 1, 3<<20 + 77}
	for n := int64(400); n < 400+2*lineOctets; n++ {
		sizes = append(sizes, n)
	}
	seen := map[string]bool{}
	for _, size := range sizes {
		octets, body := s.message(rng, size)
		all, err := io.ReadAll(body)
		if err != nil || int64(len(all)) != octets {
			t.Fatalf("size %d: %d octets said, %d come, %v", size, octets, len(all), err)
		}
		if size >= 400 && (octets > size || octets < size-2) {
			t.Errorf("size %d: %d octets", size, octets)
		}
		plain := bytes.ReplaceAll(all, []byte("\r\n"), nil)
		if bytes.ContainsAny(plain, "\r\n\x00") || !bytes.HasSuffix(all, []byte("\r\n")) || !bytes.Contains(all, []byte("\r\n\r\n")) {
			t.Errorf("size %d: lines are not ended by CRLF: %q", size, all[:min(len(all), 500)])
		}
		if seen[string(all)] {
			t.Errorf("size %d: the same message again", size)
		}
		seen[string(all)] = true
	}
}

// Any few sizes in a row are about as large as all.
func TestMixed(t *testing.T) {
	for _, n := range []int{1, 2, 3, 10, 1000, 4400} {
		var sizes []int64
		var sum int64
		for i := range n {
			sizes = append(sizes, int64(i+1))
			sum += int64(i + 1)
		}
		s := newSynth(sizes, "0123456789ab")
		var got int64
		seen := map[int64]bool{}
		for i := range n {
			size := s.size()
			seen[size] = true
			if got += size; i == n/10 && n >= 1000 {
				if mean, want := float64(got)/float64(i+1), float64(sum)/float64(n); mean < 0.95*want || mean > 1.05*want {
					t.Errorf("a tenth of %d sizes has a mean of %.0f, all have %.0f", n, mean, want)
				}
			}
		}
		if len(seen) != n {
			t.Errorf("%d of %d sizes came", len(seen), n)
		}
	}
}

func steps(rates ...float64) (out []throughput.Step) {
	for i, r := range rates {
		out = append(out, throughput.Step{Lanes: 1 << i, MiBPerSecond: r, MessagesPerSecond: 10 * r})
	}
	return out
}

func TestVerdict(t *testing.T) {
	tests := []struct {
		name              string
		source, dest, all []throughput.Step
		slower            string
		parallel          int
		want              string
	}{
		{"slow destination", steps(20, 40, 80, 80), steps(10, 18, 20, 20.5), steps(9, 17, 19, 18), "destination", 2,
			"the destination (new) is the slower side: 20.0 MiB/s, and it does not rise beyond 4 lanes, the source 80.0 MiB/s; use --parallel 4 and expect about 19.0 MiB/s, 190 messages/s"},
		{"slow source that rises", steps(1, 2, 4, 8), steps(20, 40, 40, 40), steps(1, 2, 4, 8), "source", 8,
			"the source (old) is the slower side: 8.00 MiB/s with 8 lanes, and it still rises there, the destination 40.0 MiB/s; use --parallel 8 and expect about 8.00 MiB/s, 80.0 messages/s (it still rose at 8 lanes: try --lanes 32)"},
		{"alike", steps(10, 10), steps(9, 9.5), steps(8, 9), "", 2,
			"both sides are about equally fast: the source 10.0 MiB/s, and it does not rise beyond 1 lane, the destination 9.00 MiB/s, and it does not rise beyond 1 lane; use --parallel 2 and expect about 9.00 MiB/s, 90.0 messages/s (it still rose at 2 lanes: try --lanes 8)"},
		{"source alone", steps(10), nil, nil, "", 1, "only the source (old) was measured: 10.0 MiB/s with 1 lane; use --parallel 1 and expect about 10.0 MiB/s, 100 messages/s"},
		{"destination alone", nil, steps(3, 9), nil, "", 2, "only the destination (new) was measured: 9.00 MiB/s with 2 lanes, and it still rises there; use --parallel 2 and expect about 9.00 MiB/s, 90.0 messages/s (it still rose at 2 lanes: try --lanes 8)"},
		{"no pipe", steps(10, 20), steps(5, 5), nil, "destination", 1, "the destination (new) is the slower side: 5.00 MiB/s, and it does not rise beyond 1 lane, the source 20.0 MiB/s; use --parallel 1 and expect about 5.00 MiB/s, 50.0 messages/s"},
		{"pipe alone", nil, nil, steps(5), "", 1, "only both sides together were measured: 5.00 MiB/s with 1 lane; use --parallel 1 and expect about 5.00 MiB/s, 50.0 messages/s"},
		{"nothing", nil, nil, nil, "", 0, "nothing could be measured"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := Report{Source: tt.source, Dest: tt.dest, Both: tt.all, Server1: Server{Host: "old"}, Server2: Server{Host: "new"}}
			if r.judge(); r.Verdict != tt.want || r.Slower != tt.slower || tt.name != "slow destination" && r.Parallel != tt.parallel {
				t.Errorf("%q, %d\n%s\n%s", r.Slower, r.Parallel, r.Verdict, tt.want)
			}
		})
	}
	r := Report{Source: steps(100), Dest: steps(50), Both: steps(20)}
	if r.judge(); !strings.Contains(strings.Join(r.Notes, ""), "slower than either side alone") {
		t.Errorf("notes %q", r.Notes)
	}
}

// More lanes are advised only where nothing but --lanes kept a probe from them.
func TestMoreLanes(t *testing.T) {
	limit := Ended{Phase: Both, Lanes: 8, Why: "no more than 4 connections"}
	elsewhere := Ended{Phase: Source, Lanes: 8, Why: "no more than 4 connections"}
	tests := []struct {
		name       string
		dest, both []throughput.Step
		ended      []Ended
		host       int // connections that the destination allows
		want       string
	}{
		{"no more were asked for", steps(1, 2), steps(1, 2, 4), nil, 0, " (it still rose at 4 lanes: try --lanes 16)"},
		{"the most there are", steps(1, 2), steps(1, 2, 4, 8, 16, 32, 64), nil, 0, " (it still rose at 64 lanes, the most that are tried)"},
		{"more than a quarter of that", steps(1, 2), steps(1, 2, 4, 8, 16, 32), nil, 0, " (it still rose at 32 lanes: try --lanes 64)"},
		{"a limit", steps(1, 2), steps(1, 2, 4), []Ended{limit}, 0, " (it still rose at 4 lanes; more could not be measured: no more than 4 connections)"},
		{"another measurement's limit", steps(1, 2), steps(1, 2, 4), []Ended{elsewhere}, 0, " (it still rose at 4 lanes: try --lanes 16)"},
		{"no more may be used", steps(1, 2), steps(1, 2, 4), nil, 2, " (it still rose at 4 lanes, and a server allows 2 connections)"},
		{"all that may be used", steps(1, 2), steps(1, 2, 4), nil, 4, " (it still rose at 4 lanes, and a server allows 4 connections)"},
		{"a few more may be used", steps(1, 2), steps(1, 2, 4), nil, 6, " (it still rose at 4 lanes: try --lanes 6)"},
		{"a limit that it told", steps(1, 2), steps(1, 2, 4), []Ended{limit}, 4, " (it still rose at 4 lanes; more could not be measured: no more than 4 connections)"},
		{"one side alone", steps(1, 2), nil, []Ended{limit}, 0, " (it still rose at 2 lanes: try --lanes 8)"},
		{"one side alone, and a limit", steps(1, 2), nil, []Ended{{Phase: Dest, Lanes: 4, Why: "no"}}, 0, " (it still rose at 2 lanes; more could not be measured: no)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := Report{Source: steps(100), Dest: tt.dest, Both: tt.both, Ended: tt.ended, Server2: Server{MaxPerHost: tt.host}}
			r.judge()
			if _, got, _ := strings.Cut(r.Verdict, " messages/s"); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestChoose(t *testing.T) {
	row := func(line int, h1, u1, h2, u2 string) account.Pair {
		return account.Pair{Line: line, Source: account.Endpoint{Host: h1, User: u1}, Dest: account.Endpoint{Host: h2, User: u2}}
	}
	dry := row(1, "old", "z", "new", "z")
	dry.Rules = &rules.Rules{Dry: true}
	rows := []account.Pair{dry, row(2, "old", "a", "new", "a"), row(3, "old", "A", "new", "x"), row(4, "old", "b", "new", "a"),
		row(5, "other", "c", "new", "c"), row(6, "old", "d", "new", "d"), row(7, "old", "e", "new", "e")}
	lines := func(all []account.Pair) (out []int) {
		for _, p := range all {
			out = append(out, p.Line)
		}
		return out
	}
	chosen, left, err := Choose(rows, 8, false, false)
	if err != nil || left != 4 || !slices.Equal(lines(chosen), []int{2, 6, 7}) {
		t.Errorf("%v, %d left, %v", lines(chosen), left, err)
	}
	if chosen, left, err = Choose(rows, 2, false, true); err != nil || left != 5 || !slices.Equal(lines(chosen), []int{1, 2}) {
		t.Errorf("%v, %d left, %v", lines(chosen), left, err)
	}
	if _, _, err = Choose(rows, 8, true, false); err == nil || err.Error() != "line 2 is from old to new, line 5 from other to new: one pair of servers at a time, please" {
		t.Error(err)
	}
	if _, _, err = Choose(rows[:1], 8, true, false); err == nil || !strings.Contains(err.Error(), "--read-only") {
		t.Error(err)
	}
}

func TestSpans(t *testing.T) {
	tests := []struct {
		messages, next uint32
		want           int
		ranges         int
		whole          bool
	}{
		{10, 11, 10, 1, true}, {10, 0, 3, 1, true}, {1 << 20, 0, 500, 0, false},
		{100_000, 100_001, 500, 8, false}, {100_000, 4_000_000_000, 500, 8, false}, {100, 101, 10, 1, false},
	}
	for _, tt := range tests {
		got := spans(imapconn.Status{Messages: tt.messages, UIDNext: tt.next}, tt.want)
		if len(got) != tt.ranges || tt.whole != (len(got) == 1 && got[0].First == 1 && got[0].Last == 1<<32-1) {
			t.Errorf("%+v: %v", tt, got)
			continue
		}
		var uids float64
		for i, r := range got {
			if r.Last < r.First || i > 0 && r.First <= got[i-1].Last {
				t.Errorf("%+v: %v", tt, got)
			}
			uids += float64(r.Last-r.First) + 1
		}
		if n := uids * float64(tt.messages) / float64(max(tt.next, 1)); !tt.whole && tt.ranges > 0 && (n < float64(tt.want)*0.9 || n > float64(tt.want)*1.5) {
			t.Errorf("%+v: about %.0f messages", tt, n)
		}
	}
}

// Each message is read once before any is read again, and a budget holds.
func TestSampleTakes(t *testing.T) {
	s := &sample{}
	s.add("a", []piece{{uids: []uint32{3, 1, 2}, octets: []int64{30, 10, 20}}}, 3, 100)
	s.add("b", []piece{{uids: []uint32{9, 8}, octets: []int64{500, 5}}}, 2, 100)
	if s.leftOut != 1 {
		t.Errorf("%d left out", s.leftOut)
	}
	b := newBudget(1000, 5)
	var got []uint32
	for {
		r, ok := s.take(35, b)
		if !ok {
			break
		}
		got = append(got, r.uids...)
	}
	if !slices.Equal(got, []uint32{1, 2, 3, 8, 1}) || !s.repeated() || b.octets != 1000-75 {
		t.Errorf("%v, repeated %v, %d octets left", got, s.repeated(), b.octets)
	}
	s.spoil("a")
	s.spoil("b")
	if _, ok := s.take(35); ok {
		t.Error("a mailbox that was given up is read")
	}
}
