//go:build unix

package main

import (
	"crypto/sha256"
	"database/sql"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// What cannot be read, or belongs to another, gets a clear error and nothing
// is changed by it: neither the state nor a server.
func TestBadInputReal(t *testing.T) {
	t.Parallel()
	servers := newSite(t)
	tests := []struct {
		name  string
		spoil func(s *site)
		args  []string
		code  int
		says  string
	}{
		{name: "list is a directory", code: exitUsage, says: "accounts.csv", spoil: func(s *site) {
			s.must(os.Remove(s.path("accounts.csv")), os.Mkdir(s.path("accounts.csv"), 0o700))
		}},
		{name: "list is gone", code: exitUsage, says: "accounts.csv", spoil: func(s *site) {
			s.must(os.Remove(s.path("accounts.csv")))
		}},
		{name: "list is no text", code: exitUsage, says: "accounts.csv", spoil: func(s *site) {
			s.must(os.WriteFile(s.path("accounts.csv"), []byte("\x7fELF\x02\x01\x01\x00\x00\xff\xfe;;;\n"), 0o600))
		}},
		{name: "row cut in the middle", code: exitUsage, says: "line 2", spoil: func(s *site) {
			s.must(os.WriteFile(s.path("accounts.csv"), []byte(s.row("whoever")+"\n"+s.row("bad0")[:40]+"\n"), 0o600))
		}},
		{name: "newer schema", code: exitRun, says: "schema 999", spoil: func(s *site) {
			db, err := sql.Open("sqlite", s.state("ledger.db"))
			s.must(err)
			_, err = db.ExecContext(s.t.Context(), "PRAGMA user_version = 999")
			s.must(err, db.Close())
		}},
		{name: "state of another list", code: exitRun, says: "--adopt", spoil: func(s *site) {
			s.list(s.row("whoever"))
		}},
		{name: "state is a file", code: exitRun, says: "accounts.csv", args: []string{"--state", "accounts.csv"}},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := servers.child(t)
			user := fmt.Sprintf("bad%d", i)
			s.add(user, imaptest.NewGenerator(uint64(600+i), imaptest.RealSpec()).Mailbox("INBOX", 5))
			s.list(s.row(user))
			s.copied(s.mustRun(), 5, 0)
			if tt.spoil != nil {
				tt.spoil(s)
			}
			before, old, found := s.snapshot(), s.logins(s.old), s.logins(s.new)
			e := s.run(append([]string{"run", "accounts.csv"}, tt.args...)...)
			if e.code != tt.code || !strings.Contains(e.errs, tt.says) {
				t.Errorf("want exit code %d and %q: %v", tt.code, tt.says, e)
			}
			if after := s.snapshot(); !maps.Equal(before, after) {
				t.Errorf("files before: %v\nafter: %v", before, after)
			}
			for _, u := range []string{user, "whoever"} {
				if s.logins(s.old)[u] != old[u] || s.logins(s.new)[u] != found[u] {
					t.Errorf("%s was logged in", u)
				}
			}
			s.equal(user)
		})
	}
}

func (s *site) must(errs ...error) {
	s.t.Helper()
	for _, err := range errs {
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

// snapshot digests all files of the site but those that only mark a lock.
func (s *site) snapshot() map[string]string {
	s.t.Helper()
	out := make(map[string]string)
	s.must(filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, ".lock") || strings.HasSuffix(path, "-shm") {
			return err
		}
		b, err := os.ReadFile(path)
		out[path] = fmt.Sprintf("%x", sha256.Sum256(b))[:16]
		return err
	}))
	return out
}

// A second run on the state of one that goes on says who that is, and the
// first is none the worse for it.
func TestStateInUseReal(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	link := s.slow(256 << 10)
	users := s.trio("held", 700)
	first := s.start("run", "accounts.csv", "--quiet")
	s.passed(link, 50<<10)
	link.Set(imaptest.ProxyOptions{UpRate: 1 << 10}) // it is still at work when the others are through
	e := s.run("run", "accounts.csv", "--quiet")
	if who := fmt.Sprintf("process %d ", first.cmd.Process.Pid); e.code != exitRun || !strings.Contains(e.errs, who) {
		t.Errorf("want exit code %d and %q: %v", exitRun, who, e)
	}
	if e := s.run("status", "accounts.csv"); !strings.Contains(e.out, fmt.Sprintf("A run goes on: process %d ", first.cmd.Process.Pid)) {
		t.Errorf("status: %v", e)
	}
	link.Set(imaptest.ProxyOptions{})
	e = s.wait(first)
	if e.code != exitDone {
		t.Errorf("the first run: %v", e)
	}
	s.copied(e, 180, 0)
	s.equal(users...)
}
