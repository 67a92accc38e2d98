package ledger

import "testing"

func repairsOf(t *testing.T, l *Ledger, ids ...RowID) (out []RepairRow) {
	t.Helper()
	must(t, l.Repairs(t.Context(), ids, func(r RepairRow) { out = append(out, r) }))
	return out
}

// A repair is kept octet by octet, once for its message and kind, and by row,
// mailbox, UID and kind; a map that is void takes those of messages along.
func TestRepairs(t *testing.T) {
	l := openTest(t, t.TempDir())
	rows := bind(t, l, entries(0, 3))
	a, b := mailbox(t, l, rows[1], "A", "A"), mailbox(t, l, rows[0], "B\xff", "B")
	put := func(r Repair) Repair { must(t, l.PutRepair(t.Context(), r)); return r }
	put(Repair{Mailbox: a, UID: 7, Kind: "date", Was: "x", Made: "y"})
	date := put(Repair{Mailbox: a, UID: 7, Kind: "date", Was: "\x00\xff", Made: ""})
	keywords := put(Repair{Mailbox: a, UID: 7, Kind: "keywords", Was: "a b", Made: "a"})
	first := put(Repair{Mailbox: a, UID: 3, Kind: "nul"})
	name := put(Repair{Mailbox: a, Kind: "name", Was: "A", Made: "A (2)"})
	other := put(Repair{Mailbox: b, UID: 4294967295, Kind: "date"})
	put(Repair{Mailbox: b, UID: 1, Kind: "date"})
	must(t, l.DropRepair(t.Context(), b, 1, "date"))
	must(t, l.DropRepair(t.Context(), b, 2, "date")) // never there

	one, two := entries(0, 3)[0].Line, entries(0, 3)[1].Line
	equal(t, "all", repairsOf(t, l, rows...), []RepairRow{{one, "B\xff", other}, {two, "A", name}, {two, "A", first}, {two, "A", date}, {two, "A", keywords}})
	equal(t, "of no row", repairsOf(t, l, rows[2]), []RepairRow(nil))
	must(t, l.ResetMap(t.Context(), a, 8, 9))
	equal(t, "of a mailbox whose map is void", repairsOf(t, l, rows[1]), []RepairRow{{two, "A", name}})
}

// What a human has accepted stays accepted while the reject lasts.
func TestAcceptReject(t *testing.T) {
	l, row, id := one(t, t.TempDir())
	must(t, l.PutReject(t.Context(), Reject{Mailbox: id, UID: 3, Text: "a"}))
	must(t, l.PutReject(t.Context(), Reject{Mailbox: id, UID: 4}))
	must(t, l.AcceptReject(t.Context(), id, 3))
	must(t, l.AcceptReject(t.Context(), id, 5)) // no reject
	must(t, l.PutReject(t.Context(), Reject{Mailbox: id, UID: 3, Text: "b"}))
	got, err := l.Rejects(t.Context(), row)
	must(t, err)
	equal(t, "rejects", got, []Reject{{Mailbox: id, UID: 3, Text: "b", Accepted: true}, {Mailbox: id, UID: 4}})
	must(t, l.DropReject(t.Context(), id, 3))
	must(t, l.PutReject(t.Context(), Reject{Mailbox: id, UID: 3, Text: "c"}))
	got, err = l.Rejects(t.Context(), row)
	must(t, err)
	equal(t, "a new one", got, []Reject{{Mailbox: id, UID: 3, Text: "c"}, {Mailbox: id, UID: 4}})
}
