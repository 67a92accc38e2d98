package batch

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

var (
	lost      = &fault.Error{Side: fault.Dest, Temporary: true, Code: fault.ConnectionLost, Text: "cut"}
	throttled = &fault.Error{Side: fault.Source, Temporary: true, Code: fault.Throttled, Wait: 5 * time.Minute}
	wrong     = &fault.Error{Side: fault.Source, Code: fault.AuthRefused, Text: "no", Hint: "check the password"}
	diskFull  = &fault.Error{Scope: fault.Run, Code: fault.State, Text: "no space left on device"}
)

func TestRetryTiming(t *testing.T) {
	tests := []struct {
		name     string
		err      error
		retries  int
		attempts int
		took     time.Duration // a minute per attempt and the pauses
		state    throughput.State
		parked   time.Duration // at most; 0: 48 hours
	}{
		{"temporary", lost, 3, 4, (4*60 + 10 + 30 + 90) * time.Second, throughput.Failed, 0},
		{"temporary, no retries", lost, 0, 1, time.Minute, throughput.Failed, 0},
		{"final", wrong, 3, 1, time.Minute, throughput.Failed, 0},
		{"unclassified", errors.New("odd"), 3, 1, time.Minute, throughput.Failed, 0},
		{"server said later", &fault.Error{Temporary: true, Code: fault.Unavailable}, 0, 3, (3*60 + 30 + 90) * time.Second, throughput.Failed, 4 * time.Minute},
		{"server said later, retries left", &fault.Error{Temporary: true, Code: fault.Unavailable}, 9, 3, (3*60 + 30 + 90) * time.Second, throughput.Failed, 4 * time.Minute},
		{"server said when", throttled, 0, 3, (3*60 + 300 + 300) * time.Second, throughput.Failed, 12 * time.Minute},
		{"server said later for two days", &fault.Error{Temporary: true, Code: fault.Unavailable}, 0, 183, 47*time.Hour + 53*time.Minute, throughput.Failed, 0},
		{"later than it is believed", &fault.Error{Temporary: true, Code: fault.Throttled, Wait: 49 * time.Hour}, 3, 1, time.Minute, throughput.Failed, 0},
		{"a host, temporarily", &fault.Error{Scope: fault.Host, Temporary: true, Code: fault.Unreachable}, 1, 2, (2*60 + 30) * time.Second, throughput.Failed, 0},
		{"a host, for good", &fault.Error{Scope: fault.Host, Code: fault.HostUnknown}, 3, 1, time.Minute, throughput.Failed, 0},
		{"a locked mailbox", &fault.Error{Scope: fault.Mailbox, Temporary: true, Code: fault.InUse}, 1, 2, (2*60 + 30) * time.Second, throughput.Incomplete, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &syncFunc{f: func(context.Context, account.Pair) (throughput.Count, error) {
					time.Sleep(time.Minute)
					return throughput.Count{}, tt.err
				}}
				start := time.Now()
				res, err := mustNew(t, Options{Syncer: s, Parallel: 1, Retries: tt.retries, MaxParked: tt.parked, Retry: steady}).Run(t.Context(), rows(1))
				if err != nil {
					t.Fatal(err)
				}
				if d := time.Since(start); d != tt.took {
					t.Errorf("took %v, want %v", d, tt.took)
				}
				r := res[0]
				if r.State != tt.state || r.Attempts != tt.attempts || s.calls != tt.attempts || r.Elapsed != time.Duration(tt.attempts)*time.Minute {
					t.Errorf("%v after %d attempts (%d calls) in %v, want %v after %d", r.State, r.Attempts, s.calls, r.Elapsed, tt.state, tt.attempts)
				}
				if r.Fault == nil || !r.ParkedUntil.IsZero() {
					t.Errorf("fault %v, parked until %v", r.Fault, r.ParkedUntil)
				}
			})
		})
	}
}

func TestPauseHasJitterAndALimit(t *testing.T) {
	p := RetryPolicy{Max: time.Minute}.withDefaults()
	seen := make(map[time.Duration]bool)
	for range 100 {
		d := p.pause(lost, 1)
		if d < 8*time.Second || d > 12*time.Second+1 {
			t.Fatalf("first pause %v, want 10 s give or take 2", d)
		}
		seen[d] = true
		if d := p.pause(lost, 30); d < 48*time.Second || d > 72*time.Second+1 {
			t.Fatalf("30th pause %v, want a minute give or take 12 s", d)
		}
		if day := 24 * time.Hour; p.pause(&fault.Error{Wait: day}, 1) > day+p.Max {
			t.Fatal("a pause of a day is longer by more than the longest pause")
		}
		if d := p.pause(throttled, 1); d < throttled.Wait {
			t.Fatalf("pause %v, the server asked for %v", d, throttled.Wait)
		}
	}
	if len(seen) < 10 {
		t.Errorf("%d different pauses of 100", len(seen))
	}
}

