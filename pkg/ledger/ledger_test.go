package ledger

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		crashChild(dir)
		return
	}
	if dir := os.Getenv(visitorDir); dir != "" {
		visitorChild(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// openTest opens a ledger that the test closes without an error.
func openTest(t testing.TB, dir string) *Ledger {
	t.Helper()
	l, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return l
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal(t testing.TB, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// entry is row n of a list, on line n+1.
func entry(n int) Entry {
	user := fmt.Sprintf("user%d", n)
	return Entry{Line: n + 1, Key: Key{
		Host1: "old.example", Port1: 0, User1: user,
		Host2: "new.example", Port2: 993, User2: user,
		Dest: "new.example\x00" + user,
	}}
}

func entries(from, to int) []Entry {
	var out []Entry
	for n := from; n < to; n++ {
		out = append(out, entry(n))
	}
	return out
}

func bind(t testing.TB, l *Ledger, list []Entry) []RowID {
	t.Helper()
	ids, err := l.Bind(t.Context(), list, false)
	must(t, err)
	return ids
}

// mailbox adds a mailbox with UIDVALIDITY 1 on both sides.
func mailbox(t testing.TB, l *Ledger, row RowID, source, dest string) MailboxID {
	t.Helper()
	m := Mailbox{Row: row, Source: source, Dest: dest, SourceValidity: 1, DestValidity: 1}
	must(t, l.AddMailbox(t.Context(), &m))
	if m.ID == 0 {
		t.Fatal("AddMailbox left the ID 0")
	}
	return m.ID
}

// one opens a ledger with one row and one mailbox.
func one(t testing.TB, dir string) (*Ledger, RowID, MailboxID) {
	t.Helper()
	l := openTest(t, dir)
	row := bind(t, l, entries(0, 1))[0]
	return l, row, mailbox(t, l, row, "INBOX", "INBOX")
}

func runsOf(t testing.TB, l *Ledger, id MailboxID) []Run {
	t.Helper()
	runs, err := l.Runs(t.Context(), id)
	must(t, err)
	return runs
}

var when = time.Date(2026, 11, 23, 12, 30, 15, 123456000, time.UTC)
