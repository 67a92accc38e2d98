package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/plan"
)

// open opens the ledger of the list, for writing where that may be.
func (p *planning) open(ctx context.Context) error {
	var locked *ledger.LockedError
	if !p.opt.noKeep {
		b, err := bind(ctx, p.dir, p.pairs, false)
		switch {
		case err == nil:
			p.ledger, p.keeps = b.ledger, true
			if d := b.ledger.Damage(); d != nil {
				fmt.Fprint(p.std.err, damageText(d))
			}
			for _, at := range p.selected {
				p.ids, p.known = append(p.ids, b.ids[at]), append(p.known, b.rows[at])
			}
			return p.recall(ctx)
		case !errors.As(err, &locked):
			return err
		}
		if !p.opt.quiet {
			fmt.Fprintln(p.std.err, "note: a run goes on; neither sizes nor the plan are remembered")
		}
	}
	p.ids, p.known = make([]ledger.RowID, len(p.selected)), make([]ledger.Row, len(p.selected))
	l, err := ledger.OpenReader(ctx, p.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return explain(err)
	}
	p.ledger = l
	if err := p.look(ctx); err != nil {
		return errors.Join(err, l.Close())
	}
	return nil
}

// look finds the selected rows in a ledger that is only read.
func (p *planning) look(ctx context.Context) error {
	pairs := make([]account.Pair, len(p.selected))
	for i, at := range p.selected {
		pairs[i] = p.pairs[at]
	}
	var err error
	if p.ids, err = p.ledger.Find(ctx, entries(pairs)); err == nil {
		p.known, err = p.ledger.Rows(ctx, p.ids)
	}
	if err != nil {
		return err
	}
	return p.recall(ctx)
}

// recall reads what earlier runs and plans have left.
func (p *planning) recall(ctx context.Context) (err error) {
	if p.paces, err = p.ledger.Paces(ctx); err == nil {
		p.predictions, err = p.ledger.Predictions(ctx)
	}
	return err
}

// doneRow reports whether the first pass of a row is done: where mailboxes alone
// were made, it is all still to do.
func doneRow(r *ledger.Row) bool { return r.State == "done" && r.Covers("") }

// sizeKnown reports whether the size of a row is known in the mailboxes that it
// asks for, by the fingerprint of its rules. An account that was found without mail
// is asked again each time. Of a row that is done what its passes have moved will
// do: only what is new is left.
func sizeKnown(r *ledger.Row, mailboxes string) bool {
	if r.SourceRules != mailboxes {
		return false
	}
	told := r.SourceError >= 0 && (r.SourceOctets > 0 || r.SourceMessages > 0)
	return told || doneRow(r)
}

// size makes the fleet, and asks the sources of the rows of which nothing is
// known.
func (p *planning) size(ctx context.Context) error {
	var unknown []int
	for i := range p.known {
		if !sizeKnown(&p.known[i], p.mailboxes(i)) {
			unknown = append(unknown, i)
		}
	}
	p.asked = make([]bool, len(p.known))
	if len(unknown) > 0 && !p.opt.noLogin {
		if err := p.ask(ctx, unknown); err != nil {
			return err
		}
	}
	hosts := make(map[string]int32)
	p.fleet = &plan.Fleet{}
	index := func(name string) int32 {
		at, ok := hosts[name]
		if !ok {
			at = int32(len(p.fleet.Hosts))
			hosts[name] = at
			p.fleet.Hosts = append(p.fleet.Hosts, plan.Host{Name: name,
				Daily: [2]int64{p.opt.daily.of(fault.Source, name), p.opt.daily.of(fault.Dest, name)}})
		}
		return at
	}
	now := time.Now()
	for i, at := range p.selected {
		pair := &p.pairs[at]
		a := accountOf(&p.known[i], p.mailboxes(i), float64(p.opt.change), now)
		a.Unknown = a.Unknown && !p.asked[i]
		a.Line, a.Source, a.Dest = pair.Line, index(pair.Source.Host), index(pair.Dest.Host)
		p.fleet.Accounts = append(p.fleet.Accounts, a)
	}
	return nil
}

// mailboxes is the fingerprint of a row's rules for mailboxes.
func (p *planning) mailboxes(i int) string {
	return p.pairs[p.selected[i]].Rules.MailboxFingerprint()
}

