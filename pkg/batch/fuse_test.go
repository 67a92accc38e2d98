package batch

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// badList is 100 rows of which 30, those of one source host, have a wrong
// password until some time of the run.
func badList(until time.Duration, side fault.Side) (*logins, []Row) {
	host1, host2 := "bad", "new"
	if side == fault.Dest {
		host1, host2 = "old", "bad"
	}
	list := append(between(1, 30, host1, host2), between(31, 35, "good", "new")...)
	s := newLogins(func(l login) error {
		if l.host == "bad" && l.at < until {
			return &fault.Error{Code: fault.AuthRefused, Op: "login", Text: "NO [AUTHENTICATIONFAILED] no"}
		}
		return nil
	})
	return s, append(list, between(66, 35, "good2", "new")...)
}

// The fuse: at most K refused logins and those that were under way, then a
// pause; after it one row at a time, and after three the host is given up.
// Nobody else waits.
func TestAuthFuse(t *testing.T) {
	for _, side := range []fault.Side{fault.Source, fault.Dest} {
		t.Run(side.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const lanes, fuse = 8, 5
				s, list := badList(1000*time.Hour, side)
				var log bytes.Buffer
				rec := &recorder{}
				var told []throughput.HostPause
				r := mustNew(t, Options{Syncer: s, Recorder: rec, Parallel: lanes, Retries: 3, AuthFuse: fuse,
					Retry: RetryPolicy{Jitter: -1}, Logger: slog.New(slog.NewTextHandler(&log, nil)),
					OnHosts: func(parked []throughput.HostPause) { told = append(told, parked...) }})
				res, err := r.Run(t.Context(), list)
				if err != nil {
					t.Fatal(err)
				}
				before := len(s.at("bad", 0, 15*minutes))
				if before < fuse || before > fuse+lanes {
					t.Errorf("%d logins before the pause", before)
				}
				for i, at := range []time.Duration{15 * minutes, 45 * minutes, 105 * minutes} {
					if n := len(s.at("bad", at, at+5*minutes)); n != 1 {
						t.Errorf("%d logins after pause %d", n, i+1)
					}
				}
				if n := len(s.at("bad", 0, 100*time.Hour)); n != before+3 {
					t.Errorf("%d logins in all, %d of them before the pause", n, before)
				}
				if n := len(s.at("new", 0, 12*minutes)); n < 70 {
					t.Errorf("%d rows of the other hosts in twelve minutes, want 70", n)
				}
				if d := time.Since(s.start); d > 106*minutes {
					t.Errorf("took %v", d)
				}
				got := states(res)
				if got[throughput.Failed] != before+3 || got[throughput.Parked] != 30-before-3 || got[throughput.Done] != 70 {
					t.Errorf("states %v, %d logins before the pause", got, before)
				}
				for _, r := range res[:30] {
					code, attempts := "auth-refused", 1
					if r.State == throughput.Parked {
						code, attempts = "auth-fuse", 0
					}
					if r.Fault == nil || r.Fault.Code != code || r.Fault.Side != side.String() || r.Attempts != attempts || !r.ParkedUntil.IsZero() {
						t.Errorf("line %d: %v, %+v, %d attempts", r.Line, r.State, r.Fault, r.Attempts)
					}
					if kept := rec.last(list[r.Line-1].Known.ID); kept.State != string(r.State) || kept.FaultCode != code {
						t.Errorf("line %d in the ledger: %s, %s", r.Line, kept.State, kept.FaultCode)
					}
				}
				if len(told) != 4 || told[0].Host != "bad" || told[0].Fault.Code != "auth-fuse" || !told[3].Until.IsZero() {
					t.Errorf("told %+v", told)
				}
				if !strings.Contains(log.String(), "host given up in this run") {
					t.Error("the log does not say that the host is given up")
				}
			})
		})
	}
}

// A login that works resets the fuse.
func TestAuthFuseMends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, list := badList(20*minutes, fault.Source)
		res, err := mustNew(t, Options{Syncer: s, Parallel: 8, AuthFuse: 5, Retry: steady}).Run(t.Context(), list)
		if err != nil {
			t.Fatal(err)
		}
		refused := len(s.at("bad", 0, 20*minutes))
		if got := states(res); got[throughput.Failed] != refused || got[throughput.Done] != 100-refused || refused > 14 {
			t.Errorf("states %v, %d refused", got, refused)
		}
	})
}

// Every fourth password is wrong: no fuse. And without a fuse all are tried.
func TestAuthFuseStays(t *testing.T) {
	tests := []struct {
		name  string
		fuse  int
		every int
	}{{"single ones", 2, 4}, {"off", 0, 1}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newLogins(func(l login) error {
					if l.line%tt.every == 0 && l.side == fault.Source {
						return wrong
					}
					return nil
				})
				res, err := mustNew(t, Options{Syncer: s, Parallel: 1, AuthFuse: tt.fuse, Retry: steady}).Run(t.Context(), rows(40))
				if err != nil || states(res)[throughput.Failed] != 40/tt.every || states(res)[throughput.Parked] != 0 {
					t.Errorf("%v, states %v", err, states(res))
				}
				if d := time.Since(s.start); d > 31*minutes {
					t.Errorf("took %v", d)
				}
			})
		})
	}
}

// A login that is refused on both sides counts for both hosts.
func TestAuthFuseOfBothSides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := func(side fault.Side) *fault.Error { return &fault.Error{Side: side, Code: fault.AuthRefused} }
		s := newLogins(nil)
		s.refuse = func(l login) error {
			e := refused(fault.Source)
			e.Err = errors.Join(refused(fault.Source), refused(fault.Dest))
			return e
		}
		var list []Row
		for i := range 50 {
			list = append(list, row(i+1, "old"+string(rune('a'+i)), "new"))
		}
		res, err := mustNew(t, Options{Syncer: s, Parallel: 2, AuthFuse: 5, Retry: steady}).Run(t.Context(), list)
		if err != nil || states(res)[throughput.Failed] > 5+2+3 {
			t.Errorf("%v, states %v: fifty sources, and one destination that refuses them all", err, states(res))
		}
	})
}
