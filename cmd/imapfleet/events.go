package main

import (
	"io"
	"sync"
	"time"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// events is what --json writes. A nil *events writes nothing. That nobody
// reads any more stops nothing, and is an error at the end. It is safe for
// concurrent use.
type events struct {
	enc *throughput.Encoder

	mu  sync.Mutex
	err error
}

func newEvents(w io.Writer) *events { return &events{enc: throughput.NewEncoder(w)} }

func (e *events) row(what throughput.EventType, r throughput.Result) {
	e.tell(throughput.Event{Type: what, Row: &r})
}

func (e *events) hosts(parked []throughput.HostPause) {
	e.tell(throughput.Event{Type: throughput.EventHosts, Hosts: append([]throughput.HostPause{}, parked...)})
}

func (e *events) tuned(d throughput.Tuning) {
	e.tell(throughput.Event{Type: throughput.EventTuned, Parallel: &d})
}

func (e *events) progress(p throughput.Progress) {
	e.tell(throughput.Event{Type: throughput.EventProgress, Progress: &p})
}

func (e *events) steered(s throughput.Steered) {
	e.tell(throughput.Event{Type: throughput.EventSteered, Steered: &s})
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