// accountOf is what a plan needs to know of a row: how much is left of it. Of a
// row that is done that is what has changed since. The last pass says how much it
// left if it was about the same mailboxes.
func accountOf(r *ledger.Row, mailboxes string, change float64, now time.Time) plan.Account {
	a := plan.Account{Octets: r.SourceOctets, Left: r.SourceOctets, Messages: r.SourceMessages, LeftMessages: r.SourceMessages,
		Error: max(0, r.SourceError), Unknown: !sizeKnown(r, mailboxes)}
	part := 1.0
	switch {
	case doneRow(r):
		part = min(1, max(0, change*now.Sub(r.Updated).Hours()/24))
	case r.Listed > 0 && r.State != "running" && r.SourceRules == mailboxes:
		part = min(1, float64(r.NotTried+r.Rejected)/float64(r.Listed))
	}
	a.LeftMessages = int64(part * float64(a.LeftMessages))
	a.Left = int64(part * float64(a.Left))
	if !doneRow(r) { // mailboxes that were begun are not in OctetsNotTried, as a rule
		a.Left = max(a.Left, min(a.Octets, r.OctetsNotTried))
	}
	return a
}

// ask logs in to the sources of rows and keeps what they hold.
func (p *planning) ask(ctx context.Context, rows []int) error {
	o := &p.opt
	engine := mailsync.New(mailsync.Options{
		RootCAs: p.roots, Faults: o.net.faults, Logger: screenLogger(p.std.err, slog.Level(o.logLevel), o.quiet), Version: programVersion(),
		Patience: o.patience, Lanes: o.net.parallel.fixed(), AwaitLogin: o.net.awaitLogin(),
	})
	a := &asking{p: p, of: len(rows), told: time.Now()}
	g, asked := errgroup.WithContext(ctx)
	g.SetLimit(o.net.parallel.fixed())
	for _, i := range rows {
		if asked.Err() != nil {
			break
		}
		g.Go(func() error { return a.answer(asked, i, engine.Size(asked, p.pairs[p.selected[i]])) })
	}
	err := g.Wait()
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return runError(err)
	}
	a.end()
	return nil
}

// asking is what is said while sources are asked.
type asking struct {
	p  *planning
	of int

	mu     sync.Mutex // guards what follows
	ended  int
	told   time.Time
	failed []string
	rest   int // failures beyond those
}

// tellEvery is the time between two words on how far it is.
const tellEvery = 5 * time.Second

// failuresShown is how many rows are named that could not be sized.
const failuresShown = 5

// answer notes what one source holds.
func (a *asking) answer(ctx context.Context, i int, rep mailsync.SizeReport) error {
	if err := ctx.Err(); err != nil {
		return err // what is reported says nothing of the server
	}
	p := a.p
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended++
	if now := time.Now(); !p.opt.quiet && now.Sub(a.told) >= tellEvery {
		a.told = now
		fmt.Fprintf(p.std.err, "%d of %d accounts sized\n", a.ended, a.of)
	}
	switch {
	case rep.Fault != nil || rep.Octets.Octets < 0:
		if len(a.failed) == failuresShown {
			a.rest++
			return nil
		}
		text := "the server tells no sizes"
		if rep.Fault != nil {
			text = rep.Fault.Error()
		}
		a.failed = append(a.failed, fmt.Sprintf("line %d, %s: %s", p.pairs[p.selected[i]].Line, p.who(i), fault.Clean(text)))
		return nil
	}
	p.asked[i] = true
	r := &p.known[i]
	r.SourceMessages, r.SourceOctets, r.SourceError = rep.Messages, rep.Octets.Octets, rep.Octets.Error
	rules := p.mailboxes(i)
	if r.SourceRules != rules && r.Listed > 0 {
		return nil // what is kept goes with the counts of a pass, which was about other mailboxes
	}
	r.SourceRules = rules
	if !p.keeps {
		return nil
	}
	return p.ledger.SaveSize(ctx, p.ids[i], ledger.Size{Messages: r.SourceMessages, Octets: r.SourceOctets, Error: r.SourceError, Rules: rules})
}

// end says which rows could not be sized.
func (a *asking) end() {
	if a.p.opt.quiet {
		return
	}
	for _, text := range a.failed {
		fmt.Fprintf(a.p.std.err, "warning: not sized: %s\n", text)
	}
	if a.rest > 0 {
		fmt.Fprintf(a.p.std.err, "warning: and %d rows more; 'imapfleet check' tells of each\n", a.rest)
	}
}
