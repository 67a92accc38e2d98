package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/lockfile"
)

// saysAll is all that a test's ledger says, in words.
func saysAll(t *testing.T, l *Ledger) (string, error) {
	t.Helper()
	var b strings.Builder
	boxes, err := l.Mailboxes(t.Context(), 1)
	if err != nil {
		return "", err
	}
	for _, m := range boxes {
		runs, err := l.Runs(t.Context(), m.ID)
		if err != nil {
			return "", err
		}
		flags, err := l.Baseline(t.Context(), m.ID)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%+v %v\n", m, runs)
		for _, r := range runs {
			words, known := flags.Flags(r.Source)
			fmt.Fprint(&b, words, known, " ")
		}
	}
	rejects, err := l.AllRejects(t.Context(), []RowID{1})
	fmt.Fprintf(&b, "%+v\n", rejects)
	return b.String(), err
}

// worn is the file of a ledger with some twenty pages, and what it says.
func worn(t *testing.T) (file []byte, says string) {
	t.Helper()
	dir := t.TempDir()
	l := openTest(t, dir)
	row := bind(t, l, entries(0, 300))[0]
	for n := range 20 {
		id := mailbox(t, l, row, fmt.Sprint("mailbox ", n), "d")
		for i := uint32(1); i <= 60; i++ {
			must(t, l.AddRuns(t.Context(), id, []Run{{3 * i, 2 * i, 1}}, crashFlags(3*i)))
		}
		must(t, l.PutReject(t.Context(), Reject{Mailbox: id, UID: 1, Text: strings.Repeat("no ", 50)}))
		must(t, l.SetFloors(t.Context(), []Floor{{ID: id, Floor: 121, Open: true}}))
	}
	says, err := saysAll(t, l)
	must(t, err)
	must(t, l.Close())
	return readAll(t, filepath.Join(dir, Name)), says
}

// left makes a state directory as a process leaves it: without a word (unclean)
// or at its end.
func left(t *testing.T, file []byte, unclean bool) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, Name), file, 0o600))
	must(t, os.WriteFile(filepath.Join(dir, lockName), nil, 0o600))
	if unclean {
		must(t, lockfile.Self("", time.Now()).WriteFile(filepath.Join(dir, HolderName)))
	}
	return dir
}

// openedDamaged opens a ledger that may be damaged and says what it holds: all of it,
// or, when it was set aside, nothing.
func openedDamaged(t *testing.T, dir string) (damage *Damage, says string) {
	t.Helper()
	damagedFile := readAll(t, filepath.Join(dir, Name))
	l, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { must(t, l.Close()) }()
	if damage = l.Damage(); damage == nil {
		says, err = saysAll(t, l)
		must(t, err)
		return nil, says
	}
	if string(readAll(t, damage.Aside)) != string(damagedFile) {
		t.Errorf("%s is not the damaged file", damage.Aside)
	}
	ids, err := l.Find(t.Context(), entries(0, 300))
	must(t, err)
	for _, id := range ids {
		if id != 0 {
			t.Fatalf("the new ledger knows row %d", id)
		}
	}
	bind(t, l, entries(0, 300))
	return damage, ""
}

// noise overwrites b with what means nothing.
func noise(b []byte) {
	rng := rand.New(rand.NewPCG(5, uint64(len(b))))
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
}

// After an unclean end a page that is not what it was, and a file that is
// shorter, are found before anything is believed.
func TestDamagedAfterUncleanEnd(t *testing.T) {
	file, says := worn(t)
	page := int(binary.BigEndian.Uint16(file[16:]))
	pages := len(file) / page
	cases := map[string]func(b []byte) []byte{
		"half": func(b []byte) []byte { return b[:len(b)/2] },
		"header overwritten": func(b []byte) []byte {
			noise(b[:100])
			return b
		},
		"header of zeros": func(b []byte) []byte {
			clear(b[:100])
			return b
		},
		"empty":    func([]byte) []byte { return nil },
		"one page": func(b []byte) []byte { return b[:page] },
	}
	for n := range pages {
		cases[fmt.Sprintf("page %d of noise", n+1)] = func(b []byte) []byte {
			noise(b[n*page : (n+1)*page])
			return b
		}
		// Another one of each page.
		cases[fmt.Sprintf("a sector of page %d", n+1)] = func(b []byte) []byte {
			clear(b[n*page+512*(n%(page/512)):][:512])
			return b
		}
	}
	t.Logf("%d pages", pages)
	unnoticed := 0
	for name, damage := range cases {
		dir := left(t, damage([]byte(string(file))), true)
		d, got := openedDamaged(t, dir)
		if d == nil {
			unnoticed++
			if got != says {
				t.Errorf("%s: not noticed, and the ledger says something else", name)
			}
		}
	}
	t.Logf("%d of %d were not noticed, and changed nothing", unnoticed, len(cases))
}

