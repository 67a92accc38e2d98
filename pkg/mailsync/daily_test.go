package mailsync_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
)

// TestDailyBudget: a pass ends at a message border when a server's budget for
// the day is spent, and goes on, with what was spent remembered over runs, when
// enough of it is there again.
func TestDailyBudget(t *testing.T) {
	const n, size, budget = 60, 10_000, 200_000
	for _, side := range []fault.Side{fault.Source, fault.Dest} {
		t.Run(side.String(), func(t *testing.T) {
			t.Parallel()
			box := imaptest.FakeMailbox{Name: "INBOX", Count: n, Message: func(i int) imaptest.FakeMessage {
				if i == 7 {
					return imaptest.FakeMessage{Body: text(i, 4*size)} // goes as a stream
				}
				return imaptest.FakeMessage{Body: text(i, size)}
			}}
			var logins int
			src := imaptest.NewFake(t, imaptest.FakeOptions{Login: func(string, string, string) string { logins++; return "" }}, box)
			dst := imaptest.NewFake(t, imaptest.FakeOptions{})
			r := fakeRig(t, src, dst)
			r.options = func(o *mailsync.Options) {
				quick(o)
				o.Memory, o.Lanes = 1<<20, 1
				o.Daily = func(s fault.Side, host string) int64 {
					if s != side || host == "" {
						return 0
					}
					return budget
				}
			}
			c, err := r.sync(t.Context())
			throttled(t, err, side)
			if c.Octets < budget || c.Octets > budget+4*size || c.NotTried == 0 || !c.Balanced() {
				t.Errorf("count %+v", c)
			}
			before := logins
			c, err = r.sync(t.Context())
			throttled(t, err, side)
			if logins != before || c.Listed != 0 {
				t.Errorf("%d more logins, count %+v", logins-before, c)
			}
			for range 10 {
				r.aDayLater(t, side)
				if c, err = r.sync(t.Context()); err == nil {
					break
				}
				throttled(t, err, side)
			}
			if err != nil || c.AlreadyThere+c.Copied != n {
				t.Errorf("error %v, count %+v", err, c)
			}
			storedOnce(t, dst, "INBOX", box, nil)
		})
	}
}

func throttled(t *testing.T, err error, side fault.Side) {
	t.Helper()
	f := fault.Of(err)
	if f == nil || f.Code != fault.Throttled || f.Side != side || f.Scope != fault.Account || !f.Temporary || f.Wait < 22*time.Hour || f.Wait > 25*time.Hour {
		t.Fatalf("error %v (%+v)", err, f)
	}
}

// aDayLater moves what the ledger knows of the last hours back by a day.
func (r *rig) aDayLater(t *testing.T, side fault.Side) {
	t.Helper()
	ep := r.pair().Source
	if side == fault.Dest {
		ep = r.pair().Dest
	}
	r.withLedger(func(ctx context.Context, l *ledger.Ledger, _ []ledger.RowID) (err error) {
		now := time.Now()
		hours, err := l.Daily(ctx, side.String()+"/"+ep.ID(), now.Add(-24*time.Hour))
		for _, h := range hours {
			err = errors.Join(err, l.AddDaily(ctx, side.String()+"/"+ep.ID(), h.Start, -h.Octets),
				l.AddDaily(ctx, side.String()+"/"+ep.ID(), h.Start.Add(-25*time.Hour), h.Octets))
		}
		return err
	})
}
