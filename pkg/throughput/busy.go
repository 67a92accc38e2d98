package throughput

import (
	"slices"
	"sync"
	"sync/atomic"
)

// busy are the accounts of a run that are being worked on.
type busy struct {
	mu       sync.Mutex
	lastID   uint64
	accounts []*Meter // by slot; nil where a slot is free
}

// place is an account's place in busy; its mutex guards it.
type place struct {
	id     uint64
	slot   int
	listed bool
}

// enter lists a. The lowest free slot keeps a worker's line where it is on
// the screen when another account ends.
func (b *busy) enter(a *Meter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a.place.listed {
		return
	}
	if a.place.id == 0 {
		b.lastID++
		a.place.id = b.lastID
	}
	slot := slices.Index(b.accounts, nil)
	if slot < 0 {
		slot = len(b.accounts)
		b.accounts = append(b.accounts, nil)
	}
	b.accounts[slot] = a
	a.place.slot, a.place.listed = slot, true
}

func (b *busy) leave(a *Meter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a.place.listed {
		b.accounts[a.place.slot] = nil
		a.place.listed = false
	}
}

// tell has the lanes of all busy accounts tell what they have spent.
func (b *busy) tell() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range b.accounts {
		if a != nil {
			a.clocks.tell()
		}
	}
}

// Busy returns the accounts of the run m that are being worked on, by slot.
func (m *Meter) Busy() []Snapshot {
	if m == nil {
		return nil
	}
	m.busy.mu.Lock()
	defer m.busy.mu.Unlock()
	var out []Snapshot
	for _, a := range m.busy.accounts {
		if a != nil {
			s := a.read()
			s.ID, s.Slot = a.place.id, a.place.slot
			out = append(out, s)
		}
	}
	return out
}

// Pause takes the account off the busy ones while it waits for another
// attempt. What it expects still lies ahead of the run.
func (m *Meter) Pause() {
	if m != nil && m.run != nil {
		m.run.busy.leave(m)
	}
}

// Restart begins another attempt on the same row: the account is busy again;
// what the last attempt expected and found is taken back, in the run too;
// what it copied stays.
func (m *Meter) Restart() {
	if m == nil || m.run == nil {
		return
	}
	m.carried.Store(m.n.copied.Load())
	own, run := m.n.attempt(), m.run.n.attempt()
	for i := range own {
		run[i].Add(-own[i].Swap(0))
	}
	m.run.busy.enter(m)
}

// attempt are the counters that begin anew with each attempt.
func (c *counters) attempt() []*atomic.Int64 {
	return []*atomic.Int64{&c.already, &c.filtered, &c.rejected, &c.gone,
		&c.expectedMessages, &c.expectedOctets, &c.passed}
}

// End ends the account: it is busy no more, and what it expected and did not
// reach is no longer expected of the run. Another call does nothing.
func (m *Meter) End() {
	if m == nil || m.run == nil {
		return
	}
	m.run.busy.leave(m)
	s := m.read()
	m.Expect(s.Handled()-s.ExpectedMessages, s.Octets+s.passed-s.ExpectedOctets)
}
