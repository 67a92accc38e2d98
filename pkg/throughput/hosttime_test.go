package throughput

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// timed is a row between two hosts that has had lanes for the time that it
// waited for each.
func timed(source, dest string, waitSource, waitDest time.Duration) Result {
	r := Result{Host1: source, Host2: dest, State: Done}
	r.Spent[SourceWait], r.Spent[DestWait] = waitSource, waitDest
	r.LaneTime = waitSource + waitDest
	return r
}

func TestHostTime(t *testing.T) {
	parked := timed("old", "new", 0, 10*time.Second)
	parked.SourceParked, parked.DestParked = time.Minute, time.Second
	s := Summarize([]Result{timed("old", "new", 10*time.Second, 30*time.Second), timed("older", "new", 40*time.Second, 0),
		timed("new", "new", time.Second, time.Second), parked, {Host1: "idle", Host2: "new"}}, 0)
	var out strings.Builder
	if err := s.WriteTime(&out); err != nil {
		t.Fatal(err)
	}
	diff(t, "text", out.String(), `time        lanes 1m 32s: source wait 55 %, destination wait 45 %; rows parked 1m 01s
            new (source and destination): lanes 1m 32s: source wait 55 %, destination wait 45 %; rows parked 1.0s
            old (source): lanes 50s: destination wait 80 %, source wait 20 %; rows parked 1m 00s
            older (source): lanes 40s: source wait 100 %
`)
}

func TestHostTimeIsBounded(t *testing.T) {
	var rows []Result
	for i := range 3 * mostHosts {
		rows = append(rows, timed(fmt.Sprintf("old%03d\n", i), "new", time.Second, time.Second))
	}
	s := Summarize(rows, 0)
	if len(s.HostTime) != mostHosts {
		t.Errorf("%d hosts", len(s.HostTime))
	}
	var out strings.Builder
	_ = s.WriteTime(&out)
	if got := strings.Count(out.String(), "\n"); got != timedHosts+2 {
		t.Errorf("%d lines:\n%s", got, out.String())
	}
	if got := Summarize(nil, 0).HostTime; got == nil || len(got) != 0 {
		t.Errorf("no rows: %v", got)
	}
}

func TestSpentText(t *testing.T) {
	if got := ParseSpent(spentInOrder().Text()); got != spentInOrder() {
		t.Errorf("%v", got)
	}
	for text, want := range map[string]Spent{"": {}, "1 x 3 4 5 6 7 8 9 10": {1, 0, 3, 4, 5, 6, 7, 8}} {
		if got := ParseSpent(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
