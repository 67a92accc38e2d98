package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// buildFleet makes the binary to measure.
func buildFleet(t *testing.T) string {
	t.Helper()
	if _, err := imaptest.FindDovecot(); err != nil {
		imaptest.Missing(t, "dovecot", err)
	}
	program := filepath.Join(t.TempDir(), "imapfleet")
	if out, err := exec.Command("go", "build", "-o", program, "../imapfleet").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// The bench from end to end, with a few dozen messages: a copy near and over
// TLS, an unchanged account near and far.
func TestBench(t *testing.T) {
	program := buildFleet(t)
	file := filepath.Join(t.TempDir(), "figures.json")
	var out, errs bytes.Buffer
	err := run(t.Context(), []string{"-imapfleet", program, "-runs", "1", "-scale", "0.01", "-far", "2ms", "-json", file,
		"-cases", "^realistic mix, (16,000.*lane$|1 lane|MULTI.*8 lanes)|^far: 2 KB messages, 8|unchanged"}, &out, &errs)
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out.Bytes(), errs.Bytes())
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rep report
	if err := json.Unmarshal(raw, &rep); err != nil {
		t.Fatal(err)
	}
	type figures struct{ accounts, messages, limits, fleets int }
	want := map[string]figures{
		"realistic mix, MULTIAPPEND from memory, 8 lanes": {8, 160, 1, 0},
		"realistic mix, 1 lane":                           {1, 20, 1, 1},
		"realistic mix, 16,000 messages, 1 lane":          {1, 160, 1, 1},
		"realistic mix, 1 lane, TLS":                      {1, 20, 1, 1},
		"far: 2 KB messages, 8 lanes":                     {8, 160, 1, 1},
		caseUnchanged:                                     {1, 200, 1, 1},
		farPrefix + caseUnchanged:                         {1, 200, 1, 1},
	}
	for _, r := range rep.Cases {
		if got := (figures{r.Accounts, r.Messages, len(r.Limit), len(r.Fleet)}); got != want[r.Name] {
			t.Errorf("%s: %+v, want %+v", r.Name, got, want[r.Name])
		}
		if len(r.Fleet) > 0 && (r.Fleet[0].Seconds <= 0 || len(r.Rows[0]) != r.Accounts || r.Octets == 0) {
			t.Errorf("%s: %+v, rows %v, %d octets", r.Name, r.Fleet[0], r.Rows, r.Octets)
		}
		if !strings.Contains(out.String(), "\n"+r.Name+" ") {
			t.Errorf("%s is not in the table", r.Name)
		}
		if far := r.Name == farPrefix+caseUnchanged; far != (r.RoundTrips["source"] > 1 && r.RoundTrips["destination"] > 1) {
			t.Errorf("%s: round trips %v", r.Name, r.RoundTrips)
		}
	}
	if len(rep.Cases) != len(want) || rep.RoundTrip < 0.002 || rep.Machine.Dovecot == "" {
		t.Errorf("%d cases, round trip %v, %v", len(rep.Cases), rep.RoundTrip, rep.Machine)
	}
	t.Logf("\n%s", out.Bytes())
}

// What has not arrived, or arrived otherwise, is an error.
func TestArrived(t *testing.T) {
	if _, err := imaptest.FindDovecot(); err != nil {
		imaptest.Missing(t, "dovecot", err)
	}
	s, err := startSite("", 0)
	if err != nil {
		t.Fatal(err)
	}
	imaptest.CloseAfter(t, closer(s.close))
	accounts, err := makeSet(t.Context(), s.old, huge, 0.0005)
	if err != nil {
		t.Fatal(err)
	}
	users, err := s.fresh(1)
	if err != nil {
		t.Fatal(err)
	}
	c := &benchCase{lanes: 1}
	tr := &trial{b: &bench{site: s}, c: c, accounts: accounts, ends: s.ends(c)}
	if err := pipe(t.Context(), tr.ends[0].access(accounts[0].user), tr.ends[1].access(users[0]), accounts[0]); err != nil {
		t.Fatal(err)
	}
	if err := tr.arrived(t.Context(), users, true); err != nil {
		t.Fatal(err)
	}
	mail, err := filepath.Glob(filepath.Join(s.new.Dir(), "mail", users[0], "Maildir", "*", "*S=*"))
	if err != nil || len(mail) != accounts[0].messages {
		t.Fatalf("%v, %v", mail, err)
	}
	body, err := os.ReadFile(mail[0])
	if err != nil {
		t.Fatal(err)
	}
	body[len(body)-3] ^= 1
	if err := os.WriteFile(mail[0], body, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := tr.arrived(t.Context(), users, true); err == nil || !strings.Contains(err.Error(), "differs") {
		t.Errorf("one octet is another: %v", err)
	}
	if err := os.Remove(mail[0]); err != nil {
		t.Fatal(err)
	}
	if err := tr.arrived(t.Context(), users, false); err == nil || !strings.Contains(err.Error(), "holds {Messages:9") {
		t.Errorf("one message is gone: %v", err)
	}
	if err := s.settle(users); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(s.new.Dir(), "mail", users[0])); !os.IsNotExist(err) {
		t.Errorf("the mail was not removed: %v", err)
	}
}

type closer func() error

func (c closer) Close() error { return c() }

func TestFlags(t *testing.T) {
	for want, args := range map[string][]string{
		"-runs":              {"-runs", "0"},
		"-scale":             {"-scale", "0"},
		"-far":               {"-far", "-1s"},
		"-cases":             {"-cases", "("},
		"no case matches":    {"-cases", "nosuch"},
		"unexpected argumen": {"list.csv"},
	} {
		var out, errs bytes.Buffer
		if err := run(t.Context(), args, &out, &errs); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", args, err, want)
		}
	}
	var out, errs bytes.Buffer
	if err := run(t.Context(), []string{"-list", "-far", "0", "-cases", "TLS|octets"}, &out, &errs); err != nil {
		t.Fatal(err)
	}
	if want := caseEven + "\n" + caseSkewed + "\n" + caseRealistic + ", TLS\n" + caseLarge + ", TLS\n"; out.String() != want {
		t.Errorf("-list: %q", out.String())
	}
}
