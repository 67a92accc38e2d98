package fault

import (
	"errors"
	"fmt"
	"testing"
)

// An error that holds a fault of each side is told apart; what lies deeper in
// one side's own chain is not another side's.
func TestSides(t *testing.T) {
	s, d := &Error{Side: Source, Code: AuthRefused}, &Error{Side: Dest, Code: Throttled}
	tests := []struct {
		name         string
		err          error
		source, dest *Error
	}{
		{"none", nil, nil, nil},
		{"unclassified", errors.New("odd"), nil, nil},
		{"local", &Error{Code: State}, nil, nil},
		{"source", fmt.Errorf("wrapped: %w", s), s, nil},
		{"destination", d, nil, d},
		{"both", &Error{Side: Source, Err: errors.Join(s, d)}, s, d},
		{"its cause is an error of its own", &Error{Side: Dest, Err: s}, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			source, dest := Sides(tt.err)
			if tt.name == "its cause is an error of its own" {
				if source != nil || dest != tt.err {
					t.Errorf("%v, %v", source, dest)
				}
				return
			}
			if source != tt.source || dest != tt.dest {
				t.Errorf("%v, %v, want %v, %v", source, dest, tt.source, tt.dest)
			}
		})
	}
}
