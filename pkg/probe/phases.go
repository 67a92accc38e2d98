package probe

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

const (
	leastStep = 20 * time.Millisecond  // a shorter one says nothing
	enough    = 500 * time.Millisecond // a shorter one does not say much
)

// plan is what is still to be measured.
type plan struct {
	phase Phase
	sides []*side
	do    work
	// weight is how much of time and volume a step has beside those of other
	// phases.
	weight float64
	// turn is how long a turn of rows is at least; 0: rows take none, for what is
	// made up is alike for all.
	turn time.Duration
}

// phases measures all there is to be measured.
func (p *prober) phases(ctx context.Context) {
	plans := []plan{{Source, p.sides[:1], drain, 1, sourceTurn}}
	switch {
	case p.opt.ReadOnly:
	case p.sides[1].keeps():
		p.end(Dest, 1, &fault.Error{Side: fault.Dest, Host: p.opt.Pairs[0].Dest.Host,
			Text: "not written to: Gmail keeps the messages of a mailbox that is deleted, in All Mail"})
	default:
		plans = append(plans, plan{Dest, p.sides[1:], fill, 1, 0}, plan{Both, p.sides[:], pipe, 2, bothTurn})
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
		if err := p.phase(ctx, pl, plans[i+1:]); err != nil && len(pl.sides) == 1 {
			sound[pl.sides[0].index()] = errors.Is(err, errFewer)
		}
	}
}

// errFewer is in the chain of the reason for a phase that ended because no more
// lanes could be opened: with those that there are, one can go on.
var errFewer = errors.New("no more connections")

// phase climbs the ladder. left is how many phases there are still, with it.
// The error says why it ended early.
func (p *prober) phase(ctx context.Context, pl plan, left []plan) error {
	ladder := p.opt.ladder()
	done := 0
	for i, n := range ladder {
		have, err := p.ready(ctx, n, pl.sides...)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if lanes := min(n, len(have)); lanes > done {
			if serr := p.measured(ctx, pl, have, lanes, shareOf(pl, ladder[i:], left, ladder)); serr != nil {
				p.end(pl.phase, lanes, serr)
				return serr
			}
			done = lanes
		}
		if len(have) < n {
			p.end(pl.phase, n, err)
			return errors.Join(err, errFewer)
		}
	}
	return nil
}

// share is which part of what is left one step may use: of the time, and of the
// volume.
type share struct{ time, volume float64 }

// shareOf is that of the first of the steps of a phase that are left; later are
// the phases that follow. Both sides together are what a run will be like, so
// they have more of all; more lanes move more; and each direction is used in two
// phases.
func shareOf(pl plan, rest []int, later []plan, ladder []int) share {
	var time, volume float64
	add := func(of plan, lanes []int) {
		for _, n := range lanes {
			time += of.weight
			if of.phase == pl.phase || of.phase == Both {
				volume += of.weight * weight(n)
			}
		}
	}
	add(pl, rest)
	for _, of := range later {
		add(of, ladder)
	}
	return share{pl.weight / time, pl.weight * weight(rest[0]) / volume}
}

// weight is the part of the volume that a step with so many lanes has beside
// others.
func weight(lanes int) float64 { return float64(bits.Len(uint(lanes))) }

// measured does one step of so many lanes of those that there are. The error
// says why no further one of its phase is to be done.
func (p *prober) measured(ctx context.Context, pl plan, have []*lane, lanes int, part share) error {
	if _, err := p.span(part); err != nil {
		return err
	}
	st := &step{phase: pl.phase, p: p, lanes: lanes}
	braked := p.braked(pl, have)
	var d, took time.Duration
	err := p.enter(ctx, pl, have)
	if err == nil {
		d, err = p.span(part) // what it has taken to enter is gone
	}
	if err == nil {
		took, err = st.run(ctx, d, p.volumeOf(pl, part), have, pl)
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
		p.note("%s with %s: not counted, a connection was lost (%v)", pl.phase, atLanes(lanes), fault.Of(err))
		return nil
	case st.messages == 0:
		return &fault.Error{Text: fmt.Sprintf("nothing was moved in %s: the servers are slow (a longer --for helps), the accounts hold no mail, "+
			"or --volume or the quota leave no room", throughput.FormatDuration(took))}
	}
	p.keep(st.measurement(took))
	p.short = p.short || took < d/2 && took < enough
	if p.braked(pl, have) > braked {
		return &fault.Error{Code: fault.Throttled, Text: "the server said [THROTTLED]: it asks to go slower"}
	}
	return nil
}

// span is how long a step may take that has this part of what is left. The error
// says that it is too short.
func (p *prober) span(part share) (time.Duration, error) {
	d := time.Duration(float64(time.Until(p.until)-p.opt.For/20) * part.time)
	if d < leastStep {
		return 0, &fault.Error{Text: "there was no time left: --for is too short for it"}
	}
	return d, nil
}

// enter opens the lanes' mailboxes at the destination, which is no part of the
// measurement. Answers may come a little after its time is over: a mailbox whose
// making is not answered is harder to remove.
func (p *prober) enter(ctx context.Context, pl plan, have []*lane) error {
	if pl.phase == Source {
		return nil
	}
	limited, cancel := context.WithDeadline(ctx, p.until)
	defer cancel()
	hard, stop := afterwards(limited, grace)
	defer stop()
	var g errgroup.Group
	for _, l := range have {
		g.Go(func() error { return safely(func() error { return l.enter(hard, p) }) })
	}
	if err := g.Wait(); err != nil {
		return outOfTime(limited, err, "there was no time left: the destination has not made and opened all mailboxes of the probe")
	}
	return nil
}

// volumeOf is how many octets a step may move.
func (p *prober) volumeOf(pl plan, part share) int64 {
	left := p.read.left
	switch pl.phase {
	case Dest:
		left = p.write.left
	case Both:
		left = min(left, p.write.left)
	}
	return p.atLeast(int64(float64(left)*part.volume), left)
}

// atLeast has a part of what is left be large enough for one message.
func (p *prober) atLeast(part, left int64) int64 {
	return min(max(part, p.rep.Mix.Limit), max(left, 0))
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

// keep adds a step to the report.
func (p *prober) keep(m measurement) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := m.step(evenShare, p.mixed())
	at := p.stepsOf(m.phase)
	*at = append(*at, s)
	p.kept[m.phase] = append(p.kept[m.phase], m)
	if p.opt.OnStep != nil {
		p.opt.OnStep(m.phase, s)
	}
}

// stepsOf are those of a phase in the report. p.mu is held.
func (p *prober) stepsOf(phase Phase) *[]throughput.Step {
	switch phase {
	case Source:
		return &p.rep.Source
	case Dest:
		return &p.rep.Dest
	}
	return &p.rep.Both
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
