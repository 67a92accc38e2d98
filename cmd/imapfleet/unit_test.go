package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/rules"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

func TestParseSize(t *testing.T) {
	tests := []struct {
		text string
		want int64 // -1: refused
		back string
	}{
		{"256MiB", 256 << 20, "256MiB"},
		{"20MB", 20_000_000, "20MB"},
		{"1.5 GiB", 3 << 29, "1536MiB"},
		{"64k", 64 << 10, "64KiB"},
		{"1048577", 1048577, "1048577B"},
		{"7b", 7, "7B"},
		{"0", 0, "0"},
		{"", -1, ""},
		{"MiB", -1, ""},
		{"-1MiB", -1, ""},
		{"1e9", -1, ""},
		{"1.2.3M", -1, ""},
		{"nan", -1, ""},
		{"99999999TiB", -1, ""},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			var s sizeValue
			err := s.Set(tt.text)
			if (err == nil) != (tt.want >= 0) {
				t.Fatalf("Set: %v", err)
			}
			if err == nil && (int64(s) != tt.want || s.String() != tt.back) {
				t.Errorf("%d %q, want %d %q", int64(s), s.String(), tt.want, tt.back)
			}
		})
	}
}

func TestSelectRows(t *testing.T) {
	var pairs []account.Pair
	for _, line := range []int{2, 3, 5, 7, 8, 9} { // 4 is a comment, 6 is blank
		pairs = append(pairs, account.Pair{Line: line})
	}
	tests := []struct {
		flag string
		want []int // lines; nil: refused
	}{
		{"", []int{2, 3, 5, 7, 8, 9}},
		{"3,7-9", []int{3, 7, 8, 9}},
		{"8, 2", []int{2, 8}},
		{"3-7", []int{3, 5, 7}},
		{"2-9,5", []int{2, 3, 5, 7, 8, 9}},
		{"4", nil},
		{"1", nil},
		{"10", nil},
		{"2-6", nil},
		{"7-3", nil},
		{"2,", nil},
		{"-2", nil},
		{"+2", nil},
		{"a", nil},
		{"99999999999999999999", nil},
	}
	for _, tt := range tests {
		t.Run(tt.flag, func(t *testing.T) {
			got, err := selectRows(pairs, tt.flag)
			if (err == nil) != (tt.want != nil) {
				t.Fatalf("error %v", err)
			}
			var lines []int
			for _, i := range got {
				lines = append(lines, pairs[i].Line)
			}
			if !slices.Equal(lines, tt.want) {
				t.Errorf("lines %v, want %v", lines, tt.want)
			}
		})
	}
}

