package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // to find a table in the file

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/ledger"
)

// wornSite is two servers in memory and a list of which a run has copied what
// there was, with its state directory as files.
type wornSite struct {
	old, new *imaptest.Memory
	users    []string
	list     string
}

func newWornSite(t *testing.T) *wornSite {
	t.Helper()
	s := &wornSite{list: filepath.Join(t.TempDir(), "accounts.csv")}
	for _, m := range []**imaptest.Memory{&s.old, &s.new} {
		server, err := imaptest.NewMemory(imaptest.MemoryOptions{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := server.Close(); err != nil {
				t.Error(err)
			}
		})
		*m = server
	}
	var rows strings.Builder
	for n := range 3 {
		user := fmt.Sprintf("user%d", n)
		s.users = append(s.users, user)
		for _, m := range []*imaptest.Memory{s.old, s.new} {
			if err := m.AddUser(user, "x"); err != nil {
				t.Fatal(err)
			}
		}
		fmt.Fprintf(&rows, "imap+insecure://%s;%s;x;imap+insecure://%s;%s;x\n", s.old.Addr(), user, s.new.Addr(), user)
	}
	s.grow(t, 0)
	if err := os.WriteFile(s.list, []byte(rows.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// grow puts mail into every account of the old server.
func (s *wornSite) grow(t *testing.T, round int) {
	t.Helper()
	for n, user := range s.users {
		g := imaptest.NewGenerator(uint64(100*round+n+1), imaptest.Spec{Median: 500, Mean: 600, Max: 5000, Duplicate: 0.2, NoMessageID: 0.2, Flags: 0.5})
		if err := imaptest.Fill(t.Context(), s.old.Access(user, "x"), g.Mailbox("INBOX", 12), g.Mailbox("Sent", 6), g.Mailbox(fmt.Sprint("box", round), 5)); err != nil {
			t.Fatal(err)
		}
	}
}

// run is the program with a state directory.
func (s *wornSite) run(t *testing.T, ctx context.Context, state string) (code int, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(ctx, []string{"run", s.list, "--quiet", "--state", state}, nil, &stdout, &stderr)
	return code, stderr.String()
}

// exact says what differs between the servers.
func (s *wornSite) exact(t *testing.T, after string) {
	t.Helper()
	for _, user := range s.users {
		old, err := imaptest.Dump(t.Context(), s.old.Access(user, "x"))
		if err != nil {
			t.Fatal(err)
		}
		found, err := imaptest.Dump(t.Context(), s.new.Access(user, "x"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := imaptest.Diff(old, found, imaptest.DiffOptions{}); len(diff) > 0 {
			t.Fatalf("after %s, %s differs:\n%s", after, user, strings.Join(diff[:min(len(diff), 10)], "\n"))
		}
	}
}

// left makes a state directory of a ledger's files, as a crash leaves it.
func leftByACrash(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	files["ledger.lock"], files[ledger.HolderName] = nil, []byte(`{"host":"gone","pid":1,"since":"2001-01-01T00:00:00Z"}`+"\n")
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func fileOf(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Whatever has happened to the ledger, a run goes on at once with a new one,
// says so, and copies what has come in since, and nothing twice.
func TestDamagedLedger(t *testing.T) {
	t.Parallel()
	s := newWornSite(t)
	state := filepath.Join(t.TempDir(), "state")
	if code, errs := s.run(t, t.Context(), state); code != exitDone {
		t.Fatalf("exit code %d\n%s", code, errs)
	}
	whole := fileOf(t, filepath.Join(state, ledger.Name))
	rng := rand.New(rand.NewPCG(11, 5))
	noise := func(b []byte) []byte {
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return b
	}
	for i, tt := range []struct {
		name   string
		damage func(b []byte) []byte
	}{
		{"noise over its header", func(b []byte) []byte { noise(b[:100]); return b }},
		{"half of it", func(b []byte) []byte { return b[:len(b)/2] }},
		{"nothing of it", func([]byte) []byte { return nil }},
		{"noise over its second half", func(b []byte) []byte { noise(b[len(b)/2:]); return b }},
		{"noise over a page", func(b []byte) []byte {
			n := 4096 * (4 + rng.IntN(len(b)/4096-4))
			noise(b[n : n+4096])
			return b
		}},
	} {
		s.grow(t, i+1)
		dir := leftByACrash(t, map[string][]byte{ledger.Name: tt.damage(bytes.Clone(whole))})
		code, errs := s.run(t, t.Context(), dir)
		aside, _ := filepath.Glob(filepath.Join(dir, "ledger.damaged-*.db"))
		if code != exitDone || tt.name != "noise over a page" && (len(aside) != 1 || !strings.Contains(errs, "warning: the ledger was damaged") || !strings.Contains(errs, aside[0])) {
			t.Fatalf("%s: exit code %d, set aside %q\n%s", tt.name, code, aside, errs)
		}
		s.exact(t, tt.name)
		if code, errs := s.run(t, t.Context(), dir); code != exitDone || strings.Contains(errs, "damaged") {
			t.Errorf("%s, once more: exit code %d\n%s", tt.name, code, errs)
		}
		s.exact(t, tt.name+", and a second run")
	}
}

// Found in the middle, damage ends the run; the next one sets it aside.
func TestDamagedLedgerInTheMiddle(t *testing.T) {
	t.Parallel()
	s := newWornSite(t)
	state := filepath.Join(t.TempDir(), "state")
	if code, errs := s.run(t, t.Context(), state); code != exitDone {
		t.Fatalf("exit code %d\n%s", code, errs)
	}
	s.grow(t, 1)
	path := filepath.Join(state, ledger.Name)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	var page int // of a table that is read when a row begins
	if err := db.QueryRowContext(t.Context(), "SELECT rootpage FROM sqlite_schema WHERE name = 'mailbox'").Scan(&page); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	b := fileOf(t, path)
	clear(b[4096*(page-1) : 4096*page])
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	code, errs := s.run(t, t.Context(), state)
	if code != exitRun || !strings.Contains(errs, "the ledger is damaged") || !strings.Contains(errs, "to do: run again") {
		t.Fatalf("exit code %d\n%s", code, errs)
	}
	if code, errs := s.run(t, t.Context(), state); code != exitDone || !strings.Contains(errs, "warning: the ledger was damaged") {
		t.Fatalf("then: exit code %d\n%s", code, errs)
	}
	s.exact(t, "damage in the middle")
}

// A loss of power takes the end of the WAL that was not on the disk yet: the
// ledger is then an earlier one than the destination, and a rerun exact.
func TestLedgerBehindTheDestination(t *testing.T) {
	t.Parallel()
	s := newWornSite(t)
	state := filepath.Join(t.TempDir(), "state")
	// The files as they are while runs go on.
	var db, wal [][]byte
	for round := range 3 {
		ctx, stop := context.WithCancel(t.Context())
		copied := make(chan struct{})
		go func() {
			defer close(copied)
			for ctx.Err() == nil {
				d, err1 := os.ReadFile(filepath.Join(state, ledger.Name))
				w, err2 := os.ReadFile(filepath.Join(state, ledger.Name+"-wal"))
				again, err3 := os.ReadFile(filepath.Join(state, ledger.Name))
				switch {
				case errors.Join(err1, err2, err3) != nil, len(w) == 0, len(wal) > 0 && len(w) == len(wal[len(wal)-1]):
				case bytes.Equal(d, again): // else the WAL is being folded into the file
					db, wal = append(db, d), append(wal, w)
				}
			}
		}()
		code, errs := s.run(t, t.Context(), state)
		stop()
		<-copied
		if code != exitDone {
			t.Fatalf("exit code %d\n%s", code, errs)
		}
		s.grow(t, round+1)
	}
	if len(wal) < 3 {
		t.Skipf("only %d states of the WAL were seen", len(wal))
	}
	t.Logf("%d states of the WAL", len(wal))
	rng := rand.New(rand.NewPCG(uint64(len(wal)), 3))
	for n := range 8 {
		i := rng.IntN(len(wal))
		cut := rng.IntN(len(wal[i]) + 1)
		dir := leftByACrash(t, map[string][]byte{ledger.Name: db[i], ledger.Name + "-wal": wal[i][:cut]})
		if n%4 == 3 {
			s.grow(t, 10+n)
		}
		what := fmt.Sprintf("state %d, WAL cut at %d of %d", i, cut, len(wal[i]))
		if code, errs := s.run(t, t.Context(), dir); code != exitDone {
			t.Fatalf("%s: exit code %d\n%s", what, code, errs)
		}
		s.exact(t, what)
	}
}
