package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestFlags(t *testing.T) {
	type add struct {
		runs  []Run
		flags map[uint32]string
	}
	adds := []add{
		{[]Run{{1, 11, 3}}, map[uint32]string{1: `\Seen`, 2: ""}},
		{[]Run{{4, 14, 2}}, nil},
		{nil, map[uint32]string{2: "a", 9: "not mapped"}},
		{[]Run{{6, 16, 1}}, map[uint32]string{6: `\Seen a`, 1: "b"}},
	}
	want := map[uint32]string{1: "b", 2: "a", 6: `\Seen a`, 9: "mapped not"}
	for name, between := range map[string]func(*Ledger, MailboxID) error{
		"one commit":    func(*Ledger, MailboxID) error { return nil },
		"many commits":  func(l *Ledger, _ MailboxID) error { return l.Flush(t.Context()) },
		"folded always": func(l *Ledger, id MailboxID) error { return l.FinishMailbox(t.Context(), id, Finished{}) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			l, row, id := one(t, dir)
			other := mailbox(t, l, row, "other", "other")
			for _, a := range adds {
				mine := flagsOf(a.flags)
				if a.runs == nil {
					must(t, l.SetFlags(t.Context(), id, mine))
				} else {
					must(t, l.AddRuns(t.Context(), id, a.runs, mine))
				}
				mine.Set(3, []string{"the caller's own"})
				must(t, between(l, id))
				must(t, l.SetFlags(t.Context(), other, flagsOf(map[uint32]string{1: "other"})))
			}
			equal(t, "flags", wordsOf(t, l, id), want)
			equal(t, "runs", runsOf(t, l, id), []Run{{1, 11, 6}})
			must(t, l.FinishMailbox(t.Context(), id, Finished{}))
			equal(t, "flags at the end", wordsOf(t, l, id), want)
			equal(t, "rows at the end", storedFlags(t, l, id), 1)
			must(t, l.Close())
			l = openTest(t, dir)
			equal(t, "flags read again", wordsOf(t, l, id), want)
			equal(t, "flags of the other mailbox", wordsOf(t, l, other), map[uint32]string{1: "other"})
		})
	}
}

// Runs without flags, nil or empty, and flags of nothing leave no trace.
func TestNoFlags(t *testing.T) {
	l, _, id := one(t, t.TempDir())
	must(t, l.AddRuns(t.Context(), id, []Run{{1, 1, 1}}, nil))
	must(t, l.AddRuns(t.Context(), id, []Run{{2, 2, 1}}, &Baseline{}))
	must(t, l.AddRuns(t.Context(), id, nil, nil))
	must(t, l.SetFlags(t.Context(), id, &Baseline{}))
	must(t, l.SetFlags(t.Context(), id, nil))
	must(t, l.FinishMailbox(t.Context(), id, Finished{}))
	equal(t, "flags", wordsOf(t, l, id), map[uint32]string{})
	equal(t, "rows", storedFlags(t, l, id), 0)
}

// What is stored and makes no sense is an error, not a wrong answer.
func TestBrokenFlags(t *testing.T) {
	l, _, id := one(t, t.TempDir())
	for _, data := range [][]byte{{}, {7}, {deflatedBaseline, 1, 2, 3}, {plainBaseline, 0, 1, 0, 1, 1, 0}} {
		must(t, l.call(t.Context(), func(ctx context.Context, s *session) error {
			_, err := s.exec(ctx, "INSERT OR REPLACE INTO baseline VALUES (1, ?, ?)", id, data)
			return err
		}))
		if _, err := l.Baseline(t.Context(), id); !errors.Is(err, errBaseline) {
			t.Errorf("%v: %v", data, err)
		}
	}
}

// storedFlags counts the rows that hold a mailbox's flags.
func storedFlags(t testing.TB, l *Ledger, id MailboxID) (n int) {
	t.Helper()
	must(t, l.query(t.Context(), ofAll, func(rows *sql.Rows) error { return rows.Scan(&n) }, "SELECT count(*) FROM baseline WHERE mailbox = ?", id))
	return n
}

