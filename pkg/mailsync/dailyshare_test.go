package mailsync_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
)

// budget is a rig with a budget at the source.
type budget struct {
	*rig
	elsewhere int64 // octets that are booked for the account by others while the first message is read
}

// budgeted makes a source of n messages of size octets.
func budgeted(t *testing.T, n, size int, octets int64) (*budget, *imaptest.Fake, imaptest.FakeMailbox) {
	t.Helper()
	var r *budget
	var led *ledger.Ledger
	var once sync.Once
	box := imaptest.FakeMailbox{Name: "INBOX", Count: n, Message: func(i int) imaptest.FakeMessage {
		once.Do(func() {
			if err := led.AddDaily(t.Context(), r.account(), time.Now(), r.elsewhere); err != nil {
				t.Error(err)
			}
		})
		return imaptest.FakeMessage{Body: text(i, size)}
	}}
	dst := imaptest.NewFake(t, imaptest.FakeOptions{})
	r = &budget{rig: fakeRig(t, imaptest.NewFake(t, imaptest.FakeOptions{}, box), dst)}
	r.options = func(o *mailsync.Options) {
		quick(o)
		led = o.Ledger
		o.Daily = func(s fault.Side, _ string) int64 {
			if s != fault.Source {
				return 0
			}
			return octets
		}
	}
	return r, dst, box
}

// account is what the ledger calls the source.
func (r *budget) account() string { return "source/" + r.pair().Source.ID() }

// passed books octets of the source's account at a time.
func (r *budget) passed(at time.Time, octets int64) {
	r.withLedger(func(ctx context.Context, l *ledger.Ledger, _ []ledger.RowID) error {
		return l.AddDaily(ctx, r.account(), at, octets)
	})
}

// A pass that moves no mail needs no budget.
func TestDailyBudgetOfLooks(t *testing.T) {
	for name, set := range map[string]func(r *budget){
		"dry run": func(r *budget) {
			options := r.options
			r.options = func(o *mailsync.Options) { options(o); o.DryRun = true }
		},
		"login only":   func(r *budget) { r.rules.JustLogin = true },
		"folders only": func(r *budget) { r.rules.JustFolders = true },
	} {
		t.Run(name, func(t *testing.T) {
			r, _, _ := budgeted(t, 3, 1000, 10_000)
			r.passed(time.Now(), 20_000)
			set(r)
			if _, err := r.sync(t.Context()); err != nil {
				t.Errorf("error %v", err)
			}
		})
	}
}

// What a clock that was wrong has booked in years to come is not of today.
func TestDailyBudgetOfTheFuture(t *testing.T) {
	r, _, _ := budgeted(t, 3, 1000, 10_000)
	r.passed(time.Now().AddDate(10, 0, 0), 20_000)
	if c, err := r.sync(t.Context()); err != nil || c.Copied != 3 {
		t.Errorf("error %v, count %+v", err, c)
	}
}

// Rows that share an account share its budget.
func TestDailyBudgetShared(t *testing.T) {
	r, dst, box := budgeted(t, 100, 1000, 50_000)
	r.elsewhere = 45_000
	c, err := r.sync(t.Context())
	throttled(t, err, fault.Source)
	if c.Copied == 0 || c.Copied > 10 {
		t.Errorf("count %+v", c)
	}
	r.aDayLater(t, fault.Source)
	for range 3 {
		if _, err = r.sync(t.Context()); err == nil {
			break
		}
		r.aDayLater(t, fault.Source)
	}
	if err != nil {
		t.Error(err)
	}
	storedOnce(t, dst, "INBOX", box, nil)
}

// A pass that lasts longer than a day goes on as the hours pass.
func TestDailyBudgetGrowsOld(t *testing.T) {
	r, dst, box := budgeted(t, 100, 1000, 140_000)
	r.passed(time.Now(), 90_000)
	r.elsewhere = -90_000 // as if they had passed a day ago
	if c, err := r.sync(t.Context()); err != nil || c.Copied != 100 {
		t.Errorf("error %v, count %+v", err, c)
	}
	storedOnce(t, dst, "INBOX", box, nil)
}