func TestStateDir(t *testing.T) {
	tests := []struct{ list, flag, want string }{
		{"accounts.csv", "", "accounts.imapfleet"},
		{"file.txt", "", "file.txt.imapfleet"},
		{"accounts", "", "accounts.imapfleet"},
		{".csv", "", ".csv.imapfleet"},
		{"a.csv.csv", "", "a.csv.imapfleet"},
		{filepath.Join("some", "where", "accounts.csv"), "", filepath.Join("some", "where", "accounts.imapfleet")},
		{"accounts.csv", "there", "there"},
	}
	for _, tt := range tests {
		t.Run(tt.list+tt.flag, func(t *testing.T) {
			if got := stateDir(tt.list, tt.flag); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// The holder file is the ledger's; this holds its name and form against what
// the ledger writes.
func TestReadHolder(t *testing.T) {
	dir := t.TempDir()
	if _, ok := readHolder(dir); ok {
		t.Fatal("somebody holds an empty directory")
	}
	l, err := ledger.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	h, ok := readHolder(dir)
	if !ok || !h.Alive() || h.Since.IsZero() {
		t.Errorf("holder %+v, found %v, alive %v", h, ok, h.Alive())
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, ok := readHolder(dir); ok {
		t.Error("somebody holds a closed ledger")
	}
	h.Host += "-elsewhere"
	if !h.Alive() {
		t.Error("a process on another machine is not believed")
	}
}

func TestListErrorNamesTheListOnce(t *testing.T) {
	err := listError("l.csv", errors.Join(
		&account.RowError{Line: 3, Column: "host1", Err: errors.New("empty")},
		&account.RowError{Line: 4, Err: errors.New("too short")},
	))
	want := "l.csv: line 3, column host1: empty\nl.csv: line 4: too short"
	if err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
}

// TestTrackerCounts: what the console is told of the rows that a run has not
// ended.
func TestTrackerCounts(t *testing.T) {
	var list []throughput.Result
	for line := range 4 {
		list = append(list, throughput.Result{Line: line + 1, State: throughput.Done, Count: throughput.Count{SourceOctets: int64(100 * line)}})
	}
	tr := newTracker(list, []int{0, 1, 2, 3}, time.Now())
	tr.set(0, throughput.Result{Line: 1, State: throughput.Running, Attempts: 1})
	tr.set(1, throughput.Result{Line: 2, State: throughput.Pending, Attempts: 1})
	tr.set(2, throughput.Result{Line: 3, State: throughput.Failed, Attempts: 1})
	want := throughput.Standing{
		RowCounts: throughput.RowCounts{Running: 1, Pending: 2, Failed: 1},
		NotBegun:  []throughput.Bulk{{Rows: 1, Octets: 300, Largest: throughput.Load{Line: 4, Octets: 300, Known: true}}},
		Begun:     []throughput.Begun{{Line: 1}, {Line: 2, Octets: 100}},
		Sized:     3, SizedOctets: 600,
	}
	if diff := cmp.Diff(want, tr.Standing()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestTrackerHosts: rows that have not begun wait for a host that is parked,
// in the files and on the screen, until it is not; those that are done do not.
func TestTrackerHosts(t *testing.T) {
	var list []throughput.Result
	for line := range 6 {
		list = append(list, throughput.Result{Line: line + 1, Host1: "old", Host2: "new", State: throughput.Pending})
	}
	list[4].Host1, list[5].State = "other", throughput.Done
	tr := newTracker(list, []int{0, 1, 2, 3, 4}, time.Now())
	tr.set(0, throughput.Result{Line: 1, Host1: "old", Host2: "new", State: throughput.Done, Attempts: 1})
	tr.set(1, throughput.Result{Line: 2, Host1: "old", Host2: "new", State: throughput.Running, Attempts: 1})
	until := time.Now().Add(time.Minute)
	pause := throughput.HostPause{Host: "old", Until: until, Fault: throughput.Fault{Side: "source", Code: "throttled", Text: "Request is throttled"}}
	for _, parked := range [][]throughput.HostPause{{pause}, nil, {pause}, {{Host: "old", Fault: pause.Fault}}} {
		before := tr.version()
		tr.setHosts(parked)
		if tr.version() == before {
			t.Error("the files would not be written")
		}
		want := throughput.RowCounts{Done: 1, Running: 1, Pending: 3}
		var lines []string
		if len(parked) > 0 {
			want = throughput.RowCounts{Done: 1, Running: 1, Parked: 2, Pending: 1}
			lines = []string{"2 rows " + throughput.ParkedText("old", parked[0].Until, time.Now(), &pause.Fault)}
		}
		if got := tr.Standing(); got.RowCounts != want || !slices.Equal(got.Reasons, lines) {
			t.Errorf("%+v, want %+v; %q, want %q", got.RowCounts, want, got.Reasons, lines)
		}
		run, all, _ := tr.view()
		var n [2]throughput.RowCounts
		for i, rows := range [][]throughput.Result{run, all} {
			for _, r := range rows {
				n[i].Add(r.State)
			}
		}
		if n[0] != want || n[1].Parked != want.Parked || n[1].Done != 2 {
			t.Errorf("files: %+v", n)
		}
	}
	want := []throughput.PausedHost{{Host: "old", Pauses: 2, GivenUp: true, Code: "throttled", Text: "Request is throttled"}}
	if got := tr.pausedHosts(); !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestListErrorOfManyRows(t *testing.T) {
	var all []error
	for line := range 1234 {
		all = append(all, &account.RowError{Line: line + 1, Err: errors.New("too short")})
	}
	for _, tt := range []struct {
		n, lines int
		last     string
	}{
		{50, 50, "l.csv: line 50: too short"},
		{51, 51, "l.csv: and 1 more"},
		{1234, 51, "l.csv: and 1,184 more"},
	} {
		lines := strings.Split(listError("l.csv", errors.Join(all[:tt.n]...)).Error(), "\n")
		if last := lines[len(lines)-1]; len(lines) != tt.lines || last != tt.last {
			t.Errorf("of %d: %d lines, the last %q; want %d and %q", tt.n, len(lines), last, tt.lines, tt.last)
		}
	}
}

func TestWarningsOfSelectedRows(t *testing.T) {
	plain := account.Endpoint{Security: account.SecurityPlain}
	list := &account.List{Warnings: []string{"the list's"}, Pairs: []account.Pair{
		{Source: plain, Dest: account.Endpoint{SkipVerify: true}}, {Source: plain}, {Source: plain},
	}}
	want := []string{"the list's", "passwords and mail of 2 rows go unencrypted to the source (security1 plain)"}
	if diff := cmp.Diff(want, warnings(list, []int{1, 2})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFlagsSwitch(t *testing.T) {
	if f := newRun().Flags().Lookup("flags"); f.DefValue != "on" {
		t.Errorf("--flags is %q unless said otherwise", f.DefValue)
	}
	for _, tt := range []struct {
		text string
		ok   bool
		off  bool
	}{{"on", true, false}, {"off", true, true}, {"", false, false}, {"true", false, false}} {
		o := runOptions{flags: true}
		err := o.flags.Set(tt.text)
		if off := o.engineOptions(&job{bound: &bound{}, sampler: newSampler(nil, nil)}).FlagsOff; (err == nil) != tt.ok || off != tt.off {
			t.Errorf("--flags %q: off %v, error %v", tt.text, off, err)
		}
	}
}

// TestRunFlagsOfRows: what a row cannot say is known, so that the list's error
// does not take it for a misspelt option.
func TestRunFlagsOfRows(t *testing.T) {
	newRun().Flags().VisitAll(func(f *pflag.Flag) {
		if _, _, ok := rules.Lookup(f.Name); !ok && rules.Refusal(f.Name) == "" {
			t.Errorf("--%s in the list would be an unknown option: add it to package rules", f.Name)
		}
	})
}

// TestHelpOfRepairs: help says of each repair what it changes.
func TestHelpOfRepairs(t *testing.T) {
	var out bytes.Buffer
	cmd := newRun()
	cmd.SetOut(&out)
	if err := cmd.Help(); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(out.String()), " ") // lines break where they are full
	for _, k := range rules.RepairKinds() {
		if !strings.Contains(text, " "+k.Name+": "+k.Does+" ") {
			t.Errorf("%s: %q is not said", k.Name, k.Does)
		}
	}
}

// TestManyNotes: what is too much for a screen is said to be where it is: no
// dry run writes a check.csv, nor does a check with --no-files.
func TestManyNotes(t *testing.T) {
	m := mappings{notes: map[int][]string{}}
	c := &checker{dir: t.TempDir()}
	for line := range mostNotes + 2 {
		note := fmt.Sprintf("a%d goes to b", line)
		m.notes[line] = []string{note}
		c.selected = append(c.selected, line)
		c.reports = append(c.reports, &throughput.CheckRow{Line: line, Findings: []throughput.CheckFinding{{Level: "note", Text: note}}})
	}
	for name, tt := range map[string]struct {
		write func(io.Writer)
		want  string
	}{
		"dry run":             {m.write, "  and 2 more: --json has them all\n"},
		"check":               {func(w io.Writer) { c.std.out, c.opt.noFiles = w, false; _ = c.end(t.Context()) }, "  and 2 more: see the rows of check.csv, or --json\n"},
		"check with no files": {func(w io.Writer) { c.std.out, c.opt.noFiles = w, true; _ = c.end(t.Context()) }, "  and 2 more: --json has them all\n"},
	} {
		var out bytes.Buffer
		tt.write(&out)
		if s := out.String(); !strings.Contains(s, tt.want) {
			t.Errorf("%s: %q is not in\n%s", name, tt.want, s)
		}
	}
}
