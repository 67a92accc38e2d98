package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	// visitorDir names the state directory in the environment of a child that
	// reads it; strangerSet makes it another user's.
	visitorDir  = "IMAPFLEET_LEDGER_VISITOR"
	strangerSet = "IMAPFLEET_LEDGER_STRANGER"
)

// visitorChild says which of two rows it found.
func visitorChild(dir string) {
	ctx := context.Background()
	if os.Getenv(strangerSet) != "" {
		if err := dropRights(); err != nil {
			crashExit(err)
		}
	}
	l, err := OpenReader(ctx, dir)
	if err != nil {
		crashExit(err)
	}
	ids, err := l.Find(ctx, entries(0, 2))
	if err := errors.Join(err, l.Close()); err != nil {
		crashExit(err)
	}
	fmt.Println(ids)
}

// visit reads dir in another process and wants the first of two rows there.
func visit(t *testing.T, when, dir string, row RowID, env ...string) {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	// The race detector would have it linger for a second.
	cmd.Env = append(append(os.Environ(), "GORACE=atexit_sleep_ms=0", visitorDir+"="+dir), env...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if want := fmt.Sprint([]RowID{row, 0}); err != nil || strings.TrimSpace(string(out)) != want {
		t.Errorf("%s: %v, %q want %q; %s", when, err, out, want, said.String())
	}
}

func TestReader(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenReader(t.Context(), dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no ledger: %v, want os.ErrNotExist", err)
	}
	if len(snapshot(t, dir)) != 0 {
		t.Error("OpenReader left files where there was no ledger")
	}
	l, row, id := one(t, dir)
	r, err := OpenReader(t.Context(), dir)
	must(t, err)
	for _, state := range []string{"running", "done"} { // a reader sees what is committed meanwhile
		must(t, l.SaveRow(t.Context(), Row{ID: row, State: state}))
		must(t, l.Flush(t.Context()))
		ids, err := r.Find(t.Context(), entries(0, 2))
		must(t, err)
		equal(t, "found", ids, []RowID{row, 0})
		rows, err := r.Rows(t.Context(), ids)
		must(t, err)
		if rows[0].State != state || rows[1].ID != 0 {
			t.Errorf("rows %+v, want state %s", rows, state)
		}
	}
	must(t, r.Close())
	must(t, l.SetFloors(t.Context(), []Floor{{ID: id, Floor: 3}})) // the reader took nothing along
	must(t, l.Close())
	r, err = OpenReader(t.Context(), dir)
	must(t, err)
	boxes, err := r.Mailboxes(t.Context(), row)
	must(t, err)
	if len(boxes) != 1 || boxes[0].Floor != 3 {
		t.Errorf("mailboxes after the run: %+v", boxes)
	}
	must(t, r.Close())
	for name := range snapshot(t, dir) {
		if name != Name && name != lockName {
			t.Errorf("the reader left %s", name)
		}
	}
}

// TestReaderDuringCheckpoints: while the WAL is folded into the file, the file
// alone is not whole; a reader must not mind.
func TestReaderDuringCheckpoints(t *testing.T) {
	dir := t.TempDir()
	l, row, id := one(t, dir)
	done := make(chan error)
	go func() {
		var errs []error
		for i := range uint32(300) { // the WAL is folded every 4 MB
			errs = append(errs,
				l.PutReject(t.Context(), Reject{Mailbox: id, UID: i, Text: string(make([]byte, 100_000))}),
				l.SetFloors(t.Context(), []Floor{{ID: id, Floor: i + 1}}))
		}
		done <- errors.Join(errs...)
	}()
	for last := uint32(0); ; {
		select {
		case err := <-done:
			must(t, err)
			if last == 0 {
				t.Error("no reader came in between")
			}
			return
		default:
		}
		r, err := OpenReader(t.Context(), dir)
		must(t, err)
		boxes, err := r.Mailboxes(t.Context(), row)
		must(t, err)
		if boxes[0].Floor < last {
			t.Errorf("floor %d after %d", boxes[0].Floor, last)
		}
		last = boxes[0].Floor
		must(t, r.Close())
	}
}

func TestReaderWritesNothing(t *testing.T) {
	dir := t.TempDir()
	l, row, id := one(t, dir)
	must(t, l.Close())
	r, err := OpenReader(t.Context(), dir)
	must(t, err)
	ctx := t.Context()
	_, bound := r.Bind(ctx, entries(0, 1), true)
	for name, err := range map[string]error{
		"Flush": r.Flush(ctx), "Bind": bound, "SaveRow": r.SaveRow(ctx, Row{ID: row}),
		"AddAttempt": r.AddAttempt(ctx, Attempt{Row: row}), "AddMailbox": r.AddMailbox(ctx, &Mailbox{Row: row}),
		"ResetMap": r.ResetMap(ctx, id, 1, 1), "SetFloors": r.SetFloors(ctx, nil),
		"AddRuns": r.AddRuns(ctx, id, []Run{{1, 1, 1}}, nil), "FinishMailbox": r.FinishMailbox(ctx, id, Finished{}), "SetFlags": r.SetFlags(ctx, id, flagsOf(map[uint32]string{1: ""})),
		"PutReject": r.PutReject(ctx, Reject{Mailbox: id}), "DropReject": r.DropReject(ctx, id, 1),
	} {
		if !errors.Is(err, ErrReadOnly) {
			t.Errorf("%s: %v, want ErrReadOnly", name, err)
		}
	}
	must(t, r.Close())
}

func TestReaderOfOlderSchema(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, Name)
	must(t, create(t.Context(), path))
	database(t, path, "PRAGMA user_version = 0")
	var schema *SchemaError
	if _, err := OpenReader(t.Context(), dir); !errors.As(err, &schema) || schema.Have != 0 || !strings.Contains(err.Error(), "older") {
		t.Errorf("error %v, want a SchemaError that says older", err)
	}
}

// TestReaderOfAnotherProcess: it must not take the WAL along when it leaves.
func TestReaderOfAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	l, row, id := one(t, dir)
	wal := filepath.Join(dir, Name+"-wal")
	before, err := os.Stat(wal)
	must(t, err)
	visit(t, "during a run", dir, row)
	after, err := os.Stat(wal)
	must(t, err)
	if !os.SameFile(before, after) {
		t.Error("the WAL is another file now")
	}
	must(t, l.SetFloors(t.Context(), []Floor{{ID: id, Floor: 3}}))
	must(t, l.Close())
	visit(t, "between runs", dir, row)
	if _, err := os.Stat(wal); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the reader left a WAL: %v", err)
	}
}

// TestReaderWithoutWriteAccess: another user may look, where the files let
// him.
func TestReaderWithoutWriteAccess(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("becoming another user needs root")
	}
	dir := t.TempDir()
	l, row, _ := one(t, dir)
	share := func() {
		t.Helper()
		must(t, os.Chmod(filepath.Dir(dir), 0o755))
		must(t, os.Chmod(dir, 0o755))
		files, err := os.ReadDir(dir)
		must(t, err)
		for _, f := range files {
			must(t, os.Chmod(filepath.Join(dir, f.Name()), 0o644))
		}
	}
	share()
	visit(t, "during a run", dir, row, strangerSet+"=1")
	must(t, l.Close())
	share()
	before := snapshot(t, dir)
	visit(t, "between runs", dir, row, strangerSet+"=1")
	equal(t, "files", snapshot(t, dir), before)
}
