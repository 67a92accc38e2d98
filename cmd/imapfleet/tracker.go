package main

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// tracker knows where every row of the list stands, and those of the run
// apart: a row that the run has not begun is pending there, and in the list
// what it was before. It is safe for concurrent use.
type tracker struct {
	start    time.Time
	selected []int      // rows of the run, by the list's index
	octets   []int64    // of the run's rows at the source, by an earlier pass; 0 unknown
	lanes    func() int // that the run may use; nil: nobody has said
	share    int        // of them, for one account

	mu       sync.Mutex
	list     []throughput.Result
	run      []throughput.Result
	changes  int // grows with each change
	counted  int // changes when standing was made
	standing throughput.Standing
	holds    throughput.Holds
	hosts    map[string]*throughput.HostPause // that are parked
	paused   map[string]throughput.PausedHost // that were, or are
}

func newTracker(list []throughput.Result, selected []int, start time.Time) *tracker {
	t := &tracker{
		start: start, selected: selected, list: list, changes: 1,
		octets: make([]int64, len(selected)), run: make([]throughput.Result, len(selected)),
	}
	for i, at := range selected {
		r := list[at]
		t.octets[i] = r.Count.SourceOctets
		t.run[i] = throughput.Result{
			Line: r.Line, Host1: r.Host1, User1: r.User1, Host2: r.Host2, User2: r.User2, State: throughput.Pending,
		}
	}
	return t
}

// set notes a new result for row i of the run.
func (t *tracker) set(i int, r throughput.Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.run[i], t.list[t.selected[i]] = r, r
	t.changes++
}

// Standing implements throughput.Rows.
func (t *tracker) Standing() throughput.Standing {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counted != t.changes {
		t.counted = t.changes
		t.count()
	}
	s := t.standing
	if t.lanes != nil {
		s.Lanes, s.Share = t.lanes(), t.share
	}
	return s
}

// count looks at every row. t.mu is held.
func (t *tracker) count() {
	t.standing = throughput.Standing{Holds: t.holds}
	parked, notBegun := newParkedRows(), throughput.Bulks{}
	for i := range t.run {
		r := &t.run[i] // there may be very many: a copy of each costs more than the rest
		if len(t.hosts) > 0 {
			p := r.Parked(t.hosts)
			r = &p
		}
		if r.State == throughput.Parked {
			parked.add(*r)
		}
		t.standing.Add(r.State)
		octets := t.octets[i]
		if r.Count.SourceOctets > 0 {
			octets = r.Count.SourceOctets
		}
		if octets > 0 {
			t.standing.Sized++
			t.standing.SizedOctets += octets
		}
		if t.ended(r) {
			continue
		}
		held := r.State != throughput.Running && t.holds.Of(r.Host1, r.Host2)
		if held {
			t.standing.Held++
		}
		if r.Attempts == 0 {
			notBegun.Add(r.ParkedUntil, throughput.Load{Line: r.Line, Label: r.User1, Octets: octets, Known: octets > 0})
		} else {
			t.standing.Begun = append(t.standing.Begun, throughput.Begun{
				Line: r.Line, Label: r.User1, Octets: t.octets[i], From: r.ParkedUntil, Held: held,
			})
		}
	}
	t.standing.NotBegun = notBegun.All()
	t.standing.Reasons = parked.lines(time.Now())
}

// ended reports whether the run does nothing more for a row.
func (t *tracker) ended(r *throughput.Result) bool {
	switch r.State {
	case throughput.Running:
		return false
	case throughput.Pending:
		return r.Fault != nil && r.Fault.Code == string(fault.Skipped)
	case throughput.Parked:
		for _, name := range []string{r.Host1, r.Host2} {
			if p := t.hosts[name]; p != nil && p.Until.IsZero() {
				return true // given up
			}
		}
		return false
	}
	return true
}

// setLanes says how many lanes there are, of which so many for one account.
func (t *tracker) setLanes(lanes func() int, share int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lanes, t.share = lanes, share
}

// setHolds notes what a person has stopped.
func (t *tracker) setHolds(h throughput.Holds) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.holds = h
	t.changes++
}

// setHosts notes which hosts are parked: rows that have not begun wait for
// them, and are shown so.
func (t *tracker) setHosts(parked []throughput.HostPause) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.hosts
	t.hosts = throughput.ByHost(parked)
	if t.paused == nil {
		t.paused = make(map[string]throughput.PausedHost)
	}
	for _, p := range parked {
		if was, ok := before[p.Host]; ok && was.Until.Equal(p.Until) {
			continue
		}
		h := t.paused[p.Host]
		h.Host, h.Code, h.Text = p.Host, p.Fault.Code, p.Fault.Text
		if h.GivenUp = p.Until.IsZero(); !h.GivenUp {
			h.Pauses++
		}
		t.paused[p.Host] = h
	}
	t.changes++
}

// pausedHosts are the hosts that the run has left alone for a while, by name.
func (t *tracker) pausedHosts() []throughput.PausedHost {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.SortedFunc(maps.Values(t.paused), func(a, b throughput.PausedHost) int { return cmp.Compare(a.Host, b.Host) })
}

// view returns copies of both tables and the number of the last change.
func (t *tracker) view() (run, list []throughput.Result, changes int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	run, list = slices.Clone(t.run), slices.Clone(t.list)
	for i, at := range t.selected {
		run[i], list[at] = run[i].Parked(t.hosts), list[at].Parked(t.hosts)
	}
	return run, list, t.changes
}

// version is the number of the last change.
func (t *tracker) version() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.changes
}
