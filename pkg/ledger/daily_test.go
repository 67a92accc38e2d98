package ledger

import (
	"testing"
	"time"
)

// What passed in an hour adds up, accounts are apart, and what is older than
// was asked for is forgotten.
func TestDaily(t *testing.T) {
	l := openTest(t, t.TempDir())
	at := time.Date(2026, 3, 1, 10, 59, 59, 0, time.UTC)
	for _, add := range []struct {
		account string
		at      time.Time
		octets  int64
	}{
		{"a", at.Add(-25 * time.Hour), 1}, {"a", at.Add(-23 * time.Hour), 10}, {"a", at, 100}, {"a", at, 1000},
		{"a", at.Add(time.Second), 10_000}, {"b", at, 7},
	} {
		if err := l.AddDaily(t.Context(), add.account, add.at, add.octets); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		got, err := l.Daily(t.Context(), "a", at.Add(-24*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		want := []Hour{
			{time.Date(2026, 2, 28, 11, 0, 0, 0, time.UTC), 10},
			{time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC), 1100},
			{time.Date(2026, 3, 1, 11, 0, 0, 0, time.UTC), 10_000},
		}
		if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
	if got, err := l.Daily(t.Context(), "a", at.Add(-48*time.Hour)); err != nil || len(got) != 3 {
		t.Errorf("what is older was not forgotten: %v, %v", got, err)
	}
}
