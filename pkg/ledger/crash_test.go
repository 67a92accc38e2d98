package ledger

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
)

// crashDir names the state directory in the environment of a child that is to
// be killed.
const crashDir = "IMAPFLEET_LEDGER_CRASH"

const crashLanes = 4

// crashChild sets floors in several lanes until it is killed. Lane n's step i
// adds the run i -> i and then sets floor i; each floor that SetFloors has
// acknowledged is said on stdout as "lane floor", in one write.
func crashChild(dir string) {
	ctx := context.Background()
	l, err := Open(ctx, dir)
	if err != nil {
		crashExit(err)
	}
	rows, err := l.Bind(ctx, entries(0, 1), false)
	if err != nil {
		crashExit(err)
	}
	boxes, err := l.Mailboxes(ctx, rows[0])
	for n := len(boxes); n < crashLanes && err == nil; n++ {
		boxes = append(boxes, Mailbox{Row: rows[0], Source: strconv.Itoa(n)})
		err = l.AddMailbox(ctx, &boxes[n])
	}
	if err != nil {
		crashExit(err)
	}
	var lanes sync.WaitGroup
	for n, m := range boxes {
		lanes.Go(func() {
			for i := m.Floor + 1; ; i++ {
				err := errors.Join(
					l.AddRuns(ctx, m.ID, []Run{{i, 2 * i, 1}}, crashFlags(i)), // two apart: a run each
					l.SetFloors(ctx, []Floor{{ID: m.ID, Floor: i, Open: true}}))
				if err != nil {
					crashExit(err)
				}
				_, _ = os.Stdout.WriteString(fmt.Sprintf("%d %d\n", n, i))
			}
		})
	}
	lanes.Wait()
}

// crashFlags are those of the message i.
func crashFlags(i uint32) *Baseline { return flagsOf(map[uint32]string{i: fmt.Sprint("k", i%7)}) }

func crashExit(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// runCrashChild kills the child after it has acknowledged some floors, and
// returns the last of each lane.
func runCrashChild(t *testing.T, dir string, after int) (acked [crashLanes]uint32) {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	defer func() { _ = cmd.Wait() }() // it was killed
	lines := bufio.NewReader(out)
	for n := 0; ; n++ {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			if n < after {
				t.Fatalf("the child ended by itself after %d floors", n)
			}
			return acked
		}
		must(t, err)
		var lane int
		var floor uint32
		if _, err := fmt.Sscanf(line, "%d %d", &lane, &floor); err != nil {
			t.Fatalf("the child said %q", line)
		}
		acked[lane] = floor
		if n == after {
			must(t, cmd.Process.Kill()) // what it said until then is still read
		}
	}
}

// holds says which acknowledged floor, or run before it, is not in the ledger.
func holds(t *testing.T, dir string, acked [crashLanes]uint32) error {
	t.Helper()
	l, err := Open(t.Context(), dir)
	if err != nil {
		return err
	}
	defer func() { must(t, l.Close()) }()
	boxes, err := l.Mailboxes(t.Context(), 1)
	if err != nil {
		return err
	}
	for n, m := range boxes {
		if m.Floor < acked[n] || !m.Open && m.Floor > 0 {
			return fmt.Errorf("lane %d: floor %d (open %v), %d was acknowledged", n, m.Floor, m.Open, acked[n])
		}
		runs := runsOf(t, l, m.ID)
		// No floor is there without the runs queued before it.
		if uint32(len(runs)) < m.Floor {
			return fmt.Errorf("lane %d: %d runs, floor %d", n, len(runs), m.Floor)
		}
		flags, err := l.Baseline(t.Context(), m.ID)
		if err != nil {
			return err
		}
		if flags.Len() != len(runs) {
			return fmt.Errorf("lane %d: flags of %d messages, %d runs", n, flags.Len(), len(runs))
		}
		for i, r := range runs {
			if same, _ := flags.Is(r.Source, []string{fmt.Sprint("k", r.Source%7)}); !same {
				return fmt.Errorf("lane %d: message %d has other flags", n, r.Source)
			}
			if want := uint32(i) + 1; r != (Run{want, 2 * want, 1}) {
				return fmt.Errorf("lane %d: run %d is %v", n, i, r)
			}
		}
	}
	return nil
}

func TestKilled(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	dir := t.TempDir()
	for round := range rounds {
		acked := runCrashChild(t, dir, rand.IntN(120))
		if err := holds(t, dir, acked); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
}

// TestPowerLoss copies the files of a ledger while it is open, cuts the copy's
// WAL anywhere, and opens it: it is a ledger, with a beginning of what was
// written; with the whole WAL it has every floor that was acknowledged.
func TestPowerLoss(t *testing.T) {
	dir := t.TempDir()
	l := openTest(t, dir)
	row := bind(t, l, entries(0, 1))[0]
	var ids [crashLanes]MailboxID
	for n := range ids {
		ids[n] = mailbox(t, l, row, strconv.Itoa(n), "d")
	}
	var acked [crashLanes]uint32
	for i := uint32(1); i <= 40; i++ {
		for n, id := range ids {
			must(t, l.AddRuns(t.Context(), id, []Run{{i, 2 * i, 1}}, crashFlags(i)))
			must(t, l.SetFloors(t.Context(), []Floor{{ID: id, Floor: i, Open: true}}))
			acked[n] = i
		}
	}
	db := readAll(t, filepath.Join(dir, Name))
	wal := readAll(t, filepath.Join(dir, Name+"-wal"))
	copied := func(wal []byte) string {
		to := t.TempDir()
		must(t, os.WriteFile(filepath.Join(to, Name), db, 0o600))
		must(t, os.WriteFile(filepath.Join(to, Name+"-wal"), wal, 0o600))
		return to
	}
	if err := holds(t, copied(wal), acked); err != nil {
		t.Errorf("whole WAL: %v", err)
	}
	for range 25 {
		n := rand.IntN(len(wal))
		if err := holds(t, copied(wal[:n]), [crashLanes]uint32{}); err != nil {
			t.Errorf("WAL cut at %d of %d: %v", n, len(wal), err)
		}
	}
}

func readAll(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	return b
}
