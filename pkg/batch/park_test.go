package batch

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// logins is a Syncer of rows that log in on both sides, work for a minute and
// are done. It notes when each login was tried, from the start of the run.
type logins struct {
	laneSync
	start time.Time
	// refuse says why a login does not work; nil: they all do.
	refuse func(l login) error
	works  time.Duration // of a row

	mu    sync.Mutex
	tried []login
	open  map[string]int // logins that stand, by host
}

type login struct {
	at    time.Duration
	line  int
	side  fault.Side
	host  string
	stand int // others' logins there
}

func newLogins(refuse func(l login) error) *logins {
	s := &logins{start: time.Now(), refuse: refuse, works: time.Minute, open: make(map[string]int)}
	s.f = func(_ context.Context, p account.Pair, l *bookedLanes, _ *throughput.Meter) (throughput.Count, error) {
		for _, side := range []fault.Side{fault.Source, fault.Dest} {
			host := p.Source.Host
			if side == fault.Dest {
				host = p.Dest.Host
			}
			if err := s.login(p.Line, side, host, l); err != nil {
				return throughput.Count{}, err
			}
			defer s.logout(host)
		}
		time.Sleep(s.works)
		return throughput.Count{Listed: 1, AlreadyThere: 1, Mailboxes: 1}, nil
	}
	return s
}

func (s *logins) login(line int, side fault.Side, host string, l *bookedLanes) error {
	s.mu.Lock()
	try := login{time.Since(s.start), line, side, host, s.open[host]}
	s.tried = append(s.tried, try)
	var err error
	if s.refuse != nil {
		err = s.refuse(try)
	}
	if err == nil {
		s.open[host]++
	}
	s.mu.Unlock()
	time.Sleep(20 * time.Millisecond) // the answer
	if err != nil {
		e := *fault.Of(err)
		e.Side, e.Host = side, host
		return &e
	}
	l.LoggedIn(side)
	return nil
}

func (s *logins) logout(host string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[host]--
}

// at are the logins tried on a host within a time of the run.
func (s *logins) at(host string, from, to time.Duration) (out []login) {
	for _, l := range s.tried {
		if l.host == host && l.at >= from && l.at < to {
			out = append(out, l)
		}
	}
	return out
}

// between are rows from line on between two hosts.
func between(from, n int, host1, host2 string) (out []Row) {
	for i := range n {
		out = append(out, row(from+i, host1, host2))
	}
	return out
}

const minutes = time.Minute

// Exchange's "Suggested Backoff Time: 299961 milliseconds" is kept to: not a
// millisecond less, at most a tenth more, and without a retry.
func TestThrottleParksAndResumes(t *testing.T) {
	said := &fault.Error{Temporary: true, Code: fault.Throttled, Wait: 299_961 * time.Millisecond, Text: "Request is throttled."}
	for _, jitter := range []float64{-1, 0} {
		synctest.Test(t, func(t *testing.T) {
			s := newLogins(nil)
			s.refuse = func(l login) error {
				if l.line == 1 && l.at < time.Second && l.side == fault.Source {
					return said
				}
				return nil
			}
			rec := &recorder{}
			res, err := mustNew(t, Options{Syncer: s, Recorder: rec, Parallel: 1, Retry: RetryPolicy{Jitter: jitter}}).Run(t.Context(), rows(3))
			if err != nil || states(res)[throughput.Done] != 3 || res[0].Attempts != 2 {
				t.Fatalf("%v, states %v, %d attempts", err, states(res), res[0].Attempts)
			}
			var came time.Duration
			for _, l := range s.tried {
				if l.line == 1 && l.at > time.Second && came == 0 {
					came = l.at - 20*time.Millisecond
				}
			}
			most := said.Wait
			if jitter == 0 {
				most += said.Wait / 10
			}
			if came < said.Wait || came > most {
				t.Errorf("came back after %v, want %v to %v", came, said.Wait, most)
			}
			saved := rec.saved[1]
			if saved.State != "parked" || saved.FaultText != said.Text || saved.ParkedUntil.Sub(saved.Updated) < said.Wait {
				t.Errorf("the ledger has %s until %v: %s", saved.State, saved.ParkedUntil.Sub(saved.Updated), saved.FaultText)
			}
		})
	}
}

