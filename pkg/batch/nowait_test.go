package batch

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// The last retry's pause is waited for with NoWait, whatever its jitter.
func TestNoWaitWaitsForRetries(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			n := 0
			s := &syncFunc{f: func(context.Context, account.Pair) (throughput.Count, error) {
				if n++; n <= 3 {
					return throughput.Count{}, lost
				}
				return throughput.Count{Listed: 1, Copied: 1, Mailboxes: 1}, nil
			}}
			res, err := mustNew(t, Options{Syncer: s, Parallel: 1, Retries: 3, NoWait: true}).Run(t.Context(), rows(1))
			if err != nil || res[0].State != throughput.Done {
				t.Fatalf("%v, %v after %d attempts", err, res[0].State, res[0].Attempts)
			}
		})
	}
}
