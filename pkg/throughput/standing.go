package console

import "github.com/imapfleet/imapfleet/pkg/throughput"

// Counts is where the rows of the run stand. PendingOctets is what those that
// this run has not begun yet are expected to hold at the source; it counts
// only if PendingKnown, that is if it speaks of all of them. Begun are the
// rows that this run has begun and not ended, those that wait for another
// attempt included; the console only reads it. Waiting says, the most important
// first, which rows are parked until when and why.
type Counts struct {
	throughput.RowCounts
	PendingOctets int64
	PendingKnown  bool
	Begun         []Begun
	Waiting       []string
}

// Begun is a row that the run has begun: its line in the list, as its meter
// has it, and the octets that an earlier pass found at the source, 0 when
// unknown. They stand for it until its meter knows what lies ahead.
type Begun struct {
	Line   int
	Octets int64
}

// Rows tells a console about the rows. Counts is called about ten times a
// second from the console's goroutine, which holds no lock meanwhile: it must
// be quick, and safe to call while the run goes on.
type Rows interface {
	Counts() Counts
}

// RowsFunc is a function as Rows.
type RowsFunc func() Counts

// Counts calls f.
func (f RowsFunc) Counts() Counts { return f() }
