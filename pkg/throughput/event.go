package throughput

import (
	"bytes"
	"encoding/json"
	"io"
	"sync"
	"time"
)

// EventType says what an Event reports, and so which of its fields is set.
type EventType string

// The events of a run. The last one of a stream is the summary.
const (
	EventStarted  EventType = "row-started" // Row: an attempt begins
	EventEnded    EventType = "row-ended"   // Row: an attempt has ended; parked and pending rows come again
	EventHosts    EventType = "hosts"       // Hosts: all that are parked now; rows that have not begun wait for them
	EventMapped   EventType = "row-mapped"  // Mapping: where the mailboxes of a row would go that is only looked at
	EventTuned    EventType = "parallel"    // Parallel: another number of lanes was tried, or taken
	EventProgress EventType = "progress"    // Progress
	EventSteered  EventType = "steered"     // Steered: somebody has changed the run while it went on
	EventSummary  EventType = "summary"     // Summary
)

// Event is one line of the NDJSON that --json gives. Its fields and those
// below it are stable: they are only ever added to.
type Event struct {
	Type    EventType `json:"type"`
	Time    time.Time `json:"time"`
	Row     *Result   `json:"row,omitempty"`
	Mapping *Mapping  `json:"mapping,omitempty"`
	// Hosts is an empty array when the last one is tried again.
	Hosts    []HostPause `json:"hosts,omitzero"`
	Parallel *Tuning     `json:"parallel,omitempty"`
	Progress *Progress   `json:"progress,omitempty"`
	Steered  *Steered    `json:"steered,omitempty"`
	Summary  *Report     `json:"summary,omitempty"`
}

// Mapping tells, in sentences, which mailboxes of a row would go to another
// name than their own or nowhere.
type Mapping struct {
	Line  int      `json:"line"`
	Notes []string `json:"notes"`
}

// Steered is an order that 'imapfleet ctl' gave, and what was done, in a sentence.
type Steered struct {
	Verb string   `json:"verb"`
	Args []string `json:"arguments,omitempty"`
	Said string   `json:"said"`
}

// Progress is how far a run is. Messages and octets are those copied by this
// run so far; the rates are over the time just past. ExpectedOctets is what
// the rows begun so far hold at the source, 0 when unknown.
type Progress struct {
	Rows              RowCounts `json:"rows"`
	Messages          int64     `json:"messages"`
	Octets            int64     `json:"octets"`
	ExpectedMessages  int64     `json:"expected_messages"`
	ExpectedOctets    int64     `json:"expected_octets"`
	MiBPerSecond      float64   `json:"mib_per_second"`
	MessagesPerSecond float64   `json:"messages_per_second"`
	// End is when the run ends by what is known now; nil where nothing is left.
	End   *End  `json:"end,omitempty"`
	Lanes int   `json:"lanes,omitempty"` // that the run may use
	Holds Holds `json:"holds,omitzero"`  // what 'imapfleet ctl' has stopped
	// Bottleneck is what has kept the run from being faster for the last while;
	// nil while that is not clear.
	Bottleneck *Bottleneck `json:"bottleneck,omitempty"`
}

// Encoder writes events, one line each, one Write per line. It is safe for
// concurrent use.
type Encoder struct {
	mu  sync.Mutex
	out io.Writer
}

// NewEncoder returns an encoder that writes to w.
func NewEncoder(w io.Writer) *Encoder { return &Encoder{out: w} }

// Encode writes e as one line. The error is the writer's: who reads has gone.
func (e *Encoder) Encode(ev Event) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(ev); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	_, err := e.out.Write(b.Bytes())
	return err
}
