package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/lockfile"
)

func TestOpenMakesPrivateFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b?#%41", "ü") // what a URI must escape
	l, _, _ := one(t, dir)
	if runtime.GOOS != "windows" {
		info, err := os.Stat(dir)
		must(t, err)
		if info.Mode().Perm() != 0o700 {
			t.Errorf("directory: %v", info.Mode())
		}
		for name := range snapshot(t, dir) {
			info, err := os.Stat(filepath.Join(dir, name))
			must(t, err)
			if info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v", name, info.Mode())
			}
		}
	}
	must(t, l.Close())
	var names []string
	for name := range snapshot(t, dir) {
		names = append(names, name)
	}
	if len(names) != 2 {
		t.Errorf("after Close there are %q, want %s and %s", names, Name, lockName)
	}
}

// snapshot is what a directory holds: names and contents.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	files, err := os.ReadDir(dir)
	must(t, err)
	for _, f := range files {
		all[f.Name()] = string(readAll(t, filepath.Join(dir, f.Name())))
	}
	return all
}

// database makes an SQLite file with the statements given.
func database(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := openDB(path, "mode=rwc")
	must(t, err)
	for _, s := range statements {
		_, err := db.ExecContext(t.Context(), s)
		must(t, err)
	}
	must(t, db.Close())
}

func TestOpenRefuses(t *testing.T) {
	text := func(content string) func(*testing.T, string) {
		return func(t *testing.T, path string) { must(t, os.WriteFile(path, []byte(content), 0o600)) }
	}
	base := func(statements ...string) func(*testing.T, string) {
		return func(t *testing.T, path string) { database(t, path, statements...) }
	}
	tests := []struct {
		name   string
		make   func(t *testing.T, path string)
		schema int // of the SchemaError; 0: a NotLedgerError
	}{
		{"text", text(strings.Repeat("host1;user1;password1\n", 500)), 0},
		{"short text", text("x"), 0},
		{"empty", text(""), 0},
		{"directory", func(t *testing.T, path string) { must(t, os.Mkdir(path, 0o700)) }, 0},
		{"another program's", base("CREATE TABLE t (a)"), 0},
		{"another program's, WAL", base("PRAGMA journal_mode=WAL", "CREATE TABLE t (a)"), 0},
		{"another program's, marked", base("PRAGMA application_id = 7", "PRAGMA user_version = 1", "CREATE TABLE t (a)"), 0},
		{"newer schema", func(t *testing.T, path string) {
			must(t, create(t.Context(), path))
			database(t, path, fmt.Sprintf("PRAGMA user_version = %d", schemaVersion+1))
		}, schemaVersion + 1},
	}
	for _, tt := range tests {
		for open, f := range map[string]func(context.Context, string) (*Ledger, error){"Open": Open, "OpenReader": OpenReader} {
			t.Run(tt.name+" "+open, func(t *testing.T) {
				dir := t.TempDir()
				path := filepath.Join(dir, Name)
				tt.make(t, path)
				var before map[string]string
				if tt.name != "directory" {
					before = snapshot(t, dir)
				}
				_, err := f(t.Context(), dir)
				var schema *SchemaError
				var not *NotLedgerError
				switch {
				case tt.schema != 0 && (!errors.As(err, &schema) || schema.Have != tt.schema || schema.Want != schemaVersion):
					t.Errorf("error %v, want a SchemaError", err)
				case tt.schema == 0 && !errors.As(err, &not):
					t.Errorf("error %v, want a NotLedgerError", err)
				case !strings.Contains(err.Error(), path):
					t.Errorf("%q does not name the file", err)
				}
				if before != nil {
					equal(t, "directory", snapshot(t, dir), before)
				}
			})
		}
	}
}

