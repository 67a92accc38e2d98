package main

import (
	"io"
	"sync"
	"time"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// events is what --json writes. A nil *events writes nothing. That nobody
// reads any more stops nothing, and is an error at the end. It is safe for
// concurrent use, but for progress.
type events struct {
	enc              *throughput.Encoder
	octets, messages *throughput.Window

	mu  sync.Mutex
	err error
}

// rateSpan is the time just past that progress speaks of.
const rateSpan = 10 * time.Second

func newEvents(w io.Writer) *events {
	return &events{
		enc:    throughput.NewEncoder(w),
		octets: throughput.NewWindow(rateSpan), messages: throughput.NewWindow(rateSpan),
	}
}

func (e *events) row(what throughput.EventType, r throughput.Result) {
	e.tell(throughput.Event{Type: what, Row: &r})
}

func (e *events) hosts(parked []throughput.HostPause) {
	e.tell(throughput.Event{Type: throughput.EventHosts, Hosts: append([]throughput.HostPause{}, parked...)})
}

func (e *events) tuned(d throughput.Tuning) {
	e.tell(throughput.Event{Type: throughput.EventTuned, Parallel: &d})
}

// progress is for one goroutine.
func (e *events) progress(now time.Time, s throughput.Snapshot, rows throughput.RowCounts) {
	e.octets.Add(now, s.Octets)
	e.messages.Add(now, s.Copied)
	e.tell(throughput.Event{Type: throughput.EventProgress, Progress: &throughput.Progress{
		Rows: rows, Messages: s.Copied, Octets: s.Octets,
		ExpectedMessages: s.ExpectedMessages, ExpectedOctets: s.ExpectedOctets,
		MiBPerSecond: e.octets.Rate() / (1 << 20), MessagesPerSecond: e.messages.Rate(),
	}})
}

// summary is the last event; its error is the first of all.
func (e *events) summary(rep throughput.Report) error {
	e.tell(throughput.Event{Type: throughput.EventSummary, Summary: &rep})
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}

func (e *events) tell(ev throughput.Event) {
	if e == nil {
		return
	}
	ev.Time = time.Now().UTC()
	if err := e.enc.Encode(ev); err != nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.err == nil {
			e.err = err
		}
	}
}
