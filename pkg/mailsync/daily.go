package mailsync

import (
	"context"
	"fmt"
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
	passed, err := d.read(ctx)
	if err != nil {
		return nil, err
	}
	if d.left = budget - passed; d.left < budget/crumbs {
		return nil, d.spent(ctx)
	}
	return d, nil
}

// read returns what has passed in the last day.
func (d *daily) read(ctx context.Context) (octets int64, err error) {
	hours, err := d.led.Daily(ctx, d.name, d.now().Add(-day))
	for _, h := range hours {
		octets += h.Octets
	}
	return octets, state(err)
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
	if d.left > 0 && d.told < dailyStep {
		return nil
	}
	if err := d.tell(ctx); err != nil || d.left > 0 {
		return err
	}
	return d.spent(ctx)
}

// tell lets the ledger know what has passed.
func (d *daily) tell(ctx context.Context) error {
	if d.told == 0 {
		return nil
	}
	err := d.led.AddDaily(ctx, d.name, d.now(), d.told)
	d.told = 0
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
// is there again.
func (d *daily) spent(ctx context.Context) error {
	now := d.now()
	hours, err := d.led.Daily(ctx, d.name, now.Add(-day))
	if err != nil {
		return state(err)
	}
	var passed int64
	for _, h := range hours {
		passed += h.Octets
	}
	wait := time.Hour
	for _, h := range hours {
		wait = max(h.Start.Add(time.Hour+day).Sub(now), time.Minute)
		if passed -= h.Octets; d.budget-passed >= d.budget/crumbs {
			break
		}
	}
	return &fault.Error{Side: d.side, Host: d.host, Code: fault.Throttled, Temporary: true, Op: "daily", Wait: wait,
		Text: fmt.Sprintf("%s of messages in 24 hours: the day's budget is spent", throughput.FormatOctets(d.budget)),
		Hint: fmt.Sprintf("the row goes on by itself; --daily%d sets the budget", d.flag())}
}

func (d *daily) flag() int {
	if d.side == fault.Source {
		return 1
	}
	return 2
}

// budgets are those of the two accounts of a pass.
type budgets [2]*daily

func (p *pass) openBudgets(ctx context.Context) (err error) {
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
