package throughput

import (
	"reflect"
	"testing"
)

// TestCountAdd sets every field to a value of its own, so that a field that
// Add forgets, or adds to another one, is seen.
func TestCountAdd(t *testing.T) {
	var a, b, want Count
	set := func(c *Count, factor int64) {
		v := reflect.ValueOf(c).Elem()
		for i := range v.NumField() {
			v.Field(i).SetInt(factor * int64(1+i*i))
		}
	}
	set(&a, 1)
	set(&b, 1000)
	set(&want, 1001)
	a.Add(b)
	if a != want {
		t.Errorf("Add = %+v, want %+v", a, want)
	}
}

func TestCountBalanced(t *testing.T) {
	tests := []struct {
		name string
		c    Count
		want bool
	}{
		{"empty", Count{}, true},
		{"one of each", Count{Listed: 6, Copied: 1, AlreadyThere: 1, Filtered: 1, Rejected: 1, Gone: 1, NotTried: 1}, true},
		{"one lost", Count{Listed: 6, Copied: 1, AlreadyThere: 1, Filtered: 1, Rejected: 1, Gone: 1}, false},
		{"one too many", Count{Listed: 1, Copied: 1, AlreadyThere: 1}, false},
		{"octets and mailboxes do not matter", Count{Listed: 1, Copied: 1, Octets: 9, OctetsNotTried: 9, SourceOctets: 9, Mailboxes: 9, MailboxesRefused: 9}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.c.Balanced(); got != tt.want {
				t.Errorf("Balanced() = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestRowCounts(t *testing.T) {
	var c RowCounts
	for _, s := range []State{"", Pending, Running, Done, Done, Incomplete, Failed, Parked, "no such state"} {
		c.Add(s)
	}
	want := RowCounts{Done: 2, Incomplete: 1, Failed: 2, Parked: 1, Pending: 2, Running: 1}
	if c != want {
		t.Errorf("counts = %+v, want %+v", c, want)
	}
	if c.Total() != 9 {
		t.Errorf("Total() = %d, want 9", c.Total())
	}
	if c.Ended() != 5 {
		t.Errorf("Ended() = %d, want 5", c.Ended())
	}
}

// TestRowCountsTotal fails when a field is added that Total forgets.
func TestRowCountsTotal(t *testing.T) {
	var c RowCounts
	v := reflect.ValueOf(&c).Elem()
	for i := range v.NumField() {
		v.Field(i).SetInt(1)
	}
	if c.Total() != v.NumField() {
		t.Errorf("Total() = %d, want %d", c.Total(), v.NumField())
	}
}
