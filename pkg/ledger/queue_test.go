package ledger

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// hold stops the writer in the middle of a batch; release lets it go on.
func hold(t *testing.T, l *Ledger) (release func()) {
	t.Helper()
	in, out := make(chan struct{}), make(chan struct{})
	go func() {
		_ = l.call(t.Context(), func(context.Context, *session) error {
			close(in)
			<-out
			return nil
		})
	}()
	<-in
	return sync.OnceFunc(func() { close(out) })
}

// queued waits until n writes are queued.
func queued(l *Ledger, n int) {
	for {
		l.queue.mu.Lock()
		have := len(l.queue.ops)
		l.queue.mu.Unlock()
		if have >= n {
			return
		}
		runtime.Gosched()
	}
}

func TestConcurrentFloorsShareACommit(t *testing.T) {
	l, row, id := one(t, t.TempDir())
	release := hold(t, l)
	before := l.session.commits.Load()
	const callers = 8
	var done sync.WaitGroup
	errs := make([]error, callers)
	for i := range callers {
		done.Go(func() {
			errs[i] = l.SetFloors(t.Context(), []Floor{{ID: id, Floor: uint32(i + 1)}})
		})
	}
	queued(l, callers)
	must(t, l.SaveRow(t.Context(), Row{ID: row, State: "done"}))
	release()
	done.Wait()
	must(t, errors.Join(errs...))
	// One for the batch that was held, one for all the others.
	if n := l.session.commits.Load() - before; n != 2 {
		t.Errorf("%d commits, want 2", n)
	}
}

func TestLazyWritesShareACommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, row, id := one(t, t.TempDir())
		must(t, l.Flush(t.Context()))
		before := l.session.commits.Load()
		begun := time.Now()
		for i := range uint32(400) {
			must(t, l.AddRuns(t.Context(), id, []Run{{2*i + 1, 2*i + 1, 1}}, nil))
			must(t, l.PutReject(t.Context(), Reject{Mailbox: id, UID: 2*i + 2}))
			must(t, l.SaveRow(t.Context(), Row{ID: row, Copied: int64(i)}))
		}
		l.queue.mu.Lock()
		ops := len(l.queue.ops)
		l.queue.mu.Unlock()
		if ops != 402 { // all the runs are one, the row another
			t.Errorf("%d queued, want 402", ops)
		}
		for l.session.commits.Load() == before {
			time.Sleep(time.Millisecond) // the bubble's clock
		}
		if d := time.Since(begun); d < lazyDelay || d > lazyDelay+2*time.Millisecond {
			t.Errorf("committed after %v, want %v", d, lazyDelay)
		}
		if n := l.session.commits.Load() - before; n != 1 {
			t.Errorf("%d commits, want 1", n)
		}
		if !l.session.unsynced {
			t.Error("lazy writes were synchronised to disk")
		}
		begun = time.Now()
		for i := range uint32(lazyWrites) { // so many are not kept waiting
			must(t, l.PutReject(t.Context(), Reject{Mailbox: id, UID: i}))
		}
		for l.session.commits.Load() == before+1 {
			synctest.Wait()
		}
		if d := time.Since(begun); d >= lazyDelay {
			t.Errorf("%d writes were committed after %v only", lazyWrites, d)
		}
		must(t, l.Close())
	})
}

func TestSynchronousLevels(t *testing.T) {
	l, _, id := one(t, t.TempDir())
	for _, tt := range []struct {
		level level
		want  int // SQLite's number: 1 NORMAL, 2 FULL
	}{{durable, 2}, {visible, 1}, {durable, 2}} {
		must(t, l.AddRuns(t.Context(), id, []Run{{1, 1, 1}}, nil))
		got := 0
		must(t, l.queue.call(t.Context(), &op{level: tt.level, do: func(ctx context.Context, s *session) error {
			return s.conn.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&got)
		}}))
		if got != tt.want {
			t.Errorf("level %d is committed with synchronous = %d, want %d", tt.level, got, tt.want)
		}
	}
}

// TestFlushSynchronises: what was committed without a sync is synchronised by
// the next durable call, even one that changes nothing.
func TestFlushSynchronises(t *testing.T) {
	l, _, id := one(t, t.TempDir())
	must(t, l.AddRuns(t.Context(), id, []Run{{1, 1, 1}}, nil))
	runsOf(t, l, id) // commits it, for the reader's sake
	var unsynced []bool
	for range 2 {
		must(t, l.queue.call(t.Context(), &op{level: visible, do: func(_ context.Context, s *session) error {
			unsynced = append(unsynced, s.unsynced)
			return nil
		}}))
		if len(unsynced) == 1 {
			before := l.session.commits.Load()
			must(t, l.SetFloors(t.Context(), nil))
			must(t, l.Flush(t.Context()))
			if n := l.session.commits.Load() - before; n != 1 {
				t.Errorf("%d commits, want 1: after the first there is nothing to synchronise", n)
			}
		}
	}
	equal(t, "commits not synchronised, before and after", unsynced, []bool{true, false})
}

