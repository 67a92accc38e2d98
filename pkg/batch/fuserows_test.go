package batch

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

var refusedLogin = &fault.Error{Code: fault.AuthRefused, Op: "login", Text: "NO [AUTHENTICATIONFAILED] no"}

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
