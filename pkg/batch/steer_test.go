package batch

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// bordered takes a minute, and four seconds to a message border when it is
// stopped: then its socket was closed, or it says that it was canceled.
func bordered(ctx context.Context, p account.Pair) (throughput.Count, error) {
	select {
	case <-time.After(time.Minute):
		return throughput.Count{Listed: 1, Copied: 1}, nil
	case <-ctx.Done():
		time.Sleep(4 * time.Second)
		if p.Line%2 == 0 {
			return throughput.Count{Listed: 9, Copied: 4, NotTried: 5}, lost
		}
		return throughput.Count{Listed: 9, Copied: 4, NotTried: 5}, ctx.Err()
	}
}

// steered is a run that a test steers. The steps are done a second after each
// other's end, from the given time of the run on.
func steered(t *testing.T, opt Options, list []Row, at time.Duration, steps ...func(r *Runner)) ([]throughput.Result, error) {
	t.Helper()
	r := mustNew(t, opt)
	done := make(chan struct{})
	go func() {
		defer close(done)
		time.Sleep(at)
		for _, step := range steps {
			step(r)
			time.Sleep(time.Second)
		}
	}()
	res, err := r.Run(t.Context(), list)
	<-done
	return res, err
}

func after(d time.Duration) func(*Runner) {
	return func(*Runner) { time.Sleep(d - time.Second) }
}

func TestPauseAndResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var holds []throughput.Holds
		rec := &recorder{}
		s := &syncFunc{f: bordered}
		start := time.Now()
		res, err := steered(t, Options{
			Syncer: s, Recorder: rec, Parallel: 2, NoWait: true, Meter: throughput.NewRun(),
			OnHolds: func(h throughput.Holds) { holds = append(holds, h) },
		}, rows(4), 30*time.Second,
			func(r *Runner) {
				if reach, err := r.Pause(t.Context(), ""); err != nil || reach != (Reach{Running: 2, Waiting: 2}) {
					t.Errorf("paused %+v, %v", reach, err)
				}
			},
			after(time.Hour),
			func(r *Runner) {
				if n := s.running(); n != 0 {
					t.Errorf("%d rows run", n)
				}
				_ = r.order(t.Context(), func(*feeder) { // who writes it
					if got := rec.last(1); got.State != "pending" || got.Copied != 4 || got.FaultCode != "" {
						t.Errorf("the row was saved as %+v", got)
					}
				})
				if reach, changed, err := r.Resume(t.Context(), "old.example"); changed || err != nil {
					t.Errorf("resumed a host that was not paused: %+v, %v", reach, err)
				}
				if reach, changed, err := r.Resume(t.Context(), ""); !changed || err != nil || reach.Waiting != 4 {
					t.Errorf("resumed %+v, %v, %v", reach, changed, err)
				}
			})
		if err != nil || states(res)[throughput.Done] != 4 {
			t.Errorf("error %v, states %v", err, states(res))
		}
		if d := time.Since(start); d != time.Hour+31*time.Second+2*time.Minute {
			t.Errorf("took %v", d)
		}
		if d := cmp.Diff([]throughput.Holds{{Paused: true}, {}}, holds); d != "" {
			t.Errorf("holds (-want +got):\n%s", d)
		}
	})
}

// A paused host is quiet; the others' rows go on, and the run waits for it
// although it is not to wait for servers.
func TestPauseHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := []Row{row(1, "a", "new"), row(2, "a", "new"), row(3, "b", "new"), row(4, "b", "new"), row(5, "b", "new")}
		s := &syncFunc{f: bordered}
		res, err := steered(t, Options{Syncer: s, Parallel: 2, NoWait: true}, list, 30*time.Second,
			func(r *Runner) {
				if reach, err := r.Pause(t.Context(), "A"); err != nil || reach != (Reach{Running: 2}) {
					t.Errorf("paused %+v, %v", reach, err)
				}
				_, err := r.Pause(t.Context(), "c")
				var unknown *UnknownError
				if !errors.As(err, &unknown) || !strings.Contains(err.Error(), "a, b, new") {
					t.Errorf("a host that is not there: %v", err)
				}
			},
			after(10*time.Minute),
			func(r *Runner) {
				s.mu.Lock()
				if s.calls != 5 || s.now != 0 {
					t.Errorf("%d rows began (%v), %d run", s.calls, s.order, s.now)
				}
				s.mu.Unlock()
				if _, changed, err := r.Resume(t.Context(), "a"); !changed || err != nil {
					t.Errorf("%v, %v", changed, err)
				}
			})
		if err != nil || states(res)[throughput.Done] != 5 {
			t.Errorf("error %v, states %v", err, states(res))
		}
	})
}

// A host that goes on does so for rows that nothing else stops.
func TestResumeHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := []Row{row(1, "a", "new"), row(2, "b", "new"), row(3, "b", "other"), row(4, "c", "other")}
		r := mustNew(t, Options{Syncer: &syncFunc{f: bordered}, Parallel: 2, NoWait: true})
		resumed := func(host string, want int) {
			if reach, changed, err := r.Resume(t.Context(), host); err != nil || !changed || reach != (Reach{Waiting: want}) {
				t.Errorf("resumed %q: %+v, %v, %v, want %d", host, reach, changed, err, want)
			}
		}
		go func() {
			time.Sleep(time.Second)
			for _, host := range []string{"b", "new", ""} {
				if _, err := r.Pause(t.Context(), host); err != nil {
					t.Error(err)
				}
			}
			time.Sleep(10 * time.Second)
			resumed("b", 0) // the whole run is paused
			resumed("", 4)
			for _, host := range []string{"b", "new"} {
				if _, err := r.Pause(t.Context(), host); err != nil {
					t.Error(err)
				}
			}
			time.Sleep(10 * time.Second)
			resumed("b", 1) // the other's destination is paused
			resumed("new", 2)
		}()
		res, err := r.Run(t.Context(), list)
		if err != nil || states(res)[throughput.Done] != 4 {
			t.Errorf("error %v, states %v", err, states(res))
		}
	})
}

