package batch

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// Rows that wait for a host which is the destination of some and the source of
// others end with a fault of the side that it is for them.
func TestHostOfBothSides(t *testing.T) {
	for name, opt := range map[string]Options{"given up": {MaxParked: time.Hour}, "not waited for": {NoWait: true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newLogins(func(l login) error {
					if l.host == "hub" {
						return &fault.Error{Scope: fault.Host, Temporary: true, Code: fault.Throttled, Wait: 10 * time.Hour}
					}
					return nil
				})
				opt.Syncer, opt.Parallel, opt.Retry = s, 1, steady
				res, err := mustNew(t, opt).Run(t.Context(), append(between(1, 3, "old", "hub"), between(4, 3, "hub", "new")...))
				if err != nil || states(res)[throughput.Done] != 0 {
					t.Fatalf("%v, states %v", err, states(res))
				}
				for _, r := range res {
					if r.FaultHost() != "hub" {
						t.Errorf("line %d, %s to %s: %s is at fault", r.Line, r.Host1, r.Host2, r.FaultHost())
					}
				}
			})
		})
	}
}
