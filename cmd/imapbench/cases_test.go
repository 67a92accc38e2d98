package main

import (
	"regexp"
	"strings"
	"testing"
)

func TestCases(t *testing.T) {
	names := make(map[string]bool)
	for _, c := range allCases(true) {
		if names[c.name] {
			t.Errorf("two cases are called %q", c.name)
		}
		names[c.name] = true
		near, far := strings.CutPrefix(c.name, farPrefix)
		if far != c.far || !names[near] {
			t.Errorf("%q has no near twin, or is one", c.name)
		}
		if (c.work == rests || c.work == copies) && c.limit == nil || c.lanes < 1 || len(contentsOf(c.set, 0.001)) < c.count {
			t.Errorf("%q is not possible", c.name)
		}
	}
	for _, c := range allCases(false) {
		if c.far {
			t.Errorf("%q is far", c.name)
		}
	}
}

func TestChoose(t *testing.T) {
	tests := []struct {
		pattern string
		groups  []int // cases in each
	}{
		{"^realistic mix, 1 lane$", []int{1}},
		{"octets (spread|in one)", []int{2, 2}},
		{"^far: 80 %", []int{1}},
		{"no such case", nil},
	}
	for _, tt := range tests {
		got := choose(allCases(true), regexp.MustCompile(tt.pattern))
		same := len(got) == len(tt.groups)
		for i := range got {
			same = same && len(got[i]) == tt.groups[i]
		}
		if !same {
			t.Errorf("%s: %d groups, want %v", tt.pattern, len(got), tt.groups)
		}
	}
}
