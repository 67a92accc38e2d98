package main

import "testing"

func TestMedian(t *testing.T) {
	tests := []struct {
		name                string
		of                  sample
		median, least, most float64
	}{
		{"none", nil, 0, 0, 0},
		{"one", sample{3}, 3, 3, 3},
		{"even number", sample{4, 1}, 2.5, 1, 4},
		{"unsorted", sample{9, 1, 5}, 5, 1, 9},
		{"one far out", sample{1, 2, 3, 4, 1000}, 3, 1, 1000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			first := append(sample(nil), tt.of...)
			least, most := tt.of.bounds()
			if m := tt.of.median(); m != tt.median || least != tt.least || most != tt.most {
				t.Errorf("%v (%v..%v), want %v (%v..%v)", m, least, most, tt.median, tt.least, tt.most)
			}
			for i := range first {
				if tt.of[i] != first[i] {
					t.Fatal("the order of runs has changed")
				}
			}
		})
	}
}