// What was copied starts the time anew for which a row may be parked.
func TestMaxParked(t *testing.T) {
	tests := []struct {
		name     string
		copies   func(attempt int) int64
		attempts int
		took     time.Duration
	}{
		{"no progress", func(int) int64 { return 0 }, 4, 15 * minutes},
		{"progress in the third attempt", func(n int) int64 {
			if n == 3 {
				return 1
			}
			return 0
		}, 6, 25 * minutes},
		{"progress until the fifth", func(n int) int64 {
			if n <= 5 {
				return 1
			}
			return 0
		}, 8, 35 * minutes},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, start := 0, time.Now()
				s := &syncFunc{f: func(context.Context, account.Pair) (throughput.Count, error) {
					n++
					return throughput.Count{Listed: 100, Copied: tt.copies(n), NotTried: 100 - tt.copies(n), Mailboxes: 1}, throttled
				}}
				res, err := mustNew(t, Options{Syncer: s, Parallel: 1, MaxParked: 15 * minutes, Retry: steady}).Run(t.Context(), rows(1))
				if err != nil {
					t.Fatal(err)
				}
				if r := res[0]; r.State != throughput.Failed || r.Attempts != tt.attempts || time.Since(start) != tt.took {
					t.Errorf("%v after %d attempts in %v, want failed after %d in %v", r.State, r.Attempts, time.Since(start), tt.attempts, tt.took)
				}
			})
		})
	}
}

// The answer of a whole host parks its rows, and nobody else's: then one row
// goes first.
func TestHostIsParked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		said := &fault.Error{Scope: fault.Host, Temporary: true, Code: fault.Throttled, Wait: 5 * minutes, Text: "Request is throttled"}
		s := newLogins(func(l login) error {
			if l.host == "slow" && l.at >= time.Minute && l.at < 9*minutes {
				return said
			}
			return nil
		})
		rec := &recorder{}
		var told [][]throughput.HostPause
		r := mustNew(t, Options{Syncer: s, Recorder: rec, Parallel: 8, Retry: steady,
			OnHosts: func(parked []throughput.HostPause) { told = append(told, parked) }})
		res, err := r.Run(t.Context(), append(between(1, 12, "slow", "new"), between(13, 24, "quick", "new")...))
		if err != nil || states(res)[throughput.Done] != 36 {
			t.Fatalf("%v, states %v", err, states(res))
		}
		// Some came at the end of the first minute, then one after each pause.
		first := s.at("slow", time.Minute, 2*minutes)
		if len(first) == 0 || len(first) > 8 {
			t.Errorf("%d logins when the host said later", len(first))
		}
		if n := len(s.at("slow", 2*minutes, 6*minutes)); n != 0 {
			t.Errorf("%d logins on a parked host", n)
		}
		if second := s.at("slow", 6*minutes, 9*minutes); len(second) != 1 {
			t.Errorf("%d went first, want 1: %v", len(second), second)
		}
		rest := s.at("slow", 9*minutes, time.Hour)
		if len(rest) < 2 || rest[0].at < 11*minutes || rest[1].at == rest[0].at {
			t.Errorf("after the second pause: %v", rest)
		}
		if quick := s.at("quick", 0, 5*minutes); len(quick) != 24 {
			t.Errorf("%d rows of the other host within five minutes, want all 24", len(quick))
		}
		if len(told) != 3 || len(told[0]) != 1 || told[0][0].Host != "slow" || told[0][0].Fault.Text != said.Text || len(told[2]) != 0 {
			t.Errorf("told %+v", told)
		}
		// What a killed run has left is cleared first.
		if len(rec.hosts) != 1+len(told) || len(rec.hosts[0]) != 0 || rec.hosts[1][0].Host != "slow" || rec.hosts[1][0].Until.Sub(s.start) < 6*minutes {
			t.Errorf("the ledger has %+v", rec.hosts)
		}
		begun := 0
		for _, row := range rec.saved {
			if row.State == "parked" {
				begun++
			}
		}
		if begun != len(first)+1 {
			t.Errorf("%d rows were written as parked, want only the %d that had begun", begun, len(first)+1)
		}
	})
}

// Three rows in a row without a login between: it is the host. The pauses
// grow, no row loses a retry to it.
func TestHostInTrouble(t *testing.T) {
	for _, e := range []*fault.Error{
		{Temporary: true, Code: fault.AuthTemporary}, {Temporary: true, Code: fault.Unavailable, Op: "greeting"},
		{Temporary: true, Code: fault.Unreachable, Op: "connect"},
	} {
		t.Run(string(e.Code), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newLogins(func(l login) error {
					if l.host == "ill" && l.at >= time.Minute && l.at < 3*time.Hour {
						return e
					}
					return nil
				})
				r := mustNew(t, Options{Syncer: s, Parallel: 5, Retries: 3, Retry: steady})
				res, err := r.Run(t.Context(), between(1, 200, "ill", "new"))
				if err != nil || states(res)[throughput.Done] != 200 {
					t.Fatalf("%v, states %v", err, states(res))
				}
				if n := len(s.at("ill", time.Minute, 3*time.Hour)); n > 25 {
					t.Errorf("%d logins in three hours of trouble", n)
				}
				if n := len(s.at("ill", 2*time.Hour, 3*time.Hour)); n < 3 || n > 5 {
					t.Errorf("%d logins in the last hour of it", n)
				}
				if d := time.Since(s.start); d > 4*time.Hour {
					t.Errorf("took %v", d)
				}
			})
		})
	}
}

