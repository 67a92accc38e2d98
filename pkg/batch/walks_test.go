package batch

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// Servers answer a refused login late, a good one at once: a wave of refusals
// after one of logins that work keeps nobody waiting.
func TestFuseAndLateRefusals(t *testing.T) {
	for _, lanes := range []int{3, 15, 40} {
		t.Run(fmt.Sprint(lanes, " lanes"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &laneSync{}
				s.f = func(_ context.Context, p account.Pair, l *bookedLanes, _ *throughput.Meter) (throughput.Count, error) {
					if p.Line%3 == 0 {
						time.Sleep(2 * time.Second)
						return throughput.Count{}, &fault.Error{Side: fault.Source, Code: fault.AuthRefused}
					}
					time.Sleep(50 * time.Millisecond)
					l.LoggedIn(fault.Source)
					l.LoggedIn(fault.Dest)
					time.Sleep(time.Minute)
					return throughput.Count{Listed: 1, AlreadyThere: 1, Mailboxes: 1}, nil
				}
				start := time.Now()
				res, err := mustNew(t, Options{Syncer: s, Parallel: lanes, AuthFuse: 5, Retry: steady}).Run(t.Context(), rows(120))
				if err != nil || states(res)[throughput.Done] != 80 || states(res)[throughput.Failed] != 40 {
					t.Fatalf("%v, states %v", err, states(res))
				}
				if d := time.Since(start); d > 80*minutes/time.Duration(lanes)+5*minutes {
					t.Errorf("took %v: the host was paused", d)
				}
			})
		})
	}
}

// Three connections are allowed, forty lanes there are, and each account asks
// for further ones: nobody fails, and the three are used.
func TestLimitAndFurtherLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 3
		var mu sync.Mutex
		open, refused := 0, 0
		login := func() bool {
			mu.Lock()
			defer mu.Unlock()
			if open >= limit {
				refused++
				return false
			}
			open++
			return true
		}
		logout := func() { mu.Lock(); open--; mu.Unlock() }
		s := &laneSync{}
		s.f = func(_ context.Context, p account.Pair, l *bookedLanes, _ *throughput.Meter) (throughput.Count, error) {
			time.Sleep(20 * time.Millisecond)
			if !login() {
				return throughput.Count{}, &fault.Error{Side: fault.Source, Temporary: true, Code: fault.TooManySessions}
			}
			defer logout()
			l.LoggedIn(fault.Source)
			l.LoggedIn(fault.Dest)
			further := 0
			for range 60 {
				if further > 0 && l.Wanted() {
					logout()
					further--
					l.Release()
				}
				if l.TryAcquire() {
					if time.Sleep(20 * time.Millisecond); login() {
						further++
					} else {
						l.Refused(0)
						l.Release()
					}
				}
				time.Sleep(time.Second)
			}
			for range further {
				logout()
			}
			return throughput.Count{Listed: 1, AlreadyThere: 1, Mailboxes: 1}, nil
		}
		start := time.Now()
		res, err := mustNew(t, Options{Syncer: s, Parallel: 40, LanesPerAccount: 4, Retries: 3}).Run(t.Context(), rows(100))
		if err != nil || states(res)[throughput.Done] != 100 {
			t.Fatalf("%v, states %v", err, states(res))
		}
		if d := time.Since(start); d > 40*minutes {
			t.Errorf("took %v; three at a time are 34 minutes", d)
		}
		if refused > 100 {
			t.Errorf("%d logins refused", refused)
		}
	})
}

// 500 rows of one source, 300 destinations: one that is down costs its own rows
// only; the source that is down for twenty minutes costs nobody a retry.
func TestWalkOfAFleet(t *testing.T) {
	tests := map[string]struct {
		refuse func(l login) bool
		failed int
		took   time.Duration
		tries  int // at most
	}{
		"a destination is down": {func(l login) bool { return l.host == "new7" }, 2, 20 * minutes, 600},
		"the source is down":    {func(l login) bool { return l.host == "old" && l.at > 3*minutes && l.at < 23*minutes }, 0, 55 * minutes, 700},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newLogins(func(l login) error {
					if tt.refuse(l) {
						return &fault.Error{Temporary: true, Code: fault.Unreachable, Op: "connect"}
					}
					return nil
				})
				var list []Row
				for i := range 500 {
					list = append(list, row(i+1, "old", fmt.Sprint("new", i%300)))
				}
				res, err := mustNew(t, Options{Syncer: s, Parallel: 40, Retries: 3, AuthFuse: 5}).Run(t.Context(), list)
				if err != nil || states(res)[throughput.Done] != 500-tt.failed || states(res)[throughput.Failed] != tt.failed {
					t.Fatalf("%v, states %v", err, states(res))
				}
				if d := time.Since(s.start); d > tt.took {
					t.Errorf("took %v", d)
				}
				if n := len(s.tried) / 2; n > tt.tries {
					t.Errorf("%d attempts", n)
				}
			})
		})
	}
}

// A run that is stopped while everything is parked ends at once; the next one
// tries all rows again, also those of the parked host.
func TestStopWhileAllIsParked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := true
		s := newLogins(func(l login) error {
			if down {
				return &fault.Error{Scope: fault.Host, Temporary: true, Code: fault.Throttled, Wait: 10 * time.Hour}
			}
			return nil
		})
		rec := &recorder{}
		var told [][]throughput.HostPause
		r := mustNew(t, Options{Syncer: s, Recorder: rec, Parallel: 4, Retries: 3,
			OnHosts: func(p []throughput.HostPause) { told = append(told, p) }})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		res, err := r.Run(ctx, rows(50))
		if err == nil || states(res)[throughput.Parked]+states(res)[throughput.Pending] != 50 || time.Since(s.start) != time.Hour {
			t.Fatalf("%v, states %v after %v", err, states(res), time.Since(s.start))
		}
		if last := rec.hosts[len(rec.hosts)-1]; len(last) != 0 || len(told[len(told)-1]) != 0 {
			t.Errorf("hosts are still parked: %v", last)
		}
		down = false
		again := rows(50)
		for i := range again {
			if k := rec.last(again[i].Known.ID); k.ID != 0 {
				again[i].Known = k
			}
		}
		res, err = r.Run(t.Context(), again)
		if err != nil || states(res)[throughput.Done] != 50 {
			t.Errorf("%v, states %v", err, states(res))
		}
		for _, r := range res {
			if !r.ParkedUntil.IsZero() || r.Fault != nil {
				t.Errorf("line %d: %+v", r.Line, r)
			}
		}
	})
}
