package ledger

import (
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
)

// BenchmarkAddRuns is one batch's run, not adjoining the last, into one of
// 100 mailboxes.
func BenchmarkAddRuns(b *testing.B) {
	l, row, _ := one(b, b.TempDir())
	var ids [100]MailboxID
	for i := range ids {
		ids[i] = mailbox(b, l, row, strconv.Itoa(i), "d")
	}
	b.ResetTimer()
	for i := range b.N { // b.Loop would not count the Flush
		n := uint32(i + 1)
		must(b, l.AddRuns(b.Context(), ids[n%100], []Run{{3 * n, 2 * n, 2}}, nil))
	}
	must(b, l.Flush(b.Context()))
}

// BenchmarkSetFloors is a durable floor of each of 8 lanes; commits/op says
// how well they share.
func BenchmarkSetFloors(b *testing.B) {
	l, row, _ := one(b, b.TempDir())
	var ids [8]MailboxID
	for i := range ids {
		ids[i] = mailbox(b, l, row, strconv.Itoa(i), "d")
	}
	before := l.session.commits.Load()
	var lane, floor atomic.Uint32
	b.SetParallelism((len(ids) + 1) / 2) // per CPU
	b.RunParallel(func(pb *testing.PB) {
		id := ids[lane.Add(1)%8]
		for pb.Next() {
			if err := l.SetFloors(b.Context(), []Floor{{ID: id, Floor: floor.Add(1), Open: true}}); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(l.session.commits.Load()-before)/float64(b.N), "commits/op")
}

// BenchmarkBind is a list of 100,000 rows: new, known, and read.
func BenchmarkBind(b *testing.B) {
	list := entries(0, 100_000)
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			l, err := Open(b.Context(), b.TempDir())
			must(b, err)
			bind(b, l, list)
			must(b, l.Close())
		}
	})
	b.Run("known", func(b *testing.B) {
		l := openTest(b, b.TempDir())
		bind(b, l, list)
		for b.Loop() {
			bind(b, l, list)
		}
	})
	b.Run("rows", func(b *testing.B) {
		l := openTest(b, b.TempDir())
		ids := bind(b, l, list)
		for b.Loop() {
			_, err := l.Rows(b.Context(), ids)
			must(b, err)
		}
	})
}

// BenchmarkUnchangedRow is what a pass over an account of 40 mailboxes that
// did not change asks of the ledger, with its row's states and its attempt.
func BenchmarkUnchangedRow(b *testing.B) {
	const rows = 1000
	l := openTest(b, b.TempDir())
	ids := bind(b, l, entries(0, rows))
	for _, row := range ids {
		boxes := make([]*Mailbox, 40)
		for i := range boxes {
			boxes[i] = &Mailbox{Row: row, Source: strconv.Itoa(i), Dest: strconv.Itoa(i), SourceValidity: 1, DestValidity: 1}
		}
		must(b, l.AddMailboxes(b.Context(), boxes))
		for _, m := range boxes {
			must(b, l.AddRuns(b.Context(), m.ID, []Run{{1, 1, 500}}, nil))
			must(b, l.FinishMailbox(b.Context(), m.ID, Finished{UIDNext: 501, Messages: 500, ModSeq: 7}))
		}
	}
	must(b, l.Flush(b.Context()))
	before := l.session.commits.Load()
	var next atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			n := next.Add(1)
			id := ids[n%rows]
			boxes, err := l.Mailboxes(b.Context(), id)
			if err != nil || len(boxes) != 40 || boxes[0].SourceModSeq != 7 {
				b.Error(boxes, err)
			}
			err = errors.Join(
				l.SaveRow(b.Context(), Row{ID: id, State: "running"}),
				l.AddAttempt(b.Context(), Attempt{Row: id, Run: "run", N: int(n), State: "done"}),
				l.SaveRow(b.Context(), Row{ID: id, State: "done"}))
			if err != nil {
				b.Error(err)
			}
		}
	})
	must(b, l.Flush(b.Context()))
	b.ReportMetric(float64(l.session.commits.Load()-before)/float64(b.N), "commits/op")
}
