package ledger

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"
)

// fillRow gives every field of a Row below the identity a value of its own.
func fillRow(t *testing.T, r *Row, seed int) {
	t.Helper()
	v := reflect.ValueOf(r).Elem()
	for i := range v.NumField() {
		f, n := v.Field(i), seed*100+i
		switch name := v.Type().Field(i).Name; {
		case name == "ID" || name == "Key" || name == "Line":
		case f.Type() == reflect.TypeFor[time.Time]():
			f.Set(reflect.ValueOf(when.Add(time.Duration(n) * time.Microsecond)))
		case f.CanInt():
			f.SetInt(int64(n))
		case f.CanFloat():
			f.SetFloat(float64(n) + 0.25)
		case f.Kind() == reflect.Bool:
			f.SetBool(true)
		case f.Kind() == reflect.String:
			f.SetString(name + "\x00\xff")
		default:
			t.Fatalf("Row.%s: the test does not know its type", name)
		}
	}
}

func TestRowKeepsEveryField(t *testing.T) {
	dir := t.TempDir()
	l := openTest(t, dir)
	list := entries(0, 3)
	ids := bind(t, l, list)
	var want []Row
	for i, id := range ids {
		r := Row{ID: id, Key: list[i].Key, Line: list[i].Line}
		fillRow(t, &r, i+1)
		want = append(want, r)
		saved := r
		saved.Key, saved.Line = Key{}, 0 // Bind's, not SaveRow's
		must(t, l.SaveRow(t.Context(), saved))
	}
	got, err := l.Rows(t.Context(), ids)
	must(t, err)
	equal(t, "rows", got, want)

	must(t, l.Close())
	l = openTest(t, dir)
	got, err = l.Rows(t.Context(), []RowID{ids[2], 0, ids[0], ids[2]})
	must(t, err)
	equal(t, "rows after reopening, in the order asked", got, []Row{want[2], {}, want[0], want[2]})
	if _, err := l.Rows(t.Context(), []RowID{99}); err == nil {
		t.Error("Rows of an unknown row gave no error")
	}
}

func TestFreshRowIsZero(t *testing.T) {
	l := openTest(t, t.TempDir())
	ids := bind(t, l, entries(4, 5))
	got, err := l.Rows(t.Context(), ids)
	must(t, err)
	equal(t, "row", got, []Row{{ID: ids[0], Key: entry(4).Key, Line: 5}})
}

func TestSaveRowLastOneWins(t *testing.T) {
	l := openTest(t, t.TempDir())
	id := bind(t, l, entries(0, 1))[0]
	for _, state := range []string{"running", "failed", "done"} {
		must(t, l.SaveRow(t.Context(), Row{ID: id, State: state}))
	}
	got, err := l.Rows(t.Context(), []RowID{id})
	must(t, err)
	if got[0].State != "done" {
		t.Errorf("state %q, want done", got[0].State)
	}
	if err := l.SaveRow(t.Context(), Row{State: "done"}); err == nil {
		t.Error("SaveRow without an ID gave no error")
	}
}

func TestAttempts(t *testing.T) {
	l := openTest(t, t.TempDir())
	ids := bind(t, l, entries(0, 2))
	want := []Attempt{
		{Row: ids[0], Run: "r1", N: 1, Start: when, Seconds: 1.5, State: "failed", FaultSide: "source", FaultCode: "c", FaultText: "t", Copied: 3, Octets: 4},
		{Row: ids[0], Run: "r1", N: 2, Start: when.Add(time.Hour), State: "done"},
	}
	for _, a := range append(want, want[1], Attempt{Row: ids[1], Run: "r1", N: 1}) {
		must(t, l.AddAttempt(t.Context(), a))
	}
	got, err := l.Attempts(t.Context(), ids[0])
	must(t, err)
	equal(t, "attempts", got, want)
}