// A parked row frees its worker: the others run meanwhile, and it comes back
// when its time has come, not before.
func TestParkedRowFreesItsWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		first := true
		rec := &recorder{}
		run := throughput.NewRun()
		var woke time.Duration
		s := &syncFunc{}
		s.f = func(_ context.Context, p account.Pair) (throughput.Count, error) {
			if p.Line == 1 && first {
				first = false
				return throughput.Count{}, throttled
			}
			if p.Line == 1 {
				woke = time.Since(start)
			}
			time.Sleep(time.Minute)
			return throughput.Count{Listed: 1, AlreadyThere: 1, Mailboxes: 1}, nil
		}
		r := mustNew(t, Options{
			Syncer: s, Recorder: rec, RunID: "run", Meter: run, Parallel: 1, Retries: 3, Retry: steady,
			OnResult: func(i int, res throughput.Result) {
				if i == 0 && res.State == throughput.Parked && !res.ParkedUntil.Equal(start.Add(5*time.Minute)) {
					t.Errorf("parked until %v", res.ParkedUntil.Sub(start))
				}
				for _, b := range run.Busy() {
					if b.Line == 1 && res.State == throughput.Parked {
						t.Error("a parked row counts as busy")
					}
				}
			},
		})
		res, err := r.Run(t.Context(), rows(3))
		if err != nil {
			t.Fatal(err)
		}
		if woke != 5*time.Minute {
			t.Errorf("woke after %v, want 5m", woke)
		}
		if d := time.Since(start); d != 6*time.Minute {
			t.Errorf("took %v, want 6m: rows 2 and 3 run while row 1 waits", d)
		}
		if states(res)[throughput.Done] != 3 {
			t.Errorf("states %v", states(res))
		}
		var seen []string
		for _, row := range rec.saved {
			if row.ID == 1 {
				seen = append(seen, row.State)
			}
		}
		if got := strings.Join(seen, " "); got != "running parked running done" {
			t.Errorf("row 1 was saved as %q", got)
		}
		if len(rec.attempts) != 4 || rec.attempts[0].State != "parked" || rec.attempts[0].FaultCode != "throttled" || rec.attempts[0].Run != "run" {
			t.Errorf("attempts %+v", rec.attempts)
		}
		if len(run.Busy()) != 0 {
			t.Error("rows are still busy")
		}
	})
}

func TestPanicEndsOneRow(t *testing.T) {
	var log bytes.Buffer
	s := &syncFunc{f: func(_ context.Context, p account.Pair) (throughput.Count, error) {
		switch p.Line {
		case 2:
			panic("boom")
		case 3: // on another goroutine of the syncer's
			return throughput.Count{}, &fault.Error{Code: fault.Panic, Text: "bang", Err: errors.New("bang\nthe stack of another goroutine")}
		}
		return throughput.Count{}, nil
	}}
	res, err := mustNew(t, Options{Syncer: s, Parallel: 2, Retries: 3, Logger: slog.New(slog.NewTextHandler(&log, nil))}).Run(t.Context(), rows(5))
	if err != nil {
		t.Fatal(err)
	}
	if states(res)[throughput.Done] != 3 || res[2].State != throughput.Failed || res[2].Fault.Text != "bang" || res[1].State != throughput.Failed || res[1].Fault.Code != "panic" || res[1].Attempts != 1 {
		t.Errorf("states %v, row 2 %+v", states(res), res[1])
	}
	if !strings.Contains(log.String(), "attempts_test.go") || !strings.Contains(log.String(), "the stack of another goroutine") {
		t.Errorf("no stack in the log: %s", log.String())
	}
}

func TestRunFaultStopsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{}
		s := &syncFunc{f: func(ctx context.Context, p account.Pair) (throughput.Count, error) {
			switch p.Line {
			case 1:
				return throughput.Count{}, wrong
			case 2:
				time.Sleep(time.Minute)
				return throughput.Count{}, diskFull
			}
			<-ctx.Done()
			return throughput.Count{Listed: 2, Copied: 1, NotTried: 1}, ctx.Err()
		}}
		res, err := mustNew(t, Options{Syncer: s, Recorder: rec, Parallel: 3, Retries: 3}).Run(t.Context(), rows(10))
		if !errors.Is(err, diskFull) {
			t.Fatalf("error %v, want the disk's", err)
		}
		want := []throughput.State{throughput.Failed, throughput.Pending, throughput.Pending, throughput.Pending}
		for i, state := range want {
			if res[i].State != state {
				t.Errorf("row %d is %v, want %v", i+1, res[i].State, state)
			}
		}
		if res[1].Fault == nil || res[2].Fault != nil || res[2].Count.Copied != 1 {
			t.Errorf("rows 2 and 3: %+v, %+v", res[1], res[2])
		}
		if s.calls != 4 {
			t.Errorf("%d rows were started, want 4", s.calls)
		}
	})
}

func TestRecorderErrorStopsTheRun(t *testing.T) {
	rec := &recorder{err: errors.New("database or disk is full")}
	s := &syncFunc{f: func(context.Context, account.Pair) (throughput.Count, error) { return throughput.Count{}, nil }}
	res, err := mustNew(t, Options{Syncer: s, Recorder: rec, Parallel: 3}).Run(t.Context(), rows(10))
	if fault.ScopeOf(err) != fault.Run || !errors.Is(err, rec.err) {
		t.Fatalf("error %v", err)
	}
	if s.calls != 0 || states(res)[throughput.Pending] != 10 {
		t.Errorf("%d rows ran though nothing could be recorded; states %v", s.calls, states(res))
	}
}