func TestReadersSeeWhatIsInHand(t *testing.T) {
	l, _, id := one(t, t.TempDir())
	must(t, l.AddRuns(t.Context(), id, []Run{{1, 1, 1}}, nil))
	release := hold(t, l) // the runs are in the batch that is held
	got := make(chan []Run)
	go func() {
		runs, _ := l.Runs(t.Context(), id)
		got <- runs
	}()
	queued(l, 1)
	release()
	equal(t, "runs", <-got, []Run{{1, 1, 1}})
}

// TestReadersWaitOnlyForTheirTopic: where the rows stand is written all the
// time, and costs no commit to those who read mailboxes.
func TestReadersWaitOnlyForTheirTopic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // its clock keeps the lazy writes waiting
		l, row, id := one(t, t.TempDir())
		must(t, l.AddRuns(t.Context(), id, []Run{{1, 1, 1}}, nil))
		must(t, l.PutReject(t.Context(), Reject{Mailbox: id, UID: 3}))
		must(t, l.Flush(t.Context()))
		synctest.Wait() // the writer has let go of the batch
		before := l.session.commits.Load()
		must(t, l.SaveRow(t.Context(), Row{ID: row, State: "queued"}))
		must(t, l.AddAttempt(t.Context(), Attempt{Row: row, Run: "r", N: 1}))
		boxes, err := l.Mailboxes(t.Context(), row)
		must(t, err)
		rejects, err := l.Rejects(t.Context(), row)
		must(t, err)
		if len(boxes) != 1 || boxes[0].Rejects != 1 || len(rejects) != 1 || len(runsOf(t, l, id)) != 1 {
			t.Errorf("%+v %+v", boxes, rejects)
		}
		if n := l.session.commits.Load() - before; n != 0 {
			t.Errorf("%d commits for the sake of reading mailboxes", n)
		}
		rows, err := l.Rows(t.Context(), []RowID{row})
		must(t, err)
		attempts, err := l.Attempts(t.Context(), row)
		must(t, err)
		if rows[0].State != "queued" || len(attempts) != 1 {
			t.Errorf("%+v %+v", rows, attempts)
		}
		must(t, l.Close())
	})
}

