package ledger

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestAddRuns(t *testing.T) {
	tests := []struct {
		name string
		add  [][]Run
		want []Run // before the mailbox is finished
		fold []Run // after; nil: the same
	}{
		{"one", [][]Run{{{5001, 41, 200}}}, []Run{{5001, 41, 200}}, nil},
		{"adjoining ones join", [][]Run{{{1, 11, 2}, {3, 13, 1}}, {{4, 14, 6}}}, []Run{{1, 11, 9}}, nil},
		{"adjoining on one side only", [][]Run{{{1, 11, 2}, {3, 20, 1}, {5, 21, 1}}}, []Run{{1, 11, 2}, {3, 20, 1}, {5, 21, 1}}, nil},
		{"out of order: folded at the end", [][]Run{{{4, 14, 3}}, {{1, 11, 3}}, {{7, 17, 1}}}, []Run{{1, 11, 3}, {4, 14, 4}}, []Run{{1, 11, 7}}},
		{"three into one, one apart", [][]Run{{{5, 5, 2}}, {{3, 3, 2}}, {{1, 1, 2}}, {{7, 70, 1}}}, []Run{{1, 1, 2}, {3, 3, 2}, {5, 5, 2}, {7, 70, 1}}, []Run{{1, 1, 6}, {7, 70, 1}}},
		{"the same again", [][]Run{{{1, 11, 9}}, {{1, 11, 9}}}, []Run{{1, 11, 9}}, nil},
		{"one UID anew", [][]Run{{{1, 11, 9}}, {{5, 90, 1}}}, []Run{{1, 11, 4}, {5, 90, 1}, {6, 16, 4}}, nil},
		{"over several", [][]Run{{{1, 11, 3}, {5, 21, 3}, {9, 31, 3}}, {{3, 100, 7}}}, []Run{{1, 11, 2}, {3, 100, 7}, {10, 32, 2}}, nil},
		{"over the head", [][]Run{{{5, 21, 3}}, {{4, 100, 2}}}, []Run{{4, 100, 2}, {6, 22, 2}}, nil},
		{"the last UIDs", [][]Run{{{math.MaxUint32 - 1, math.MaxUint32 - 1, 1}, {math.MaxUint32, math.MaxUint32, 1}}, {{1, 1, 1}}},
			[]Run{{1, 1, 1}, {math.MaxUint32 - 1, math.MaxUint32 - 1, 2}}, nil},
		{"UIDs that nobody knows join nothing", [][]Run{{{1, 0, 1}, {2, 1, 1}}, {{3, 0, 1}, {4, 0, 1}}}, []Run{{1, 0, 1}, {2, 1, 1}, {3, 0, 1}, {4, 0, 1}}, nil},
		{"nothing", [][]Run{{}}, nil, nil},
	}
	for _, queued := range []bool{true, false} {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				l, _, id := one(t, t.TempDir())
				for _, runs := range tt.add {
					must(t, l.AddRuns(t.Context(), id, runs, nil))
					if !queued {
						must(t, l.Flush(t.Context()))
					}
				}
				equal(t, "runs", runsOf(t, l, id), tt.want)
				must(t, l.FinishMailbox(t.Context(), id, Finished{}))
				if tt.fold == nil {
					tt.fold = tt.want
				}
				equal(t, "folded", runsOf(t, l, id), tt.fold)
			})
		}
	}
}

func TestAddRunsRefusesWhatIsNoUID(t *testing.T) {
	l, _, id := one(t, t.TempDir())
	for _, r := range []Run{{0, 1, 1}, {1, 0, 2}, {1, 1, 0}, {math.MaxUint32, 1, 2}, {1, math.MaxUint32, 2}, {2, 2, math.MaxUint32}} {
		if err := l.AddRuns(t.Context(), id, []Run{{7, 7, 1}, r}, nil); err == nil {
			t.Errorf("%v: no error", r)
		}
	}
	equal(t, "runs", runsOf(t, l, id), []Run(nil))
}

// TestRunsAgainstMap holds the runs against a plain map from UID to UID.
func TestRunsAgainstMap(t *testing.T) {
	l, _, id := one(t, t.TempDir())
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	want := make(map[uint32]uint32)
	for range 600 {
		r := Run{1 + rnd.Uint32N(300), 1 + rnd.Uint32N(300), 1 + rnd.Uint32N(20)}
		if rnd.IntN(2) == 0 {
			r.Dest = r.Source // so that many adjoin
		}
		for i := range r.Count {
			want[r.Source+i] = r.Dest + i
		}
		must(t, l.AddRuns(t.Context(), id, []Run{r}, nil))
		switch rnd.IntN(6) {
		case 0:
			must(t, l.Flush(t.Context()))
		case 1:
			must(t, l.FinishMailbox(t.Context(), id, Finished{}))
		}
	}
	must(t, l.FinishMailbox(t.Context(), id, Finished{}))
	got := make(map[uint32]uint32)
	var last Run
	for i, r := range runsOf(t, l, id) {
		if i > 0 && (r.Source <= last.lastSource() || last.joins(r)) {
			t.Errorf("%v after %v: they overlap or should be one", r, last)
		}
		for i := range r.Count {
			got[r.Source+i] = r.Dest + i
		}
		last = r
	}
	if !maps.Equal(got, want) {
		t.Errorf("%d UIDs mapped, want %d, or other ones", len(got), len(want))
	}
}

