package batch

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// A time that the server named is kept to, though a row that was under way
// gets in meanwhile.
func TestNamedTimeIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		said := &fault.Error{Scope: fault.Host, Temporary: true, Code: fault.Throttled, Wait: 5 * minutes}
		s := newLogins(func(l login) error {
			if l.line == 1 && l.at == 0 {
				return said
			}
			return nil
		})
		list := append(between(1, 1, "slow", "new"), between(2, 1, "old", "slow")...)
		res, err := mustNew(t, Options{Syncer: s, Parallel: 2, Retry: steady}).Run(t.Context(), append(list, between(3, 5, "slow", "new")...))
		if err != nil || states(res)[throughput.Done] != 7 {
			t.Fatalf("%v, states %v", err, states(res))
		}
		if got := s.at("slow", 0, 5*minutes); len(got) != 2 || got[1].line != 2 {
			t.Errorf("logins within the five minutes: %v", got)
		}
	})
}

// Two rows in trouble are two accounts; three are the host.
func TestThreeMakeAHost(t *testing.T) {
	for rowsIll, want := range map[int][2]int{2: {20, 32}, 3: {3, 3}} {
		synctest.Test(t, func(t *testing.T) {
			s := newLogins(func(l login) error {
				if l.line <= rowsIll && l.at < time.Second {
					return &fault.Error{Temporary: true, Code: fault.AuthTemporary}
				}
				return nil
			})
			s.works = time.Second
			res, err := mustNew(t, Options{Syncer: s, Parallel: 1, Retry: steady}).Run(t.Context(), rows(40))
			if err != nil || states(res)[throughput.Done] != 40 {
				t.Fatalf("%v, states %v", err, states(res))
			}
			if got := len(s.at("old.example", 0, 30*time.Second)); got < want[0] || got > want[1] {
				t.Errorf("%d rows in trouble: %d logins within half a minute, want %v", rowsIll, got, want)
			}
		})
	}
}

// A host that is in trouble for too long costs its rows the run, those that
// never began too; those of another host are done.
func TestHostParkedForTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newLogins(func(l login) error {
			if l.host == "ill" && l.at >= time.Minute {
				return &fault.Error{Temporary: true, Code: fault.AuthTemporary, Text: "later"}
			}
			return nil
		})
		r := mustNew(t, Options{Syncer: s, Parallel: 5, Retries: 3, MaxParked: 2 * time.Hour, Retry: steady})
		res, err := r.Run(t.Context(), append(between(1, 100, "ill", "new"), between(101, 50, "well", "new")...))
		if err != nil || states(res)[throughput.Done] != 55 || states(res)[throughput.Failed] != 95 {
			t.Fatalf("%v, states %v", err, states(res))
		}
		if d := time.Since(s.start); d < 110*minutes || d > 125*minutes {
			t.Errorf("took %v", d)
		}
		untried := 0
		for _, r := range res {
			if r.State == throughput.Failed && (r.Fault == nil || r.Fault.Code != "auth-temporary" || !r.ParkedUntil.IsZero()) {
				t.Errorf("line %d: %+v until %v", r.Line, r.Fault, r.ParkedUntil)
			}
			if r.Attempts == 0 {
				untried++
			}
		}
		if untried < 70 {
			t.Errorf("%d of 95 rows were not tried at all: one after each pause is enough", untried)
		}
	})
}

// What a server that goes down does looks like a limit at first. Once it is
// back all lanes are used.
func TestOutageIsNoLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newLogins(func(l login) error {
			if l.host == "old.example" && l.at >= time.Minute && l.at < 6*minutes {
				return &fault.Error{Temporary: true, Code: fault.ConnectionLost, Op: "greeting"}
			}
			return nil
		})
		res, err := mustNew(t, Options{Syncer: s, Parallel: 10, Retries: 1, Retry: steady}).Run(t.Context(), rows(110))
		if err != nil || states(res)[throughput.Done] != 110 {
			t.Fatalf("%v, states %v", err, states(res))
		}
		if n := len(s.at("old.example", time.Minute, 6*minutes)); n > 20 {
			t.Errorf("%d logins at a server that is down", n)
		}
		if d := time.Since(s.start); d > 25*minutes {
			t.Errorf("took %v; ten minutes of work, five of trouble, and a pause", d)
		}
	})
}