// A host that nobody has ever reached costs its rows no more than their
// retries: it may be a name written wrong.
func TestHostNeverReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newLogins(func(l login) error {
			if l.host == "typo" {
				return &fault.Error{Temporary: true, Code: fault.Unreachable, Op: "connect", Hint: "check host and port"}
			}
			return nil
		})
		r := mustNew(t, Options{Syncer: s, Parallel: 4, Retries: 3, Retry: steady})
		res, err := r.Run(t.Context(), append(between(1, 1000, "typo", "new"), between(1001, 4, "old", "new")...))
		if err != nil || states(res)[throughput.Failed] != 1000 || states(res)[throughput.Done] != 4 {
			t.Fatalf("%v, states %v", err, states(res))
		}
		if d := time.Since(s.start); d > 4*minutes {
			t.Errorf("took %v, want the time of three retries", d)
		}
		if n := len(s.at("typo", 0, time.Hour)); n > 20 {
			t.Errorf("%d connections to it", n)
		}
		for _, r := range res[:1000] {
			if r.Fault == nil || r.Fault.Code != "unreachable" || r.Fault.Hint == "" {
				t.Fatalf("line %d: %+v", r.Line, r.Fault)
			}
		}
	})
}

// With NoWait a run ends when it would have to wait for longer than a retry.
func TestNoWait(t *testing.T) {
	tests := []struct {
		name   string
		refuse func(l login) error
		states map[throughput.State]int
		took   time.Duration // at most
	}{
		{"a row is parked", func(l login) error {
			if l.line == 1 {
				return throttled
			}
			return nil
		}, map[throughput.State]int{throughput.Done: 9, throughput.Parked: 1}, 5 * minutes},
		{"it comes back while others are at work", func(l login) error {
			if l.line == 1 && l.at == 0 {
				return &fault.Error{Temporary: true, Code: fault.Throttled, Wait: 2 * minutes}
			}
			return nil
		}, map[throughput.State]int{throughput.Done: 10}, 6 * minutes},
		{"a retry is waited for", func(l login) error {
			if l.line == 1 && l.at < 100*time.Second {
				return lost
			}
			return nil
		}, map[throughput.State]int{throughput.Done: 10}, 7 * minutes},
		{"a host is parked", func(l login) error {
			if l.host == "old.example" {
				return &fault.Error{Scope: fault.Host, Temporary: true, Code: fault.Throttled, Wait: time.Hour}
			}
			return nil
		}, map[throughput.State]int{throughput.Parked: 10}, time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newLogins(tt.refuse)
				rec := &recorder{}
				ended := make(map[int]throughput.Result)
				r := mustNew(t, Options{Syncer: s, Recorder: rec, Parallel: 10, Retries: 3, Retry: steady, NoWait: true, AuthFuse: 5,
					OnResult: func(i int, r throughput.Result) { ended[i] = r }})
				res, err := r.Run(t.Context(), rows(10))
				if err != nil {
					t.Fatal(err)
				}
				for state, n := range tt.states {
					if states(res)[state] != n {
						t.Errorf("states %v, want %v", states(res), tt.states)
					}
				}
				if d := time.Since(s.start); d > tt.took {
					t.Errorf("took %v", d)
				}
				for i, r := range res {
					if r.State == throughput.Parked && (r.ParkedUntil.IsZero() || r.Fault == nil) || ended[i].State != r.State {
						t.Errorf("line %d: %+v, told as %v", r.Line, r, ended[i].State)
					}
					if kept := rec.last(ledger.RowID(r.Line)); kept.State != string(r.State) {
						t.Errorf("line %d is %v, in the ledger %v", r.Line, r.State, kept.State)
					}
				}
			})
		})
	}
}

// Pauses are measured by the clock that does not jump: a time read from the
// wall, or one that lost its other reading, would not do.
func TestPausesByTheSteadyClock(t *testing.T) {
	now := time.Now()
	g := newGate(1, 1, 0)
	g.policy = policy{retry: RetryPolicy{}.withDefaults(), maxParked: time.Hour}
	f := &feeder{opt: Options{MaxParked: time.Hour, Retry: RetryPolicy{}.withDefaults()}}
	until, ok := f.park(&task{}, throttled, verdict{}, now)
	if !ok {
		t.Fatal("not parked")
	}
	host := g.park(g.hosts.of("a"), throttled, false, now)
	for _, u := range []time.Time{until, host.until} {
		if !strings.Contains(u.String(), " m=") {
			t.Errorf("%v is by the wall's clock", u)
		}
	}
}
