package batch

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// slowRecorder takes a second to save a row.
type slowRecorder struct{ recorder }

func (r *slowRecorder) SaveRow(ctx context.Context, row ledger.Row) error {
	time.Sleep(time.Second)
	return r.recorder.SaveRow(ctx, row)
}

// Lane time is that of all lanes, over all attempts; with what Sync tells and
// what the runner adds nothing of it is missing, and the ledger knows.
func TestLaneTimeIsSpent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := map[int]int{}
		s := &laneSync{}
		s.f = func(_ context.Context, p account.Pair, l *bookedLanes, m *throughput.Meter) (throughput.Count, error) {
			time.Sleep(10 * time.Second)
			m.Spend(throughput.DestWait, 10*time.Second)
			if p.Line == 1 && l.TryAcquire() {
				time.Sleep(5 * time.Second)
				m.Spend(throughput.SourceWait, 10*time.Second)
				l.Release()
			}
			if tries[p.Line]++; tries[p.Line] == 1 {
				return throughput.Count{}, lost
			}
			return throughput.Count{}, nil
		}
		rec, run := &slowRecorder{}, throughput.NewRun()
		r := mustNew(t, Options{Syncer: s, Recorder: rec, Parallel: 3, LanesPerAccount: 2, Retries: 1, Meter: run, Retry: steady})
		res, err := r.Run(t.Context(), rows(2))
		if err != nil {
			t.Fatal(err)
		}
		var sum throughput.Spent
		for i, r := range res {
			if r.LaneTime < 20*time.Second || r.Spent.Total() != r.LaneTime || r.Spent[throughput.DestWait] != 20*time.Second ||
				r.Spent[throughput.LedgerWait] < 2*time.Second || r.Spent[throughput.LedgerWait] > 12*time.Second {
				t.Errorf("row %d had lanes for %v and spent %v: %v", i+1, r.LaneTime, r.Spent.Total(), r.Spent)
			}
			sum.Add(r.Spent)
		}
		if res[0].Spent[throughput.SourceWait] == 0 {
			t.Error("no further lane")
		}
		if got := run.Snapshot().Spent; got != sum {
			t.Errorf("the run has spent %v, its rows %v", got, sum)
		}
		for _, row := range rec.saved[len(rec.saved)-1:] {
			r := res[row.Line-1]
			if row.LaneTime != r.LaneTime || throughput.ParseSpent(row.Spent) != r.Spent {
				t.Errorf("the ledger has %v and %q, want %v and %v", row.LaneTime, row.Spent, r.LaneTime, r.Spent)
			}
		}
	})
}

// A row knows how long it was parked, and by whose server: by its own answer,
// or because the host was.
func TestParkedTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tried := map[login]bool{}
		s := newLogins(func(l login) error {
			key := login{line: l.line, side: l.side}
			if tried[key] {
				return nil
			}
			tried[key] = true
			if l.line == 1 && l.side == fault.Dest {
				return &fault.Error{Side: fault.Dest, Scope: fault.Account, Temporary: true, Code: fault.Throttled, Wait: 10 * time.Minute}
			}
			if l.line == 2 && l.side == fault.Source {
				return &fault.Error{Side: fault.Source, Scope: fault.Host, Temporary: true, Code: fault.Throttled, Wait: 5 * time.Minute}
			}
			return nil
		})
		list := append(between(1, 1, "old", "new"), between(2, 3, "slow", "new")...)
		res, err := mustNew(t, Options{Syncer: s, Parallel: 2, Retry: steady}).Run(t.Context(), list)
		if err != nil || states(res)[throughput.Done] != 4 {
			t.Fatalf("%v, states %v", err, states(res))
		}
		for i, want := range [][2]time.Duration{{0, 10 * time.Minute}, {5 * time.Minute, 0}, {5 * time.Minute, 0}, {5 * time.Minute, 0}} {
			got := [2]time.Duration{res[i].SourceParked, res[i].DestParked}
			for side := range got {
				if d := got[side] - want[side]; d < 0 || d > 2*time.Minute {
					t.Errorf("row %d was parked for %v, want %v", i+1, got, want)
				}
			}
		}
	})
}
