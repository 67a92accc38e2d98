package probe

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

const (
	leastStep = 20 * time.Millisecond  // a shorter one says nothing
	enough    = 500 * time.Millisecond // a shorter one does not say much
	grace     = 3 * time.Second        // for answers, after a step's time is over
)

// work is what one lane does in a step: soft ends when nothing new is to begin,
// hard when nothing more is waited for.
type work func(soft, hard context.Context, l *lane, st *step) error

// step is one measurement.
type step struct {
	phase Phase
	p     *prober
	tally
	budget  *budget // of the step
	command int64   // octets of one command at most
}

// plan is what is still to be measured.
type plan struct {
	phase Phase
	sides []*side
	do    work
}

// phases measures all there is to be measured.
func (p *prober) phases(ctx context.Context) {
	plans := []plan{{Source, p.sides[:1], drain}}
	switch {
	case p.opt.ReadOnly:
	case p.sides[1].keeps():
		p.end(Dest, 1, &fault.Error{Side: fault.Dest, Host: p.opt.Pairs[0].Dest.Host,
			Text: "not written to: Gmail keeps the messages of a mailbox that is deleted, in All Mail"})
	default:
		plans = append(plans, plan{Dest, p.sides[1:], fill}, plan{Both, p.sides[:], pipe})
	}
	sound := [2]bool{true, true} // by side: it has not refused to go on
	for i, pl := range plans {
		if ctx.Err() != nil {
			return
		}
		for _, s := range pl.sides {
			if !sound[s.index()] && pl.phase == Both {
				p.end(pl.phase, 1, &fault.Error{Side: s.at, Text: "not measured: the " + s.at.String() + " alone could not be measured to its end"})
			}
		}
		if pl.phase == Both && !(sound[0] && sound[1]) {
			return
		}
		if err := p.phase(ctx, pl, len(plans)-i); err != nil && len(pl.sides) == 1 {
			sound[pl.sides[0].index()] = errors.Is(err, errFewer)
		}
	}
}

// errFewer is in the chain of the reason for a phase that ended because no more
// lanes could be opened: with those that there are, one can go on.
var errFewer = errors.New("no more connections")

// phase climbs the ladder. left is how many phases there are still, with it.
// The error says why it ended early.
func (p *prober) phase(ctx context.Context, pl plan, left int) error {
	ladder := p.opt.ladder()
	for i, n := range ladder {
		have, err := p.ready(ctx, n, pl.sides...)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		before := 0
		if i > 0 {
			before = ladder[i-1]
		}
		if len(have) > before {
			steps := len(ladder) - i + (left-1)*len(ladder)
			if serr := p.measured(ctx, pl, have, steps, weightLeft(ladder[i:], ladder, pl.phase, p.opt.ReadOnly)); serr != nil {
				p.end(pl.phase, len(have), serr)
				return serr
			}
		}
		if len(have) < n {
			p.end(pl.phase, n, err)
			return errors.Join(err, errFewer)
		}
	}
	return nil
}

// weight is the part of the volume that a step with so many lanes has beside
// others: more lanes move more.
func weight(lanes int) int64 { return int64(bits.Len(uint(lanes))) }

// weightLeft is the weights of the steps that move octets in the direction of
// the present one, with it: each direction is used in two phases.
func weightLeft(rest, ladder []int, phase Phase, readOnly bool) (sum int64) {
	for _, n := range rest {
		sum += weight(n)
	}
	if phase == Both || readOnly {
		return sum
	}
	for _, n := range ladder {
		sum += weight(n)
	}
	return sum
}

// measured does one step. The error says why no further one of its phase is to
// be done.
func (p *prober) measured(ctx context.Context, pl plan, have []*lane, stepsLeft int, weights int64) error {
	reserve := p.opt.For / 20
	d := (time.Until(p.until) - reserve) / time.Duration(stepsLeft)
	if d < leastStep {
		return &fault.Error{Text: "there was no time left: --for is too short for it"}
	}
	st := &step{phase: pl.phase, p: p, budget: newBudget(p.volumeOf(pl, have, weights), 1<<40)}
	st.command = min(max(st.budget.octets/int64(16*len(have)), leastCommand), mostCommand)
	braked := p.braked(pl, have)
	var took time.Duration
	err := p.enter(ctx, pl, have)
	if err == nil {
		took, err = st.run(ctx, d, have, pl.do)
	}
	p.mu.Lock()
	p.read.moved, p.read.left = p.read.moved+st.read, p.read.left-st.read
	p.write.moved, p.write.left = p.write.moved+st.written, p.write.left-st.written
	p.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && !cut(err):
		return err
	case err != nil:
		p.note("%s with %s: not counted, a connection was lost (%v)", pl.phase, atLanes(len(have)), fault.Of(err))
		return nil
	case st.messages == 0:
		return &fault.Error{Text: fmt.Sprintf("nothing was moved in %s: the servers are slow (a longer --for helps), the accounts hold no mail, "+
			"or --volume or the quota leave no room", throughput.FormatDuration(took))}
	}
	p.keep(pl.phase, st.step(len(have), took))
	p.short = p.short || took < d/2 && took < enough
	if p.braked(pl, have) > braked {
		return &fault.Error{Code: fault.Throttled, Text: "the server said [THROTTLED]: it asks to go slower"}
	}
	return nil
}

