package batch

import (
	"cmp"
	"container/heap"
	"slices"
)

// job is a row as the queue sees it.
type job struct {
	index  int
	octets int64 // known size; 0: unknown
	hosts  [2]string
	dest   string
}

// before says who goes first: a row that was never measured, for it may be
// the largest, then the largest; in the list's order where that ties.
func (j *job) before(o *job) bool {
	if (j.octets == 0) != (o.octets == 0) {
		return j.octets == 0
	}
	if c := cmp.Compare(o.octets, j.octets); c != 0 {
		return c < 0
	}
	return j.index < o.index
}

// queue holds the rows that could start now and gives out the first one whose
// hosts have room and whose destination account is not being written. It is
// the feeder's alone.
type queue struct {
	maxPerHost int
	groups     []*group // by pair of hosts; one group when hosts have no limit
	byHosts    map[[2]string]*group
	blocked    map[string][]*job // by destination account: ready, but it is busy
	busyDest   map[string]struct{}
	perHost    map[string]int // running rows; kept only when there is a limit
}

type group struct {
	hosts [2]string
	jobs  jobHeap
}

func newQueue(maxPerHost int) *queue {
	return &queue{
		maxPerHost: maxPerHost,
		byHosts:    make(map[[2]string]*group),
		blocked:    make(map[string][]*job),
		busyDest:   make(map[string]struct{}),
		perHost:    make(map[string]int),
	}
}

// push adds a row that may start from now on.
func (q *queue) push(j *job) {
	var key [2]string
	if q.maxPerHost > 0 {
		key = j.hosts
	}
	g := q.byHosts[key]
	if g == nil {
		g = &group{hosts: key}
		q.byHosts[key] = g
		q.groups = append(q.groups, g)
	}
	heap.Push(&g.jobs, j)
}

// pop takes the first row that may start, and books its hosts and its
// destination; nil when there is none now.
func (q *queue) pop() *job {
	for {
		g := q.first()
		if g == nil {
			return nil
		}
		j := heap.Pop(&g.jobs).(*job)
		if g.jobs.Len() == 0 {
			q.drop(g)
		}
		if _, busy := q.busyDest[j.dest]; busy {
			q.blocked[j.dest] = append(q.blocked[j.dest], j)
			continue
		}
		q.busyDest[j.dest] = struct{}{}
		q.count(j, 1)
		return j
	}
}

// done gives back what pop booked.
func (q *queue) done(j *job) {
	delete(q.busyDest, j.dest)
	q.count(j, -1)
	waiting := q.blocked[j.dest]
	delete(q.blocked, j.dest)
	for _, w := range waiting {
		q.push(w)
	}
}

// first finds the group with room on its hosts whose head goes first.
func (q *queue) first() *group {
	var best *group
	for _, g := range q.groups {
		if q.full(g.hosts) {
			continue
		}
		if best == nil || g.jobs[0].before(best.jobs[0]) {
			best = g
		}
	}
	return best
}

func (q *queue) full(hosts [2]string) bool {
	if q.maxPerHost == 0 {
		return false
	}
	return q.perHost[hosts[0]] >= q.maxPerHost || q.perHost[hosts[1]] >= q.maxPerHost
}

// count books a row on its hosts. A row between two accounts of one host is
// one row there.
func (q *queue) count(j *job, n int) {
	if q.maxPerHost == 0 {
		return
	}
	q.perHost[j.hosts[0]] += n
	if j.hosts[1] != j.hosts[0] {
		q.perHost[j.hosts[1]] += n
	}
}

func (q *queue) drop(g *group) {
	delete(q.byHosts, g.hosts)
	q.groups = slices.DeleteFunc(q.groups, func(o *group) bool { return o == g })
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
