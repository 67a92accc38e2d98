package throughput

import (
	"slices"
	"sync"
)

// clocks are the lanes of an account that spend time on one thing for long:
// they are asked before the meter is read.
type clocks struct {
	mu  sync.Mutex
	all []*func()
}

// Clock has flush called, from any goroutine, whenever the meter of the account
// or of its run is read: it is to Spend what has passed by then. gone ends that.
func (m *Meter) Clock(flush func()) (gone func()) {
	if m == nil {
		return func() {}
	}
	c := &m.clocks
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, &flush)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.all = slices.DeleteFunc(c.all, func(f *func()) bool { return f == &flush })
	}
}

func (c *clocks) tell() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, flush := range c.all {
		(*flush)()
	}
}
