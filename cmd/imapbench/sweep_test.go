package main

import (
	"io"
	"slices"
	"strings"
	"testing"
)

func TestParseLanes(t *testing.T) {
	got, err := parseLanes("1,8,auto")
	if err != nil || !slices.Equal(got, []int{1, 8, 0}) {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "0", "-1", "eight", "1,,2"} {
		if got, err := parseLanes(bad); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

// The best number is that of the highest median, not of the luckiest run.
func TestSwing(t *testing.T) {
	w := &swing{Setting: "near", Tried: []int{1, 4, 8, 0}, Points: map[int]*point{
		1: {Rate: sample{50, 51, 200}},
		4: {Rate: sample{99, 98, 100}},
		8: {Rate: sample{90, 100, 110}},
		0: {Rate: sample{95, 97, 96}, Lanes: []int{8, 4, 5}, Climb: sample{60, 80, 100}},
	}}
	if lanes, fewest, rate := w.best(); lanes != 8 || fewest != 4 || rate != 100 {
		t.Errorf("best: %d lanes, %d as well, %v MiB/s", lanes, fewest, rate)
	}
	var out strings.Builder
	w.print(&out)
	if !strings.Contains(out.String(), "best: 8 lanes (4 within 2 %); auto: 0.96 of its rate with 5 lanes ([4 5 8])") {
		t.Error(out.String())
	}
}

// A run is measured at the number of lanes at which it settles first, and what
// it has copied is told.
func TestWatchEvents(t *testing.T) {
	const events = `{"type":"parallel","time":"2026-01-01T00:00:00Z","parallel":{"from":8,"to":12,"lanes":8,"reason":"no-gain"}}
{"type":"row-ended","time":"2026-01-01T00:00:01Z","row":{"user2":"a","state":"done"}}
{"type":"row-ended","time":"2026-01-01T00:00:01Z","row":{"user2":"b","state":"failed"}}
{"type":"parallel","time":"2026-01-01T00:00:02Z","parallel":{"from":8,"to":8,"lanes":8,"reason":"settled"}}
not an event
{"type":"parallel","time":"2026-01-01T00:00:03Z","parallel":{"from":8,"to":16,"lanes":16,"reason":"settled"}}
`
	settled, done := make(chan int, 1), make(chan string, 2)
	var log strings.Builder
	watchEvents(io.MultiReader(strings.NewReader(events)), settled, done, &log)
	if n := <-settled; n != 8 {
		t.Errorf("settled at %d", n)
	}
	if _, more := <-settled; more {
		t.Error("settled twice")
	}
	if user, more := <-done, <-done; user != "a" || more != "" {
		t.Errorf("done: %q, %q", user, more)
	}
	if got := strings.Count(log.String(), "\n"); got != 2 {
		t.Errorf("%d lines of log:\n%s", got, log.String())
	}
}
