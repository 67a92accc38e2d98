package probe

import (
	"context"
	"sync"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

const (
	grace = 3 * time.Second // for answers, after a turn's time is over
	// A turn is at least so long: a shorter one is more beginning and end than
	// flow, which at the source alone begins at once.
	sourceTurn = 300 * time.Millisecond
	bothTurn   = time.Second
)

// work is what one lane does in a turn: soft ends when nothing new is to begin,
// hard when nothing more is waited for.
type work func(soft, hard context.Context, l *lane, st *step) error

// step is one measurement: so many lanes at a time. Where there are more rows
// than that they take turns, so that each step is about all rows: the mail of
// one is not like that of another.
type step struct {
	phase Phase
	p     *prober
	lanes int
	tally
	did []stretch // of lanes, a turn each

	// Of the turn:
	budget  *budget
	command int64 // octets of one command at most
}

// run takes about d, and volume octets at most. have are at least st.lanes. took
// is all of it, with the answers to what was under way when a turn was over.
func (st *step) run(ctx context.Context, d time.Duration, volume int64, have []*lane, pl plan) (took time.Duration, err error) {
	turns := 1
	if st.lanes < len(have) && pl.turn > 0 {
		turns = min((len(have)+st.lanes-1)/st.lanes, max(int(d/pl.turn), 1))
	}
	for left := turns; left > 0 && err == nil; left-- {
		if ctx.Err() != nil {
			return took, ctx.Err()
		}
		rest := volume - max(st.read, st.written)
		part := st.p.atLeast(rest/int64(left), rest)
		st.budget = newBudget(part, 1<<40)
		// A few commands of each lane, and else as large as a run's.
		st.command = min(max(part/int64(4*st.lanes), leastCommand), mostCommand)
		slot := (d - took) / time.Duration(left)
		soft := max(slot-st.p.tail, slot/2)
		var t time.Duration
		if t, err = st.turn(ctx, soft, st.p.pick(have, st.lanes), pl.do); err == nil {
			st.p.tail = max(t-soft, 0)
		}
		took += t
	}
	return took, err
}

// turn has lanes work for so long, and waits for all of them. The error is the
// first that is none of the end of time.
func (st *step) turn(ctx context.Context, d time.Duration, lanes []*lane, do work) (took time.Duration, err error) {
	soft, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	hard, stop := afterwards(soft, grace)
	defer stop()
	began := time.Now()
	var wg sync.WaitGroup
	errs := make([]error, len(lanes))
	ended := make([]time.Time, len(lanes))
	for i, l := range lanes {
		l.flow = flow{began: began, until: began.Add(d)}
		wg.Go(func() {
			errs[i] = safely(func() error { return do(soft, hard, l, st) })
			ended[i] = time.Now()
			if errs[i] != nil {
				cancel() // what is left is no measurement of so many lanes
			}
		})
	}
	wg.Wait()
	took = time.Since(began)
	for i, l := range lanes {
		st.messages += l.flow.messages
		st.did = append(st.did, l.flow.stretch(ended[i]))
	}
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