func TestBind(t *testing.T) {
	dir := t.TempDir()
	l := openTest(t, dir)
	first := bind(t, l, entries(0, 4))
	equal(t, "the same list again", bind(t, l, entries(0, 4)), first)

	moved := entries(2, 6) // two known, two new
	for i := range moved {
		moved[i].Line += 10
	}
	moved[0].Dest = "elsewhere"
	second := bind(t, l, moved)
	equal(t, "known rows", second[:2], first[2:])
	rows, err := l.Rows(t.Context(), append(first[:2:2], second...))
	must(t, err)
	var lines []int
	for _, r := range rows {
		lines = append(lines, r.Line)
	}
	equal(t, "lines; rows not in the list have none", lines, []int{0, 0, 13, 14, 15, 16})
	if rows[2].Key.Dest != "elsewhere" {
		t.Errorf("Dest is still %q", rows[2].Key.Dest)
	}
	twice := bind(t, l, []Entry{entry(9), entry(0), entry(9)})
	if twice[0] != twice[2] {
		t.Errorf("a row that the list has twice is %d and %d", twice[0], twice[2])
	}
}

func TestBindIdentity(t *testing.T) {
	l := openTest(t, t.TempDir())
	base := Entry{Line: 1, Key: Key{"a", 0, "u", "b", 0, "v", "d"}}
	list := []Entry{base}
	for i := range 6 {
		e := base
		switch i {
		case 0:
			e.Host1 += "x"
		case 1:
			e.Port1++
		case 2:
			e.User1 += "x"
		case 3:
			e.Host2 += "x"
		case 4:
			e.Port2++
		case 5:
			e.User2 += "x"
		}
		list = append(list, e)
	}
	seen := make(map[RowID]int)
	for i, id := range bind(t, l, list) {
		if j, ok := seen[id]; ok {
			t.Errorf("entries %d and %d are one row", i, j)
		}
		seen[id] = i
	}
	same := base
	same.Dest = "other"
	if id := bind(t, l, []Entry{same})[0]; seen[id] != 0 {
		t.Error("Dest is part of the identity")
	}
}

func TestBindOtherList(t *testing.T) {
	l := openTest(t, t.TempDir())
	mine := bind(t, l, entries(0, 3))
	if _, err := l.Bind(t.Context(), entries(10, 12), false); !errors.Is(err, ErrOtherList) {
		t.Fatalf("another list: %v, want ErrOtherList", err)
	}
	found, err := l.Find(t.Context(), append(entries(10, 12), entry(1)))
	must(t, err)
	equal(t, "rows after the refusal", found, []RowID{0, 0, mine[1]})
	must(t, l.Flush(t.Context())) // a refusal is the caller's: the ledger goes on

	adopted, err := l.Bind(t.Context(), entries(10, 12), true)
	must(t, err)
	equal(t, "adopted", bind(t, l, entries(10, 12)), adopted)
	equal(t, "the old rows", bind(t, l, entries(0, 3)), mine)

	if ids, err := l.Bind(t.Context(), nil, false); err != nil || len(ids) != 0 {
		t.Errorf("an empty list: %v, %v", ids, err)
	}
	if _, err := l.Bind(t.Context(), []Entry{{Line: 3}}, false); err == nil {
		t.Error("a key without Dest was bound")
	}
}

// What a row was done with holds for all that asks for no more.
func TestRowCovers(t *testing.T) {
	const all = ""
	for did, enough := range map[string][]string{
		OnlyLogin: {OnlyLogin}, OnlyFolders: {OnlyLogin, OnlyFolders}, all: {OnlyLogin, OnlyFolders, all},
	} {
		r := Row{Only: did}
		for _, asked := range []string{OnlyLogin, OnlyFolders, all} {
			if r.Covers(asked) != slices.Contains(enough, asked) {
				t.Errorf("done with %q, asked for %q: %v", did, asked, r.Covers(asked))
			}
		}
	}
}
