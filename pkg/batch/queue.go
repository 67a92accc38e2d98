package batch

import (
	"cmp"
	"container/heap"
	"slices"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

// job is a row as the gate sees it.
type job struct {
	index   int
	octets  int64 // known size; 0: unknown
	proven  bool  // an earlier run has read it: both logins worked
	refused bool  // the password was wrong when the row was tried last
	hosts   [2]string
	dest    string
	most    int // lanes that the account may have; the gate's lock guards it, and what follows

	ready  bool             // it waits for a lane
	parked [2]time.Duration // how long its hosts had been parked by when that began
}

// allow keeps the account below the number of connections that its server
// allows: one is left for the user's own device, where there are more.
func (j *job) allow(connections int) { j.most = min(j.most, max(1, connections-1)) }

// host is the server of a side.
func (j *job) host(side fault.Side) string {
	if side == fault.Dest {
		return j.hosts[1]
	}
	return j.hosts[0]
}

// blame is a fault of a host as it is one of the row's: on the side that the
// host is for it.
func (j *job) blame(host string, e fault.Error) *fault.Error {
	switch {
	case j.hosts[0] == j.hosts[1]: // either may be meant
	case j.hosts[0] == host:
		e.Side = fault.Source
	default:
		e.Side = fault.Dest
	}
	return &e
}

func (j *job) touches(host string) bool { return touches(j.hosts, host) }

func touches(hosts [2]string, host string) bool { return hosts[0] == host || hosts[1] == host }

// before says who goes first: a row that was never measured, for it may be
// the largest, then the largest; in the list's order where that ties. A
// password that was wrong comes last: it may be so still, and too many of them
// have all rows of their host wait.
func (j *job) before(o *job) bool {
	if j.refused != o.refused {
		return o.refused
	}
	if (j.octets == 0) != (o.octets == 0) {
		return j.octets == 0
	}
	if c := cmp.Compare(o.octets, j.octets); c != 0 {
		return c < 0
	}
	return j.index < o.index
}

// queue holds the rows that could start now and gives out the first one whose
// hosts have room and whose destination account is not being written. The
// gate's lock guards it.
type queue struct {
	hosts    *hosts
	groups   []*group // by pair of hosts
	byHosts  map[[2]string]*group
	blocked  map[string][]*job // by destination account: ready, but it is busy
	busyDest map[string]struct{}
}

type group struct {
	hosts [2]string
	jobs  jobHeap
}

func newQueue(h *hosts) *queue {
	return &queue{
		hosts:    h,
		byHosts:  make(map[[2]string]*group),
		blocked:  make(map[string][]*job),
		busyDest: make(map[string]struct{}),
	}
}

// push adds a row that may start from now on.
func (q *queue) push(j *job) {
	g := q.byHosts[j.hosts]
	if g == nil {
		g = &group{hosts: j.hosts}
		q.byHosts[j.hosts] = g
		q.groups = append(q.groups, g)
	}
	heap.Push(&g.jobs, j)
}

// pop takes the first row that may start, and books its destination; nil when
// there is none now.
func (q *queue) pop() *job {
	g := q.first()
	if g == nil {
		return nil
	}
	j := q.take(g)
	q.busyDest[j.dest] = struct{}{}
	return j
}

// done gives back what pop booked.
func (q *queue) done(j *job) {
	delete(q.busyDest, j.dest)
	waiting := q.blocked[j.dest]
	delete(q.blocked, j.dest)
	for _, w := range waiting {
		q.push(w)
	}
}

// first finds the group whose head is the first row that may start; nil when
// there is none now.
func (q *queue) first() *group {
	for {
		var best *group
		for _, g := range q.groups {
			if (best == nil || g.jobs[0].before(best.jobs[0])) && q.hosts.room(g.hosts) {
				best = g
			}
		}
		if best == nil {
			return nil
		}
		dest := best.jobs[0].dest
		if _, busy := q.busyDest[dest]; !busy {
			return best
		}
		q.blocked[dest] = append(q.blocked[dest], q.take(best))
	}
}

// take removes the head of g.
func (q *queue) take(g *group) *job {
	j := heap.Pop(&g.jobs).(*job)
	if g.jobs.Len() == 0 {
		delete(q.byHosts, g.hosts)
		q.groups = slices.DeleteFunc(q.groups, func(o *group) bool { return o == g })
	}
	return j
}

// remove takes out the rows that are meant.
func (q *queue) remove(meant func(*job) bool) []*job {
	var out []*job
	keep := func(jobs []*job) []*job {
		kept := jobs[:0]
		for _, j := range jobs {
			if meant(j) {
				out = append(out, j)
			} else {
				kept = append(kept, j)
			}
		}
		clear(jobs[len(kept):])
		return kept
	}
	q.groups = slices.DeleteFunc(q.groups, func(g *group) bool {
		g.jobs = keep(g.jobs)
		heap.Init(&g.jobs)
		if g.jobs.Len() == 0 {
			delete(q.byHosts, g.hosts)
		}
		return g.jobs.Len() == 0
	})
	for dest, jobs := range q.blocked {
		if jobs = keep(jobs); len(jobs) == 0 {
			delete(q.blocked, dest)
			continue
		}
		q.blocked[dest] = jobs
	}
	return out
}

// likelier returns the row to go first on a host that refused logins: j, or one
// that logs in there more likely, because it has done so in an earlier run, or
// else stands far from those that were refused. j is booked already, and whom
// it returns is in its place.
func (q *queue) likelier(j *job, host string) *job {
	best := j
	for _, g := range q.groups {
		if g.hosts != j.hosts && (!touches(g.hosts, host) || !q.hosts.room(g.hosts)) {
			continue
		}
		for _, o := range g.jobs {
			if _, busy := q.busyDest[o.dest]; (!busy || o.dest == j.dest) && o.likelier(best) {
				best = o
			}
		}
	}
	if best != j {
		q.remove(func(o *job) bool { return o == best })
		q.done(j)
		q.push(j)
		q.busyDest[best.dest] = struct{}{}
	}
	return best
}

func (j *job) likelier(o *job) bool {
	switch {
	case j.refused != o.refused:
		return o.refused
	case j.proven != o.proven:
		return j.proven
	}
	return !j.proven && j.index > o.index
}

// empty reports whether no row is waiting for room.
func (q *queue) empty() bool { return len(q.groups) == 0 && len(q.blocked) == 0 }

// jobHeap implements heap.Interface.
type jobHeap []*job

func (h jobHeap) Len() int           { return len(h) }
func (h jobHeap) Less(a, b int) bool { return h[a].before(h[b]) }
func (h jobHeap) Swap(a, b int)      { h[a], h[b] = h[b], h[a] }
func (h *jobHeap) Push(x any)        { *h = append(*h, x.(*job)) }
func (h *jobHeap) Pop() any {
	last := len(*h) - 1
	j := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return j
}
