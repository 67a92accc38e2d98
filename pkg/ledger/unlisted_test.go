package ledger

import (
	"testing"
)

// TestUnlistedRowsCountNowhere: a row that left the list (its source got
// another name, say) no longer claims what it has put into the destination.
func TestUnlistedRowsCountNowhere(t *testing.T) {
	ctx := t.Context()
	l, err := Open(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	old := Entry{Key: Key{Host1: "old", User1: "u", Host2: "new", User2: "u", Dest: "new/u"}, Line: 1}
	other := Entry{Key: Key{Host1: "old", User1: "v", Host2: "new", User2: "v", Dest: "new/v"}, Line: 2}
	ids, err := l.Bind(ctx, []Entry{old, other}, false)
	if err != nil {
		t.Fatal(err)
	}
	box := Mailbox{Row: ids[0], Source: "INBOX", Dest: "INBOX", SourceValidity: 1, DestValidity: 2}
	if err := l.AddMailbox(ctx, &box); err != nil {
		t.Fatal(err)
	}
	if err := l.AddRuns(ctx, box.ID, []Run{{Source: 1, Dest: 1, Count: 9}}, nil); err != nil {
		t.Fatal(err)
	}
	renamed := old
	renamed.Host1 = "mail"
	for _, tt := range []struct {
		list []Entry
		want int
	}{
		{[]Entry{old, other}, 1},
		{[]Entry{renamed, other}, 0},
		{[]Entry{old, renamed, other}, 1},
	} {
		ids, err := l.Bind(ctx, tt.list, false)
		if err != nil {
			t.Fatal(err)
		}
		runs, err := l.DestRuns(ctx, ids[0], "INBOX", 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(runs) != tt.want {
			t.Errorf("list of %d rows, first from %q: %d runs, want %d", len(tt.list), tt.list[0].Host1, len(runs), tt.want)
		}
	}
}
