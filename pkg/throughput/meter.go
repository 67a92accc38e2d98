package throughput

import (
	"sync/atomic"
	"time"
)

// Meter is the live view of one account, or of the run. An account's meter
// tells its run's meter of everything. Messages and octets are copied when
// the destination has answered with a tagged OK (RFC 9051 section 6.3.12),
// not when they were read; so what was copied stays copied when a row is
// tried again. A nil *Meter is valid and counts nothing. Methods are safe for
// concurrent use, but Restart, Pause and End must not overlap with each other
// or with counting on the same account.
type Meter struct {
	run   *Meter // nil for the run's own
	label string
	line  int

	n       counters
	carried atomic.Int64 // copied by earlier attempts, not yet met again
	mailbox atomic.Pointer[string]
	lanes   atomic.Int64

	clocks clocks // of an account's lanes

	place place // of an account's meter
	busy  busy  // of the run's own meter
}

// counters are one meter's facts. All but copied, octets, fetched, those of
// sent and what comes after passed belong to the attempt that goes on.
type counters struct {
	copied, octets, fetched          atomic.Int64
	sent, sentOctets                 atomic.Int64
	already, filtered, rejected      atomic.Int64
	gone                             atomic.Int64
	expectedMessages, expectedOctets atomic.Int64
	passed                           atomic.Int64 // octets of handled messages that were not copied, estimated

	spent            [activities]atomic.Int64 // lane time, nanoseconds
	answers, latency atomic.Int64             // commands that the destination has answered; nanoseconds together
}

// NewRun returns the meter of a run.
func NewRun() *Meter { return &Meter{} }

// Account returns a meter for one account of the run m and lists it as busy
// until Pause or End. label is what a person sees, line the row's line in the
// list.
func (m *Meter) Account(label string, line int) *Meter {
	if m == nil {
		return nil
	}
	a := &Meter{run: m, label: label, line: line}
	m.busy.enter(a)
	return a
}

// Copied counts n messages of together so many octets as copied.
func (m *Meter) Copied(n, octets int64) {
	if m == nil {
		return
	}
	m.n.copied.Add(n)
	m.n.octets.Add(octets)
	if m.run != nil {
		m.run.Copied(n, octets)
	}
}

// AlreadyThere counts n messages as found at the destination. After a Restart
// the first of them are those that this account has copied itself; they do
// not count again.
func (m *Meter) AlreadyThere(n int64) {
	if m == nil {
		return
	}
	if n -= m.takeCarried(n); n == 0 {
		return
	}
	m.handled(n, func(c *counters) *atomic.Int64 { return &c.already })
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
	m.handled(n, func(c *counters) *atomic.Int64 { return &c.filtered })
}

// Rejected counts n messages as refused.
func (m *Meter) Rejected(n int64) {
	m.handled(n, func(c *counters) *atomic.Int64 { return &c.rejected })
}

// Gone counts n messages as vanished at the source.
func (m *Meter) Gone(n int64) {
	m.handled(n, func(c *counters) *atomic.Int64 { return &c.gone })
}

// handled counts n messages that will not be copied. Their octets are not
// known one by one; the account's average stands for them, so that a bar in
// octets moves past them too.
func (m *Meter) handled(n int64, which func(*counters) *atomic.Int64) {
	if m == nil {
		return
	}
	var passed int64
	if messages := m.n.expectedMessages.Load(); messages > 0 {
		passed = int64(float64(n) / float64(messages) * float64(m.n.expectedOctets.Load()))
	}
	for ; m != nil; m = m.run {
		which(&m.n).Add(n)
		m.n.passed.Add(passed)
	}
}

// Expect adds to the work that is known to lie ahead in this attempt:
// messages that the source lists, whatever becomes of them, and their octets
// (0 when unknown). It may be called once per mailbox, as each becomes known.
func (m *Meter) Expect(messages, octets int64) {
	for ; m != nil; m = m.run {
		m.n.expectedMessages.Add(messages)
		m.n.expectedOctets.Add(octets)
	}
}

// Mailbox says which mailbox is being worked on.
func (m *Meter) Mailbox(name string) {
	if m != nil {
		m.mailbox.Store(&name)
	}
}

// Lanes says over how many pairs of connections the account works now.
func (m *Meter) Lanes(n int) {
	if m != nil {
		m.lanes.Store(int64(n))
	}
}

// Fetched counts octets as read from the source. They show that something
// moves, and count in no rate.
func (m *Meter) Fetched(octets int64) {
	for ; m != nil; m = m.run {
		m.n.fetched.Add(octets)
	}
}

// Sent counts n messages of together so many octets as sent to the destination,
// which need not have answered: as often as they are sent. It tells sooner and
// more evenly than Copied how fast it goes, since answers come for many at once.
func (m *Meter) Sent(n, octets int64) {
	for ; m != nil; m = m.run {
		m.n.sent.Add(n)
		m.n.sentOctets.Add(octets)
	}
}

// Spend adds lane time. A lane adds each instant of its life once.
func (m *Meter) Spend(a Activity, d time.Duration) {
	for ; m != nil; m = m.run {
		m.n.spent[a].Add(int64(d))
	}
}

// Spent is the lane time of all attempts so far, but for what lanes have not
// told yet.
func (m *Meter) Spent() (s Spent) {
	if m == nil {
		return s
	}
	for a := range s {
		s[a] = time.Duration(m.n.spent[a].Load())
	}
	return s
}

// Answered counts one command that moved messages, and the time from its end
// to the destination's answer.
func (m *Meter) Answered(d time.Duration) {
	for ; m != nil; m = m.run {
		m.n.answers.Add(1)
		m.n.latency.Add(int64(d))
	}
}
