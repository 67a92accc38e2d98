package main

import (
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
		for i, r := range t.run {
			t.counts.Add(r.State)
			switch {
			case r.Attempts == 0:
				t.counts.PendingOctets += t.octets[i]
				t.counts.PendingKnown = t.counts.PendingKnown && t.octets[i] > 0
			case slices.Contains([]throughput.State{throughput.Running, throughput.Pending, throughput.Parked}, r.State):
				t.counts.Begun = append(t.counts.Begun, console.Begun{Line: r.Line, Octets: t.octets[i]})
			}
		}
	}
	return t.counts
}

// view returns copies of both tables and the number of the last change.
func (t *tracker) view() (run, list []throughput.Result, changes int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]throughput.Result(nil), t.run...), append([]throughput.Result(nil), t.list...), t.changes
}

// version is the number of the last change.
func (t *tracker) version() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.changes
}