func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &syncFunc{f: func(ctx context.Context, p account.Pair) (throughput.Count, error) {
			if c, err := bordered(ctx, p); p.Line == 1 || err != nil {
				return c, err
			}
			return throughput.Count{}, throttled
		}}
		start := time.Now()
		res, err := steered(t, Options{Syncer: s, Parallel: 2, Retries: 3}, rows(4), 30*time.Second,
			func(r *Runner) {
				if reach, err := r.Drain(t.Context()); err != nil || reach != (Reach{Running: 2, Waiting: 2}) {
					t.Errorf("drains %+v, %v", reach, err)
				}
				if _, err := r.Pause(t.Context(), ""); !errors.Is(err, ErrDraining) {
					t.Errorf("paused: %v", err)
				}
			})
		want := []throughput.State{throughput.Done, throughput.Parked, throughput.Pending, throughput.Pending}
		for i, r := range res {
			if r.State != want[i] {
				t.Errorf("row %d is %v, want %v", i+1, r.State, want[i])
			}
		}
		if err != nil || time.Since(start) != time.Minute {
			t.Errorf("error %v after %v", err, time.Since(start))
		}
	})
}

// What is paused is drained too, and ends at once.
func TestDrainWhilePaused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		res, err := steered(t, Options{Syncer: &syncFunc{f: bordered}, Parallel: 2}, rows(4), 30*time.Second,
			func(r *Runner) { _, _ = r.Pause(t.Context(), "") },
			func(r *Runner) { _, _ = r.Drain(t.Context()) })
		if err != nil || states(res)[throughput.Pending] != 4 || time.Since(start) != 34*time.Second {
			t.Errorf("error %v, %v, after %v", err, states(res), time.Since(start))
		}
	})
}

func TestSkip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{}
		s := &syncFunc{f: func(ctx context.Context, p account.Pair) (throughput.Count, error) {
			switch p.Line {
			case 1:
				return throughput.Count{Listed: 1, Copied: 1}, nil
			case 2:
				return throughput.Count{}, throttled
			}
			return bordered(ctx, p)
		}}
		ended := make(map[int]throughput.Result)
		res, err := steered(t, Options{Syncer: s, Recorder: rec, Parallel: 2, Retries: 3, Retry: steady, Meter: throughput.NewRun(),
			OnResult: func(i int, r throughput.Result) { ended[i] = r }}, rows(6), 10*time.Second,
			func(r *Runner) {
				for line, want := range map[int]Reach{1: {}, 2: {Waiting: 1}, 3: {Running: 1}, 6: {Waiting: 1}} {
					if reach, _, err := r.Skip(t.Context(), line); err != nil || reach != want {
						t.Errorf("line %d: %+v, %v, want %+v", line, reach, err, want)
					}
				}
				if reach, state, err := r.Skip(t.Context(), 6); err != nil || reach != (Reach{}) || state != throughput.Pending {
					t.Errorf("once more: %+v, %v, %v", reach, state, err)
				}
				if _, _, err := r.Skip(t.Context(), 7); err == nil || !strings.Contains(err.Error(), "1-6") {
					t.Errorf("a line that is not there: %v", err)
				}
			})
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range res {
			want, code := throughput.Done, ""
			if i == 1 || i == 2 || i == 5 {
				want, code = throughput.Pending, string(fault.Skipped)
			}
			got := ""
			if r.Fault != nil {
				got = r.Fault.Code
			}
			if r.State != want || got != code || ended[i].State != want {
				t.Errorf("row %d is %v (%s), want %v (%s)", i+1, r.State, got, want, code)
			}
			if saved := rec.last(ledger.RowID(i + 1)); saved.State != string(want) || saved.FaultCode != code {
				t.Errorf("row %d was saved as %+v", i+1, saved)
			}
		}
	})
}

// Accounts get the lanes of rows that a drained run does not begin.
func TestDrainGivesLanes(t *testing.T) {
	g := newGate(4, 4, 0)
	for i := range 3 {
		g.push(&job{index: i, most: 4, hosts: [2]string{"a", "b"}, dest: string(rune('x' + i))})
	}
	h := g.next()
	if h.TryAcquire() {
		t.Error("a lane although a row waits for it")
	}
	g.drain()
	if !h.TryAcquire() || g.next() != nil || h.Wanted() {
		t.Error("no lane, or a row begins, or one is asked back")
	}
	g.hold("b", true)
	if h.TryAcquire() {
		t.Error("a lane at a host that is paused")
	}
}

func TestOrderWithoutRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := mustNew(t, Options{Syncer: &syncFunc{f: minute}, Parallel: 1})
	if _, err := r.Pause(ctx, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// A run that is stopped while it is paused ends.
func TestStopWhilePaused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		r := mustNew(t, Options{Syncer: &syncFunc{f: bordered}, Parallel: 2})
		go func() {
			time.Sleep(time.Second)
			_, _ = r.Pause(ctx, "")
			time.Sleep(time.Second)
			stop()
		}()
		res, err := r.Run(ctx, rows(3))
		if !errors.Is(err, context.Canceled) || states(res)[throughput.Pending] != 3 {
			t.Errorf("%v, %v", err, states(res))
		}
	})
}
