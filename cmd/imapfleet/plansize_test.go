package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/ledger"
)

// What is left of a row is never less than what its last pass did not come to.
func TestAccountOf(t *testing.T) {
	now := time.Date(2026, 12, 1, 20, 0, 0, 0, time.UTC)
	row := func(state string, change func(*ledger.Row)) ledger.Row {
		r := ledger.Row{State: state, SourceMessages: 1000, SourceOctets: 10_000, Listed: 1000, Updated: now.Add(-48 * time.Hour)}
		if change != nil {
			change(&r)
		}
		return r
	}
	tests := []struct {
		name           string
		row            ledger.Row
		left, messages int64
		rules          string
		unknown        bool
	}{
		{name: "asked only", row: ledger.Row{SourceMessages: 1000, SourceOctets: 10_000}, left: 10_000, messages: 1000},
		{name: "done", row: row("done", nil), left: 200, messages: 20},
		{name: "done, sizes not told", row: row("done", func(r *ledger.Row) { r.SourceError = ledger.NotTold }), left: 200, messages: 20},
		{name: "done, of other mailboxes", row: row("done", nil), left: 200, messages: 20, rules: "INBOX", unknown: true},
		{name: "stopped, of other mailboxes", row: row("incomplete", func(r *ledger.Row) { r.NotTried = 100 }), left: 10_000, messages: 1000, rules: "INBOX", unknown: true},
		{name: "stopped, sizes not told", row: row("incomplete", func(r *ledger.Row) { r.NotTried, r.SourceError = 900, ledger.NotTold }), left: 9000, messages: 900, unknown: true},
		{name: "done, mailboxes alone", row: row("done", func(r *ledger.Row) { r.Only, r.Listed = ledger.OnlyFolders, 0 }), left: 10_000, messages: 1000},
		{name: "stopped in its first mailbox", row: row("incomplete", func(r *ledger.Row) { r.NotTried = 900 }), left: 9000, messages: 900},
		{name: "stopped in its first mailbox, a small one not begun", row: row("incomplete", func(r *ledger.Row) { r.NotTried, r.OctetsNotTried = 900, 1 }), left: 9000, messages: 900},
		{name: "stopped before the mailbox of large messages", row: row("incomplete", func(r *ledger.Row) { r.NotTried, r.OctetsNotTried = 10, 8000 }), left: 8000, messages: 10},
		{name: "more was not tried than there is now", row: row("incomplete", func(r *ledger.Row) { r.NotTried, r.OctetsNotTried = 10, 20_000 }), left: 10_000, messages: 10},
		{name: "runs", row: row("running", func(r *ledger.Row) { r.NotTried, r.OctetsNotTried = 10, 1 }), left: 10_000, messages: 1000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := accountOf(&tt.row, tt.rules, 0.01, now)
			if a.Unknown != tt.unknown || a.Error != 0 || a.Octets != 10_000 || a.Left != tt.left || a.Messages != 1000 || a.LeftMessages != tt.messages {
				t.Errorf("%+v, want %d octets in %d messages left", a, tt.left, tt.messages)
			}
		})
	}
}

// What a source was found to hold of some mailboxes is not the size of the account,
// nor the other way round, whether a plan or a run has found it.
func TestPlanSizesByRules(t *testing.T) {
	const all, inbox = 60, 40 // messages
	tests := []struct {
		name  string
		first []string // command
		plans []string // further flags
		want  []int64
		asked []bool
	}{
		{"some, then all", nil, []string{"--folder INBOX", "", ""}, []int64{inbox, all, all}, []bool{true, true, false}},
		{"all, then some", nil, []string{"", "--folder INBOX", "--folder INBOX"}, []int64{all, inbox, inbox}, []bool{true, true, false}},
		{"the same in other words", nil, []string{"--exclude Sent", "--exclude Sent", "--no-automap --exclude Sent"}, []int64{inbox, inbox, inbox}, []bool{true, false, false}},
		{"a run of all, then some", []string{"run"}, []string{"--folder INBOX", "", "--folder INBOX"}, []int64{inbox, all, inbox}, []bool{true, false, true}},
		{"a run of some, then all", []string{"run", "--folder", "INBOX"}, []string{"", "--folder INBOX", ""}, []int64{all, inbox, all}, []bool{true, false, true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			name, servers := planningList(t)
			if len(tt.first) > 0 {
				planned(t, exitDone, append(tt.first, name, "--quiet")...)
			}
			for i, flags := range tt.plans {
				before := servers[0].Stats().Total
				s := planOf(t, name, strings.Fields(flags)...).Sizes
				if s.Messages != tt.want[i] || s.Unknown != 0 {
					t.Errorf("plan %d, %q: %+v, want %d messages", i, flags, s, tt.want[i])
				}
				if asked := servers[0].Stats().Total > before; asked != tt.asked[i] {
					t.Errorf("plan %d, %q: the source was asked: %v", i, flags, asked)
				}
			}
		})
	}
}

// Where the source does not tell sizes, a row of which a part was copied has not
// only that part.
func TestPlanSizeNotTold(t *testing.T) {
	const sizes = 1000 + 6000 + 3000
	src := imaptest.NewFake(t, imaptest.FakeOptions{}, sized(1000, 6000, 3000))
	refusing := true
	dst := imaptest.NewFake(t, imaptest.FakeOptions{Whole: func(octets []byte) string {
		if refusing && len(octets) > 2000 {
			return "NO [LIMIT] too large"
		}
		return ""
	}})
	p := &preflight{t: t}
	p.row(src, "anna", dst, "anna")
	name := filepath.Join(t.TempDir(), "accounts.csv")
	if err := os.WriteFile(name, []byte(p.rows[0]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	planned(t, exitNotDone, "run", name, "--quiet")
	if s := planOf(t, name).Sizes; s.Octets != sizes || s.Left < sizes/2 || s.Done != 0 {
		t.Errorf("after 1000 octets: %+v", s)
	}
	planned(t, exitNotDone, "run", name, "--quiet")
	if s := planOf(t, name, "--no-login").Sizes; s.Octets != sizes || s.Unknown != 0 {
		t.Errorf("after a run that had nothing to copy: %+v", s)
	}
	refusing = false
	planned(t, exitDone, "run", name, "--quiet")
	if s := planOf(t, name, "--no-login").Sizes; s.Octets != sizes || s.Done != 1 || s.Unknown != 0 {
		t.Errorf("done: %+v", s)
	}
}
