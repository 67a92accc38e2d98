package main

import (
	"context"
	"fmt"
	"log"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// bench measures cases, one after the other.
type bench struct {
	site    *site
	program string // imapfleet
	runs    int
	scale   float64
	log     *log.Logger // what it is at
	sets    map[string][]*account
	lists   int // that were written
}

// accounts returns those of a case, which are made when first asked for.
func (b *bench) accounts(ctx context.Context, c *benchCase) ([]*account, error) {
	if b.sets[c.set] == nil {
		start := time.Now()
		set, err := makeSet(ctx, b.site.old, c.set, b.scale)
		if err != nil {
			return nil, fmt.Errorf("fill: %w", err)
		}
		syncDisks()
		b.sets[c.set] = set
		b.log.Printf("accounts %s made in %.1f s", c.set, time.Since(start).Seconds())
	}
	set := b.sets[c.set]
	return set[:min(c.count, len(set))], nil
}

// group measures the cases of a group in turns: the limit, imapfleet, the next
// case, and all of it again.
func (b *bench) group(ctx context.Context, cases []*benchCase) (results []*result, err error) {
	trials := make([]*trial, len(cases))
	for i, c := range cases {
		if trials[i], err = b.prepare(ctx, c); err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		results = append(results, trials[i].result)
	}
	for run := range b.runs {
		for _, t := range trials {
			b.log.Printf("%s: run %d of %d", t.c.name, run+1, b.runs)
			if err := t.run(ctx, run == 0); err != nil {
				return nil, fmt.Errorf("%s: run %d: %w", t.c.name, run+1, err)
			}
		}
	}
	for _, t := range trials {
		if err := t.finish(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", t.c.name, err)
		}
	}
	return results, nil
}

// trial is a case while it is measured.
type trial struct {
	b        *bench
	c        *benchCase
	accounts []*account
	ends     [2]end
	result   *result

	// Of a case that goes over the same accounts again.
	fleet *fleet
	users []string
}

func (b *bench) prepare(ctx context.Context, c *benchCase) (*trial, error) {
	accounts, err := b.accounts(ctx, c)
	if err != nil {
		return nil, err
	}
	t := &trial{b: b, c: c, accounts: accounts, ends: b.site.ends(c)}
	t.result = &result{Name: c.name, Accounts: len(accounts), Lanes: c.lanes, work: c.work, far: c.far}
	for _, a := range accounts {
		t.result.Messages += a.messages
		t.result.Octets += a.octets
	}
	if c.work == again {
		err = t.copyOnce(ctx)
	}
	return t, err
}

// copyOnce makes the accounts that a pass will find unchanged.
func (t *trial) copyOnce(ctx context.Context) (err error) {
	if t.users, err = t.b.site.fresh(len(t.accounts)); err != nil {
		return err
	}
	if t.fleet, err = t.newFleet(t.users); err != nil {
		return err
	}
	if _, err := t.fleet.run(ctx); err != nil {
		return err
	}
	if _, err := t.fleet.check(t.accounts, copies); err != nil {
		return err
	}
	return t.arrived(ctx, t.users, true)
}

func (t *trial) newFleet(users []string) (*fleet, error) {
	t.b.lists++
	dir := filepath.Join(t.b.site.dir, fmt.Sprintf("list%d", t.b.lists))
	return newFleet(t.b.program, dir, t.b.site.caFile, t.c, t.ends, t.accounts, users)
}

// run measures once: the limit, then imapfleet. Thorough compares every octet
// that has arrived.
func (t *trial) run(ctx context.Context, thorough bool) error {
	if err := t.measureLimit(ctx, thorough); err != nil {
		return fmt.Errorf("the limit: %w", err)
	}
	switch t.c.work {
	case copies:
		return t.measureCopy(ctx, thorough)
	case again:
		return t.measureAgain(ctx)
	}
	return nil
}

// finish is what is left after the last run.
func (t *trial) finish(ctx context.Context) error {
	if t.c.work != again {
		return nil
	}
	if t.c.far {
		trips, err := t.countRoundTrips(ctx)
		if err != nil {
			return err
		}
		t.result.RoundTrips = trips
	}
	return t.b.site.settle(t.users)
}

func (t *trial) measureLimit(ctx context.Context, thorough bool) error {
	users := t.users
	if t.c.work != again {
		var err error
		if users, err = t.b.site.fresh(len(t.accounts)); err != nil {
			return err
		}
	}
	start, cpu := time.Now(), cpuTime()
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(t.c.lanes)
	for i, a := range t.accounts {
		g.Go(func() error {
			return t.c.limit(gctx, t.ends[0].access(a.user), t.ends[1].access(users[i]), a)
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	t.result.Limit = append(t.result.Limit, time.Since(start).Seconds())
	if !t.c.far {
		t.result.LimitCPU = append(t.result.LimitCPU, cpuTime()-cpu)
	}
	if t.c.work == again {
		return nil
	}
	if t.c.stores {
		if err := t.arrived(ctx, users, thorough && t.c.work == copies); err != nil {
			return err
		}
	}
	return t.b.site.settle(users)
}

func (t *trial) measureCopy(ctx context.Context, thorough bool) error {
	users, err := t.b.site.fresh(len(t.accounts))
	if err != nil {
		return err
	}
	f, err := t.newFleet(users)
	if err != nil {
		return err
	}
	if err := t.book(ctx, f); err != nil {
		return err
	}
	if err := t.arrived(ctx, users, thorough); err != nil {
		return err
	}
	return t.b.site.settle(users)
}

func (t *trial) measureAgain(ctx context.Context) error {
	if err := t.book(ctx, t.fleet); err != nil {
		return err
	}
	return t.arrived(ctx, t.users, false)
}

// book runs imapfleet and keeps its figures.
func (t *trial) book(ctx context.Context, f *fleet) error {
	u, err := f.run(ctx)
	if err != nil {
		return err
	}
	rows, err := f.check(t.accounts, t.c.work)
	if err != nil {
		return err
	}
	var seconds []float64
	for _, r := range rows {
		seconds = append(seconds, r.seconds)
	}
	t.result.Fleet = append(t.result.Fleet, u)
	t.result.Rows = append(t.result.Rows, seconds)
	return nil
}

// arrived reports what is missing at the new server, or too much there: by the
// server's counts, or, if thorough, message by message with all octets.
func (t *trial) arrived(ctx context.Context, users []string, thorough bool) error {
	for i, a := range t.accounts {
		end := t.b.site.new.Access(users[i], password)
		counts, err := countAccount(ctx, end)
		if err != nil {
			return err
		}
		for name, want := range a.counts {
			if counts[name] != want {
				return fmt.Errorf("%s: mailbox %q holds %+v at the destination, %+v at the source", a.user, name, counts[name], want)
			}
		}
		for name, extra := range counts {
			if _, ok := a.counts[name]; !ok && extra.Messages > 0 {
				return fmt.Errorf("%s: mailbox %q is only at the destination, with %+v", a.user, name, extra)
			}
		}
		if !thorough {
			continue
		}
		found, err := imaptest.Dump(ctx, end)
		if err != nil {
			return err
		}
		if diff := imaptest.Diff(a.contents, found, imaptest.DiffOptions{Order: t.c.lanes == 1}); len(diff) > 0 {
			return fmt.Errorf("%s differs:\n%s", a.user, strings.Join(diff, "\n"))
		}
	}
	return nil
}
