package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/rules"
)

const fromImapsync = "examples/from-imapsync/"

// TestFromImapsyncTables: what the example says is the same or different here
// is an option, and what it says is not here is none.
func TestFromImapsyncTables(t *testing.T) {
	text := document(t, fromImapsync+"README.md")
	for title, there := range map[string]bool{"## The same": true, "## Different": true, "## Not here": false} {
		for _, row := range rowsOf(t, text, title) {
			for _, m := range regexp.MustCompile("`--([a-z0-9-]+)`").FindAllStringSubmatch(row[0], -1) {
				b := rules.NewBuilder(time.Now()).Clone()
				value := map[string]string{"subfolder1": "a", "subfolder2": "a", "folder": "a", "folderrec": "a", "map": "a=b", "f1f2": "a=b",
					"search": "ALL", "search1": "ALL", "include": "a", "exclude": "a", "regextrans2": "s/a/b/", "authmech1": "PLAIN", "authmech2": "LOGIN"}[m[1]]
				words := []string{"--" + m[1]}
				if o, negated, ok := rules.Lookup(m[1]); ok && o.Arg != "" && !negated {
					words = append(words, max(value, "1"))
				}
				if errs := b.Parse(words); (errs == nil) != there {
					t.Errorf("%s: %s: %v", title, m[1], errs)
				}
			}
		}
	}
}

// TestFromImapsync runs the example's list as its README says.
func TestFromImapsync(t *testing.T) {
	text, raw := document(t, fromImapsync+"README.md"), document(t, fromImapsync+"file.txt")
	list, err := account.Load(strings.NewReader(raw), account.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cert, err := imaptest.NewCertificate()
	if err != nil {
		t.Fatal(err)
	}
	var servers [2]*imaptest.Memory
	for i, host := range []string{"old.example.org", "new.example.com"} {
		if servers[i], err = imaptest.NewMemory(imaptest.MemoryOptions{TLS: true, Certificate: cert}); err != nil {
			t.Fatal(err)
		}
		imaptest.CloseAfter(t, servers[i])
		raw = strings.ReplaceAll(raw, host, fmt.Sprintf("imaps://localhost:%d", servers[i].Port()))
	}
	recent := demoMailbox(1, "INBOX", 3)
	recent.Messages[0].Date = time.Now().Add(-24 * time.Hour)
	for _, p := range list.Pairs {
		if err := errors.Join(servers[0].AddUser(p.Source.User, p.Source.Password.Reveal()), servers[1].AddUser(p.Dest.User, p.Dest.Password.Reveal()),
			servers[0].Fill(p.Source.User, recent, demoMailbox(2, "Sent Items", 2), demoMailbox(3, "Spam", 1), demoMailbox(4, "Projekte/A", 2),
				imaptest.Mailbox{Name: "Empty"})); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(t.TempDir())
	if err := errors.Join(os.WriteFile("file.txt", []byte(raw), 0o600), os.WriteFile("ca.pem", cert.CertPEM, 0o600)); err != nil {
		t.Fatal(err)
	}
	const command = "run file.txt --parallel 8 --automap --nofoldersizes"
	want, _, _ := strings.Cut(session(t, text, "imapfleet "+command), "\n")
	var stdout, stderr bytes.Buffer
	code := run(context.WithoutCancel(t.Context()), append(strings.Fields(command), "--ca-file", "ca.pem"), nil, &stdout, &stderr)
	if got, _, _ := strings.Cut(stdout.String(), "\n"); code != exitDone || shape(got) != shape(want) {
		t.Fatalf("exit code %d, %q; README says %q\n%s", code, got, want, stderr.String())
	}
	for user, want := range map[string][]string{
		"anna":    {"Empty 0", "INBOX 3", "Projekte/A 2", "Sent Items 2", "Spam 1"},
		"bernd":   {"Empty 0", "INBOX 3", "Projekte/A 2", "Sent 2"},
		"carla":   {"Old/Empty 0", "Old/INBOX 1", "Old/Projekte/A 0", "Old/Sent Items 0", "Old/Spam 0"},
		"dimitri": {"INBOX 3", "Projects/A 2", "Sent Items 2", "Spam 1"},
		"elena":   {"Empty 0", "INBOX 0", "Projekte/A 0", "Sent Items 0", "Spam 0"},
	} {
		at := slices.IndexFunc(list.Pairs, func(p account.Pair) bool { return p.Source.User == user })
		p := list.Pairs[at]
		c, err := imaptest.Dump(t.Context(), servers[1].Access(p.Dest.User, p.Dest.Password.Reveal()))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range c.Mailboxes {
			if n := len(m.Messages); n > 0 || slices.Contains(want, m.Name+" 0") {
				got = append(got, fmt.Sprintf("%s %d", m.Name, n))
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", user, got, want)
		}
	}
}
