package throughput

// State says where a row stands. The zero value reads as Pending.
type State string

// The states of a row.
const (
	Pending    State = "pending"    // no worker has begun with it in this run
	Running    State = "running"    // a worker has it
	Done       State = "done"       // every listed message is copied, already there, filtered or gone
	Incomplete State = "incomplete" // some messages are rejected or not tried
	Failed     State = "failed"     // the pass did not get that far, or its retries are spent
	Parked     State = "parked"     // a server said "later"; no worker has it until then
)

// Known returns the state itself, and Pending for the zero value.
func (s State) Known() State {
	if s == "" {
		return Pending
	}
	return s
}

// RowCounts is the number of rows in each state. The zero value is ready.
type RowCounts struct {
	Done       int `json:"done"`
	Incomplete int `json:"incomplete"`
	Failed     int `json:"failed"`
	Parked     int `json:"parked"`
	Pending    int `json:"pending"`
	Running    int `json:"running,omitempty"` // only while a run goes on
}

// Add counts one row in state s. A state that is not one of ours counts as
// failed, so that the sum stays the number of rows.
func (c *RowCounts) Add(s State) {
	switch s.Known() {
	case Done:
		c.Done++
	case Incomplete:
		c.Incomplete++
	case Parked:
		c.Parked++
	case Pending:
		c.Pending++
	case Running:
		c.Running++
	default:
		c.Failed++
	}
}

// Total is the number of rows.
func (c RowCounts) Total() int {
	return c.Done + c.Incomplete + c.Failed + c.Parked + c.Pending + c.Running
}

// Ended is the number of rows that no worker will take up again in this run.
func (c RowCounts) Ended() int { return c.Done + c.Incomplete + c.Failed }
