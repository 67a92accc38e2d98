package throughput

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestPlannedText(t *testing.T) {
	of := func(lanes int, ended bool) *Planned {
		return &Planned{Low: 9600, Likely: 11400, High: 14400, Took: 12300, Lanes: 8, RunLanes: lanes, Ended: ended}
	}
	tests := []struct {
		planned *Planned
		want    string
	}{
		{of(8, true), "\nplanned     3h 10m (2h 40m to 4h 00m), took 3h 25m\n"},
		{of(8, false), "\nplanned     3h 10m (2h 40m to 4h 00m), so far 3h 25m\n"},
		{of(4, true), "\nplanned     3h 10m (2h 40m to 4h 00m), took 3h 25m; planned with 8 lanes, run with 4\n"},
	}
	for _, tt := range tests {
		s := Summarize([]Result{{Line: 1, State: Done, Elapsed: time.Second}}, time.Second)
		s.Planned = tt.planned
		var b bytes.Buffer
		if err := s.WriteText(&b); err != nil || !strings.Contains(b.String(), tt.want) {
			t.Errorf("%v: no %q in\n%s", err, tt.want, &b)
		}
	}
}