// mixes are ways in which flags are spread over the n messages of a mailbox.
var mixes = []struct {
	name   string
	octets float64 // a message, at most
	flags  func(r *rand.Rand) []string
}{
	{"realistic", 0.5, func(r *rand.Rand) []string {
		var f []string
		for _, o := range []struct {
			percent int
			flag    string
		}{{92, `\Seen`}, {15, `\Answered`}, {3, `\Flagged`}, {6, "$Forwarded"}, {20, fmt.Sprint("$Label", 1+r.IntN(5))}} {
			if r.IntN(100) < o.percent {
				f = append(f, o.flag)
			}
		}
		return f
	}},
	{"random system flags", 0.75, func(r *rand.Rand) []string {
		return slices.DeleteFunc([]string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`}, func(string) bool { return r.IntN(2) == 0 })
	}},
	{"200 sets, evenly", 1, func(r *rand.Rand) []string { return []string{fmt.Sprint("k", r.IntN(200))} }},
	{"all read", 0.01, func(*rand.Rand) []string { return []string{`\Seen`} }},
}

// used is how many octets of the file hold something.
func used(t testing.TB, l *Ledger) (octets int64) {
	t.Helper()
	must(t, l.query(t.Context(), ofAll, func(rows *sql.Rows) error { return rows.Scan(&octets) },
		`SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size`))
	return octets
}

// A message's flags take at most an octet once a pass is over, and UIDs with
// gaps change little about that.
func TestFlagsAreSmall(t *testing.T) {
	const n, batch = 100_000, 500
	for _, mix := range mixes {
		t.Run(mix.name, func(t *testing.T) {
			l, _, id := one(t, t.TempDir())
			r := rand.New(rand.NewPCG(1, 2))
			before := used(t, l)
			uid := uint32(0)
			for i := range uint32(n / batch) {
				b, first := &Baseline{}, uid+1
				for range batch {
					uid++
					b.Set(uid, mix.flags(r))
				}
				must(t, l.AddRuns(t.Context(), id, []Run{{first, 1 + i*batch, batch}}, b))
				if r.IntN(3) == 0 {
					must(t, l.Flush(t.Context()))
				}
				uid += uint32(r.IntN(3))
			}
			must(t, l.FinishMailbox(t.Context(), id, Finished{}))
			each := float64(used(t, l)-before) / n
			t.Logf("%.3f octets a message", each)
			if each > mix.octets {
				t.Errorf("%.3f octets a message, want at most %.2f", each, mix.octets)
			}
		})
	}
}

// A mailbox whose UIDs arrived in order costs its map at most 1 KB, whatever
// its size.
func TestMapIsSmall(t *testing.T) {
	const boxes, messages, batch = 100, 20_000, 100
	l, row, _ := one(t, t.TempDir())
	before := used(t, l)
	for i := range boxes {
		id := mailbox(t, l, row, fmt.Sprint("Archive/2020/Project ", i), fmt.Sprint("Archive/2020/Project ", i))
		for uid := uint32(1); uid < messages; uid += batch {
			must(t, l.AddRuns(t.Context(), id, []Run{{uid, 1000 + uid, batch}}, nil))
		}
		must(t, l.FinishMailbox(t.Context(), id, Finished{UIDNext: messages + 1, Messages: messages, ModSeq: 1 << 40}))
	}
	each := (used(t, l) - before) / boxes
	t.Logf("%d octets a mailbox", each)
	if each > 1024 {
		t.Errorf("%d octets a mailbox, want at most 1024", each)
	}
}

// BenchmarkBaseline reads the flags of 500,000 messages, of each mix.
func BenchmarkBaseline(b *testing.B) {
	const n = 500_000
	for _, mix := range mixes {
		b.Run(mix.name, func(b *testing.B) {
			l, _, id := one(b, b.TempDir())
			r := rand.New(rand.NewPCG(1, 2))
			flags := &Baseline{}
			for uid := range uint32(n) {
				flags.Set(uid+1, mix.flags(r))
			}
			must(b, l.SetFlags(b.Context(), id, flags))
			must(b, l.Flush(b.Context()))
			b.ReportAllocs()
			for b.Loop() {
				got, err := l.Baseline(b.Context(), id)
				must(b, err)
				if _, known := got.Flags(n); !known {
					b.Fatal("flags are missing")
				}
			}
		})
	}
}

// BenchmarkFinish is the end of a pass that copied 50 messages into a mailbox
// of 500,000.
func BenchmarkFinish(b *testing.B) {
	const n = 500_000
	l, _, id := one(b, b.TempDir())
	r := rand.New(rand.NewPCG(1, 2))
	flags := &Baseline{}
	for uid := range uint32(n) {
		flags.Set(uid+1, mixes[0].flags(r))
	}
	must(b, l.AddRuns(b.Context(), id, []Run{{1, 1, n}}, flags))
	must(b, l.Flush(b.Context()))
	next := uint32(n + 1)
	for b.Loop() {
		few := &Baseline{}
		for i := range uint32(50) {
			few.Set(next+i, mixes[0].flags(r))
		}
		must(b, l.AddRuns(b.Context(), id, []Run{{next, next, 50}}, few))
		must(b, l.FinishMailbox(b.Context(), id, Finished{UIDNext: next + 50}))
		must(b, l.Flush(b.Context()))
		next += 50
	}
}