func TestDestRuns(t *testing.T) {
	l := openTest(t, t.TempDir())
	list := entries(0, 3)
	list[1].Dest = list[0].Dest // two rows merge, the third is apart
	ids := bind(t, l, list)
	add := func(m Mailbox, r Run) {
		must(t, l.AddMailbox(t.Context(), &m))
		must(t, l.AddRuns(t.Context(), m.ID, []Run{r}, nil))
	}
	add(Mailbox{Row: ids[0], Source: "INBOX", Dest: "INBOX", DestValidity: 5}, Run{1, 50, 2})
	add(Mailbox{Row: ids[0], Source: "more", Dest: "INBOX", DestValidity: 5}, Run{1, 20, 3})
	add(Mailbox{Row: ids[1], Source: "INBOX", Dest: "INBOX", DestValidity: 5}, Run{1, 30, 4})
	add(Mailbox{Row: ids[1], Source: "old", Dest: "INBOX", DestValidity: 4}, Run{1, 60, 1})
	add(Mailbox{Row: ids[1], Source: "inbox", Dest: "inbox", DestValidity: 5}, Run{1, 70, 1})
	add(Mailbox{Row: ids[2], Source: "INBOX", Dest: "INBOX", DestValidity: 5}, Run{1, 80, 1})
	for _, id := range ids[:2] {
		got, err := l.DestRuns(t.Context(), id, "INBOX", 5)
		must(t, err)
		equal(t, "runs into INBOX", got, []Run{{1, 20, 3}, {1, 30, 4}, {1, 50, 2}})
	}
	got, err := l.DestRuns(t.Context(), ids[2], "INBOX", 5)
	must(t, err)
	if !slices.Equal(got, []Run{{1, 80, 1}}) {
		t.Errorf("runs of the third row: %v", got)
	}
	for _, tt := range []struct {
		id   RowID
		want []Run
	}{
		{ids[0], []Run{{1, 30, 4}}},
		{ids[1], []Run{{1, 20, 3}, {1, 50, 2}}},
		{0, []Run{{1, 20, 3}, {1, 30, 4}, {1, 50, 2}}},
	} {
		got, err := l.OtherRuns(t.Context(), tt.id, list[0].Dest, "INBOX", 5)
		must(t, err)
		equal(t, "runs of others into INBOX", got, tt.want)
	}
}

// What is dropped is cut out of every run, queued or written, and what comes
// after joins nothing that came before.
func TestDropRuns(t *testing.T) {
	all := []Run{{1, 11, 9}, {20, 50, 5}, {30, 0, 1}}
	for _, tt := range []struct {
		name string
		drop []uint32
		want []Run
	}{
		{"nothing", nil, all},
		{"the middle", []uint32{5}, []Run{{1, 11, 4}, {6, 16, 4}, {20, 50, 5}, {30, 0, 1}}},
		{"both ends, in any order and twice", []uint32{9, 1, 9, 1}, []Run{{2, 12, 7}, {20, 50, 5}, {30, 0, 1}}},
		{"over several, and what is not mapped", []uint32{8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 99}, []Run{{1, 11, 7}, {22, 52, 3}, {30, 0, 1}}},
		{"a whole one, one that nobody knows", []uint32{20, 21, 22, 23, 24, 30}, []Run{{1, 11, 9}}},
		{"every other one", []uint32{2, 4, 6, 8}, []Run{{1, 11, 1}, {3, 13, 1}, {5, 15, 1}, {7, 17, 1}, {9, 19, 1}, {20, 50, 5}, {30, 0, 1}}},
		{"the last UID there is", []uint32{math.MaxUint32}, all},
	} {
		for _, queued := range []bool{true, false} {
			t.Run(tt.name, func(t *testing.T) {
				l, _, id := one(t, t.TempDir())
				must(t, l.AddRuns(t.Context(), id, all, nil))
				if !queued {
					must(t, l.Flush(t.Context()))
				}
				must(t, l.DropRuns(t.Context(), id, tt.drop))
				equal(t, "runs", runsOf(t, l, id), tt.want)
				must(t, l.AddRuns(t.Context(), id, []Run{{25, 55, 1}}, nil))
				must(t, l.DropRuns(t.Context(), id, []uint32{24}))
				must(t, l.AddRuns(t.Context(), id, []Run{{26, 56, 1}}, nil))
				must(t, l.FinishMailbox(t.Context(), id, Finished{}))
				got := runsOf(t, l, id)
				if !slices.Contains(got, Run{25, 55, 2}) {
					t.Errorf("afterwards: %v", got)
				}
			})
		}
	}
}
