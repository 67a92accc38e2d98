package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// The files follow the rows within a second or so; a file that cannot be
// written for a while is complained of once and stops nothing.
func TestKeeperKeepsFilesCurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		list := []throughput.Result{{Line: 1, User1: "a", State: throughput.Done}, {Line: 2, User1: "b"}, {Line: 3, User1: "c", State: throughput.Failed}}
		tr := newTracker(list, []int{1, 2}, time.Now())
		var log bytes.Buffer
		var beats int
		k := &keeper{
			tracker: tr, files: newResultFiles(dir), log: slog.New(slog.NewTextHandler(&log, nil)),
			progress: func(time.Time) { beats++ },
			rejects: func(context.Context) ([]ledger.RejectRow, error) {
				return []ledger.RejectRow{{Line: 1, Source: "R&AOk-sum&AOk-", Reject: ledger.Reject{UID: 7, Octets: -1, Code: "too-big", Text: "no\r\nway", Accepted: true}}}, nil
			},
			repairs: func(_ context.Context, take func(ledger.RepairRow)) error {
				take(ledger.RepairRow{Line: 1, Source: "R&AOk-sum&AOk-", Repair: ledger.Repair{UID: 7, Kind: "date", Was: "a\r\nb", Made: "c"}})
				return nil
			},
		}
		for _, name := range append([]string{"check.csv"}, runFiles...) { // a process was killed
			if err := os.WriteFile(filepath.Join(dir, name+".2.new"), []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := k.begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		read := func(name string) string {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Error(err)
			}
			return string(b)
		}
		if s := read("results.csv"); !strings.Contains(s, "\n2;;b;;;pending;") || !strings.Contains(s, "\n3;;c;;;failed;") {
			t.Errorf("at first: %s", s)
		}
		if s := read("rejects.csv"); !strings.Contains(s, "\n1;Résumé;7;") || strings.Count(s, "\n") != 2 {
			t.Errorf("rejects: %q", s)
		}
		if s := read("rejects.csv"); !strings.HasSuffix(s, ";yes\n") {
			t.Errorf("rejects: %q", s)
		}
		if s := read("repairs.csv"); s != "line;mailbox;uid;repair;from;to\n1;Résumé;7;date;a  b;c\n" {
			t.Errorf("repairs: %q", s)
		}
		tr.set(0, throughput.Result{Line: 2, User1: "b", State: throughput.Done})
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		if s := read("results.csv"); !strings.Contains(s, "\n2;;b;;;done;") {
			t.Errorf("after a second: %s", s)
		}
		if s := read("failed.csv"); strings.Contains(s, ";b;") || !strings.Contains(s, "\n3;;c;") {
			t.Errorf("failed: %s", s)
		}

		blocked := filepath.Join(dir, "summary.json")
		if err := os.Remove(blocked); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(blocked, 0o700); err != nil {
			t.Fatal(err)
		}
		tr.set(1, throughput.Result{Line: 3, User1: "c", State: throughput.Incomplete})
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n := strings.Count(log.String(), "not current"); n != 1 {
			t.Errorf("complained %d times: %s", n, &log)
		}
		if s := read("results.csv"); !strings.Contains(s, "\n3;;c;;;incomplete;") {
			t.Errorf("one file keeps the others from being written: %s", s)
		}
		if err := os.Remove(blocked); err != nil {
			t.Fatal(err)
		}
		rep, err := k.end(t.Context(), verdicts{})
		if err != nil {
			t.Fatal(err)
		}
		if rep.Run.Rows.Done != 1 || rep.Run.Rows.Incomplete != 1 || rep.List.Rows.Done != 2 || !strings.Contains(read("summary.json"), `"incomplete": 1`) {
			t.Errorf("report %+v", rep)
		}
		if beats < 2 {
			t.Errorf("%d progress events in 11 seconds", beats)
		}
		if got, want := namesIn(t, dir), slices.Sorted(slices.Values(append([]string{"check.csv.2.new"}, runFiles...))); !slices.Equal(got, want) {
			t.Errorf("files %q, want %q", got, want)
		}
	})
}

func namesIn(t *testing.T, dir string) (out []string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		out = append(out, f.Name())
	}
	return out
}

// Two that write a file of one name at a time do not write into each other's:
// the later one's is there in the end, whole.
func TestFreshFilesOfOneName(t *testing.T) {
	dir := t.TempDir()
	var both [2]*freshFile
	for i := range both {
		f, err := newFreshFile(dir, "check.csv")
		if err != nil {
			t.Fatal(err)
		}
		both[i] = f
	}
	for i, text := range []string{"the first\nis longer\n", "the second\n"} {
		if _, err := both[i].Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	for i, text := range []string{"the first\nis longer\n", "the second\n"} {
		if err := both[i].commit(); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(filepath.Join(dir, "check.csv")); err != nil || string(b) != text {
			t.Errorf("%q, %v", b, err)
		}
	}
	if got := namesIn(t, dir); !slices.Equal(got, []string{"check.csv"}) {
		t.Errorf("files %q", got)
	}
}

// A file that would be the same again is not written again, unless somebody
// has taken it away.
func TestResultFilesThatHaveNotChanged(t *testing.T) {
	f := newResultFiles(t.TempDir())
	write := func(state throughput.State) map[string]os.FileInfo {
		t.Helper()
		if err := f.write(throughput.Report{}, []throughput.Result{{Line: 1, State: state}}, nil, func(func(throughput.Repair)) error { return nil }); err != nil {
			t.Fatal(err)
		}
		infos := map[string]os.FileInfo{}
		for _, name := range []string{"results.csv", "rejects.csv", "repairs.csv"} {
			info, err := os.Stat(filepath.Join(f.dir, name))
			if err != nil {
				t.Fatal(err)
			}
			infos[name] = info
		}
		return infos
	}
	first := write(throughput.Pending)
	second := write(throughput.Done)
	for name, want := range map[string]bool{"results.csv": false, "rejects.csv": true, "repairs.csv": true} {
		if same := os.SameFile(first[name], second[name]) && first[name].ModTime().Equal(second[name].ModTime()); same != want {
			t.Errorf("%s is the same file: %v, want %v", name, same, want)
		}
	}
	if err := os.Remove(filepath.Join(f.dir, "rejects.csv")); err != nil {
		t.Fatal(err)
	}
	write(throughput.Done)

	f = newResultFiles(t.TempDir())
	f.hasty = true
	hasty := write(throughput.Done)
	f.hasty = false
	if kept := write(throughput.Done); os.SameFile(hasty["rejects.csv"], kept["rejects.csv"]) {
		t.Error("what a loss of power may take is still there at the end")
	} else if again := write(throughput.Done); !os.SameFile(kept["rejects.csv"], again["rejects.csv"]) {
		t.Error("what is on the disk is written again")
	}
}
