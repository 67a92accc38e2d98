package ledger

import "testing"

// What others have put there stays known however runs join, and until the map is
// void.
func TestOthers(t *testing.T) {
	dir := t.TempDir()
	l, _, id := one(t, dir)
	none, err := l.Others(t.Context(), id)
	must(t, err)
	equal(t, "at first", none, []Run(nil))
	must(t, l.AddRuns(t.Context(), id, []Run{{1, 11, 3}}, nil))
	for range 2 {
		must(t, l.AddOthers(t.Context(), id, []Run{{5, 15, 1}, {4, 14, 1}, {9, 20, 2}, {8, 0, 1}}))
		must(t, l.AddRuns(t.Context(), id, []Run{{4, 14, 2}, {9, 20, 2}}, nil))
	}
	must(t, l.AddOthers(t.Context(), id, []Run{{6, 16, 1}}))
	must(t, l.AddOthers(t.Context(), id, nil))
	must(t, l.FinishMailbox(t.Context(), id, Finished{}))
	equal(t, "runs", runsOf(t, l, id), []Run{{1, 11, 5}, {9, 20, 2}})
	must(t, l.Close())
	l = openTest(t, dir)
	got, err := l.Others(t.Context(), id)
	must(t, err)
	equal(t, "others", got, []Run{{0, 14, 3}, {0, 20, 2}})
	must(t, l.ResetMap(t.Context(), id, 7, 8))
	got, err = l.Others(t.Context(), id)
	must(t, err)
	equal(t, "after the map was void", got, []Run(nil))
}
