package main

import (
	"testing"

	"github.com/imapfleet/imapfleet/pkg/batch"
)

func TestParallelFlag(t *testing.T) {
	tests := []struct {
		text   string
		memory sizeValue
		shown  string
		auto   batch.Bounds
		fixed  int // for check and verify
	}{
		{"auto", 256 << 20, "auto", batch.Bounds{Min: 1, Max: 32}, 4},
		{"auto", 4 << 30, "auto", batch.Bounds{Min: 1, Max: 32}, 4},
		{"auto", 64 << 20, "auto", batch.Bounds{Min: 1, Max: 8}, 4},
		{"auto", 16 << 20, "auto", batch.Bounds{Min: 1, Max: 4}, 4},
		{"auto", 2 << 20, "auto", batch.Bounds{Min: 1, Max: 2}, 4},
		{"auto:4-64", 256 << 20, "auto:4-64", batch.Bounds{Min: 4, Max: 64}, 4},
		{"auto:8-16", 256 << 20, "auto:8-16", batch.Bounds{Min: 8, Max: 16}, 8},
		{"auto:1-2", 256 << 20, "auto:1-2", batch.Bounds{Min: 1, Max: 2}, 2},
		{"40", 256 << 20, "40", batch.Bounds{}, 40},
	}
	for _, tt := range tests {
		var v parallelValue
		if err := v.Set(tt.text); err != nil {
			t.Errorf("%s: %v", tt.text, err)
		}
		if v.String() != tt.shown || v.auto(tt.memory) != tt.auto || v.fixed() != tt.fixed {
			t.Errorf("%s with %s: shown %s, %+v, fixed %d", tt.text, tt.memory.String(), v.String(), v.auto(tt.memory), v.fixed())
		}
	}
	for _, text := range []string{"", "0", "-3", "many", "auto:", "auto:4", "auto:0-4", "auto:9-4", "auto:a-b", "automatic", "4-64"} {
		if err := new(parallelValue).Set(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// A plan plays no more lanes than the run may have.
func TestParallelWithin(t *testing.T) {
	tests := []struct {
		text       string
		best, want int
	}{
		{"auto", 0, usualLanes}, {"auto", 7, 7}, {"auto", autoLanes, autoLanes}, {"auto", 100, autoLanes},
		{"auto:4-64", 100, 64}, {"auto:4-64", 40, 40}, {"auto:4-64", 1, 4}, {"100", 7, 100},
	}
	for _, tt := range tests {
		var v parallelValue
		if err := v.Set(tt.text); err != nil {
			t.Fatal(err)
		}
		if got := v.within(tt.best); got != tt.want {
			t.Errorf("%s where %d are best: %d lanes, want %d", tt.text, tt.best, got, tt.want)
		}
	}
}
