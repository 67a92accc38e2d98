package throughput

import "sync/atomic"

// Snapshot is what a Meter says at one instant. ID tells the accounts of a
// run apart and is never used twice; Slot is the account's place among the
// busy ones, from 0. Counts are messages, octets are octets; the zero value
// is a meter that has counted nothing.
type Snapshot struct {
	ID      uint64
	Slot    int
	Label   string
	Line    int
	Mailbox string

	Copied, AlreadyThere, Filtered, Rejected, Gone int64

	Octets           int64 // of Copied
	Fetched          int64 // octets read from the source
	ExpectedMessages int64 // 0 when not known yet
	ExpectedOctets   int64 // of what is to be copied; 0 when not known
}

// Handled is the number of messages whose fate is known.
func (s Snapshot) Handled() int64 {
	return s.Copied + s.AlreadyThere + s.Filtered + s.Rejected + s.Gone
}

// Fraction is the part of the expected work that is done, from 0 to 1: by
// octets where they are known, else by messages, 0 when nothing is known.
func (s Snapshot) Fraction() float64 {
	switch {
	case s.ExpectedOctets > 0:
		return min(1, float64(s.Octets)/float64(s.ExpectedOctets))
	case s.ExpectedMessages > 0:
		return min(1, float64(s.Handled())/float64(s.ExpectedMessages))
	}
	return 0
}

// Snapshot reads the meter. The figures are read one after the other: while
// others count, they may be some messages apart.
func (m *Meter) Snapshot() Snapshot {
	if m == nil {
		return Snapshot{}
	}
	s := Snapshot{ID: m.id, Slot: m.slot, Label: m.label, Line: m.line, Mailbox: text(&m.mailbox)}
	s.Copied = m.n.copied.Load()
	s.Octets = m.n.octets.Load()
	s.AlreadyThere = m.n.already.Load()
	s.Filtered = m.n.filtered.Load()
	s.Rejected = m.n.rejected.Load()
	s.Gone = m.n.gone.Load()
	s.Fetched = m.fetched.Load()
	s.ExpectedMessages = m.n.expectedMessages.Load()
	s.ExpectedOctets = m.n.expectedOctets.Load()
	return s
}

func text(p *atomic.Pointer[string]) string {
	if s := p.Load(); s != nil {
		return *s
	}
	return ""
}

// Busy returns the accounts of the run m that have begun and not ended, by
// slot.
func (m *Meter) Busy() []Snapshot {
	if m == nil {
		return nil
	}
	m.busy.mu.Lock()
	defer m.busy.mu.Unlock()
	var out []Snapshot
	for _, a := range m.busy.accounts {
		if a != nil {
			out = append(out, a.Snapshot())
		}
	}
	return out
}
