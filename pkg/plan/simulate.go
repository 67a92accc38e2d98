package plan

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"time"
)

// Outcome is one run as it was played. Times are seconds from Options.Start.
type Outcome struct {
	Wall float64 // until the last row has ended
	Work float64 // of it, the time within Hours
	// Tail is when the last row had begun, and no lane was needed for another.
	Tail float64
	// Began and Ended are each account's, by its index; nil where nobody asked.
	Began, Ended []float64
	Octets       float64 // copied
	Events       int     // steps of the simulation
}

// ErrNever says that a run does not come to its end within a hundred years.
var ErrNever = errors.New("at this pace it would not end within a hundred years")

// longest is how long a simulated run may take, in seconds.
const longest = 100 * 365 * 24 * 3600

// Load is how much of an account a run moves.
type Load func(i int, a *Account) (octets, messages float64)

// First is the load of the next run: what is left.
func First(_ int, a *Account) (octets, messages float64) {
	return float64(a.Left), float64(a.LeftMessages)
}

// Order is the order in which rows get a lane: those of unknown size, then the
// largest, then as the list has them.
func Order(f *Fleet) []int32 {
	order := make([]int32, len(f.Accounts))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		x, y := &f.Accounts[a], &f.Accounts[b]
		if x.Unknown != y.Unknown {
			if x.Unknown {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(y.Octets, x.Octets), cmp.Compare(a, b))
	})
	return order
}

// play is one simulation.
type play struct {
	f     *Fleet
	opt   *Options
	rates *Rates
	load  Load
	scale float64 // of sizes
	look  Outlook
	queue *queue

	now    float64
	perRow float64
	share  []float64 // rate of each lane, by how many move; grown as needed
	per    float64   // octets that each lane has moved since the start, of mean messages
	moving keyed[*lane]
	lanes  int     // that move
	flow   float64 // real octets a second at a lane rate of 1
	busy   int     // lanes in use, moving or logging in
	extra  int     // of those, beyond the first of each account
	events keyed[event]
	open   bool
	limit  float64   // octets a second; 0: none
	clock  float64   // when the hours or the limit may change; Inf: never
	rings  time.Time // clock to the nanosecond, which its seconds are not after months
	left   int       // accounts that have not ended
	rests  map[int32]rest
	never  bool // a day's budget is too small for an account
	out    Outcome
	free   []*lane // to be used again
}

// lane is an account at work.
type lane struct {
	account  int32
	lanes    int
	density  float64 // real octets in one octet of work
	ends     float64 // per at which it ends
	at       int     // in play.moving
	octets   float64 // of this stay
	messages float64
	resume   rest // what remains for another day
}

// rest is what a day's budget has left of an account.
type rest struct{ octets, messages float64 }

// event is a lane that begins to move, or, without one, an account whose budget
// has come again.
type event struct {
	lane    *lane
	account int32
}

// Simulate plays one run of all accounts. order is Order's, load says what is
// moved; scale multiplies it. ended asks for each account's times.
func Simulate(f *Fleet, opt Options, rates *Rates, order []int32, load Load, scale float64, look Outlook, ended bool) (Outcome, error) {
	p := &play{f: f, opt: &opt, rates: rates, load: load, scale: scale, look: look, queue: newQueue(f, &opt, order),
		perRow: (rates.PerRow + rates.Making).Seconds(), left: len(f.Accounts), rests: make(map[int32]rest), share: []float64{0}}
	p.moving.where = func(l *lane, at int) { l.at = at }
	if ended {
		p.out.Began, p.out.Ended = make([]float64, len(f.Accounts)), make([]float64, len(f.Accounts))
		for i := range p.out.Began {
			p.out.Began[i] = -1
		}
	}
	p.watch(opt.Start)
	for p.left > 0 {
		if p.open {
			p.start()
			p.help()
		}
		if err := p.step(); err != nil {
			return p.out, err
		}
	}
	p.out.Wall = p.now
	return p.out, nil
}

// watch looks at the clock, which shows t: hours and limit.
func (p *play) watch(t time.Time) {
	p.open = p.opt.Hours.Open(t)
	p.limit = float64(p.opt.Limit.At(t)) * float64(p.opt.machines())
	p.clock = math.Inf(1)
	for _, next := range []func(time.Time) (time.Time, bool){p.opt.Hours.Next, p.opt.Limit.Next} {
		if at, ok := next(t); ok && (math.IsInf(p.clock, 1) || at.Before(p.rings)) {
			p.clock, p.rings = at.Sub(p.opt.Start).Seconds(), at
		}
	}
}

func seconds(s float64) time.Duration { return time.Duration(math.Round(s * float64(time.Second))) }

// start gives lanes to rows.
func (p *play) start() {
	for p.extra > 0 && p.busy >= p.opt.lanes() && !p.queue.ready.empty() && p.giveBack() {
	}
	for p.busy < p.opt.lanes() {
		i, ok := p.queue.next()
		if !ok {
			return
		}
		p.begin(i)
	}
}

