package batch

import (
	"time"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// Use is how the lanes of a run are used at one instant. The zero value is a
// run that has not begun.
type Use struct {
	Lanes int // that may be used: those that are, where a person keeps the others from it
	Used  int
	Ready bool // rows wait for a host, or for another row with their destination account
	// Full is a host that rows or accounts could use more lanes at, and that
	// bears no more connections; Rests one that is left alone for a while;
	// Capped one at which Options.MaxPerHost allows no more. "": none. They are
	// looked for only where lanes are idle.
	Full, Rests, Capped string
	// Narrow says that a server allows an account at work fewer connections than
	// it could use.
	Narrow bool
}

// Use returns how the lanes are used now. It is quick, and may be called while
// Run goes on.
func (r *Runner) Use() Use {
	r.mu.Lock()
	g := r.gate
	r.mu.Unlock()
	if g == nil {
		return Use{}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.use()
}

// use is Use for who holds the lock.
func (g *gate) use() Use {
	u := Use{Lanes: g.limits(), Used: g.used, Ready: !g.ready.empty()}
	if g.paused || g.drained {
		u.Lanes = u.Used
	}
	if u.Used >= u.Lanes {
		return u
	}
	held := false
	for _, group := range g.ready.groups {
		if g.hosts.of(group.hosts[0]).held || g.hosts.of(group.hosts[1]).held {
			held = true
			continue
		}
		for _, name := range group.hosts {
			g.hosts.note(&u, name)
		}
	}
	for _, h := range g.holders {
		if h.lanes >= g.share {
			continue
		}
		if h.lanes >= h.job.most {
			u.Narrow = true
			continue
		}
		for _, name := range h.job.hosts {
			g.hosts.note(&u, name)
		}
	}
	if held && u.Full == "" && u.Rests == "" && u.Capped == "" {
		u.Lanes = u.Used
	}
	return u
}

// Times are how long a run had lanes at work, and how long it had none because
// a person had stopped what there was to do.
type Times struct{ Working, Stopped time.Duration }

// Times returns those of the last run, up to now. It may be called while Run goes
// on.
func (r *Runner) Times() Times {
	r.mu.Lock()
	g := r.gate
	r.mu.Unlock()
	if g == nil {
		return Times{}
	}
	now := time.Now()
	return Times{Working: g.working.So(now), Stopped: g.halted.So(now)}
}

// time keeps the stopwatches of Times right. g.mu is held.
func (g *gate) time(now time.Time) {
	if on := g.used > 0; on != g.works {
		g.works = on
		turn(&g.working, on, now)
	}
	if on := g.used == 0 && !g.drained && (g.paused || g.hosts.held()); on != g.halts {
		g.halts = on
		turn(&g.halted, on, now)
	}
}

func turn(w *throughput.Stopwatch, on bool, now time.Time) {
	if on {
		w.Start(now)
	} else {
		w.Stop(now, 0)
	}
}

// held reports whether a person has stopped one of them.
func (h *hosts) held() bool {
	for _, o := range h.byName {
		if o.held {
			return true
		}
	}
	return false
}

// note names in u a host that takes no further lane, by why it does not.
func (h *hosts) note(u *Use, name string) {
	o := h.of(name)
	switch {
	case o.pause != nil && !o.pause.fuse:
		u.Rests = name
	case o.told > 0 && o.used >= o.told, o.learnt.most > 0 && o.used >= o.learnt.most:
		u.Full = name
	case h.most > 0 && o.used >= h.most:
		u.Capped = name
	}
}
