package throughput

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.Local)

// known is an account of which all is known.
func known(line int, octets int64, rate float64, lanes int) Load {
	return Load{Line: line, Label: "user", Octets: octets, Known: true, Rate: rate, Lanes: lanes}
}

func TestEstimate(t *testing.T) {
	const mib, gib = 1 << 20, 1 << 30
	tests := []struct {
		name  string
		a     Ahead
		after time.Duration // 0: not known
		text  string
	}{
		{name: "nothing"},
		{
			name: "many small ones: all of it at the run's rate",
			a: Ahead{Rate: 10 * mib, Lanes: 4, Share: 4,
				Busy:    []Load{known(1, 50*mib, 2.5*mib, 1), known(2, 50*mib, 2.5*mib, 1), known(3, 50*mib, 2.5*mib, 1), known(4, 50*mib, 2.5*mib, 1)},
				Waiting: []Bulk{{Rows: 1000, Octets: 100_000 * mib, Largest: known(5, 100*mib, 0, 0)}}},
			after: 10020 * time.Second,
			text:  "ends about 14:47 (1,004 rows, 97.9 GiB left; longest: line 5, user, 100.0 MiB)",
		},
		{
			name: "one huge one at work, one lane each while others wait, four from then on",
			a: Ahead{Rate: 10 * mib, Lanes: 4, Share: 4,
				Busy:    []Load{known(17, 40*gib, 2.5*mib, 1), known(2, 0, 2.5*mib, 1), known(3, 0, 2.5*mib, 1), known(4, 0, 2.5*mib, 1)},
				Waiting: []Bulk{{Rows: 3, Octets: 3000 * mib, Largest: known(5, 1000*mib, 0, 0)}}},
			// By itself it takes 4246 s: the queue is empty after 200, then 40,460 MiB go
			// at 10 MiB/s. All of it takes 4396 s, so nothing but it is at work at last.
			after: 4396 * time.Second,
			text:  "ends about 13:13 (line 17, user, 40.0 GiB left)",
		},
		{
			name:  "no more lanes for one account",
			a:     Ahead{Rate: 10 * mib, Lanes: 4, Share: 1, Busy: []Load{known(17, 40*gib, 2.5*mib, 1), known(2, 30*mib, 2.5*mib, 1)}},
			after: 16384 * time.Second,
			text:  "ends about 16:33 (line 17, user, 40.0 GiB left)",
		},
		{
			name: "a huge one that has not begun: first when a lane is free",
			a: Ahead{Rate: 10 * mib, Lanes: 2, Share: 1, Busy: []Load{known(1, 500*mib, 5*mib, 1), known(2, 1000*mib, 5*mib, 1)},
				Waiting: []Bulk{{Rows: 1, Octets: 5000 * mib, Largest: known(3, 5000*mib, 0, 0)}}},
			after: 1100 * time.Second,
			text:  "ends about 12:18 (line 3, user, 4.9 GiB left)",
		},
		{
			name: "unknown sizes: the mean stands for them",
			a: Ahead{Rate: mib, Lanes: 1, Share: 1, Mean: 100 * mib, Busy: []Load{known(1, 100*mib, mib, 1)},
				Waiting: []Bulk{{Rows: 5, Octets: 50 * mib, Unknown: 4, Largest: known(2, 50*mib, 0, 0)}}},
			after: 550 * time.Second,
			text:  "ends about 12:09 (6 rows, 550.0 MiB left; longest: line 2, user, 100.0 MiB; size of 4 rows unknown)",
		},
		{
			name: "unknown sizes and no mean: then or later",
			a: Ahead{Rate: mib, Lanes: 1, Busy: []Load{{Line: 1, Label: "ann", Lanes: 1}},
				Waiting: []Bulk{{Rows: 2, Octets: 60 * mib, Unknown: 1, Largest: known(2, 60*mib, 0, 0)}}},
			after: 60 * time.Second,
			text:  "ends at 12:01 or later (line 2, user, 60.0 MiB left; size of 2 rows unknown)",
		},
		{
			name: "parked rows: not before their time",
			a: Ahead{Rate: mib, Lanes: 4, Share: 1, Busy: []Load{known(1, 60*mib, mib, 1)}, Waiting: []Bulk{
				{From: noon.Add(time.Hour), Rows: 1, Octets: 60 * mib, Largest: known(2, 60*mib, 0, 0)},
				{From: noon.Add(-time.Hour), Rows: 1, Octets: mib, Largest: known(3, mib, 0, 0)}}},
			after: time.Hour + time.Minute,
			text:  "ends about 13:01 (line 2, user, 60.0 MiB left)",
		},
		{
			name: "parked rows: many share a rate",
			a: Ahead{Rate: mib, Lanes: 4, Share: 1, Busy: []Load{known(1, 60*mib, mib, 1)}, Waiting: []Bulk{
				{From: noon.Add(time.Hour), Rows: 60, Octets: 3600 * mib, Largest: known(2, 60*mib, 0, 0)}}},
			after: 2 * time.Hour,
			text:  "ends about 14:00 (61 rows, 3.6 GiB left; longest: line 2, user, 60.0 MiB)",
		},
		{
			name:  "tomorrow",
			a:     Ahead{Rate: mib, Lanes: 1, Busy: []Load{known(1, 24*3600*mib, mib, 1)}},
			after: 24 * time.Hour,
			text:  "ends about 2026-11-24 12:00 (line 1, user, 84.4 GiB left)",
		},
		{name: "no rate yet", a: Ahead{Early: true, Busy: []Load{known(1, mib, 0, 1)}}},
		{
			name: "stalled", a: Ahead{Busy: []Load{known(1, mib, 0, 1)}},
			text: "no end in sight: nothing moves (1 row, 1.0 MiB left)",
		},
		{
			name: "too slow", a: Ahead{Rate: 1, Busy: []Load{known(1, gib, 1, 1)}},
			text: "no end in sight: more than 100 days (1 row, 1.0 GiB left)",
		},
		{
			name: "paused", a: Ahead{Rate: mib, Paused: true, Busy: []Load{known(1, mib, 1, 1)}},
			text: "ends when what is paused is resumed (1 row, 1.0 MiB left)",
		},
		{name: "nothing known", a: Ahead{Rate: mib, Busy: []Load{{Line: 1, Lanes: 1}}}},
		{name: "nothing left", a: Ahead{Rate: mib, Busy: []Load{known(1, 0, mib, 1)}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := Estimate(noon, tt.a)
			got, ok := e.Until(noon)
			if got.Round(time.Second) != tt.after || ok != (tt.after > 0) {
				t.Errorf("ends after %v (%v), want %v", got, ok, tt.after)
			}
			if s := e.Text(noon); s != tt.text {
				t.Errorf("said   %q\nwanted %q", s, tt.text)
			}
			b, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			var back End
			if err := json.Unmarshal(b, &back); err != nil || back.Text(noon) != tt.text {
				t.Errorf("%s came back as %q (%v)", b, back.Text(noon), err)
			}
		})
	}
}

