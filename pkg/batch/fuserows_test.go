package batch

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

var refusedLogin = &fault.Error{Code: fault.AuthRefused, Op: "login", Text: "NO [AUTHENTICATIONFAILED] no"}

// Rows whose password was wrong in the last run go last in the next one: the
// fuse that they blow keeps nobody else from their mail.
func TestRefusedRowsGoLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newLogins(func(l login) error {
			if l.line%3 == 0 && l.side == fault.Source {
				return refusedLogin
			}
			return nil
		})
		list := rows(90)
		for i := range list {
			known := &list[i].Known
			if known.State, known.SourceOctets = "done", 1000; list[i].Pair.Line%3 == 0 {
				known.State, known.SourceOctets, known.FaultCode = "failed", 0, string(fault.AuthRefused)
			}
		}
		res, err := mustNew(t, Options{Syncer: s, Parallel: 4, AuthFuse: 5, Retry: steady}).Run(t.Context(), list)
		if err != nil || states(res)[throughput.Done] != 60 {
			t.Fatalf("%v, states %v, want 60 done", err, states(res))
		}
		if n := len(s.at("old.example", 0, 20*minutes)); n < 60 {
			t.Errorf("%d logins in twenty minutes, want the 60 rows that work ahead of the others", n)
		}
	})
}

// After the fuse's pause a row goes first that has logged in before, else one
// that stands far from those that were refused: a block of wrong passwords does
// not cost the host.
func TestFuseTriesALikelyRow(t *testing.T) {
	for name, known := range map[string]bool{"nothing is known": false, "an earlier run has been there": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newLogins(func(l login) error {
					if l.line <= 20 && l.side == fault.Source {
						return refusedLogin
					}
					return nil
				})
				s.works = time.Second
				list := rows(100)
				for i := range list[:50] {
					if known && i >= 20 {
						list[i].Known.State, list[i].Known.SourceOctets = "done", 1000
					}
				}
				res, err := mustNew(t, Options{Syncer: s, Parallel: 2, AuthFuse: 5, Retry: steady}).Run(t.Context(), list)
				if err != nil || states(res)[throughput.Done] != 80 || states(res)[throughput.Failed] != 20 {
					t.Errorf("%v, states %v, want 80 done and 20 failed", err, states(res))
				}
				if n := len(s.at("old.example", 0, 15*minutes)); n > 6 {
					t.Errorf("%d logins before the pause has ended", n)
				}
			})
		})
	}
}

// Where only rows are left whose password was wrong in the last run too, one of
// them after one pause says what there is to say: whoever runs them again gets the
// answer in a quarter of an hour. Those that were mended are done all the same.
func TestFuseOfRefusedRowsOnly(t *testing.T) {
	tests := []struct {
		name         string
		wrong        int // so many rows from the first on
		new          int // a row that was not refused before, and waits for another try; 0: none
		done, failed int
		within       time.Duration
	}{
		{"all are wrong", 20, 0, 0, 6, 16 * minutes},
		{"the last ones were mended", 15, 0, 5, 15, 46 * minutes},
		{"another row waits", 20, 7, 0, 8, 106 * minutes},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newLogins(func(l login) error {
					switch {
					case l.side != fault.Source || l.line > tt.wrong:
						return nil
					case l.line == tt.new && l.at < time.Minute:
						return &fault.Error{Temporary: true, Code: fault.InUse, Op: "login", Wait: 3 * time.Hour}
					}
					return refusedLogin
				})
				s.works = time.Second
				list := rows(20)
				for i := range list {
					if known := &list[i].Known; list[i].Pair.Line != tt.new {
						known.State, known.FaultCode = "failed", string(fault.AuthRefused)
					}
				}
				start := time.Now()
				res, err := mustNew(t, Options{Syncer: s, Parallel: 1, AuthFuse: 5, Retry: steady}).Run(t.Context(), list)
				got := states(res)
				if err != nil || got[throughput.Done] != tt.done || got[throughput.Failed] != tt.failed || got[throughput.Parked] != 20-tt.done-tt.failed {
					t.Errorf("%v, states %v, want %d done and %d failed", err, got, tt.done, tt.failed)
				}
				if d := time.Since(start); d > tt.within {
					t.Errorf("took %v", d)
				}
				for _, r := range res {
					if r.State == throughput.Parked && (r.Fault.Code != string(fault.AuthFuse) || !r.ParkedUntil.IsZero()) {
						t.Errorf("line %d: %+v until %v", r.Line, r.Fault, r.ParkedUntil)
					}
				}
			})
		})
	}
}

// A host that has banned this machine after refused logins is tried by one row
// after each pause, not by one row after the other.
func TestFuseOfAHostThatBans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newLogins(func(l login) error {
			switch {
			case l.host != "old.example" || l.at > 3*time.Hour:
				return nil
			case l.at > time.Minute:
				return &fault.Error{Temporary: true, Code: fault.Unreachable, Op: "connect"}
			}
			return refusedLogin
		})
		s.works = time.Second
		res, err := mustNew(t, Options{Syncer: s, Parallel: 4, AuthFuse: 5, Retries: 3, Retry: steady}).Run(t.Context(), rows(200))
		if err != nil {
			t.Fatal(err)
		}
		refused := len(s.at("old.example", 0, time.Minute))
		if n := len(s.at("old.example", time.Minute, 3*time.Hour)); n == 0 || n > 20 {
			t.Errorf("%d connections in three hours to a host that bans this machine", n)
		}
		if got := states(res); got[throughput.Failed] != refused || got[throughput.Done] != 200-refused {
			t.Errorf("states %v, %d refused", got, refused)
		}
	})
}