// TestNewerSchemaInTheWAL: another program died after an upgrade.
func TestNewerSchemaInTheWAL(t *testing.T) {
	from := t.TempDir()
	l := openTest(t, from)
	must(t, l.call(t.Context(), func(ctx context.Context, s *session) error {
		_, err := s.conn.ExecContext(ctx, "PRAGMA user_version = 9")
		return err
	}))
	dir := t.TempDir()
	for _, name := range []string{Name, Name + "-wal"} {
		must(t, os.WriteFile(filepath.Join(dir, name), readAll(t, filepath.Join(from, name)), 0o600))
	}
	for name, open := range map[string]func(context.Context, string) (*Ledger, error){"Open": Open, "OpenReader": OpenReader} {
		var schema *SchemaError
		if _, err := open(t.Context(), dir); !errors.As(err, &schema) || schema.Have != 9 {
			t.Errorf("%s: %v, want a SchemaError for 9", name, err)
		}
	}
}

func TestOpenOnTopOfAFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	must(t, os.WriteFile(dir, []byte("x"), 0o600))
	if _, err := Open(t.Context(), dir); err == nil {
		t.Error("the state directory is a file: no error")
	}
}

// TestCreateStartsAnew: a crash left parts of a ledger that was being made,
// and a WAL whose database somebody removed.
func TestCreateStartsAnew(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := one(t, dir)
	wal := readAll(t, filepath.Join(dir, Name+"-wal"))
	must(t, l.Close())
	must(t, os.Remove(filepath.Join(dir, Name)))
	must(t, os.WriteFile(filepath.Join(dir, Name+"-wal"), wal, 0o600))
	must(t, os.WriteFile(filepath.Join(dir, Name+".new"), []byte("half"), 0o600))
	l = openTest(t, dir)
	ids, err := l.Find(t.Context(), entries(0, 1))
	must(t, err)
	equal(t, "rows of the removed ledger", ids, []RowID{0})
}

func TestLocked(t *testing.T) {
	dir := t.TempDir()
	// What a crashed run left is replaced.
	must(t, os.WriteFile(filepath.Join(dir, HolderName), []byte(`{"host":"stale","pid":1,"since":"2001-01-01T00:00:00Z"}`), 0o600))
	begun := time.Now().Add(-time.Second)
	l := openTest(t, dir)

	_, err := Open(t.Context(), dir)
	var locked *LockedError
	if !errors.As(err, &locked) {
		t.Fatalf("second Open: %v, want a LockedError", err)
	}
	host, err := os.Hostname()
	must(t, err)
	if locked.Host != host || locked.PID != os.Getpid() || locked.Dir != dir ||
		locked.Since.Before(begun) || locked.Since.After(time.Now()) {
		t.Errorf("holder %+v", locked)
	}
	for _, part := range []string{dir, host, locked.Since.Format(time.RFC3339)} {
		if !strings.Contains(locked.Error(), part) {
			t.Errorf("%q does not say %q", locked.Error(), part)
		}
	}
	must(t, l.Flush(t.Context())) // the first one is unharmed

	must(t, os.Remove(filepath.Join(dir, HolderName)))
	if _, err := Open(t.Context(), dir); !errors.As(err, &locked) || locked.PID != 0 || strings.Contains(err.Error(), "process 0") {
		t.Errorf("a holder that has not said who it is: %v", err)
	}
	must(t, lockfile.Self("", begun).WriteFile(filepath.Join(dir, HolderName)))
	must(t, l.Close())
	if _, err := os.Stat(filepath.Join(dir, HolderName)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("holder file after Close: %v", err)
	}
	openTest(t, dir)
}

func TestHolderFile(t *testing.T) {
	dir := t.TempDir()
	openTest(t, dir)
	var h map[string]any
	must(t, json.Unmarshal(readAll(t, filepath.Join(dir, HolderName)), &h))
	if h["pid"] != float64(os.Getpid()) || h["host"] == "" || h["since"] == "" {
		t.Errorf("holder file: %v", h)
	}
}

