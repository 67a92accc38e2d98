package main

import (
	"testing"
	"time"

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
	}{
		{"asked only", ledger.Row{SourceMessages: 1000, SourceOctets: 10_000}, 10_000, 1000},
		{"done", row("done", nil), 200, 20},
		{"done, mailboxes alone", row("done", func(r *ledger.Row) { r.Only, r.Listed = ledger.OnlyFolders, 0 }), 10_000, 1000},
		{"stopped in its first mailbox", row("incomplete", func(r *ledger.Row) { r.NotTried = 900 }), 9000, 900},
		{"stopped in its first mailbox, a small one not begun", row("incomplete", func(r *ledger.Row) { r.NotTried, r.OctetsNotTried = 900, 1 }), 9000, 900},
		{"stopped before the mailbox of large messages", row("incomplete", func(r *ledger.Row) { r.NotTried, r.OctetsNotTried = 10, 8000 }), 8000, 10},
		{"more was not tried than there is now", row("incomplete", func(r *ledger.Row) { r.NotTried, r.OctetsNotTried = 10, 20_000 }), 10_000, 10},
		{"runs", row("running", func(r *ledger.Row) { r.NotTried, r.OctetsNotTried = 10, 1 }), 10_000, 1000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := accountOf(&tt.row, 0.01, now)
			if a.Unknown || a.Octets != 10_000 || a.Left != tt.left || a.Messages != 1000 || a.LeftMessages != tt.messages {
				t.Errorf("%+v, want %d octets in %d messages left", a, tt.left, tt.messages)
			}
		})
	}
}
