package batch

import (
	"cmp"
	"slices"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// Lanes is how a Sync comes by more lanes than the one that it begins with. A
// lane is one pair of connections that works for the row. No method waits for
// anything; all are safe for concurrent use. They are for the call of Sync
// that was given them: once it has returned, all its lanes are taken back and
// the methods do nothing. A nil Lanes stands for one lane and no more.
//
// It is an alias, so that an engine can name the same interface without
// importing this package.
type Lanes = interface {
	// TryAcquire takes one more lane for this account if one is free now: no
	// row waits for one, the hosts have room, the account has fewer than its
	// share, and no other account that asked lately has more left to copy. It
	// is asked before anything is dialed. An account that was refused and
	// could still use a lane asks again at its next border, at least every
	// few seconds: one that asks no more is not waited for.
	TryAcquire() bool

	// Release gives back a lane that TryAcquire gave, once for each, when its
	// connections are closed. The lane that Sync began with is not given back.
	Release()

	// Wanted reports whether the account should end one of its further lanes
	// at the next border and Release it: a row waits for it, or fewer lanes
	// are allowed than before. It goes on saying so until a lane is back, so
	// one lane at a time is ended on its word. It is always false for an
	// account that has no further lane.
	Wanted() bool

	// Refused tells that a server refused the login of a further lane for a
	// limit of connections, before that lane is given back with Release. most
	// is how many connections the server said that it allows the account, 0
	// when it did not say. The account gets no more than that for the rest of
	// the run: one less than most, which stays free for the user's own device,
	// or what it has without the refused lane.
	Refused(most int)

	// LoggedIn tells that the first login of this Sync on a side has worked, as
	// soon as it has.
	LoggedIn(side fault.Side)
}

// askLasts is how long an account that asked for a lane is thought to want
// one, or another one.
const askLasts = 10 * time.Second

// holder is the lanes of one attempt at a row. The gate's lock guards its
// fields.
type holder struct {
	gate  *gate
	job   *job
	meter *throughput.Meter
	lanes int       // the first one included; 0 once the attempt has ended
	in    []*host   // where its login has worked
	asked time.Time // when it last asked for a lane; zero when it has given one back since

	held  time.Duration // lane time up to since
	since time.Time     // when lanes changed last
	begun time.Time
	base  totals // what the row had moved before this attempt
}

// work sets the meter, which knows how much is left and tells of the lanes.
func (h *holder) work(m *throughput.Meter) {
	h.gate.mu.Lock()
	defer h.gate.mu.Unlock()
	h.meter = m
	h.base = read(m)
	m.Lanes(h.lanes)
}

// moved is what the attempt has moved so far.
func (h *holder) moved() totals { return read(h.meter).since(h.base) }

// read is what a row has moved. A message counts by half when it is sent and by
// half when that is answered: each comes in lumps, the one where a row begins to
// fill the way, the other for megabytes at once, and together they come more
// evenly.
func read(m *throughput.Meter) totals {
	s := m.Counts()
	return totals{octets: (s.SentOctets + s.Octets) / 2, messages: (s.Sent + s.Copied) / 2, sent: s.SentOctets, stored: s.Octets, answers: s.Answers, latency: s.Latency}
}

func (h *holder) left() int64 { return h.meter.Counts().LeftOctets() }

// mayGrow reports whether the account could have one more lane, were one free.
func (h *holder) mayGrow() bool {
	return h.lanes > 0 && h.lanes < h.job.most && h.gate.hosts.spare(h.job.hosts)
}

// TryAcquire implements Lanes.
func (h *holder) TryAcquire() bool {
	g := h.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped {
		return false
	}
	h.asked = time.Now()
	if !h.mayGrow() || g.paused || g.used >= g.limit || g.startable() || g.hungrier(h) {
		return false
	}
	g.move(h, 1)
	return true
}

// Release implements Lanes.
func (h *holder) Release() {
	h.gate.mu.Lock()
	defer h.gate.mu.Unlock()
	if h.lanes > 1 {
		h.asked = time.Time{}
		h.gate.move(h, -1)
		h.gate.notify()
	}
}

// Refused implements Lanes.
func (h *holder) Refused(most int) {
	h.gate.mu.Lock()
	defer h.gate.mu.Unlock()
	switch {
	case h.lanes == 0:
	case most > 0:
		h.job.allow(most)
	default:
		h.job.most = min(h.job.most, max(1, h.lanes-1))
	}
}

// LoggedIn implements Lanes.
func (h *holder) LoggedIn(side fault.Side) {
	g := h.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if h.lanes == 0 || side == fault.Local {
		return
	}
	o := g.hosts.of(h.job.host(side))
	if !slices.Contains(h.in, o) {
		h.in = append(h.in, o)
		o.in += h.lanes
	}
	g.worked(o, h.job, time.Now())
}

// Wanted implements Lanes.
func (h *holder) Wanted() bool {
	g := h.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case h.lanes < 2:
		return false
	case h.lanes > h.job.most:
		return true
	case g.ahead(h, func(*holder) bool { return true }) < g.used-g.limit:
		return true
	}
	r := g.hosts.routes[h.job.hosts]
	if g.ahead(h, func(o *holder) bool { return g.hosts.routes[o.job.hosts] == r }) < r.over() {
		return true
	}
	for _, host := range h.job.hosts {
		if g.ahead(h, func(o *holder) bool { return o.job.touches(host) }) < g.hosts.over(host) {
			return true
		}
	}
	return !g.stopped && g.helps(h) && g.ahead(h, g.helps) == 0
}

// hungrier reports whether another account that could have a lane has asked
// for one and has more left than h.
func (g *gate) hungrier(h *holder) bool {
	left := h.left()
	for _, o := range g.holders {
		if o != h && time.Since(o.asked) < askLasts && o.mayGrow() && o.left() > left {
			return true
		}
	}
	return false
}

// ahead is how many of the accounts with further lanes, among those that
// count, give one back before h does.
func (g *gate) ahead(h *holder, counts func(*holder) bool) int {
	n := 0
	for _, o := range g.holders {
		if o != h && o.lanes > 1 && o.gives(h) && counts(o) {
			n++
		}
	}
	return n
}

// gives reports whether h gives a lane back before o: the one with more of
// them, then the one with less left.
func (h *holder) gives(o *holder) bool {
	return cmp.Or(cmp.Compare(h.lanes, o.lanes), cmp.Compare(o.left(), h.left()), cmp.Compare(h.job.index, o.job.index)) > 0
}

// helps reports whether a ready row that cannot start now could with one lane
// less at h. Then it does start: h does not get the lane again.
func (g *gate) helps(h *holder) bool {
	if g.startable() {
		return g.used >= g.limit // else the feeder is about to start it
	}
	g.hosts.add(h.job.hosts, -1)
	defer g.hosts.add(h.job.hosts, 1)
	return g.startable()
}

// startable reports whether a ready row could start, were a lane free.
func (g *gate) startable() bool { return !g.paused && !g.drained && g.ready.first() != nil }