func TestMigrate(t *testing.T) {
	path := filepath.Join(t.TempDir(), Name)
	must(t, create(t.Context(), path))
	db, err := openDB(path, writing)
	must(t, err)
	defer func() { must(t, db.Close()) }()
	c, err := db.Conn(t.Context())
	must(t, err)
	defer func() { must(t, c.Close()) }()
	version := func(what string, want int) {
		t.Helper()
		application, got, err := schemaOf(t.Context(), c)
		must(t, err)
		if got != want || application != applicationID {
			t.Errorf("%s: schema %d of %#x, want %d", what, got, application, want)
		}
	}
	version("fresh", schemaVersion)
	if n := len(migrations()); n != schemaVersion {
		t.Errorf("%d migrations for schema %d", n, schemaVersion)
	}
	steps := append(migrations(), "CREATE TABLE later (a); INSERT INTO later VALUES (1)", "CREATE TABLE later (b)")
	if err := migrate(t.Context(), c, schemaVersion, steps); err == nil {
		t.Fatal("a step that fails: no error")
	}
	version("after a step that failed", schemaVersion)
	must(t, migrate(t.Context(), c, schemaVersion, steps[:schemaVersion+1]))
	version("upgraded", schemaVersion+1)
	var n int
	must(t, c.QueryRowContext(t.Context(), "SELECT count(*) FROM later").Scan(&n))
	if n != 1 {
		t.Errorf("the step was done %d times", n)
	}
	_, err = c.ExecContext(t.Context(), "ROLLBACK")
	if err == nil {
		t.Error("migrate left a transaction open")
	}
}

// TestUpgrade opens a ledger of schema 1 that holds a mailbox: it stays, and
// nothing is known of what came later.
func TestUpgrade(t *testing.T) {
	dir := t.TempDir()
	database(t, filepath.Join(dir, Name), schema1, fmt.Sprintf("PRAGMA application_id = %d", applicationID),
		"PRAGMA user_version = 1", "PRAGMA journal_mode = WAL",
		`INSERT INTO pair (id, host1, port1, user1, host2, port2, user2, dest, line)
			VALUES (1, 'old.example', 0, 'user0', 'new.example', 993, 'user0', 'd', 1)`,
		"INSERT INTO mailbox VALUES (7, 1, x'494e424f58', 'INBOX', 3, 4, 5, 0, 6)",
		"INSERT INTO run VALUES (7, 1, 1, 4)")
	var schema *SchemaError
	if _, err := OpenReader(t.Context(), dir); !errors.As(err, &schema) || schema.Have != 1 {
		t.Errorf("a reader: %v, want a SchemaError for 1", err)
	}
	l := openTest(t, dir)
	got, err := l.Mailboxes(t.Context(), 1)
	must(t, err)
	equal(t, "mailboxes", got, []Mailbox{{ID: 7, Row: 1, Source: "INBOX", Dest: "INBOX",
		SourceValidity: 3, DestValidity: 4, Floor: 5, SourceUIDNext: 6, Mapped: true}})
	equal(t, "runs", runsOf(t, l, 7), []Run{{1, 1, 4}})
	b, err := l.Baseline(t.Context(), 7)
	must(t, err)
	if _, known := b.Flags(1); known || b.Len() != 0 {
		t.Error("flags of a message that came before there were any")
	}
	must(t, l.AddRuns(t.Context(), 7, []Run{{5, 5, 1}}, flagsOf(map[uint32]string{5: `\Seen`})))
	must(t, l.FinishMailbox(t.Context(), 7, Finished{UIDNext: 6, Messages: 5, ModSeq: 9}))
	equal(t, "flags", wordsOf(t, l, 7), map[uint32]string{5: `\Seen`})
}

func TestClosed(t *testing.T) {
	l, row, id := one(t, t.TempDir())
	must(t, l.Close())
	must(t, l.Close())
	_, runs := l.Runs(t.Context(), id)
	for name, err := range map[string]error{
		"SaveRow": l.SaveRow(t.Context(), Row{ID: row}), "Flush": l.Flush(t.Context()), "Runs": runs,
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s after Close: %v, want ErrClosed", name, err)
		}
	}
}

func TestCloseWritesWhatIsQueued(t *testing.T) {
	dir := t.TempDir()
	l, _, id := one(t, dir)
	must(t, l.AddRuns(t.Context(), id, []Run{{1, 2, 3}}, nil))
	must(t, l.Close())
	equal(t, "runs", runsOf(t, openTest(t, dir), id), []Run{{1, 2, 3}})
}

func TestCanceledOpen(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	if _, err := Open(ctx, dir); !errors.Is(err, context.Canceled) {
		t.Errorf("Open: %v, want context.Canceled", err)
	}
	openTest(t, dir) // it holds no lock and left nothing half made
}
