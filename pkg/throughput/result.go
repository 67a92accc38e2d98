package throughput

import (
	"encoding/json"
	"time"
)

// Fault is why a row is not done, in plain strings for files and JSON. Side is
// "source", "destination" or "local", Scope how much was lost ("message",
// "mailbox", "account", "host", "run"), Code the stable name of the cause, Op
// the step, Text the server's words, Hint what to do.
type Fault struct {
	Side      string `json:"side"`
	Scope     string `json:"scope"`
	Code      string `json:"code"`
	Op        string `json:"operation,omitempty"`
	Mailbox   string `json:"mailbox,omitempty"`
	Text      string `json:"text,omitempty"`
	Hint      string `json:"hint,omitempty"`
	Temporary bool   `json:"temporary"`
}

// Result is what became of one row in this run. Line is the row's physical
// line in the list. Elapsed is the time of all attempts, without the waiting
// between them. Fault is nil when the row is done; ParkedUntil is zero unless
// it is parked. The zero Result is a pending row.
type Result struct {
	Line        int
	Host1       string
	User1       string
	Host2       string
	User2       string
	State       State
	Count       Count
	Start       time.Time
	Elapsed     time.Duration
	Attempts    int
	Fault       *Fault
	ParkedUntil time.Time
	Spent       Spent         // where the time of its lanes went, of all attempts in this run
	LaneTime    time.Duration // how long it has had lanes, each counted: what Spent adds up to
	// How long it was parked in this run, without a lane, by whose server; that
	// which goes on is not in it.
	SourceParked, DestParked time.Duration
}

// MessagesPerSecond is the row's own rate: copied messages over Elapsed, 0
// when no time has passed.
func (r Result) MessagesPerSecond() float64 { return perSecond(float64(r.Count.Copied), r.Elapsed) }

// MiBPerSecond is the row's own rate: copied octets over Elapsed in units of
// 2^20, 0 when no time has passed.
func (r Result) MiBPerSecond() float64 {
	return perSecond(float64(r.Count.Octets)/mebi, r.Elapsed)
}

const mebi = 1 << 20

func perSecond(n float64, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return n / d.Seconds()
}

// rowJSON is the stable form of a Result; fields are only ever added.
type rowJSON struct {
	Line              int        `json:"line"`
	Host1             string     `json:"host1"`
	User1             string     `json:"user1"`
	Host2             string     `json:"host2"`
	User2             string     `json:"user2"`
	State             State      `json:"state"`
	Count             Count      `json:"count"`
	Start             *time.Time `json:"start,omitempty"`
	Seconds           float64    `json:"seconds"`
	Attempts          int        `json:"attempts"`
	MessagesPerSecond float64    `json:"messages_per_second"`
	MiBPerSecond      float64    `json:"mib_per_second"`
	Fault             *Fault     `json:"fault,omitempty"`
	ParkedUntil       *time.Time `json:"parked_until,omitempty"`
	LaneSeconds       float64    `json:"lane_seconds"`
	Spent             Spent      `json:"spent,omitzero"`
	SourceParked      float64    `json:"source_parked_seconds,omitempty"`
	DestParked        float64    `json:"destination_parked_seconds,omitempty"`
}

// MarshalJSON gives seconds and the two rates as numbers with 3 decimals,
// times as RFC 3339, and leaves out what is not set.
func (r Result) MarshalJSON() ([]byte, error) {
	return json.Marshal(rowJSON{
		Line: r.Line, Host1: r.Host1, User1: r.User1, Host2: r.Host2, User2: r.User2,
		State: r.State.Known(), Count: r.Count,
		Start: timeOrNil(r.Start), Seconds: milli(r.Elapsed.Seconds()), Attempts: r.Attempts,
		MessagesPerSecond: milli(r.MessagesPerSecond()), MiBPerSecond: milli(r.MiBPerSecond()),
		Fault: r.Fault, ParkedUntil: timeOrNil(r.ParkedUntil),
		LaneSeconds: milli(r.LaneTime.Seconds()), Spent: r.Spent,
		SourceParked: milli(r.SourceParked.Seconds()), DestParked: milli(r.DestParked.Seconds()),
	})
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
