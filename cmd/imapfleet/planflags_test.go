package main

import (
	"testing"
	"time"
)

// Hours and timetables go by the clock of this machine, in whatever zone the
// start is written.
func TestStartFlag(t *testing.T) {
	want := time.Date(2026, 12, 1, 20, 0, 0, 0, time.Local)
	for _, text := range []string{
		"2026-12-01 20:00", "2026-12-01T20:00", want.Format(time.RFC3339),
		want.In(time.FixedZone("", 5*3600+1800)).Format(time.RFC3339), want.In(time.FixedZone("", -9*3600)).Format(time.RFC3339),
	} {
		var v startValue
		if err := v.Set(text); err != nil {
			t.Fatal(err)
		}
		if got := time.Time(v); !got.Equal(want) || got.Location() != time.Local || v.String() != "2026-12-01 20:00" {
			t.Errorf("%s is %v, shown %s", text, got, v.String())
		}
	}
}
