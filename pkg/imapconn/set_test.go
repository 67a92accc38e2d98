package imapconn

import (
	"math"
	"slices"
	"testing"
)

func TestRanges(t *testing.T) {
	tests := []struct {
		name string
		uids []uint32
		want string
	}{
		{"none", nil, ""},
		{"one", []uint32{7}, "7"},
		{"run and single", []uint32{1, 2, 3, 5, 99, 100}, "1:3,5,99:100"},
		{"the last UID", []uint32{math.MaxUint32 - 1, math.MaxUint32}, "4294967294:4294967295"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set := Ranges(tt.uids)
			if got := formatSet(set); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if got := SetLen(set); got != len(tt.want) {
				t.Errorf("SetLen = %d, want %d", got, len(tt.want))
			}
		})
	}
}

func TestSearchSet(t *testing.T) {
	tests := []struct {
		name, set string
		from      uint32
		limit     int
		want      []uint32
		bad       bool
	}{
		{"singles and runs", "5,1:3", 1, 10, []uint32{5, 1, 2, 3}, false},
		{"backwards", "3:1", 1, 10, []uint32{1, 2, 3}, false},
		{"below from", "1:5", 4, 10, []uint32{4, 5}, false},
		{"all below from", "1:3", 4, 10, nil, false},
		{"exactly the limit", "1:10", 1, 10, []uint32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, false},
		{"over the limit", "1:11", 1, 10, nil, true},
		{"a bomb", "1:4294967295", 1, 10, nil, true},
		{"the last UID ends", "4294967295", 1, 10, []uint32{math.MaxUint32}, false},
		{"star", "1:*", 1, 10, nil, true},
		{"zero", "0", 1, 10, nil, true},
		{"rubbish", "1,,2", 1, 10, []uint32{1}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := search{from: tt.from, limit: tt.limit}
			s.set(tt.set)
			if !slices.Equal(s.uids, tt.want) || (s.err != nil) != tt.bad {
				t.Errorf("got %v, %v", s.uids, s.err)
			}
		})
	}
}

func TestAppendUID(t *testing.T) {
	tests := []struct {
		name, code string
		sent       int
		want       []uint32
		validity   uint32
	}{
		{"one", "APPENDUID 9 41", 1, []uint32{41}, 9},
		{"a run", "appenduid 9 41:43", 3, []uint32{41, 42, 43}, 9},
		{"a list, in the order sent", "APPENDUID 9 7,3", 2, []uint32{7, 3}, 9},
		{"too few", "APPENDUID 9 41", 2, nil, 0},
		{"too many", "APPENDUID 9 1:4294967295", 2, nil, 0},
		{"none", "", 1, nil, 0},
		{"another code", "ALERT", 1, nil, 0},
		{"no number", "APPENDUID x 41", 1, nil, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := appendUID(tt.code, tt.sent)
			if !slices.Equal(got.UIDs, tt.want) || got.UIDValidity != tt.validity {
				t.Errorf("got %+v", got)
			}
		})
	}
}
