package batch

import (
	"slices"
	"sync"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// gate gives out the lanes of a run: the first one of a row to the feeder,
// further ones to the accounts that ask for them. One lock guards all that
// this depends on, since accounts ask from goroutines of their own, and nobody
// who holds it waits for anything.
type gate struct {
	share   int           // lanes of one account, until a server allows less
	policy  policy        // how long hosts are parked
	changed chan struct{} // holds one token when a row may start that could not before

	mu      sync.Mutex
	limit   int // lanes at a time
	used    int
	hosts   hosts
	ready   *queue
	holders []*holder // who has lanes
	stopped bool      // no lane is given out any more
	paused  bool      // by a person: no row starts
	drained bool      // by a person: no row starts any more
	stale   bool      // rows may wait for a host that is over

	working, halted throughput.Stopwatch // of Times
	works, halts    bool                 // whether they run

	auto    Bounds // zero: limit is fixed
	routes  []*route
	looked  time.Time           // when the tuners looked last
	turn    *route              // whose trial goes on; nil: nobody's
	first   int                 // of routes: who may begin one next
	decided []throughput.Tuning // that nobody was told of so far
}

func newGate(limit, share, maxPerHost int) *gate {
	g := &gate{limit: limit, share: share, changed: make(chan struct{}, 1)}
	g.hosts = newHosts(maxPerHost)
	g.ready = newQueue(&g.hosts)
	return g
}

// push adds a row that may start from now on.
func (g *gate) push(j *job) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ready.push(j)
	now := time.Now()
	j.ready = true
	for i, name := range j.hosts {
		o := g.hosts.of(name)
		j.parked[i] = o.parked.So(now)
		g.stale = g.stale || o.pause != nil && o.pause.over
	}
}

// waited returns for how long a row that was ready, and is no longer, has
// waited for each of its hosts to be parked no more.
func (g *gate) waited(j *job, now time.Time) (by [2]time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !j.ready {
		return by
	}
	j.ready = false
	for i, name := range j.hosts {
		by[i] = g.hosts.of(name).parked.So(now) - j.parked[i]
	}
	if j.hosts[0] == j.hosts[1] {
		by[1] = 0
	}
	return by
}

// next takes the first ready row that may start, and a lane for it; nil when
// there is none now.
func (g *gate) next() *holder {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped || g.paused || g.drained || g.used >= g.limit {
		return nil
	}
	j := g.ready.pop()
	if j == nil {
		return nil
	}
	for _, name := range j.hosts {
		if p := g.hosts.of(name).pause; p != nil && p.fuse {
			j = g.ready.likelier(j, name)
			break
		}
	}
	h := &holder{gate: g, job: j, begun: time.Now()}
	g.holders = append(g.holders, h)
	g.move(h, 1)
	for _, name := range j.hosts {
		if p := g.hosts.of(name).pause; p != nil {
			p.first = j
		}
	}
	return h
}

// end takes back whatever an attempt still has, and returns for how long it has
// had lanes, each counted.
func (g *gate) end(h *holder) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.move(h, -h.lanes)
	if o := g.hosts.routes[h.job.hosts]; o != nil {
		o.moved = o.moved.plus(h.moved())
	}
	g.holders = slices.DeleteFunc(g.holders, func(o *holder) bool { return o == h })
	g.ready.done(h.job)
	return h.held
}

// move books n lanes more, or fewer.
func (g *gate) move(h *holder, n int) {
	g.used += n
	g.hosts.add(h.job.hosts, n)
	for _, o := range h.in {
		o.in += n
	}
	now := time.Now()
	g.time(now)
	h.held += time.Duration(h.lanes) * now.Sub(h.since)
	h.since = now
	h.lanes += n
	h.meter.Lanes(h.lanes)
}

// idle reports whether no row is ready, or waits for its destination account.
func (g *gate) idle() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ready.empty()
}

// stop ends the giving out of lanes, for rows and for further ones.
func (g *gate) stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopped = true
}

// deserted takes the rows out of the queue that wait for a host which is over,
// by that host.
func (g *gate) deserted() map[*host][]*job {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.stale {
		return nil
	}
	g.stale = false
	out := make(map[*host][]*job)
	for _, o := range g.hosts.paused() {
		if o.pause.over {
			out[o] = g.ready.remove(func(j *job) bool { return j.touches(o.name) })
		}
	}
	return out
}

// rest takes all rows out of the queue, each with the parked host that it waits
// for; nil where it waits for something else.
func (g *gate) rest() (jobs []*job, parked []*host) {
	g.mu.Lock()
	defer g.mu.Unlock()
	jobs = g.ready.remove(func(*job) bool { return true })
	for _, j := range jobs {
		var latest *host
		for _, name := range j.hosts {
			if o := g.hosts.of(name); o.pause != nil && (latest == nil || o.pause.until.After(latest.pause.until)) {
				latest = o
			}
		}
		parked = append(parked, latest)
	}
	return jobs, parked
}

func (g *gate) notify() {
	select {
	case g.changed <- struct{}{}:
	default: // a token is waiting already: whoever takes it sees this change too
	}
}

// learn keeps the row's account and its hosts to what a server said that it
// allows, from now on.
func (g *gate) learn(j *job, e *fault.Error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if e.MaxPerUser > 0 {
		j.allow(e.MaxPerUser)
	}
	if e.MaxPerHost == 0 || e.Side == fault.Local {
		return
	}
	lanes := e.MaxPerHost
	if j.hosts[0] == j.hosts[1] {
		lanes /= 2 // each lane has two connections there
	}
	g.hosts.tell(j.host(e.Side), max(1, lanes))
}
