package batch

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

// pause is a time in which a host is left alone. When it is over one row goes
// first: if its login works the others follow, and if it meets the same
// trouble the host is parked again, for longer.
type pause struct {
	since   time.Time // when the first one began of those that followed each other
	n       int       // which of these it is, from 1
	length  time.Duration
	until   time.Time // by the clock that does not jump
	ended   time.Time // of one that has ended
	why     *fault.Error
	fuse    bool // for logins that were refused
	stalls  int  // how often the fuse's row met something else
	weighed bool // whether it is worth another pause
	firm    bool // the server asked for it: only who goes first can end it

	due   bool // its time has come
	first *job // who goes first; nil: nobody has so far
	over  bool // nobody will in this run
}

// fuseTries is how many rows go first, one after each pause, before the fuse
// gives up a host.
const fuseTries = 3

// fusePause is how long the fuse's n-th pause is, n from 1: 15, 30, 60 minutes.
func fusePause(n int) time.Duration { return 15 * time.Minute << min(n-1, 2) }

// policy is how long hosts are parked.
type policy struct {
	retry     RetryPolicy
	rounds    int           // pauses for a host that nobody has reached in this run
	maxParked time.Duration // without a login that works
	fuse      int           // refused logins in a row; 0: any number
}

// admits reports whether a row may begin there.
func (h *host) admits() bool {
	p := h.pause
	return !h.held && (p == nil || p.due && p.first == nil && !p.over)
}

// park leaves the host alone for a while because of e.
func (g *gate) park(h *host, e *fault.Error, fuse bool, now time.Time) *pause {
	p := &pause{since: now, n: 1, why: e, fuse: fuse, firm: e.Wait > 0 || e.Scope == fault.Host && !fuse}
	last := h.pause
	if last == nil && !fuse && !h.past.fuse && now.Sub(h.past.ended) < h.past.length {
		last = &h.past // it was no success that lasted
	}
	if last != nil {
		p.since, p.n = last.since, last.n+1
	}
	if fuse {
		p.length = fusePause(p.n) + rand.N(time.Duration(g.policy.retry.Jitter*float64(time.Minute))+1)
	} else {
		g.crowded(h, e, now)
		p.length = g.policy.retry.pause(e, p.n)
		if e.Code != fault.TooManySessions {
			h.learnt = learnt{} // it may have been in trouble then already
		}
	}
	p.until = now.Add(p.length)
	switch {
	case fuse:
		p.over = p.n > fuseTries
	case unreachable(e) && !h.met:
		p.over = p.n > g.policy.rounds
	}
	p.over = p.over || p.until.Sub(p.since) > g.policy.maxParked
	if p.over {
		p.until = time.Time{}
		g.stale = true
	}
	if h.pause == nil {
		h.parked.Start(now)
	}
	h.pause, h.troubled = p, nil
	g.hosts.watch(h)
	g.hosts.version++
	return p
}

// fuses are the hosts whose fuse has outlasted a pause, each once after each.
func (g *gate) fuses() (out []*host) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for o := range g.hosts.watched {
		if p := o.pause; p != nil && p.fuse && p.n > 1 && !p.over && !p.weighed {
			p.weighed = true
			out = append(out, o)
		}
	}
	return out
}

// giveUp has nobody go to a parked host any more in this run.
func (g *gate) giveUp(h *host) {
	g.mu.Lock()
	defer g.mu.Unlock()
	h.pause.over, h.pause.until = true, time.Time{}
	g.stale = true
	g.hosts.version++
}

// delay has the fuse's next row wait: the one that went first came to no login
// for another trouble of the host's, such as a ban.
func (g *gate) delay(h *host, e *fault.Error, now time.Time) {
	p := h.pause
	why := *e
	why.Hint = "logins were refused there before: it may have banned this machine"
	if e.Hint != "" {
		why.Hint = e.Hint + "; " + why.Hint
	}
	p.stalls++
	p.why, p.length, p.due = &why, g.policy.retry.pause(e, p.stalls), false
	p.until = now.Add(p.length)
	if p.until.Sub(p.since) > g.policy.maxParked {
		p.over, p.until = true, time.Time{}
		g.stale = true
	}
	g.hosts.version++
}

// open ends a pause.
func (g *gate) open(h *host, now time.Time) {
	h.past = *h.pause
	h.past.ended = now
	h.pause, h.troubled, h.refused = nil, nil, 0
	h.parked.Stop(now, 0)
	g.hosts.watch(h)
	g.hosts.version++
	g.notify()
}

// worked notes that a login of the row has worked, and ends a pause unless
// the server has asked for it and another row goes first.
func (g *gate) worked(h *host, j *job, now time.Time) {
	h.met, h.refused, h.troubled = true, 0, nil
	most := h.learnt.most
	h.learnt.bears(h.in, now)
	if p := h.pause; p != nil && !p.over && (p.first == j || !p.firm) {
		g.open(h, now)
	}
	if h.learnt.most > most {
		g.notify()
	}
}

// wake lets the time pass for hosts: those that are parked, and those of which
// a limit was learnt.
func (g *gate) wake(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for h := range g.hosts.watched {
		if p := h.pause; p != nil && !p.over && !p.until.After(now) {
			p.due = true
		}
		h.learnt.raise(h.used, now)
	}
}

// alarm is when wake should be called next; false: nothing changes with time.
func (g *gate) alarm() (at time.Time, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	sooner := func(t time.Time) {
		if !ok || t.Before(at) {
			at, ok = t, true
		}
	}
	for h := range g.hosts.watched {
		if p := h.pause; p != nil && !p.due && !p.over {
			sooner(p.until)
		}
		if t := h.learnt.raiseAt(h.used); !t.IsZero() {
			sooner(t)
		}
	}
	return at, ok
}

// fuseFault is why a host is parked at which logins were refused in a row.
func fuseFault(h *host, e *fault.Error) *fault.Error {
	return &fault.Error{
		Scope: fault.Host, Side: e.Side, Temporary: true, Code: fault.AuthFuse, Op: "login", Host: h.name,
		Text: fmt.Sprintf("%d logins in a row were refused", h.refused),
		Hint: "check user names and passwords of this host's rows, then run again with --failed (--auth-fuse 0 tries all rows at once)",
	}
}
