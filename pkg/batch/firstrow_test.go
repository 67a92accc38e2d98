package batch

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// A row that goes first and has to wait for a reason of its own account tells
// nothing of the host: another one goes.
func TestAccountsReasonParksNoHost(t *testing.T) {
	for name, own := range map[string]*fault.Error{
		"its day's budget is spent":    {Temporary: true, Code: fault.Throttled, Op: "daily", Wait: 20 * time.Hour},
		"another run writes to it":     {Temporary: true, Code: fault.InUse, Op: "lock"},
		"its server wants it to wait":  {Temporary: true, Code: fault.Throttled, Op: "login", Wait: 20 * time.Hour},
		"its server says it is in use": {Temporary: true, Code: fault.InUse, Op: "login"},
		"its user has connections":     {Temporary: true, Code: fault.TooManySessions, Op: "login", MaxPerUser: 10, Wait: 20 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newLogins(func(l login) error {
					switch {
					case l.side != fault.Source:
						return nil
					case l.at < time.Minute:
						return &fault.Error{Scope: fault.Host, Temporary: true, Code: fault.Unavailable, Wait: 5 * minutes}
					case l.line == 1 && l.at < 20*time.Hour:
						return own
					}
					return nil
				})
				list := rows(20)
				r := mustNew(t, Options{Syncer: s, Parallel: 1, Retries: 3, Retry: steady})
				res, err := r.Run(t.Context(), list)
				if err != nil || states(res)[throughput.Done] != 20 {
					t.Fatalf("%v, states %v", err, states(res))
				}
				if n := len(s.at("new.example", 0, time.Hour)); n < 19 {
					t.Errorf("%d rows within an hour, want the 19 others", n)
				}
			})
		})
	}
}
