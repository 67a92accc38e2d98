package plan

// group are the accounts between two hosts that wait for a lane, in the order in
// which they get one. Those whose budget has come again are between the others by
// their place.
type group struct {
	source, dest int32
	order        []int32      // of accounts, by their place in the queue
	again        keyed[int32] // by place
}

// hostState is what one host has to do.
type hostState struct {
	used  int
	login float64 // the earliest next login, in seconds
	waits keyed[*group]
}

// queue gives out accounts as package batch does.
type queue struct {
	opt    *Options
	rank   []int32 // by account: its place in the order
	hosts  []hostState
	groups map[[2]int32]*group
	ready  keyed[*group] // by the rank of the first account
	gap    float64       // seconds between two logins on one host; 0: none
}

// newQueue puts accounts in their order, as order says.
func newQueue(f *Fleet, opt *Options, order []int32) *queue {
	q := &queue{opt: opt, rank: make([]int32, len(f.Accounts)), hosts: make([]hostState, len(f.Hosts)), groups: make(map[[2]int32]*group)}
	if opt.LoginsPerSecond > 0 {
		q.gap = 1 / (opt.LoginsPerSecond * float64(opt.machines()))
	}
	for place, i := range order {
		q.rank[i] = int32(place)
		a := &f.Accounts[i]
		g := q.groups[q.key(a)]
		if g == nil {
			g = &group{source: a.Source, dest: a.Dest}
			q.groups[q.key(a)] = g
		}
		g.order = append(g.order, i)
	}
	for _, g := range q.groups {
		q.offer(g)
	}
	return q
}

// key is which group an account is in.
func (q *queue) key(a *Account) [2]int32 {
	if q.opt.MaxPerHost == 0 {
		return [2]int32{} // no host holds anybody up
	}
	return [2]int32{a.Source, a.Dest}
}

// comeAgain puts an account back whose day's budget has come again.
func (q *queue) comeAgain(a *Account, i int32) {
	g := q.groups[q.key(a)]
	_, busy := q.head(g)
	g.again.push(float64(q.rank[i]), i)
	if !busy {
		q.offer(g) // else it is among those offered, or waits for a host
	}
}

// head is the rank of the first account of a group.
func (q *queue) head(g *group) (rank float64, ok bool) {
	switch {
	case len(g.order) > 0 && (g.again.empty() || float64(q.rank[g.order[0]]) < g.again.items[0].key):
		return float64(q.rank[g.order[0]]), true
	case !g.again.empty():
		return g.again.items[0].key, true
	}
	return 0, false
}

func (g *group) take(q *queue) int32 {
	if len(g.order) > 0 && (g.again.empty() || float64(q.rank[g.order[0]]) < g.again.items[0].key) {
		i := g.order[0]
		g.order = g.order[1:]
		return i
	}
	return g.again.pop()
}

// offer puts a group that is in no heap among those that may start.
func (q *queue) offer(g *group) {
	if rank, ok := q.head(g); ok {
		q.ready.push(rank, g)
	}
}

// room reports whether a host takes one more lane.
func (q *queue) room(h int32) bool {
	return q.opt.MaxPerHost == 0 || q.hosts[h].used < q.opt.perHost()
}

// next takes the first account that may start; false when none may.
func (q *queue) next() (account int32, ok bool) {
	for !q.ready.empty() {
		g := q.ready.pop()
		held, other := g.source, g.dest
		if q.room(held) {
			held, other = other, held
		}
		if q.room(held) {
			i := g.take(q)
			q.move(g.source, g.dest, 1)
			q.offer(g)
			q.wake(g.source)
			q.wake(g.dest)
			return i, true
		}
		rank, _ := q.head(g)
		q.hosts[held].waits.push(rank, g)
		q.wake(other) // another group may use its room
	}
	return 0, false
}

// wake offers the first group that waits for a host, if that has room.
func (q *queue) wake(h int32) {
	if s := &q.hosts[h]; !s.waits.empty() && q.room(h) {
		q.offer(s.waits.pop())
	}
}

// logIn returns when an account may log in that would at t.
func (q *queue) logIn(a *Account, t float64) float64 {
	if q.gap == 0 {
		return t
	}
	at := max(t, q.hosts[a.Source].login, q.hosts[a.Dest].login)
	q.hosts[a.Source].login, q.hosts[a.Dest].login = at+q.gap, at+q.gap
	return at
}

// move books n lanes more, or fewer, on both hosts.
func (q *queue) move(source, dest int32, n int) {
	if q.opt.MaxPerHost == 0 {
		return
	}
	q.hosts[source].used += n
	if dest != source {
		q.hosts[dest].used += n
	}
}

// spare reports whether both hosts have room for a further lane.
func (q *queue) spare(source, dest int32) bool {
	return q.room(source) && q.room(dest)
}
