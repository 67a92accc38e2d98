package throughput

import "time"

// Snapshot is what a Meter says at one instant. ID tells the accounts of a
// run apart and is never used twice; Slot is the account's place among the
// busy ones, from 0; both are set by Busy only. Counts are messages. The zero
// value is a meter that has counted nothing.
type Snapshot struct {
	ID      uint64
	Slot    int
	Label   string
	Line    int
	Mailbox string
	Lanes   int // pairs of connections at work; 0 where nobody said

	Copied, AlreadyThere, Filtered, Rejected, Gone int64

	Octets           int64 // of Copied
	Fetched          int64 // octets read from the source
	Sent, SentOctets int64 // messages sent, answered or not, as often as they were; their octets
	ExpectedMessages int64 // listed by the source; 0 when not known yet
	ExpectedOctets   int64 // of ExpectedMessages; 0 when not known

	Spent   Spent         // lane time so far, of all attempts
	Answers int64         // commands that moved messages and were answered by the destination
	Latency time.Duration // of Answers together, from a command's end to its answer

	passed int64
}

// Handled is the number of messages whose fate is known.
func (s Snapshot) Handled() int64 {
	return s.Copied + s.AlreadyThere + s.Filtered + s.Rejected + s.Gone
}

// HandledOctets are the octets copied, and an estimate for the messages that
// were handled and not copied. It is never above ExpectedOctets when those
// are known.
func (s Snapshot) HandledOctets() int64 {
	n := max(0, s.Octets+s.passed)
	if s.ExpectedOctets > 0 {
		n = min(n, s.ExpectedOctets)
	}
	return n
}

// Fraction is the part of the expected work that is done, from 0 to 1: by
// octets where they are known, else by messages, 0 when nothing is known.
func (s Snapshot) Fraction() float64 {
	switch {
	case s.ExpectedOctets > 0:
		return float64(s.HandledOctets()) / float64(s.ExpectedOctets)
	case s.ExpectedMessages > 0:
		return min(1, float64(s.Handled())/float64(s.ExpectedMessages))
	}
	return 0
}

// typicalOctets stands for a message of unknown size: the mean of real mail.
const typicalOctets = 75 << 10

// LeftOctets is how much of the expected work is not done yet; where the
// source tells no sizes, an estimate from the number of messages.
func (s Snapshot) LeftOctets() int64 {
	if s.ExpectedOctets > 0 {
		return s.ExpectedOctets - s.HandledOctets()
	}
	return max(0, s.ExpectedMessages-s.Handled()) * typicalOctets
}

// Snapshot reads the meter. The figures are read one after the other: while
// others count, they may be some messages apart.
func (m *Meter) Snapshot() Snapshot {
	if m == nil {
		return Snapshot{}
	}
	if m.run == nil {
		m.busy.tell()
	}
	return m.read()
}

// Counts is Snapshot for whoever does not care for Spent, which is behind in
// it: nobody's clock is asked. It waits for nothing.
func (m *Meter) Counts() Snapshot {
	if m == nil {
		return Snapshot{}
	}
	return m.counts()
}

func (m *Meter) read() Snapshot {
	m.clocks.tell()
	return m.counts()
}

func (m *Meter) counts() Snapshot {
	s := Snapshot{Label: m.label, Line: m.line, Lanes: int(m.lanes.Load())}
	if name := m.mailbox.Load(); name != nil {
		s.Mailbox = *name
	}
	s.Copied = m.n.copied.Load()
	s.AlreadyThere = m.n.already.Load()
	s.Filtered = m.n.filtered.Load()
	s.Rejected = m.n.rejected.Load()
	s.Gone = m.n.gone.Load()
	s.Octets = m.n.octets.Load()
	s.Fetched = m.n.fetched.Load()
	s.Sent = m.n.sent.Load()
	s.SentOctets = m.n.sentOctets.Load()
	s.ExpectedMessages = m.n.expectedMessages.Load()
	s.ExpectedOctets = m.n.expectedOctets.Load()
	s.passed = m.n.passed.Load()
	s.Spent = m.Spent()
	s.Answers = m.n.answers.Load()
	s.Latency = time.Duration(m.n.latency.Load())
	return s
}
