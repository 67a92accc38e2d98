//go:build unix

package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// Ten rows, four of them in trouble, each of another kind: the six others are
// done, the four say whose fault it is, and once that is mended --failed works
// on those four alone. No password is written anywhere.
func TestTenRows(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, imaptest.DovecotOptions{Format: "sdbox", Separator: "/", ReadOnly: []string{"Sealed"}})
	var users, rows []string
	for i := range 10 {
		user := fmt.Sprintf("ten%d", i+1)
		s.add(user, mailboxes(imaptest.NewGenerator(uint64(100+i), imaptest.RealSpec()), 60)...)
		users, rows = append(users, user), append(rows, s.row(user))
	}
	if err := s.fill(t.Context(), "ten8", imaptest.NewGenerator(200, imaptest.RealSpec()).Mailbox("Sealed", 5)); err != nil {
		t.Fatal(err)
	}
	bad := slices.Clone(rows)
	bad[1] = strings.Replace(rows[1], secret(1, "ten2"), secret(1, "wrong2"), 1)
	bad[4] = strings.Replace(rows[4], secret(2, "ten5"), secret(2, "wrong5"), 1)
	bad[5] = s.rowTo("imap+insecure://"+s.via[0], "imap+insecure://nosuch.invalid", "ten6")
	s.list(bad...)

	e := s.run("run", "accounts.csv", "--parallel", "4", "--retries", "0", "--log-level", "debug", "--json")
	if r := e.summary.Run.Rows; e.code != exitNotDone || r.Done != 6 || r.Failed != 3 || r.Incomplete != 1 {
		t.Fatalf("rows %+v\n%v", r, e)
	}
	s.hasTenRows()
	good := slices.DeleteFunc(slices.Clone(users), func(u string) bool { return slices.Contains([]string{"ten2", "ten5", "ten6", "ten8"}, u) })
	s.equal(good...)
	s.hidesSecrets(e, append([]string{"wrong2", "wrong5"}, users...))

	// The list is mended, the mailbox too.
	if err := os.WriteFile(filepath.Join(s.new.Dir(), "acl"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s.list(rows...)
	before := s.records("results.csv")
	old, found := s.logins(s.old), s.logins(s.new)
	e = s.mustRun("--failed", "--parallel", "4")
	if n := e.summary.Run.Rows.Total(); n != 4 {
		t.Errorf("--failed took %d rows, want 4", n)
	}
	s.copied(e, 3*60+5, 60)
	after := s.records("results.csv")
	for _, user := range good {
		line := fmt.Sprint(slices.Index(users, user) + 1)
		if !maps.Equal(before[line], after[line]) {
			t.Errorf("row %s has changed: %v, before %v", line, after[line], before[line])
		}
	}
	for name, more := range map[string]map[string]int{"old": s.loginsSince(s.old, old), "new": s.loginsSince(s.new, found)} {
		if want := map[string]int{"ten2": 1, "ten5": 1, "ten6": 1, "ten8": 1}; !maps.Equal(more, want) {
			t.Errorf("logins at the %s server: %v, want %v", name, more, want)
		}
	}
	if n := len(s.records("failed.csv")); n != 0 {
		t.Errorf("failed.csv has %d rows", n)
	}
	s.equal(users...)
	s.hidesSecrets(e, append([]string{"wrong2", "wrong5"}, users...))
}

// hasTenRows holds results.csv and failed.csv of the first run against what
// was done to the rows.
func (s *site) hasTenRows() {
	s.t.Helper()
	type row struct{ state, side, code string }
	want := map[string]row{
		"2": {"failed", "source", "auth-refused"},
		"5": {"failed", "destination", "auth-refused"},
		"6": {"failed", "destination", "host-unknown"},
		"8": {"incomplete", "destination", "mailbox-refused"},
	}
	failed := make(map[string]row)
	for line, r := range s.records("failed.csv") {
		failed[line] = row{r["state"], r["side"], r["code"]}
		if r["hint"] == "" || r["text"] == "" {
			s.t.Errorf("row %s has no cause or hint: %v", line, r)
		}
	}
	if !maps.Equal(failed, want) {
		s.t.Errorf("failed.csv: %v, want %v", failed, want)
	}
	results := s.records("results.csv")
	for i := range 10 {
		line := fmt.Sprint(i + 1)
		r := results[line]
		w, ok := want[line]
		if !ok {
			w = row{"done", "", ""}
		}
		if got := (row{r["state"], r["side"], r["code"]}); got != w {
			s.t.Errorf("row %s: %v, want %v", line, got, w)
		}
	}
	if r := results["8"]; r["listed"] != "65" || r["copied"] != "60" || r["not_tried"] != "5" || r["mailboxes_refused"] != "1" || r["mailbox"] != "Sealed" {
		s.t.Errorf("the row with the refused mailbox: %v", r)
	}
}

// hidesSecrets looks for the users' passwords, and for what they look like
// within base64, in all that a run has written.
func (s *site) hidesSecrets(e ending, users []string) {
	s.t.Helper()
	var needles []string
	for _, user := range users {
		for side := range 2 {
			p := secret(side+1, user)
			needles = append(needles, within64(p)...)
			needles = append(needles, within64("\x00"+user+"\x00"+p)...)
		}
	}
	texts := map[string][]byte{"stdout": []byte(e.out), "stderr": []byte(e.errs)}
	err := filepath.WalkDir(filepath.Dir(s.state("ledger.db")), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		texts[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if len(texts) < 2+7 {
		s.t.Errorf("only %d texts", len(texts))
	}
	for name, text := range texts {
		for _, n := range needles {
			if bytes.Contains(text, []byte(n)) {
				s.t.Errorf("%s holds a password: %q", name, n)
			}
		}
	}
}

// within64 is a text and what stands for it in base64 of either alphabet,
// whatever stands before and after it.
func within64(text string) []string {
	out := []string{text}
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		for before := range 3 {
			whole := enc.EncodeToString([]byte(strings.Repeat("x", before) + text))
			out = append(out, whole[(before*8+5)/6:(before+len(text))*8/6])
		}
	}
	return out
}

func TestWithin64(t *testing.T) {
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		for before := range 7 {
			p := secret(1, "someone")
			whole := enc.EncodeToString([]byte(strings.Repeat("b", before) + p + "tail"))
			if !slices.ContainsFunc(within64(p), func(n string) bool { return strings.Contains(whole, n) }) {
				t.Errorf("%d octets before: not found in %s", before, whole)
			}
		}
	}
}

var loginLine = regexp.MustCompile(`(?m)imap-login: (?:Info: )?Login: user=<([^>]*)>`)

// logins counts a server's logins so far by user, from its own log.
func (s *site) logins(d *imaptest.Dovecot) map[string]int {
	s.t.Helper()
	raw, err := os.ReadFile(filepath.Join(d.Dir(), "log"))
	if err != nil {
		s.t.Fatal(err)
	}
	out := make(map[string]int)
	for _, m := range loginLine.FindAllStringSubmatch(string(raw), -1) {
		out[m[1]]++
	}
	return out
}

// loginsSince counts those that came after the counts in before. It polls: the
// log is a file that another process writes, which tells nobody when.
func (s *site) loginsSince(d *imaptest.Dovecot, before map[string]int) map[string]int {
	s.t.Helper()
	more := make(map[string]int)
	for range 100 {
		for user, n := range s.logins(d) {
			if n > before[user] {
				more[user] = n - before[user]
			}
		}
		if len(more) >= 4 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	return more
}
