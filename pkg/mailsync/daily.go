package mailsync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

const (
	// day is the time for which a budget is given: it slides, as servers that
	// give budgets do not say when their day begins.
	day = 24 * time.Hour
	// crumbs is the part of a budget for which it is not worth logging in.
	crumbs = 20
	// dailyStep is after how many octets the ledger is told: so much at most is
	// forgotten when we are killed.
	dailyStep = 16 << 20
)

// daily is how many octets of messages may yet pass between one account and us
// before a server's budget for the day is spent, as the ledger remembers it over
// runs. The lanes of a pass share it. nil: no limit.
type daily struct {
	side   fault.Side
	host   string
	name   string // in the ledger
	budget int64  // octets a day
	led    *ledger.Ledger
	now    func() time.Time

	mu   sync.Mutex
	left int64
	told int64 // octets that the ledger does not know of yet
}

// openDaily reads what has passed; a budget that is spent is the fault that says
// until when.
func openDaily(ctx context.Context, e *Engine, side fault.Side, ep account.Endpoint) (*daily, error) {
	if e.opt.Daily == nil {
		return nil, nil
	}
	budget := e.opt.Daily(side, ep.Host)
	if budget <= 0 {
		return nil, nil
	}
	d := &daily{side: side, host: ep.Host, name: side.String() + "/" + ep.ID(), budget: budget, led: e.opt.Ledger, now: time.Now}
	hours, err := d.read(ctx)
	if err != nil {
		return nil, err
	}
	if d.left < budget/crumbs {
		return nil, d.spent(hours)
	}
	return d, nil
}

// read finds out what is left: other rows may share the account, and what has
// passed grows old. It returns the hours of the last day. What a clock that was
// ahead has booked in hours to come is none of it.
func (d *daily) read(ctx context.Context) ([]ledger.Hour, error) {
	now := d.now()
	hours, err := d.led.Daily(ctx, d.name, now.Add(-day))
	if err != nil {
		return nil, state(err)
	}
	hours = slices.DeleteFunc(hours, func(h ledger.Hour) bool { return h.Start.After(now.Add(time.Hour)) })
	d.left = d.budget
	for _, h := range hours {
		d.left -= h.Octets
	}
	return hours, nil
}

// take books a message that has come from the source, and is to go to the
// destination. The error says that none is to follow.
func (d *daily) take(ctx context.Context, octets int64) error {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left -= octets
	d.told += octets
	if d.left > 0 && d.told < min(dailyStep, d.budget/crumbs) {
		return nil
	}
	if err := d.tell(ctx); err != nil {
		return err
	}
	hours, err := d.read(ctx)
	if err != nil || d.left > 0 {
		return err
	}
	return d.spent(hours)
}

// tell lets the ledger know what has passed.
func (d *daily) tell(ctx context.Context) error {
	if d.told == 0 {
		return nil
	}
	err := d.led.AddDaily(ctx, d.name, d.now(), d.told)
	if err == nil {
		d.told = 0
	}
	return state(err)
}

// close lets the ledger know the rest.
func (d *daily) close(ctx context.Context) error {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.tell(ctx)
}

// spent is the fault of a budget that is spent: its Wait is until enough of it
// is there again, by what passed in which hours.
func (d *daily) spent(hours []ledger.Hour) error {
	left, wait := d.left, time.Hour
	for _, h := range hours {
		wait = max(h.Start.Add(time.Hour+day).Sub(d.now()), time.Minute)
		if left += h.Octets; left >= d.budget/crumbs {
			break
		}
	}
	return &fault.Error{Side: d.side, Host: d.host, Code: fault.Throttled, Temporary: true, Op: "daily", Wait: wait, Err: errSpent,
		Text: fmt.Sprintf("%s of messages in 24 hours: the day's budget is spent", throughput.FormatOctets(d.budget)),
		Hint: fmt.Sprintf("the row goes on by itself; --daily%d sets the budget", d.flag())}
}

// errSpent is underneath the fault of a budget that is spent.
var errSpent = errors.New("the day's budget is spent")

func (d *daily) flag() int {
	if d.side == fault.Source {
		return 1
	}
	return 2
}

// budgets are those of the two accounts of a pass.
type budgets [2]*daily

// openBudgets is for a pass that moves mail: others need no budget.
func (p *pass) openBudgets(ctx context.Context) (err error) {
	if p.e.opt.DryRun || p.rules.JustLogin || p.rules.JustFolders {
		return nil
	}
	clock := clockOf(ctx)
	defer clock.in(clock.in(waiting(throughput.LedgerWait)))
	for i, side := range []fault.Side{fault.Source, fault.Dest} {
		ep := p.pair.Source
		if side == fault.Dest {
			ep = p.pair.Dest
		}
		if p.daily[i], err = openDaily(ctx, p.e, side, ep); err != nil {
			return err
		}
	}
	return nil
}

// take books a message for both accounts.
func (b *budgets) take(ctx context.Context, octets int64) (err error) {
	for _, d := range b {
		if derr := d.take(ctx, octets); err == nil {
			err = derr
		}
	}
	return err
}

func (b *budgets) close(ctx context.Context) (err error) {
	for _, d := range b {
		if derr := d.close(ctx); err == nil {
			err = derr
		}
	}
	return err
}