// begin has an account log in.
func (p *play) begin(i int32) {
	a := &p.f.Accounts[i]
	var l *lane
	if last := len(p.free) - 1; last >= 0 {
		l, p.free = p.free[last], p.free[:last]
		*l = lane{}
	} else {
		l = &lane{}
	}
	l.account, l.lanes = i, 1
	if r, ok := p.rests[i]; ok {
		l.octets, l.messages = r.octets, r.messages
		delete(p.rests, i)
	} else {
		l.octets, l.messages = p.load(int(i), a)
		l.octets, l.messages = l.octets*p.scale, l.messages*p.scale
		p.out.Tail = p.now
		if p.out.Began != nil {
			p.out.Began[i] = p.now
		}
	}
	if budget := p.budget(a); budget > 0 && l.octets > budget {
		p.never = p.never || l.octets/budget*24*3600 > longest
		part := budget / l.octets
		l.resume = rest{l.octets - budget, l.messages * (1 - part)}
		l.octets, l.messages = budget, l.messages*part
	}
	p.busy++
	p.events.push(p.queue.logIn(a, p.now)+p.perRow, event{lane: l})
	if l.resume.octets > 0 {
		// A day after it began there is as much again.
		p.events.push(p.now+24*3600, event{account: i})
	}
}

// budget is how much an account may move in a day; 0: no limit.
func (p *play) budget(a *Account) float64 {
	source, dest := p.f.Hosts[a.Source].Daily[0], p.f.Hosts[a.Dest].Daily[1]
	if source == 0 || dest > 0 && dest < source {
		return float64(dest)
	}
	return float64(source)
}

// run has a lane begin to move.
func (p *play) run(l *lane) {
	work := p.rates.work(l.octets, l.messages)
	if work > 0 {
		l.density = l.octets / work
	}
	l.ends = p.per + work/float64(l.lanes)
	p.moving.push(l.ends, l)
	p.lanes += l.lanes
	p.flow += l.density * float64(l.lanes)
}

// end takes the first of those that move out.
func (p *play) end() {
	l := p.moving.pop()
	p.lanes -= l.lanes
	p.flow -= l.density * float64(l.lanes)
	if p.moving.empty() {
		p.lanes, p.flow = 0, 0 // no rounding is carried on
	}
	p.out.Octets += l.octets
	a := &p.f.Accounts[l.account]
	p.busy -= l.lanes
	p.extra -= l.lanes - 1
	p.queue.move(a.Source, a.Dest, -l.lanes)
	p.queue.wake(a.Source)
	p.queue.wake(a.Dest)
	if l.resume.octets > 0 {
		p.park(l)
	} else {
		p.left--
		if p.out.Ended != nil {
			p.out.Ended[l.account] = p.now
		}
	}
	p.free = append(p.free, l)
}

// park keeps what remains of an account until its budget has come again, which
// may have been while it moved.
func (p *play) park(l *lane) {
	r := l.resume
	if had, ok := p.rests[l.account]; ok && had.octets < 0 {
		p.rests[l.account] = r
		p.queue.comeAgain(&p.f.Accounts[l.account], l.account)
		return
	}
	p.rests[l.account] = r
}

// budgetDue is when an account's budget has come again.
func (p *play) budgetDue(i int32) {
	if _, parked := p.rests[i]; !parked {
		p.rests[i] = rest{octets: -1} // it is still at work on the first day's
		return
	}
	p.queue.comeAgain(&p.f.Accounts[i], i)
}

// rate is what each lane moves in a second, in octets of mean messages.
func (p *play) rate() float64 {
	if p.lanes == 0 {
		return 0
	}
	for n := len(p.share); n <= p.lanes; n++ {
		p.share = append(p.share, p.rates.Total(n, p.opt.machines(), p.look)/float64(n))
	}
	r := p.share[p.lanes]
	if p.limit > 0 && p.flow > 0 {
		r = min(r, p.limit/p.flow)
	}
	return r
}

// step goes on to the next thing that happens.
func (p *play) step() error {
	p.out.Events++
	next, ends, rate := p.clock, math.Inf(1), 0.0
	if p.open { // what falls into closed hours waits for their end
		rate = p.rate()
		if !p.events.empty() {
			next = min(next, max(p.now, p.events.items[0].key))
		}
	}
	if rate > 0 {
		ends = p.now + max(0, p.moving.items[0].what.ends-p.per)/rate
	}
	to := min(next, ends)
	if math.IsInf(to, 1) || to > longest || p.never {
		return ErrNever
	}
	p.per += rate * (to - p.now)
	if p.open {
		p.out.Work += to - p.now
	}
	p.now = to
	switch {
	case ends <= next:
		p.per = max(p.per, p.moving.items[0].what.ends)
		p.end()
	case p.clock <= next:
		was := p.open
		if p.watch(p.rings); p.open && !was {
			p.reopen()
		}
	default:
		if e := p.events.pop(); e.lane != nil {
			p.run(e.lane)
		} else {
			p.budgetDue(e.account)
		}
	}
	return nil
}

// reopen has all accounts log in again that were at work when the hours ended.
func (p *play) reopen() {
	for !p.moving.empty() {
		l := p.moving.pop()
		part := 1.0
		if work := p.rates.work(l.octets, l.messages); work > 0 {
			part = min(1, max(0, l.ends-p.per)*float64(l.lanes)/work)
		}
		p.out.Octets += l.octets * (1 - part)
		l.octets, l.messages = l.octets*part, l.messages*part
		p.events.push(p.queue.logIn(&p.f.Accounts[l.account], p.now)+p.perRow, event{lane: l})
	}
	p.lanes, p.flow = 0, 0
}