// Damage that is met in the middle of a run ends it, and the next one looks
// closely although the process came to its end.
func TestDamagedInUse(t *testing.T) {
	file, _ := worn(t)
	page := int(binary.BigEndian.Uint16(file[16:]))
	for n := len(file) / page / 2; n < len(file)/page; n++ { // the schema is in the other half
		noise(file[n*page : (n+1)*page])
	}
	dir := left(t, file, false)
	l, err := Open(t.Context(), dir)
	must(t, err)
	if l.Damage() != nil {
		t.Error("all of a ledger was looked at after a clean end")
	}
	_, err = saysAll(t, l)
	if !errors.Is(err, ErrDamaged) || !strings.Contains(Advice(err), "run again") {
		t.Errorf("reading: %v", err)
	}
	_ = l.Close() // it may have met the same
	if d, _ := openedDamaged(t, dir); d == nil {
		t.Error("the next Open does not look closely")
	}
	l, err = Open(t.Context(), dir)
	must(t, err)
	defer func() { must(t, l.Close()) }()
	if l.Damage() != nil {
		t.Error("set aside twice")
	}
}

// Who only reads sets nothing aside, and a file in a directory that was never
// ours is not taken for a ledger.
func TestDamagedForReaders(t *testing.T) {
	file, _ := worn(t)
	clear(file[:100])
	dir := left(t, file, false)
	before := snapshot(t, dir)
	var d *DamagedError
	if _, err := OpenReader(t.Context(), dir); !errors.As(err, &d) || !strings.Contains(err.Error(), "sets it aside") {
		t.Errorf("a reader: %v, want a DamagedError", err)
	}
	equal(t, "directory", snapshot(t, dir), before)
	must(t, os.Remove(filepath.Join(dir, lockName)))
	var not *NotLedgerError
	if _, err := Open(t.Context(), dir); !errors.As(err, &not) {
		t.Errorf("in a directory that was not ours: %v, want a NotLedgerError", err)
	}
}

// A state directory that is moved away, replaced or removed while it is in use
// gets nothing more.
func TestMovedAway(t *testing.T) {
	for name, move := range map[string]func(t *testing.T, dir string){
		"moved": func(t *testing.T, dir string) { must(t, os.Rename(dir, dir+".moved")) },
		"replaced": func(t *testing.T, dir string) {
			must(t, os.Rename(dir, dir+".moved"))
			must(t, openTest(t, dir).Flush(t.Context()))
		},
		"removed": func(t *testing.T, dir string) { must(t, os.RemoveAll(dir)) },
	} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS == "windows" {
				t.Skip("open files keep their directory where it is")
			}
			dir := filepath.Join(t.TempDir(), "state")
			l, err := Open(t.Context(), dir)
			must(t, err)
			id := mailbox(t, l, bind(t, l, entries(0, 1))[0], "INBOX", "INBOX")
			must(t, l.Present())
			move(t, dir)
			err = l.SetFloors(t.Context(), []Floor{{ID: id, Floor: 7, Open: true}})
			if !errors.Is(err, ErrMoved) || !errors.Is(l.Present(), ErrMoved) || !strings.Contains(Advice(err), "put the state directory back") {
				t.Errorf("a floor: %v", err)
			}
			if err := l.Close(); !errors.Is(err, ErrMoved) {
				t.Errorf("Close: %v", err)
			}
			if name == "removed" {
				return
			}
			back := openTest(t, dir+".moved")
			boxes, err := back.Mailboxes(t.Context(), 1)
			must(t, err)
			if len(boxes) != 1 || boxes[0].Floor != 0 {
				t.Errorf("written to a directory that was moved away: %+v", boxes)
			}
		})
	}
}
