package mailsync_test

import (
	"context"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
)

// Where several lanes spend a budget, each ends at a message border: what has
// come from the source is stored, and nothing is left in doubt.
func TestDailyBudgetOfLanes(t *testing.T) {
	r := newRig(t, memoryHost(t), memoryHost(t))
	want := r.wide()
	h := &heldFirst{others: 3, all: make(chan struct{})}
	budget := int64(12_000_000)
	r.options = func(o *mailsync.Options) {
		o.WrapConn = h.wrap
		o.Daily = func(fault.Side, string) int64 { return budget }
	}
	s := &spare{free: 3}
	r.lanes = s
	c, err := r.sync(t.Context())
	throttled(t, err, fault.Source)
	if s.held != 0 || s.peak != 3 || s.refused > 0 {
		t.Errorf("lanes %+v", s)
	}
	r.withLedger(func(ctx context.Context, l *ledger.Ledger, rows []ledger.RowID) error {
		var booked int64
		hours, err := l.Daily(ctx, "source/"+r.pair().Source.ID(), time.Now().Add(-24*time.Hour))
		for _, h := range hours {
			booked += h.Octets
		}
		if booked != c.Octets {
			t.Errorf("%d octets booked, %d stored", booked, c.Octets)
		}
		return err
	})
	budget = 0
	r.lanes = nil
	if again := r.mustSync(); c.Copied+again.Copied != want {
		t.Errorf("%d and %d messages copied, want %d together", c.Copied, again.Copied, want)
	}
	r.equal(false)
}
