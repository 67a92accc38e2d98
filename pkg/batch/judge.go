package batch

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// learn takes what a server said of its limits to heart.
func (f *feeder) learn(t *task, err error) {
	source, dest := fault.Sides(err)
	for _, e := range []*fault.Error{source, dest} {
		if e == nil || e.MaxPerUser == 0 && e.MaxPerHost == 0 {
			continue
		}
		f.gate.learn(&t.job, e)
		f.opt.Logger.Info("a server limits connections", f.attrs(t,
			slog.String("side", e.Side.String()), slog.Int("per_user", e.MaxPerUser), slog.Int("per_host", e.MaxPerHost))...)
	}
}

// judge sets the state that a row has after an attempt and reports whether
// there is another one, and when: zero is as soon as a lane is free for it.
func (f *feeder) judge(rows context.Context, t *task, o outcome, v verdict, now time.Time) (until time.Time, again bool) {
	r := &t.result
	if o.count.Copied > 0 {
		t.parks, t.parked = 0, time.Time{}
	}
	e := classify(o.err)
	r.Fault = describe(e)
	switch {
	case e == nil:
		if r.State = endState(r.Count, nil); r.State == throughput.Incomplete {
			r.Fault = describe(cause(r.Count))
		}
	case rows.Err() != nil && (e.Code == fault.Canceled || errors.Is(o.err, context.Canceled) || errors.Is(o.err, context.DeadlineExceeded)):
		r.State, r.Fault = throughput.Pending, nil // cut by the stop: not its own doing
	case t.cut && cutShort(e, o.err):
		r.State, r.Fault = throughput.Pending, nil // it goes on when it may
		return time.Time{}, true
	case e.Scope == fault.Run:
		r.State = throughput.Pending
		f.check(o.err)
	case f.parks(e, v):
		if until, ok := f.park(t, e, v, now); ok {
			r.State, r.ParkedUntil = throughput.Parked, until
			return until, true
		}
		r.State = endState(r.Count, e)
	case mayPass(e) && t.retries < f.opt.Retries:
		t.retries++
		until := now.Add(f.opt.Retry.pause(e, t.retries))
		r.State = throughput.Pending
		if saidLater(e) {
			r.State, r.ParkedUntil = throughput.Parked, until
		}
		return until, true
	default:
		r.State = endState(r.Count, e)
	}
	return time.Time{}, false
}

// cutShort reports whether an attempt that was to end has ended for that: its
// sockets may have been closed on the way.
func cutShort(e *fault.Error, err error) bool {
	return e.Code == fault.Canceled || errors.Is(err, context.Canceled) || mayPass(e) && !saidLater(e)
}

// parks reports whether a fault parks the row, which uses no retry up: a
// server said "later", or the trouble is its host's. A mailbox that is locked
// keeps the rest of the account from nothing, so it is retried.
func (f *feeder) parks(e *fault.Error, v verdict) bool {
	if !mayPass(e) {
		return false
	}
	return v.host || v.later || saidLater(e) && !unreachable(e) && (e.Scope == fault.Account || e.Scope == fault.Host)
}

// park returns until when a row is parked; zero: until a lane is free. ok is
// false when it has been for too long.
func (f *feeder) park(t *task, e *fault.Error, v verdict, now time.Time) (until time.Time, ok bool) {
	if t.parked.IsZero() {
		t.parked = now
	}
	t.parks++
	latest := t.parked.Add(f.opt.MaxParked)
	if v.free {
		return time.Time{}, now.Before(latest)
	}
	until = v.until
	if !until.After(now) {
		until = now.Add(f.opt.Retry.pause(e, t.parks))
	}
	return until, !until.After(latest)
}
