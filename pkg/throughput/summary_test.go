package throughput

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

func done(line int, messages, octets int64, elapsed time.Duration) Result {
	u := fmt.Sprintf("user%d", line)
	return Result{Line: line, Host1: "old", User1: u, Host2: "new", User2: u, State: Done, Attempts: 1, Elapsed: elapsed,
		Count: Count{Listed: messages, Copied: messages, Octets: octets, Mailboxes: 2}}
}

func failed(line int, state State, side, code, text, hint string) Result {
	r := done(line, 0, 0, time.Second)
	r.State, r.Fault = state, &Fault{Side: side, Code: code, Text: text, Hint: hint}
	return r
}

// TestAggregateRates: two accounts of unlike speed side by side. The mean of
// their rates would be 5.5 MiB/s and the sum 11; the truth is the total over
// the wall time.
func TestAggregateRates(t *testing.T) {
	s := Summarize([]Result{done(1, 100, 100<<20, 10*time.Second), done(2, 100, 100<<20, 100*time.Second)}, 100*time.Second)
	if s.MiBPerSecond != 2 || s.MessagesPerSecond != 2 {
		t.Errorf("rates = %v MiB/s, %v messages/s, want 2 and 2", s.MiBPerSecond, s.MessagesPerSecond)
	}
	if s := Summarize(nil, 0); s.MiBPerSecond != 0 || s.MessagesPerSecond != 0 || s.Rows.Total() != 0 {
		t.Errorf("empty summary = %+v", s)
	}
}

func TestSpread(t *testing.T) {
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(100 - i)
	}
	tests := []struct {
		name string
		v    []float64
		want Spread
	}{
		{"none", nil, Spread{}},
		{"one", []float64{3}, Spread{3, 3, 3, 3}},
		{"two", []float64{4, 2}, Spread{2, 3, 4, 4}},
		{"three", []float64{9, 1, 4}, Spread{1, 4, 9, 9}},
		{"hundred", hundred, Spread{1, 50.5, 95, 100}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { diff(t, "spread", spreadOf(tt.v), tt.want) })
	}
}

func TestSpreadsSpeakOfDoneAccounts(t *testing.T) {
	idle := done(3, 0, 0, 4*time.Second)
	s := Summarize([]Result{done(1, 10, 1<<20, time.Second), done(2, 10, 4<<20, 2*time.Second), idle,
		failed(4, Failed, "source", "tls", "", "")}, time.Minute).Spread
	diff(t, "spreads", s, Spreads{
		Accounts: 3, Moved: 2,
		MiBPerSecond:      Spread{1, 1.5, 2, 2},
		MessagesPerSecond: Spread{5, 7.5, 10, 10},
		Seconds:           Spread{1, 2, 4, 4},
	})
}

func TestSlowest(t *testing.T) {
	var rows []Result
	for i := range 7 {
		rows = append(rows, done(i+1, 1, 1, time.Duration(i%4)*time.Second))
	}
	rows = append(rows, failed(8, Failed, "source", "timeout", "", ""))
	var got []int
	for _, r := range Summarize(rows, time.Minute).Slowest {
		got = append(got, r.Line)
	}
	diff(t, "slowest lines", got, []int{4, 3, 7, 2, 6})
}

func TestCauses(t *testing.T) {
	none := failed(9, Incomplete, "", "", "", "")
	none.Fault, none.Count.Rejected = nil, 2
	rows := []Result{
		failed(8, Failed, "source", "auth-refused", "NO b", "check the password"),
		failed(7, Failed, "source", "auth-refused", "NO a\x1b", "check the password"),
		failed(3, Failed, "source", "auth-refused", "NO a\x1b", "check the user"),
		failed(4, Failed, "destination", "auth-refused", "", ""),
		done(1, 1, 1, 1), {Line: 2}, {Line: 10, State: Running}, none,
	}
	rows[3].Fault.Temporary = true
	diff(t, "causes", Summarize(rows, 0).Causes, []Cause{
		{Side: "source", Code: "auth-refused", Rows: 3, Lines: "3,7-8", Texts: []string{"NO a ", "NO b"}, Hints: []string{"check the user", "check the password"}},
		{Side: "", Code: "rejected", Rows: 1, Lines: "9", Texts: []string{}, Hints: []string{}},
		{Side: "destination", Code: "auth-refused", Rows: 1, Lines: "4", Temporary: true, Texts: []string{}, Hints: []string{}},
	})
}