// TestEstimateMonotonic: more work never ends sooner, and more rate never later.
func TestEstimateMonotonic(t *testing.T) {
	base := Ahead{Rate: 1000, Lanes: 4, Share: 2, Mean: 500, Busy: []Load{known(1, 5000, 250, 1), known(2, 100, 750, 2)},
		Waiting: []Bulk{{Rows: 3, Octets: 900, Unknown: 1, Largest: known(3, 600, 0, 0)}}}
	last := time.Duration(0)
	for n := range 200 {
		a := base
		a.Waiting = []Bulk{base.Waiting[0]}
		a.Waiting[0].Octets += int64(100 * n)
		got, ok := Estimate(noon, a).Until(noon)
		if !ok || got < last {
			t.Fatalf("%d octets more: %v after %v", 100*n, got, last)
		}
		last = got
	}
	if d := cmp.Diff(3, base.Waiting[0].Rows); d != "" || base.Waiting[0].Octets != 900 {
		t.Error("Estimate has changed what it was given")
	}
}

func TestBulks(t *testing.T) {
	var b Bulks
	b.Add(time.Time{}, known(1, 10, 0, 0))
	b.Add(noon.Add(70*time.Second), known(2, 20, 0, 0))
	b.Add(noon.Add(90*time.Second), Load{Line: 3})
	b.Add(time.Time{}, known(4, 30, 0, 0))
	want := []Bulk{
		{Rows: 2, Octets: 40, Largest: known(4, 30, 0, 0)},
		{From: noon.Add(time.Minute), Rows: 2, Octets: 20, Unknown: 1, Largest: known(2, 20, 0, 0)},
	}
	if d := cmp.Diff(want, b.All()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
