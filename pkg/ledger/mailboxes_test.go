package ledger

import (
	"errors"
	"testing"
	"time"
)

func TestMailboxes(t *testing.T) {
	dir := t.TempDir()
	l := openTest(t, dir)
	ids := bind(t, l, entries(0, 2))
	want := []Mailbox{
		{Row: ids[0], Source: "INBOX", Dest: "INBOX"},
		{Row: ids[0], Source: "R&D \xff\x00x", Dest: "Jörg/Ω", SourceValidity: 4294967295, DestValidity: 2, Floor: 4294967294, Open: true, SourceUIDNext: 7, SourceMessages: 6, SourceModSeq: 1<<63 - 1},
		{Row: ids[0], Source: "inbox", Dest: "INBOX"},
	}
	for i := range want {
		must(t, l.AddMailbox(t.Context(), &want[i]))
	}
	more := []*Mailbox{{Row: ids[1], Source: "INBOX", Dest: "a"}, {Row: ids[1], Source: "b", Dest: "b"}}
	must(t, l.AddMailboxes(t.Context(), more))
	must(t, l.Close())

	l = openTest(t, dir)
	got, err := l.Mailboxes(t.Context(), ids[0])
	must(t, err)
	equal(t, "mailboxes", got, want)
	got, err = l.Mailboxes(t.Context(), ids[1])
	must(t, err)
	equal(t, "mailboxes of the other row", got, []Mailbox{*more[0], *more[1]})
}

func TestAddMailboxRefused(t *testing.T) {
	l, row, _ := one(t, t.TempDir())
	for name, m := range map[string]Mailbox{
		"twice":  {Row: row, Source: "INBOX", Dest: "other"},
		"no row": {Row: 99, Source: "INBOX", Dest: "INBOX"},
	} {
		must(t, l.SaveRow(t.Context(), Row{ID: row, State: name}))
		if err := l.AddMailbox(t.Context(), &m); err == nil || m.ID != 0 {
			t.Errorf("%s: error %v, ID %d", name, err, m.ID)
		}
		rows, err := l.Rows(t.Context(), []RowID{row})
		must(t, err) // a refusal is the caller's: the ledger goes on
		if rows[0].State != name {
			t.Errorf("%s: what was queued before the refusal is lost", name)
		}
	}
	if err := l.AddMailboxes(t.Context(), []*Mailbox{{Row: row, Source: "new"}, {Row: row, Source: "INBOX"}}); err == nil {
		t.Error("one of two is there already: no error")
	}
	got, err := l.Mailboxes(t.Context(), row)
	must(t, err)
	if len(got) != 1 {
		t.Errorf("%d mailboxes, want 1: all or none", len(got))
	}
}

func TestFloorsAndFinish(t *testing.T) {
	l, row, id := one(t, t.TempDir())
	var first uint32
	state := func(what string, floor uint32, open bool, f Finished) {
		t.Helper()
		got, err := l.Mailboxes(t.Context(), row)
		must(t, err)
		equal(t, what, got, []Mailbox{{ID: id, Row: row, Source: "INBOX", Dest: "INBOX",
			SourceValidity: 1, DestValidity: 1, Floor: floor, Open: open,
			SourceUIDNext: f.UIDNext, SourceMessages: f.Messages, SourceModSeq: f.ModSeq, Rules: f.Rules,
			FilteredDate: f.FilteredDate, FilteredSize: f.FilteredSize, FilteredDuplicate: f.FilteredDuplicate,
			GoneKept: f.GoneKept, FirstFloor: first}})
	}
	must(t, l.SetFloors(t.Context(), []Floor{{ID: id, Open: true}}))
	state("no floor yet", 0, true, Finished{})
	first = 41
	must(t, l.SetFloors(t.Context(), []Floor{{ID: id, Floor: 41, Open: true}}))
	state("set", 41, true, Finished{})
	if err := l.SetFloors(t.Context(), []Floor{{ID: id, Floor: 50}, {ID: 99, Floor: 1}}); err == nil {
		t.Error("a floor of no mailbox: no error")
	}
	state("after a refusal: all or none", 41, true, Finished{})
	whole := Finished{UIDNext: 4294967295, Messages: 4294967294, ModSeq: 1<<63 - 1, Rules: "r",
		FilteredDate: 1, FilteredSize: 2, FilteredDuplicate: 3, GoneKept: 4}
	must(t, l.FinishMailbox(t.Context(), id, whole))
	state("finished", 41, false, whole)
	must(t, l.SetFloors(t.Context(), []Floor{{ID: id, Floor: 50}, {ID: id, Floor: 41}}))
	state("the first floor stays", 41, false, whole)
	must(t, l.FinishMailbox(t.Context(), id, Finished{UIDNext: 1000, ModSeq: 1 << 63}))
	state("a mod-sequence that cannot be", 41, false, Finished{UIDNext: 1000})
	must(t, l.SetFloors(t.Context(), nil))
}

