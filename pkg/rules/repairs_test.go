package rules

import (
	"slices"
	"testing"
)

func TestRepairsAllows(t *testing.T) {
	for _, tt := range []struct {
		name string
		r    Repairs
		want []string
	}{
		{"zero: what touches no octet", Repairs{}, []string{"date", "keywords"}},
		{"off", Repairs{Off: true, Kinds: []string{"date"}}, nil},
		{"those named and no others", Repairs{Kinds: []string{"nul", "date"}}, []string{"date", "nul"}},
	} {
		var got []string
		for _, k := range RepairKinds() {
			if tt.r.Allows(k.Name) {
				got = append(got, k.Name)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q are allowed, want %q", tt.name, got, tt.want)
		}
	}
	if (Repairs{}).Allows("unknown") {
		t.Error("an unknown kind is allowed")
	}
}
