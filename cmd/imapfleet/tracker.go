package main

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/imapfleet/imapfleet/pkg/console"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// tracker knows where every row of the list stands, and those of the run
// apart: a row that the run has not begun is pending there, and in the list
// what it was before. It is safe for concurrent use.
type tracker struct {
	start    time.Time
	selected []int   // rows of the run, by the list's index
	octets   []int64 // of the run's rows at the source, by an earlier pass; 0 unknown

	mu      sync.Mutex
	list    []throughput.Result
	run     []throughput.Result
	changes int // grows with each change
	counted int // changes when counts were made
	counts  console.Counts
	hosts   map[string]*throughput.HostPause // that are parked
	paused  map[string]throughput.PausedHost // that were, or are
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

// Counts says where the rows of the run stand, for console.Rows.
func (t *tracker) Counts() console.Counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counted != t.changes {
		t.counted = t.changes
		t.counts = console.Counts{PendingKnown: true}
		parked := newParkedRows()
		for i, r := range t.run {
			r = r.Parked(t.hosts)
			parked.add(r)
			t.counts.Add(r.State)
			switch {
			case r.Attempts == 0:
				t.counts.PendingOctets += t.octets[i]
				t.counts.PendingKnown = t.counts.PendingKnown && t.octets[i] > 0
			case slices.Contains([]throughput.State{throughput.Running, throughput.Pending, throughput.Parked}, r.State):
				t.counts.Begun = append(t.counts.Begun, console.Begun{Line: r.Line, Octets: t.octets[i]})
			}
		}
		t.counts.Waiting = parked.lines(time.Now())
	}
	return t.counts
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