func TestResetMap(t *testing.T) {
	l, row, id := one(t, t.TempDir())
	other := mailbox(t, l, row, "other", "other")
	for _, m := range []MailboxID{id, other} {
		must(t, l.AddRuns(t.Context(), m, []Run{{1, 1, 5}}, flagsOf(map[uint32]string{1: `\Seen`, 4: ""})))
		must(t, l.PutReject(t.Context(), Reject{Mailbox: m, UID: 9}))
		must(t, l.FinishMailbox(t.Context(), m, Finished{UIDNext: 12, Messages: 6, ModSeq: 99}))
	}
	must(t, l.SetFloors(t.Context(), []Floor{{ID: id, Floor: 6, Open: true}}))
	must(t, l.ResetMap(t.Context(), id, 7, 8))
	must(t, l.AddRuns(t.Context(), id, []Run{{100, 200, 3}}, nil))

	equal(t, "runs", runsOf(t, l, id), []Run{{100, 200, 3}})
	equal(t, "flags", wordsOf(t, l, id), map[uint32]string{})
	equal(t, "flags of the other mailbox", wordsOf(t, l, other), map[uint32]string{1: `\Seen`, 4: ""})
	equal(t, "runs of the other mailbox", runsOf(t, l, other), []Run{{1, 1, 5}})
	got, err := l.Mailboxes(t.Context(), row)
	must(t, err)
	equal(t, "mailbox", got[0], Mailbox{ID: id, Row: row, Source: "INBOX", Dest: "INBOX", SourceValidity: 7, DestValidity: 8, Open: true, Mapped: true})
	equal(t, "the other mailbox", got[1], Mailbox{ID: other, Row: row, Source: "other", Dest: "other", SourceValidity: 1, DestValidity: 1,
		SourceUIDNext: 12, SourceMessages: 6, SourceModSeq: 99, Rejects: 1, Mapped: true})
	rejects, err := l.Rejects(t.Context(), row)
	must(t, err)
	equal(t, "rejects", rejects, []Reject{{Mailbox: other, UID: 9}})
	// The source's UIDs are what they were: so is what was refused of them.
	must(t, l.AcceptReject(t.Context(), other, 9))
	must(t, l.ResetMap(t.Context(), other, 1, 8))
	must(t, l.ResetMap(t.Context(), other, 1, 0))
	equal(t, "runs of the other mailbox, replaced at the destination", runsOf(t, l, other), []Run(nil))
	rejects, err = l.Rejects(t.Context(), row)
	must(t, err)
	equal(t, "its rejects", rejects, []Reject{{Mailbox: other, UID: 9, Accepted: true}})
	for _, validity := range []uint32{0, 0, 7} { // from 1, from 0 to 0, from 0
		must(t, l.PutReject(t.Context(), Reject{Mailbox: other, UID: 9}))
		must(t, l.ResetMap(t.Context(), other, validity, 8))
		rejects, err = l.Rejects(t.Context(), row)
		must(t, err)
		equal(t, "rejects of a source whose UIDs do not last", rejects, []Reject{})
	}
	if err := l.ResetMap(t.Context(), 99, 1, 1); err == nil {
		t.Error("ResetMap of no mailbox: no error")
	}
}

