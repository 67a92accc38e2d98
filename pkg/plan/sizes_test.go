package plan

import (
	"errors"
	"math"
	"testing"
	"time"
)

func TestFill(t *testing.T) {
	f := fleet(1000, 3000, 0, 0)
	f.Accounts[0].Messages, f.Accounts[0].LeftMessages = 10, 10
	f.Accounts[1].Error, f.Accounts[1].Left = 300, 1500
	f.Accounts[2].Unknown, f.Accounts[3].Unknown = true, true
	s, err := Fill(f, 0)
	if err != nil {
		t.Fatal(err)
	}
	// Two like the others, whose mean is 2000 and whose deviation 1414.
	wrong := math.Sqrt(300*300 + 1.96*1.96*2_000_000*(2+2))
	if s.Octets != 8000 || s.Left != 6500 || s.Unknown != 2 || s.Sampled != 1 || s.Largest != 3000 || s.Smallest != 1000 || s.Error != int64(wrong) || s.Messages != 80 {
		t.Errorf("%+v, want an error of %v", s, wrong)
	}
	if a := f.Accounts[1]; a.Messages != 30 || a.LeftMessages != 15 {
		t.Errorf("messages %+v", a)
	}
	if a := f.Accounts[2]; a.Octets != 2000 || a.Left != 2000 || a.LeftMessages != 20 {
		t.Errorf("unknown %+v", a)
	}
	// A part of them was seen, of one more than the others have.
	f = fleet(2000, 500, 6000)
	f.Accounts[1].Unknown, f.Accounts[1].Left, f.Accounts[1].Error = true, 250, 100
	f.Accounts[2].Unknown, f.Accounts[2].Left = true, 0
	if s, err = Fill(f, 0); err != nil || s.Octets != 10_000 || s.Left != 3000 || s.Unknown != 2 || s.Sampled != 0 || f.Accounts[1].Left != 1000 {
		t.Errorf("%v: seen in part: %+v", err, s)
	}
	none := fleet(0)
	none.Accounts[0].Unknown = true
	if _, err := Fill(none, 0); !errors.Is(err, ErrNoSizes) {
		t.Errorf("error %v", err)
	}
	if s, err := Fill(fleet(), 0); err != nil || s.Octets != 0 || s.Wrong() != 0 {
		t.Errorf("no accounts: %+v, %v", s, err)
	}
}

func TestImagined(t *testing.T) {
	for _, m := range []Imagined{
		{Accounts: 10_000, Mean: 800e6}, {Accounts: 10_000, Mean: 800e6, Median: 200e6, Largest: 50e9}, {Accounts: 3, Mean: 1000, Median: 1000},
		{Accounts: 1, Mean: 5}, {Accounts: 10_000, Mean: 800e6, Largest: 800e6},
	} {
		if err := m.Check(); err != nil {
			t.Fatal(err)
		}
		f := m.Fleet()
		var sum, largest float64
		for _, a := range f.Accounts {
			sum, largest = sum+float64(a.Octets), max(largest, float64(a.Octets))
		}
		if got := sum / float64(m.Accounts); math.Abs(got-float64(m.Mean)) > 1+0.001*float64(m.Mean) {
			t.Errorf("%+v: mean %v", m, got)
		}
		if m.Largest > 0 && largest > float64(m.Largest) {
			t.Errorf("%+v: largest %v", m, largest)
		}
	}
	for _, m := range []Imagined{{}, {Accounts: 1}, {Accounts: -1, Mean: 1}, {Accounts: 1, Mean: 1, Median: 2}, {Accounts: 1, Mean: 5, Largest: 4}, {Accounts: 1 << 40, Mean: 1},
		{Accounts: 1, Mean: 5, Message: -1}, {Accounts: 1, Mean: 5, Median: -1}} {
		if m.Check() == nil {
			t.Errorf("%+v is taken", m)
		}
	}
}

func TestParseHours(t *testing.T) {
	at := func(h, m int) time.Time { return time.Date(2026, 3, 2, h, m, 30, 0, time.UTC) }
	tests := []struct {
		text       string
		open, shut time.Time
		next       time.Time // after open
	}{
		{"20:00-06:00", at(23, 59), at(6, 0), at(24, 0)},
		{"20:00-06:00", at(5, 59), at(19, 59), at(6, 0)},
		{"09:30-12:15", at(12, 14), at(12, 15), at(12, 15)},
		{"00:00-24:00 03:00-04:00", at(3, 0), time.Time{}, at(4, 0)},
		{"18:00-24:00,12:00-13:00", at(12, 30), at(14, 0), at(13, 0)},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			h, err := ParseHours(tt.text)
			if tt.text == "00:00-24:00 03:00-04:00" {
				if err == nil {
					t.Error("a span of nothing is taken")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !h.Open(tt.open) || h.Open(tt.shut) {
				t.Errorf("open %v at %v, %v at %v", h.Open(tt.open), tt.open, h.Open(tt.shut), tt.shut)
			}
			if next, ok := h.Next(tt.open); !ok || !next.Equal(tt.next.Truncate(time.Minute)) {
				t.Errorf("next %v", next)
			}
		})
	}
	for _, text := range []string{"", " ", "20:00", "20-06", "25:00-06:00", "20:00-20:00", "20:00-06:00-07:00", "a-b", "-"} {
		if _, err := ParseHours(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	var always Hours
	if _, changes := always.Next(noon); changes || !always.Open(noon) {
		t.Error("the zero value is not the whole day")
	}
}
