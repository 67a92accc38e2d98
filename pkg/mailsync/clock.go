package mailsync

import (
	"context"
	"sync"
	"time"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// clock splits the time of one goroutine that works for a lane: each instant
// belongs to one activity, so that they add up to its whole time. The goroutine
// says by in when it begins something else. A lane's time is that of the
// goroutine that carries it forward, whose clock tells the meter: the worker,
// and the writer while mail moves. What another goroutine of the lane does has
// a clock of its own, from which the first one takes what it was made to wait
// for. It costs a look at the time for each wait, and none for a message.
//
// Anybody may read a clock; in belongs to one goroutine at a time. A nil clock
// measures nothing.
type clock struct {
	meter    *throughput.Meter // nil: another clock takes over what this one says
	src, dst *gauge            // of the connections that its goroutine waits for

	mu    sync.Mutex
	spent throughput.Spent
	since time.Time // when doing began; up to then all is charged
	doing doing
	ahead *clock // of whom it waits for while doing follows
	mark  mark
	over  bool
	gone  func() // the meter asks no more
}

// doing is what a goroutine does, as it says: how far it waits the gauges tell.
type doing struct {
	kind kind
	a    throughput.Activity // of fixed
}

type kind uint8

const (
	works   kind = iota // what it writes to the destination may block
	asksSrc             // waits for an answer of the source, or works through it
	asksDst             // ... of the destination
	streams             // moves octets from one side to the other by itself
	follows             // waits for the goroutine that is ahead
	joins               // waits for the account's other lanes to end
	fixed               // waits for what it knows
	forked              // waits for goroutines whose clocks are adopted then
)

func waiting(a throughput.Activity) doing { return doing{fixed, a} }

// mark is what was shown elsewhere when doing began.
type mark struct {
	src, dst shown
	ahead    throughput.Spent
}

// newClock begins to measure. meter is told; nil: nobody is.
func newClock(meter *throughput.Meter, src, dst *gauge) *clock {
	c := &clock{meter: meter, src: src, dst: dst, since: time.Now()}
	c.look(c.since)
	c.gone = meter.Clock(c.flush)
	return c
}

// in begins something else and returns what was done before, for another in.
func (c *clock) in(d doing) (was doing) {
	if c == nil {
		return d
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if was = c.doing; d != was {
		c.charge(time.Now())
		c.doing = d
		c.look(c.since)
	}
	return was
}

// follow waits for the goroutine of another clock, until the next in.
func (c *clock) follow(ahead *clock) (was doing) {
	if c == nil {
		return doing{}
	}
	c.mu.Lock()
	c.ahead = ahead
	c.mu.Unlock()
	return c.in(doing{kind: follows})
}

// stop ends the measuring.
func (c *clock) stop() {
	if c == nil {
		return
	}
	c.gone()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.charge(time.Now())
		c.over = true
	}
}

// flush charges what has passed, for whoever reads the meter now.
func (c *clock) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch k := c.doing.kind; {
	case c.over || k == forked:
	case k == joins && c.meter.Spent() == c.mark.ahead: // nobody has told anything yet
	default:
		c.charge(time.Now())
		c.look(c.since)
	}
}

// read returns the whole split up to now.
func (c *clock) read(now time.Time) throughput.Spent {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over && now.After(c.since) {
		c.charge(now)
		c.look(now)
	}
	return c.spent
}

// look notes what is shown elsewhere. c.mu is held.
func (c *clock) look(now time.Time) {
	switch c.doing.kind {
	case works:
		c.mark.dst = c.dst.at(now)
	case asksSrc:
		c.mark.src = c.src.at(now)
	case asksDst:
		c.mark.dst = c.dst.at(now)
	case streams:
		c.mark.src, c.mark.dst = c.src.at(now), c.dst.at(now)
	case follows:
		c.mark.ahead = c.ahead.read(now)
	case joins:
		c.mark.ahead = c.meter.Spent()
	}
}

// share is a part of a stretch of time.
type share struct {
	a throughput.Activity
	d time.Duration
}