// enter opens the lanes' mailboxes at the destination, which is no part of the
// measurement.
func (p *prober) enter(ctx context.Context, pl plan, have []*lane) error {
	if pl.phase == Source {
		return nil
	}
	hard, stop := afterwards(ctx, grace)
	defer stop()
	var g errgroup.Group
	for _, l := range have {
		g.Go(func() error { return safely(func() error { return l.enter(hard, p) }) })
	}
	return g.Wait()
}

// volumeOf is how many octets a step may move.
func (p *prober) volumeOf(pl plan, have []*lane, weights int64) int64 {
	left := p.read.left
	switch pl.phase {
	case Dest:
		left = p.write.left
	case Both:
		left = min(left, p.write.left)
	}
	return max(left, 0) * weight(len(have)) / max(weights, 1)
}

// braked is for how long the servers had the lanes wait so far.
func (p *prober) braked(pl plan, have []*lane) (sum time.Duration) {
	for _, l := range have {
		for _, s := range pl.sides {
			sum += l.conn[s.index()].Braked()
		}
	}
	return sum
}

// cut reports whether an error means that a connection was lost.
func cut(err error) bool {
	f := fault.Of(err)
	return f != nil && f.Temporary && (f.Code == fault.ConnectionLost || f.Code == fault.Timeout)
}

// run has the lanes work for so long, and waits for all of them. The error is
// the first that is none of the end of time.
func (st *step) run(ctx context.Context, d time.Duration, have []*lane, do work) (took time.Duration, err error) {
	soft, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	hard, stop := afterwards(soft, grace)
	defer stop()
	began := time.Now()
	var wg sync.WaitGroup
	errs := make([]error, len(have))
	for i, l := range have {
		wg.Go(func() {
			errs[i] = safely(func() error { return do(soft, hard, l, st) })
			if errs[i] != nil {
				cancel() // what is left is no measurement of so many lanes
			}
		})
	}
	wg.Wait()
	took = time.Since(began)
	for _, e := range errs {
		if e != nil && fault.Of(e) != nil && (err == nil || cut(err)) {
			err = e // what a server says counts for more than a cut
		}
	}
	return took, err
}

// afterwards returns a context that ends so long after ctx has.
func afterwards(ctx context.Context, d time.Duration) (hard context.Context, stop func()) {
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var mu sync.Mutex
	var timer *time.Timer
	release := context.AfterFunc(ctx, func() {
		mu.Lock()
		defer mu.Unlock()
		timer = time.AfterFunc(d, cancel)
	})
	return hard, func() {
		release()
		cancel()
		mu.Lock()
		defer mu.Unlock()
		if timer != nil {
			timer.Stop()
		}
	}
}

// keep adds a step to the report.
func (p *prober) keep(phase Phase, s throughput.Step) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := map[Phase]*[]throughput.Step{Source: &p.rep.Source, Dest: &p.rep.Dest, Both: &p.rep.Both}[phase]
	*at = append(*at, s)
	if p.opt.OnStep != nil {
		p.opt.OnStep(phase, s)
	}
}

// end notes why a phase is over before its time.
func (p *prober) end(phase Phase, lanes int, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	e := Ended{Phase: phase, Lanes: lanes, Why: "a connection was lost, and again, or its row takes no part"}
	if err != nil {
		e.Why, e.Hint = said(err)
	}
	if f := fault.Of(err); f != nil && f.Temporary {
		e.Hint = again(f)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rep.Ended = append(p.rep.Ended, e)
	p.tell(string(phase) + " ends at " + atLanes(lanes) + ": " + e.Why)
}

// again is what to do about what may pass: a probe does not wait for it, as a run
// does.
func again(f *fault.Error) string {
	switch f.Code {
	case fault.TooManySessions:
		return "nothing, if that many lanes will do: a run keeps to a limit that the server tells; else ask its administrator to raise it"
	case fault.Throttled:
		return "ask the server's administrator what it allows, or probe at another hour"
	case fault.ConnectionLost, fault.Timeout:
		return "probe again: a connection broke"
	}
	return "probe again later"
}
