package throughput

import (
	"bytes"
	"encoding/json"
	"sync"
	"testing"
	"time"
)

func TestEncoder(t *testing.T) {
	var b bytes.Buffer
	enc := NewEncoder(&b)
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	row := Result{Line: 2, Host1: "old", User1: "a\n", Host2: "new", User2: "b", State: Parked, ParkedUntil: at,
		Fault: &Fault{Side: "source", Scope: "account", Code: "in-use", Temporary: true}}
	events := []Event{
		{Type: EventStarted, Time: at, Row: &row},
		{Type: EventProgress, Time: at, Progress: &Progress{Messages: 7, ExpectedMessages: 9, Octets: 70}},
	}
	for _, e := range events {
		if err := enc.Encode(e); err != nil {
			t.Fatal(err)
		}
	}
	const count = `{"listed":0,"copied":0,"already_there":0,"filtered":0,"rejected":0,"gone":0,"not_tried":0,"octets":0,"octets_not_tried":0,"source_octets":0,"mailboxes":0,"mailboxes_refused":0,"mailboxes_split":0,"mailboxes_filtered":0,"flags_updated":0,"filtered_date":0,"filtered_size":0,"filtered_search":0,"filtered_duplicate":0,"accepted":0,"repaired":0,"gone_kept":0,"deleted":0,"moved":0}`
	const want = `{"type":"row-started","time":"2026-11-23T12:00:00Z","row":{"line":2,"host1":"old","user1":"a\n","host2":"new","user2":"b","state":"parked","count":` + count +
		`,"seconds":0,"attempts":0,"messages_per_second":0,"mib_per_second":0,"fault":{"side":"source","scope":"account","code":"in-use","temporary":true},"parked_until":"2026-11-23T12:00:00Z","lane_seconds":0}}
{"type":"progress","time":"2026-11-23T12:00:00Z","progress":{"rows":{"done":0,"incomplete":0,"failed":0,"parked":0,"pending":0},"messages":7,"octets":70,"expected_messages":9,"expected_octets":0,"mib_per_second":0,"messages_per_second":0}}
`
	diff(t, "NDJSON", b.String(), want)
}

func TestEncoderConcurrent(t *testing.T) {
	var b bytes.Buffer
	enc := NewEncoder(&b)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			if err := enc.Encode(Event{Type: EventEnded, Row: &Result{Line: i}}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	lines := bytes.Split(bytes.TrimSpace(b.Bytes()), []byte("\n"))
	if len(lines) != 50 {
		t.Fatalf("%d lines, want 50", len(lines))
	}
	for _, l := range lines {
		if !json.Valid(l) {
			t.Errorf("not JSON: %s", l)
		}
	}
}
