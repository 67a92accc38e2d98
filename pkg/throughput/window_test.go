package throughput

import (
	"testing"
	"time"
)

func TestWindow(t *testing.T) {
	type add struct {
		at time.Duration
		n  int64
	}
	tests := []struct {
		name string
		adds []add
		want float64
	}{
		{"nothing", nil, 0},
		{"one point", []add{{0, 100}}, 0},
		{"two points of one time", []add{{0, 100}, {0, 200}}, 0},
		{"steady", []add{{0, 0}, {1 * time.Second, 10}, {2 * time.Second, 20}}, 10},
		{"the past is forgotten", []add{{0, 0}, {10 * time.Second, 1000}, {20 * time.Second, 1010}}, 1},
		{"a stall shows", []add{{0, 0}, {5 * time.Second, 500}, {15 * time.Second, 500}}, 0},
		{"a count that goes back", []add{{0, 100}, {10 * time.Second, 50}}, -5},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := NewWindow(10 * time.Second)
			start := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
			for _, a := range tt.adds {
				w.Add(start.Add(a.at), a.n)
			}
			if got := w.Rate(); got != tt.want {
				t.Errorf("Rate() = %v, want %v", got, tt.want)
			}
		})
	}
}

// TestWindowBounded adds far more often than a console does.
func TestWindowBounded(t *testing.T) {
	w := NewWindow(10 * time.Second)
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for i := range int64(100_000) {
		w.Add(now, i)
		now = now.Add(time.Millisecond)
	}
	if n := len(w.samples); n > samplesPerWindow+3 {
		t.Errorf("%d samples kept, want at most %d", n, samplesPerWindow+3)
	}
	if r := w.Rate(); r < 999 || r > 1001 {
		t.Errorf("Rate() = %v, want 1000", r)
	}
	if s := w.Span(); s < 10*time.Second || s > 11*time.Second {
		t.Errorf("Span() = %v, want 10s", s)
	}
}
