package throughput

import "time"

// Standing is where the rows of a run stand; who is told only reads it.
type Standing struct {
	RowCounts
	// Begun are the rows that this run has begun and not ended, those that wait
	// for another attempt included.
	Begun []Begun
	// NotBegun are the rows that this run has not begun, by when they may begin.
	// Those that it will not begin are not in it.
	NotBegun []Bulk
	// Reasons say, the most important first, which rows are parked until when
	// and why.
	Reasons []string
	// Sized are the rows whose size is known, of this run or an earlier one, and
	// SizedOctets what they hold together.
	Sized       int
	SizedOctets int64
	Lanes       int // that the run may use; 0: nobody said
	Share       int // of them, for one account at most; 0: nobody said
	Holds       Holds
	Held        int // rows that have not ended and wait until a person lets them go on
}

// Begun is a row that the run has begun and not ended. Line is as its meter has
// it; Octets are what an earlier pass found at the source, 0 when unknown: they
// stand for it until its meter knows what lies ahead. From is when it is tried
// again, if it waits for a time.
type Begun struct {
	Line   int
	Label  string
	Octets int64
	From   time.Time
	Held   bool // it waits until a person lets it go on
}

// Rows tells of the rows of a run. Standing is called about ten times a second
// by who holds no lock meanwhile: it must be quick, and safe to call while the
// run goes on.
type Rows interface {
	Standing() Standing
}

// RowsFunc is a function as Rows.
type RowsFunc func() Standing

// Standing calls f.
func (f RowsFunc) Standing() Standing { return f() }