func TestFullQueueWaits(t *testing.T) {
	l, _, id := one(t, t.TempDir())
	release := hold(t, l)
	defer release()
	for i := range uint32(maxWrites) {
		must(t, l.AddRuns(t.Context(), id, []Run{{2*i + 1, 2*i + 1, 1}}, nil))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.DropReject(ctx, id, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("the queue is full and the context canceled: %v", err)
	}
	waited := make(chan error)
	go func() { waited <- l.DropReject(t.Context(), id, 1) }()
	release()
	must(t, <-waited)
}

func TestCanceledCalls(t *testing.T) {
	l, row, id := one(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	// What has happened is recorded, canceled or not.
	cancel()
	must(t, l.AddRuns(ctx, id, []Run{{1, 1, 1}}, nil))
	if err := l.SetFloors(ctx, []Floor{{ID: id, Floor: 9}}); !errors.Is(err, context.Canceled) {
		t.Errorf("SetFloors: %v", err)
	}
	if _, err := l.Mailboxes(ctx, row); !errors.Is(err, context.Canceled) {
		t.Errorf("Mailboxes: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	release := hold(t, l)
	failed := make(chan error)
	m := Mailbox{Row: row, Source: "late"}
	go func() { failed <- l.AddMailbox(ctx, &m) }()
	queued(l, 1)
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("AddMailbox while the writer is busy: %v", err)
	}
	release()
	must(t, l.Flush(t.Context()))
	if m.ID != 0 {
		t.Error("AddMailbox wrote to its argument after it had returned")
	}
	equal(t, "runs", runsOf(t, l, id), []Run{{1, 1, 1}})
}

// fillUp makes the database full at its present size: SQLite takes a limit
// below that for the size itself.
func fillUp(ctx context.Context, s *session) error {
	var limit int
	return s.conn.QueryRowContext(ctx, "PRAGMA max_page_count = 1").Scan(&limit)
}

// overfill queues more than the free pages of a small database can hold.
func overfill(ctx context.Context, l *Ledger, id MailboxID) error {
	text := string(make([]byte, 10000))
	var errs []error
	for i := range uint32(20) {
		errs = append(errs, l.PutReject(ctx, Reject{Mailbox: id, UID: 100 + i, Text: text}))
	}
	return errors.Join(errs...)
}

func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	l, err := Open(t.Context(), dir)
	must(t, err)
	row := bind(t, l, entries(0, 1))[0]
	id := mailbox(t, l, row, "INBOX", "INBOX")
	must(t, l.AddRuns(t.Context(), id, []Run{{1, 1, 5}}, nil))
	must(t, l.SetFloors(t.Context(), []Floor{{ID: id, Floor: 6, Open: true}}))
	must(t, l.call(t.Context(), fillUp))

	must(t, l.AddRuns(t.Context(), id, []Run{{6, 6, 5}}, nil))
	must(t, overfill(t.Context(), l, id))
	full := l.SetFloors(t.Context(), []Floor{{ID: id, Floor: 11, Open: true}})
	if full == nil {
		t.Fatal("the database is full: no error")
	}
	_, read := l.Runs(t.Context(), id)
	for name, err := range map[string]error{
		"AddRuns": l.AddRuns(t.Context(), id, []Run{{11, 11, 1}}, nil), "SaveRow": l.SaveRow(t.Context(), Row{ID: row}),
		"SetFloors": l.SetFloors(t.Context(), nil), "Flush": l.Flush(t.Context()), "Runs": read, "Close": l.Close(),
	} {
		if err == nil || err.Error() != full.Error() {
			t.Errorf("%s afterwards: %v, want %v", name, err, full)
		}
	}

	l = openTest(t, dir)
	boxes, err := l.Mailboxes(t.Context(), row)
	must(t, err)
	equal(t, "mailboxes", boxes, []Mailbox{{ID: id, Row: row, Source: "INBOX", Dest: "INBOX",
		SourceValidity: 1, DestValidity: 1, Floor: 6, FirstFloor: 6, Open: true, Mapped: true}})
	equal(t, "runs", runsOf(t, l, id), []Run{{1, 1, 5}})
	must(t, overfill(t.Context(), l, id)) // there is room again
	must(t, l.Flush(t.Context()))
}

// TestLazyWriteFails: nobody waits for it, so the next call hears of it.
func TestLazyWriteFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := Open(t.Context(), t.TempDir())
		must(t, err)
		row := bind(t, l, entries(0, 1))[0]
		id := mailbox(t, l, row, "INBOX", "INBOX")
		must(t, l.call(t.Context(), fillUp))
		must(t, overfill(t.Context(), l, id))
		for l.queue.failure() == nil {
			time.Sleep(time.Millisecond) // the bubble's clock
		}
		if err := l.AddRuns(t.Context(), id, []Run{{1, 1, 1}}, nil); err == nil {
			t.Error("AddRuns after a lazy write failed: no error")
		}
		if err := l.Close(); err == nil {
			t.Error("Close after a lazy write failed: no error")
		}
	})
}

// TestLazyWriteToNothing: the caller is wrong, but it does not wait, and what
// stands behind it in the queue must not be kept without it.
func TestLazyWriteToNothing(t *testing.T) {
	for name, lazy := range map[string]func(*Ledger) error{
		"runs":    func(l *Ledger) error { return l.AddRuns(t.Context(), 99, []Run{{1, 1, 1}}, nil) },
		"flags":   func(l *Ledger) error { return l.SetFlags(t.Context(), 99, flagsOf(map[uint32]string{1: ""})) },
		"row":     func(l *Ledger) error { return l.SaveRow(t.Context(), Row{ID: 99}) },
		"attempt": func(l *Ledger) error { return l.AddAttempt(t.Context(), Attempt{Row: 99}) },
		"reject":  func(l *Ledger) error { return l.PutReject(t.Context(), Reject{Mailbox: 99}) },
		"finish":  func(l *Ledger) error { return l.FinishMailbox(t.Context(), 99, Finished{UIDNext: 1}) },
	} {
		l, err := Open(t.Context(), t.TempDir())
		must(t, err)
		must(t, lazy(l))
		if err := l.Flush(t.Context()); err == nil {
			t.Errorf("%s: Flush gave no error", name)
		}
		if err := l.Close(); err == nil {
			t.Errorf("%s: Close gave no error", name)
		}
	}
}

// TestBesideAnotherReader: the WAL of a run stays when a reader of another
// connection leaves.
func TestBesideAnotherReader(t *testing.T) {
	dir := t.TempDir()
	l, _, id := one(t, dir)
	for i := range uint32(5) {
		db, err := openDB(filepath.Join(dir, Name), reading)
		must(t, err)
		rows, err := db.QueryContext(t.Context(), "SELECT source FROM run")
		must(t, err)
		must(t, each(rows, func(*sql.Rows) error { return nil }))
		must(t, l.AddRuns(t.Context(), id, []Run{{2*i + 1, 1, 1}}, nil))
		must(t, db.Close())
		must(t, l.Flush(t.Context()))
		if _, err := os.Stat(filepath.Join(dir, Name+"-wal")); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(runsOf(t, l, id)); n != 5 {
		t.Errorf("%d runs, want 5", n)
	}
}