// TestCausesKeepFewExamples: a server that puts an id into its words.
func TestCausesKeepFewExamples(t *testing.T) {
	var rows []Result
	for i := range 1000 {
		rows = append(rows, failed(i+1, Failed, "source", "unavailable", fmt.Sprint("NO session ", i), ""))
	}
	c := Summarize(rows, 0).Causes
	if len(c) != 1 || len(c[0].Texts) != examples || c[0].Lines != "1-1000" {
		t.Errorf("causes = %+v, want one with %d texts", c, examples)
	}
}

func TestReportJSON(t *testing.T) {
	first := done(1, 100, 1<<20, 2*time.Second)
	first.LaneTime, first.Spent = 3600*time.Millisecond, spentInOrder()
	s := Summarize([]Result{first, failed(2, Failed, "source", "tls", "x", "y")}, 4*time.Second)
	spent := map[string]any{"local": 0.1, "source_wait": 0.2, "destination_wait": 0.3, "source_throttled": 0.4, "destination_throttled": 0.5,
		"source_limit": 0.6, "destination_limit": 0.7, "ledger": 0.8}
	raw, err := json.Marshal(Report{Run: s})
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Run map[string]any }
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	diff(t, "run", got.Run, map[string]any{
		"rows": map[string]any{"done": 1.0, "incomplete": 0.0, "failed": 1.0, "parked": 0.0, "pending": 0.0},
		"total": map[string]any{"listed": 100.0, "copied": 100.0, "already_there": 0.0, "filtered": 0.0, "rejected": 0.0, "gone": 0.0,
			"not_tried": 0.0, "octets": 1048576.0, "octets_not_tried": 0.0, "source_octets": 0.0, "mailboxes": 4.0, "mailboxes_refused": 0.0, "mailboxes_split": 0.0, "flags_updated": 0.0,
			"mailboxes_filtered": 0.0, "filtered_date": 0.0, "filtered_size": 0.0, "filtered_search": 0.0, "filtered_duplicate": 0.0, "accepted": 0.0, "repaired": 0.0, "gone_kept": 0.0, "deleted": 0.0, "moved": 0.0},
		"lane_seconds": 3.6, "parked_seconds": 0.0, "spent": spent, "host_time": []any{
			map[string]any{"host": "new", "sides": []any{"destination"}, "lane_seconds": 3.6, "spent": spent, "parked_seconds": 0.0},
			map[string]any{"host": "old", "sides": []any{"source"}, "lane_seconds": 3.6, "spent": spent, "parked_seconds": 0.0}},
		"attempts": 2.0, "seconds": 4.0, "mib_per_second": 0.25, "messages_per_second": 25.0,
		"spread": map[string]any{"accounts": 1.0, "moved": 1.0,
			"mib_per_second":      map[string]any{"min": 0.5, "median": 0.5, "p95": 0.5, "max": 0.5},
			"messages_per_second": map[string]any{"min": 50.0, "median": 50.0, "p95": 50.0, "max": 50.0},
			"seconds":             map[string]any{"min": 2.0, "median": 2.0, "p95": 2.0, "max": 2.0}},
		"slowest": []any{map[string]any{"line": 1.0, "host1": "old", "user1": "user1", "host2": "new", "user2": "user1", "state": "done",
			"count": map[string]any{"listed": 100.0, "copied": 100.0, "already_there": 0.0, "filtered": 0.0, "rejected": 0.0, "gone": 0.0,
				"not_tried": 0.0, "octets": 1048576.0, "octets_not_tried": 0.0, "source_octets": 0.0, "mailboxes": 2.0, "mailboxes_refused": 0.0, "mailboxes_split": 0.0, "flags_updated": 0.0,
				"mailboxes_filtered": 0.0, "filtered_date": 0.0, "filtered_size": 0.0, "filtered_search": 0.0, "filtered_duplicate": 0.0, "accepted": 0.0, "repaired": 0.0, "gone_kept": 0.0, "deleted": 0.0, "moved": 0.0},
			"seconds": 2.0, "attempts": 1.0, "messages_per_second": 50.0, "mib_per_second": 0.5, "lane_seconds": 3.6, "spent": spent}},
		"causes": []any{map[string]any{"side": "source", "code": "tls", "rows": 1.0, "lines": "2", "temporary": false,
			"texts": []any{"x"}, "hints": []any{"y"}}},
	})
	if !strings.HasPrefix(string(raw), `{"run":{"rows":{"done":1,`) || !strings.Contains(string(raw), `,"list":{"rows":{"done":0,`) {
		t.Errorf("unexpected order: %s", raw)
	}
}
