package throughput

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Meter is the live view of one account, or of the run. An account's meter
// tells its run's meter of everything. Octets and messages are copied when
// the destination has answered with a tagged OK (RFC 9051 section 6.3.12),
// not when they were read; so what was copied stays copied when a row is
// tried again. A nil *Meter is valid and counts nothing. Methods are safe for
// concurrent use.
type Meter struct {
	run   *Meter // nil for the run's own
	id    uint64
	slot  int
	label string
	line  int

	n       counters
	fetched atomic.Int64
	carried atomic.Int64 // copied by earlier attempts, not yet met again
	mailbox atomic.Pointer[string]
	ended   atomic.Bool

	busy busy // of the run's own meter
}

// counters are one meter's facts. All but messages and octets copied belong
// to the attempt that goes on.
type counters struct {
	copied, octets                   atomic.Int64
	already, filtered, rejected      atomic.Int64
	gone                             atomic.Int64
	expectedMessages, expectedOctets atomic.Int64
}

// busy are the accounts that have begun and not ended.
type busy struct {
	mu       sync.Mutex
	lastID   uint64
	accounts []*Meter // by slot; nil where a slot is free
}

// NewRun returns the meter of a run.
func NewRun() *Meter { return &Meter{} }

// Account returns a meter for one account of the run m and lists it as busy
// until Done. label is what a person sees, line the row's line in the list.
func (m *Meter) Account(label string, line int) *Meter {
	if m == nil {
		return nil
	}
	a := &Meter{run: m, label: label, line: line}
	m.busy.mu.Lock()
	defer m.busy.mu.Unlock()
	m.busy.lastID++
	a.id = m.busy.lastID
	// The lowest free slot keeps a worker's line where it is on the screen.
	a.slot = slices.Index(m.busy.accounts, nil)
	if a.slot < 0 {
		a.slot = len(m.busy.accounts)
		m.busy.accounts = append(m.busy.accounts, nil)
	}
	m.busy.accounts[a.slot] = a
	return a
}

// Restart begins another attempt on the same row: what the last attempt
// expected and found is taken back, in the run too; what it copied stays. It
// must not overlap with other calls for this account.
func (m *Meter) Restart() {
	if m == nil || m.run == nil {
		return
	}
	m.carried.Store(m.n.copied.Load())
	for _, c := range m.pairs() {
		c.run.Add(-c.own.Swap(0))
	}
	done := m.n.octets.Load()
	m.addExpected(0, done-m.n.expectedOctets.Load())
}

// pairs are the counters that belong to an attempt, with the run's.
func (m *Meter) pairs() []struct{ own, run *atomic.Int64 } {
	o, r := &m.n, &m.run.n
	return []struct{ own, run *atomic.Int64 }{
		{&o.already, &r.already},
		{&o.filtered, &r.filtered},
		{&o.rejected, &r.rejected},
		{&o.gone, &r.gone},
		{&o.expectedMessages, &r.expectedMessages},
	}
}

// Done ends the account: it is busy no more, and what it expected and did not
// reach is no longer expected of the run. A second call does nothing.
func (m *Meter) Done() {
	if m == nil || m.run == nil || m.ended.Swap(true) {
		return
	}
	s := m.Snapshot()
	m.addExpected(s.Handled()-s.ExpectedMessages, s.Octets-s.ExpectedOctets)
	b := &m.run.busy
	b.mu.Lock()
	defer b.mu.Unlock()
	b.accounts[m.slot] = nil
}

// Copied counts n messages of together so many octets as copied.
func (m *Meter) Copied(n, octets int64) {
	if m == nil {
		return
	}
	m.n.copied.Add(n)
	m.n.octets.Add(octets)
	if m.run != nil {
		m.run.n.copied.Add(n)
		m.run.n.octets.Add(octets)
	}
}

// AlreadyThere counts n messages as found at the destination. After a Restart
// the first of them are those that the account has copied itself; they do not
// count again.
func (m *Meter) AlreadyThere(n int64) {
	if m == nil {
		return
	}
	n -= m.takeCarried(n)
	if n == 0 {
		return
	}
	m.n.already.Add(n)
	if m.run != nil {
		m.run.n.already.Add(n)
	}
}

// takeCarried takes up to n off the messages copied by earlier attempts.
func (m *Meter) takeCarried(n int64) int64 {
	for {
		have := m.carried.Load()
		take := min(have, n)
		if take <= 0 {
			return 0
		}
		if m.carried.CompareAndSwap(have, have-take) {
			return take
		}
	}
}

// Filtered counts n messages as left out by the user's rule.
func (m *Meter) Filtered(n int64) {
	if m == nil {
		return
	}
	m.n.filtered.Add(n)
	if m.run != nil {
		m.run.n.filtered.Add(n)
	}
}

// Rejected counts n messages as refused.
func (m *Meter) Rejected(n int64) {
	if m == nil {
		return
	}
	m.n.rejected.Add(n)
	if m.run != nil {
		m.run.n.rejected.Add(n)
	}
}

// Gone counts n messages as vanished at the source.
func (m *Meter) Gone(n int64) {
	if m == nil {
		return
	}
	m.n.gone.Add(n)
	if m.run != nil {
		m.run.n.gone.Add(n)
	}
}

// Expect adds to the work that is known to lie ahead in this attempt:
// messages that are listed, whatever becomes of them, and the octets of those
// that are to be copied. It may be called once per mailbox, as each becomes
// known; octets are 0 when the sizes are not known.
func (m *Meter) Expect(messages, octets int64) {
	if m == nil {
		return
	}
	m.addExpected(messages, octets)
}

func (m *Meter) addExpected(messages, octets int64) {
	m.n.expectedMessages.Add(messages)
	m.n.expectedOctets.Add(octets)
	if m.run != nil {
		m.run.n.expectedMessages.Add(messages)
		m.run.n.expectedOctets.Add(octets)
	}
}

// Mailbox says which mailbox is being worked on.
func (m *Meter) Mailbox(name string) {
	if m != nil {
		m.mailbox.Store(&name)
	}
}

// Fetched counts octets as read from the source. They show that something
// moves, and count in no rate.
func (m *Meter) Fetched(octets int64) {
	if m == nil {
		return
	}
	m.fetched.Add(octets)
	if m.run != nil {
		m.run.fetched.Add(octets)
	}
}
