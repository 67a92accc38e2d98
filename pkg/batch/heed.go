package batch

import (
	"slices"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

// verdict is what the servers' words at the end of an attempt mean for the
// row. The zero value: nothing beyond the fault itself.
type verdict struct {
	host  bool      // the trouble is a host's: it does not count as the row's
	later bool      // the row is to wait, and that does not count as a retry
	free  bool      // until a lane of a host is free
	until time.Time // not before that; zero: its own pause says
	// others wait for a time, as it seemed to be their account's limit, and
	// need not: it is the host's.
	others []int
}

func (v verdict) and(o verdict) verdict {
	if o.until.After(v.until) {
		v.until = o.until
	}
	return verdict{host: v.host || o.host, later: v.later || o.later, free: v.free || o.free, until: v.until,
		others: append(v.others, o.others...)}
}

// heed takes to heart what an attempt has shown of its hosts. Its lanes are
// back already.
func (g *gate) heed(h *holder, err error, now time.Time) (v verdict) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if o := g.hosts.routes[h.job.hosts]; o != nil && completed(err) {
		o.moved.rows++
	}
	source, dest := fault.Sides(err)
	sides := map[string]*fault.Error{h.job.hosts[1]: dest}
	if source != nil || h.job.hosts[0] != h.job.hosts[1] {
		sides[h.job.hosts[0]] = source
	}
	for name, e := range sides {
		v = v.and(g.heedHost(g.hosts.of(name), h, e, completed(err), now))
	}
	return v
}

// completed reports whether a pass with this error came to its end.
func completed(err error) bool {
	e := fault.Of(err)
	return err == nil || e != nil && (e.Scope == fault.Message || e.Scope == fault.Mailbox)
}

// heedHost is heed for one host; e is what was wrong there, nil: nothing.
func (g *gate) heedHost(o *host, h *holder, e *fault.Error, completed bool, now time.Time) verdict {
	in := slices.Contains(h.in, o)
	first := o.pause != nil && o.pause.first == h.job
	if completed && !in {
		g.worked(o, h.job, now) // the syncer has not said so
		first = false
	}
	if first {
		o.pause.first = nil // if it has learnt nothing, another row goes first
	}
	switch {
	case e == nil, completed:
		return verdict{}
	case e.Code == fault.AuthRefused:
		g.refusedLogin(o, e, first, now)
		return verdict{}
	case !mayPass(e):
		if first && !o.pause.fuse {
			g.open(o, now) // it answers
		}
		return verdict{}
	case e.Code == fault.TooManySessions, closed(e) && !in && o.in > 0:
		return g.full(o, h.job, e, first, now)
	case e.Scope == fault.Host:
		return g.parked(o, e, first, now)
	case ofHost(e) || closed(e) && !in:
		if !slices.Contains(o.troubled, h.job.index) {
			o.troubled = append(o.troubled, h.job.index)
		}
		if first || o.pause != nil || len(o.troubled) >= crowd {
			return g.parked(o, e, first, now)
		}
		// Others that log in just now may be the ones that fill it.
		return verdict{later: closed(e) && o.used > 0}
	case first && !in && !ofAccount(e):
		return g.parked(o, e, first, now)
	}
	return verdict{}
}

// parked parks the host, or has the row wait for it where it is parked
// already: rows that were at work then tell nothing new.
func (g *gate) parked(o *host, e *fault.Error, first bool, now time.Time) verdict {
	switch {
	case o.pause == nil, first && !o.pause.fuse:
		g.park(o, e, false, now)
	case first:
		g.delay(o, e, now)
	case o.pause.firm && !o.pause.over && e.Wait > 0 && o.pause.until.Before(now.Add(e.Wait)):
		o.pause.until, o.pause.length, o.pause.due = now.Add(e.Wait), e.Wait, false // it asks for longer
		g.hosts.version++
	}
	return verdict{host: true, until: o.pause.until}
}

// refusedLogin counts a login that was refused for its password.
func (g *gate) refusedLogin(o *host, e *fault.Error, first bool, now time.Time) {
	if first && !o.pause.fuse {
		g.open(o, now) // it answers
		first = false
	}
	o.refused++
	switch {
	case g.policy.fuse == 0:
	case first, o.pause == nil && o.refused >= g.policy.fuse:
		g.park(o, fuseFault(o, e), true, now)
	}
}

// full is for a host that let no more connections in. Where it named its limit
// that is known by now.
func (g *gate) full(o *host, j *job, e *fault.Error, first bool, now time.Time) verdict {
	switch {
	case e.Scope == fault.Account && e.MaxPerUser > 0 && e.MaxPerHost == 0: // its user's own limit
		return verdict{later: true}
	case first, o.pause != nil, e.Wait > 0 && e.Scope == fault.Host:
		return g.parked(o, e, first, now)
	case e.Wait > 0, e.MaxPerUser > 0 && e.MaxPerHost == 0:
		return verdict{later: true}
	case e.MaxPerHost > 0: // learnt already
		full := g.hosts.over(o.name) >= 0
		return verdict{later: true, host: full, free: full}
	case !o.learnt.refuse(j.index, o.in, e.Scope == fault.Host, now):
		return verdict{later: true}
	case o.used == 0: // others than we fill it
		return g.parked(o, e, first, now)
	}
	g.hosts.watch(o)
	others := slices.DeleteFunc(o.learnt.alone, func(row int) bool { return row == j.index })
	o.learnt.alone = nil
	return verdict{host: true, free: true, others: others}
}

// closed reports whether a server has closed a new connection without a word,
// as some do at their limit.
func closed(e *fault.Error) bool {
	return e.Code == fault.ConnectionLost && (e.Op == "connect" || e.Op == "greeting")
}

// ofHost reports whether a trouble is the whole host's if several rows meet it.
func ofHost(e *fault.Error) bool {
	return e.Code == fault.AuthTemporary || e.Code == fault.Unavailable || unreachable(e)
}

// ofAccount reports whether a row waits for a reason of its own account, such as
// its day's budget: that says nothing of the host, and another row goes first.
func ofAccount(e *fault.Error) bool {
	return e.Scope == fault.Account && (e.Code == fault.Throttled || e.Code == fault.InUse)
}

// unreachable reports whether nobody answers there.
func unreachable(e *fault.Error) bool { return e.Code == fault.Unreachable || closed(e) }