// TestSetDests: a mailbox of which nothing was copied may go elsewhere, and
// begins anew there; one that is mapped or open stays, and with it all others
// of the call.
func TestSetDests(t *testing.T) {
	l, row, mapped := one(t, t.TempDir())
	open, free := mailbox(t, l, row, "open", "open"), mailbox(t, l, row, "free", "a%b")
	must(t, l.AddRuns(t.Context(), mapped, []Run{{1, 1, 5}}, nil))
	must(t, l.SetFloors(t.Context(), []Floor{{ID: open, Floor: 6, Open: true}}))
	must(t, l.PutReject(t.Context(), Reject{Mailbox: free, UID: 9}))
	must(t, l.PutRepair(t.Context(), Repair{Mailbox: free, Kind: "name", Was: "a%b", Made: "a_b"}))
	must(t, l.FinishMailbox(t.Context(), free, Finished{UIDNext: 12, Messages: 6, ModSeq: 99}))
	for _, stays := range []MailboxID{mapped, open, 99} {
		if err := l.SetDests(t.Context(), []Dest{{free, "x"}, {stays, "x"}}); !errors.Is(err, ErrSettled) {
			t.Errorf("mailbox %d: error %v", stays, err)
		}
	}
	must(t, l.SetDests(t.Context(), []Dest{{free, "a_b"}}))
	got, err := l.Mailboxes(t.Context(), row)
	must(t, err)
	equal(t, "mailbox", got[2], Mailbox{ID: free, Row: row, Source: "free", Dest: "a_b", SourceValidity: 0})
	equal(t, "mapped", got[0].Dest, "INBOX")
	equal(t, "open", got[1].Dest, "open")
	var repairs []RepairRow
	must(t, l.Repairs(t.Context(), []RowID{row}, func(r RepairRow) { repairs = append(repairs, r) }))
	if len(repairs) != 0 {
		t.Errorf("repairs: %+v", repairs)
	}
}

// TestResetMapKeepsNames: another UIDVALIDITY changes nothing about what a
// mailbox had to be called.
func TestResetMapKeepsNames(t *testing.T) {
	l, row, id := one(t, t.TempDir())
	must(t, l.PutRepair(t.Context(), Repair{Mailbox: id, Kind: "name", Was: "a%b", Made: "a_b"}))
	must(t, l.PutRepair(t.Context(), Repair{Mailbox: id, UID: 7, Kind: "date"}))
	must(t, l.ResetMap(t.Context(), id, 7, 8))
	var repairs []RepairRow
	must(t, l.Repairs(t.Context(), []RowID{row}, func(r RepairRow) { repairs = append(repairs, r) }))
	if len(repairs) != 1 || repairs[0].Kind != "name" {
		t.Errorf("repairs: %+v", repairs)
	}
}

func TestRejects(t *testing.T) {
	l := openTest(t, t.TempDir())
	ids := bind(t, l, entries(0, 3))
	a, b := mailbox(t, l, ids[1], "A\xff", "A"), mailbox(t, l, ids[0], "B", "B")
	zone := time.FixedZone("", -(3*3600 + 30*60))
	full := Reject{Mailbox: a, UID: 4294967295, MessageID: "<\x00\xfe>", Octets: 1 << 40, Date: when.In(zone), Code: "TOOBIG", Text: "NO \xff big"}
	epoch := Reject{Mailbox: a, UID: 3, Date: time.Unix(0, 0).UTC()}
	other := Reject{Mailbox: b, UID: 3}
	for _, r := range []Reject{{Mailbox: a, UID: 3, Text: "replaced"}, full, epoch, other, {Mailbox: a, UID: 5}} {
		must(t, l.PutReject(t.Context(), r))
	}
	must(t, l.DropReject(t.Context(), a, 5))
	must(t, l.DropReject(t.Context(), a, 6)) // never there

	got, err := l.Rejects(t.Context(), ids[1])
	must(t, err)
	equal(t, "rejects of a row", got, []Reject{epoch, full})
	if _, offset := got[1].Date.Zone(); offset != -12600 {
		t.Errorf("the date's zone is %d s east, want -12600", offset)
	}
	all, err := l.AllRejects(t.Context(), ids)
	must(t, err)
	equal(t, "all rejects", all, []RejectRow{{1, "B", other}, {2, "A\xff", epoch}, {2, "A\xff", full}})
	all, err = l.AllRejects(t.Context(), nil)
	must(t, err)
	if len(all) != 0 {
		t.Errorf("rejects of no rows: %v", all)
	}
}
