package batch

import (
	"container/heap"
	"slices"
	"time"
)

// waits holds the rows that wait for a time of day, the earliest first.
type waits []wait

type wait struct {
	until time.Time
	job   *job
}

func (w *waits) add(until time.Time, j *job) { heap.Push(w, wait{until, j}) }

// due takes one row whose time has come; nil when there is none.
func (w *waits) due(now time.Time) *job {
	if len(*w) == 0 || (*w)[0].until.After(now) {
		return nil
	}
	return heap.Pop(w).(wait).job
}

// remove takes out the rows that are meant.
func (w *waits) remove(meant func(*job) bool) []*job {
	var out []*job
	*w = slices.DeleteFunc(*w, func(x wait) bool {
		if meant(x.job) {
			out = append(out, x.job)
			return true
		}
		return false
	})
	heap.Init(w)
	return out
}

// next returns when the first row's time comes.
func (w waits) next() (until time.Time, ok bool) {
	if len(w) == 0 {
		return time.Time{}, false
	}
	return w[0].until, true
}

func (w waits) Len() int { return len(w) }

func (w waits) Less(a, b int) bool {
	if !w[a].until.Equal(w[b].until) {
		return w[a].until.Before(w[b].until)
	}
	return w[a].job.before(w[b].job)
}

func (w waits) Swap(a, b int) { w[a], w[b] = w[b], w[a] }
func (w *waits) Push(x any)   { *w = append(*w, x.(wait)) }
func (w *waits) Pop() any {
	last := len(*w) - 1
	x := (*w)[last]
	(*w)[last] = wait{}
	*w = (*w)[:last]
	return x
}