// charge says what the time since c.since was spent on: what was waited for by
// the goroutine, at most all of it, and the rest is its own work. c.mu is held.
func (c *clock) charge(now time.Time) {
	left := now.Sub(c.since)
	if left <= 0 {
		return
	}
	c.since = now
	var buf [8]share
	for _, s := range c.shares(buf[:0], now, left) {
		d := max(0, min(s.d, left))
		c.spend(s.a, d)
		left -= d
	}
	c.spend(throughput.Local, left)
}

func (c *clock) spend(a throughput.Activity, d time.Duration) {
	if d > 0 && !c.over {
		c.spent[a] += d
		c.meter.Spend(a, d)
	}
}

// shares are the waits of a stretch. Where two are one, the first counts: while
// a command is held back, the reading goroutine waits for octets too. c.mu is
// held.
func (c *clock) shares(to []share, now time.Time, all time.Duration) []share {
	src, dst := c.mark.src, c.mark.dst
	switch c.doing.kind {
	case works:
		return sends(to, dst, c.dst.at(now))
	case asksSrc:
		s := c.src.at(now)
		return append(to, share{throughput.SourceBraked, s.braked - src.braked},
			share{throughput.SourceLimited, s.limits() - src.limits()},
			share{throughput.DestWait, s.room - src.room},
			share{throughput.SourceWait, s.read - src.read})
	case asksDst:
		d := c.dst.at(now)
		return append(to, share{throughput.DestBraked, d.braked - dst.braked},
			share{throughput.DestLimited, d.limits() - dst.limits()},
			share{throughput.DestWait, d.read - dst.read})
	case streams:
		s := c.src.at(now)
		return append(sends(to, dst, c.dst.at(now)), share{throughput.SourceLimited, s.readLimited - src.readLimited},
			share{throughput.SourceWait, s.read - src.read})
	case follows:
		return parts(to, c.ahead.read(now).Minus(c.mark.ahead))
	case joins:
		return scaled(to, c.meter.Spent().Minus(c.mark.ahead), all)
	case forked:
		return parts(to, c.mark.ahead)
	case fixed:
		return append(to, share{c.doing.a, all})
	}
	return to
}

// sends are the waits of who writes to the destination.
func sends(to []share, was, is shown) []share {
	return append(to, share{throughput.DestBraked, is.braked - was.braked},
		share{throughput.DestLimited, is.sndLimited - was.sndLimited},
		share{throughput.DestWait, is.asked - was.asked + is.write - was.write})
}

func (r shown) limits() time.Duration { return r.readLimited + r.sndLimited }

func parts(to []share, s throughput.Spent) []share {
	for a, d := range s {
		to = append(to, share{throughput.Activity(a), d})
	}
	return to
}

// scaled shares time out as others have spent theirs meanwhile.
func scaled(to []share, others throughput.Spent, all time.Duration) []share {
	for _, a := range throughput.Activities() {
		to = append(to, share{a, time.Duration(float64(all) * others.Share(a))})
	}
	return to
}

// apart runs what is to be done on the two sides at the same time, each with a
// clock of its own, and waits for both: it is the one that takes longer that is
// waited for. A panic of theirs must not leave them.
func (c *clock) apart(ctx context.Context, source, dest func(ctx context.Context)) {
	var wg sync.WaitGroup
	defer wg.Wait()
	if c == nil {
		wg.Go(func() { source(ctx) })
		wg.Go(func() { dest(ctx) })
		return
	}
	was := c.in(doing{kind: forked})
	var kids [2]*clock
	for i, do := range []func(context.Context){source, dest} {
		kid := newClock(nil, c.src, nil)
		if i == 1 {
			kid = newClock(nil, nil, c.dst)
		}
		kids[i] = kid
		wg.Go(func() {
			defer kid.stop()
			do(withClock(ctx, kid))
		})
	}
	wg.Wait()
	last := kids[0]
	if kids[1].since.After(last.since) {
		last = kids[1]
	}
	c.mu.Lock()
	c.mark.ahead = last.spent
	c.mu.Unlock()
	c.in(was)
}

type clockKey struct{}

// withClock has what is done with ctx charged to c.
func withClock(ctx context.Context, c *clock) context.Context {
	return context.WithValue(ctx, clockKey{}, c)
}

// clockOf returns the clock of the goroutine that works with ctx; nil: it has
// none.
func clockOf(ctx context.Context) *clock {
	c, _ := ctx.Value(clockKey{}).(*clock)
	return c
}
