package batch

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// A server that lets ten connections in and does not say so is found out: no
// row fails, no retry is needed, and no more than ten lanes stay.
func TestLimitIsLearnt(t *testing.T) {
	tooMany := &fault.Error{Temporary: true, Code: fault.TooManySessions, Op: "login"}
	tests := []struct {
		name string
		said *fault.Error
		side fault.Side
	}{
		{"said at the source", tooMany, fault.Source},
		{"said at the destination", tooMany, fault.Dest},
		{"said of this machine's address", &fault.Error{Scope: fault.Host, Temporary: true, Code: fault.TooManySessions, Op: "greeting"}, fault.Source},
		{"said with its number", &fault.Error{Temporary: true, Code: fault.TooManySessions, Op: "login", MaxPerHost: 10}, fault.Source},
		{"closed at the greeting", &fault.Error{Temporary: true, Code: fault.ConnectionLost, Op: "greeting"}, fault.Source},
		{"closed before TLS", &fault.Error{Temporary: true, Code: fault.ConnectionLost, Op: "connect"}, fault.Dest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newLogins(func(l login) error {
					if l.side == tt.side && l.stand >= 10 {
						return tt.said
					}
					return nil
				})
				r := mustNew(t, Options{Syncer: s, Parallel: 40, LanesPerAccount: 4})
				host := map[fault.Side]string{fault.Source: "old.example", fault.Dest: "new.example"}[tt.side]
				most := 0
				var watch sync.WaitGroup
				watch.Go(func() {
					for range 8 * 60 {
						time.Sleep(time.Second)
						if now := time.Since(s.start); now > 2*time.Second {
							most = max(most, s.lanesOn(host))
						}
					}
				})
				res, err := r.Run(t.Context(), rows(100))
				took := time.Since(s.start)
				watch.Wait()
				if err != nil || states(res)[throughput.Done] != 100 {
					t.Fatalf("%v, states %v", err, states(res))
				}
				if most != 10 {
					t.Errorf("%d lanes after two seconds, want 10", most)
				}
				if took > 12*minutes {
					t.Errorf("took %v; ten at a time are ten minutes", took)
				}
				if n := len(s.at(host, time.Second, took)); n > 110 {
					t.Errorf("%d logins after the first second", n)
				}
			})
		})
	}
}

// lanesOn is how many lanes touch a host now.
func (s *laneSync) lanesOn(host string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hosts[host].now
}

// A limit that is gone is found out too, one lane each ten minutes; one that
// stands is asked for more and more seldom.
func TestLearntLimitIsTriedAgain(t *testing.T) {
	tests := []struct {
		name  string
		until time.Duration // the limit's end
		tries []time.Duration
	}{
		{"it is gone", minutes, []time.Duration{10 * minutes, 20 * minutes, 30 * minutes, 40 * minutes}},
		{"it stands", 100 * time.Hour, []time.Duration{10 * minutes, 30 * minutes, 70 * minutes, 130 * minutes, 190 * minutes}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newLogins(nil)
				s.refuse = func(l login) error {
					if l.side == fault.Dest && l.stand >= 4 && time.Since(s.start) < tt.until {
						return &fault.Error{Temporary: true, Code: fault.TooManySessions}
					}
					return nil
				}
				s.works = 201 * minutes
				if _, err := mustNew(t, Options{Syncer: s, Parallel: 8, Retry: steady}).Run(t.Context(), rows(8)); err != nil {
					t.Fatal(err)
				}
				var got []time.Duration
				for _, l := range s.at("new.example", 5*minutes, 200*minutes) {
					got = append(got, l.at.Round(minutes))
				}
				if !slices.Equal(got, tt.tries) {
					t.Errorf("logins at %v, want %v", got, tt.tries)
				}
			})
		})
	}
}

// One account alone at its limit, which its user's devices fill, costs nobody
// else a lane.
func TestLimitOfOneAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newLogins(nil)
		s.refuse = func(l login) error {
			if l.line == 1 && l.side == fault.Source && l.at < 10*minutes {
				return &fault.Error{Temporary: true, Code: fault.TooManySessions}
			}
			return nil
		}
		res, err := mustNew(t, Options{Syncer: s, Parallel: 8, Retry: steady}).Run(t.Context(), rows(81))
		if err != nil || states(res)[throughput.Done] != 81 {
			t.Fatalf("%v, states %v", err, states(res))
		}
		others := slices.DeleteFunc(s.at("new.example", 0, time.Hour), func(l login) bool { return l.line == 1 })
		if last := others[len(others)-1].at; s.hosts["old.example"].peak != 8 || last > 11*minutes {
			t.Errorf("peak of %d lanes, the last of the others began after %v", s.hosts["old.example"].peak, last)
		}
		if n := res[0].Attempts; n > 6 {
			t.Errorf("row 1 was tried %d times within ten minutes", n)
		}
	})
}

// A few accounts at their own limits cost the host a lane or two at first; it
// does not get fewer with each refusal, and they are not asked again at once.
func TestLimitsOfSomeAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newLogins(nil)
		s.refuse = func(l login) error {
			if l.line <= 3 && l.side == fault.Source && l.at < 30*minutes {
				return &fault.Error{Temporary: true, Code: fault.TooManySessions}
			}
			return nil
		}
		res, err := mustNew(t, Options{Syncer: s, Parallel: 12, Retry: steady}).Run(t.Context(), rows(363))
		if err != nil || states(res)[throughput.Done] != 363 {
			t.Fatalf("%v, states %v", err, states(res))
		}
		others := slices.DeleteFunc(s.at("new.example", 0, 10*time.Hour), func(l login) bool { return l.line <= 3 })
		if last := others[len(others)-1].at; last > 45*minutes {
			t.Errorf("the last of 360 others began after %v; twelve at a time are half an hour", last)
		}
		for _, r := range res[:3] {
			if r.Attempts > 8 {
				t.Errorf("row %d was tried %d times", r.Line, r.Attempts)
			}
		}
	})
}

// A limit that is lowered in the middle of a run is not run against by one row
// after the other.
func TestLimitIsLowered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newLogins(func(l login) error {
			if l.side == fault.Source && (l.stand >= 10 || l.stand >= 4 && l.at > 90*time.Second) {
				return &fault.Error{Temporary: true, Code: fault.TooManySessions}
			}
			return nil
		})
		res, err := mustNew(t, Options{Syncer: s, Parallel: 10, Retry: steady}).Run(t.Context(), rows(220))
		if err != nil || states(res)[throughput.Done] != 220 {
			t.Fatalf("%v, states %v", err, states(res))
		}
		if n := len(s.at("old.example", 0, 10*time.Hour)); n > 220+30 {
			t.Errorf("%d logins refused", n-220)
		}
		if d := time.Since(s.start); d > 65*minutes {
			t.Errorf("took %v; four at a time are fifty minutes", d)
		}
	})
}

// The first row that a limit refuses waits like its account's own limit; when
// it turns out to be the host's, it takes the next free lane.
func TestFirstRefusedTakesTheNextLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newLogins(func(l login) error {
			if l.side == fault.Source && l.stand >= 10 {
				return &fault.Error{Temporary: true, Code: fault.TooManySessions}
			}
			return nil
		})
		s.works = 5 * time.Second
		res, err := mustNew(t, Options{Syncer: s, Parallel: 20, Retry: steady}).Run(t.Context(), rows(20))
		if err != nil || states(res)[throughput.Done] != 20 {
			t.Fatalf("%v, states %v", err, states(res))
		}
		if d := time.Since(s.start); d > 15*time.Second {
			t.Errorf("took %v, want two times five seconds", d)
		}
	})
}
