package ratelimit

import (
	"strings"
	"testing"
	"time"
)

const (
	kib Rate = 1 << 10
	mib Rate = 1 << 20
)

func TestSchedule(t *testing.T) {
	const daily, weekly = "08:00,2M 19:00,off", "Mon-00:00,512k Fri-23:59,10M;Sat-10:00,1MiB/s"
	tests := []struct {
		text, at string
		want     Rate
	}{
		{"20MiB/s", "Tue 12:00", 20 * mib},
		{" 20 MiB/S ", "Tue 12:00", 20 * mib},
		{"1.5m", "Tue 12:00", 3 * mib / 2},
		{"20MB", "Tue 12:00", 20_000_000},
		{"1048576", "Tue 12:00", mib},
		{"1KiB", "Tue 12:00", kib},
		{"OFF", "Tue 12:00", 0},
		{daily, "Tue 07:59", 0},
		{daily, "Tue 08:00", 2 * mib},
		{daily, "Tue 18:59", 2 * mib},
		{daily, "Tue 19:00", 0},
		{daily, "Sun 00:00", 0},
		{daily, "Sat 23:59", 0},
		{"19:00,off 8:00,2M", "Tue 08:00", 2 * mib},
		{"12:00,1M", "Tue 11:00", mib},
		{"00:00,1M\t23:59,2M", "Wed 00:00", mib},
		{"00:00,1M 23:59,2M", "Tue 23:59", 2 * mib},
		{weekly, "Sun 12:00", mib}, // the last of the week goes on
		{weekly, "Mon 00:00", 512 * kib},
		{weekly, "Fri 23:58", 512 * kib},
		{weekly, "Fri 23:59", 10 * mib},
		{weekly, "Sat 09:59", 10 * mib},
		{weekly, "Sat 10:00", mib},
		{"08:00,2M saturday-08:00,5M", "Sat 08:00", 5 * mib},
		{"Saturday-08:00,5M 08:00,2M", "Sat 08:00", 5 * mib},
		{"08:00,2M saturday-08:00,5M", "Sun 08:00", 2 * mib},
	}
	for _, tt := range tests {
		t.Run(tt.text+" at "+tt.at, func(t *testing.T) {
			s, err := ParseSchedule(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.At(on(t, tt.at)); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
			if s.String() != strings.TrimSpace(tt.text) {
				t.Errorf("String %q", s)
			}
		})
	}
}

// on is an instant in a zone that is not that of the machine.
func on(t *testing.T, text string) time.Time {
	t.Helper()
	name, clock, _ := strings.Cut(text, " ")
	hm, err := time.Parse("15:04", clock)
	if err != nil {
		t.Fatal(err)
	}
	weekday, err := parseWeekday(name)
	if err != nil {
		t.Fatal(err)
	}
	zone := time.FixedZone("", 5*3600+1800)
	return time.Date(2024, 9, 1+int(weekday), hm.Hour(), hm.Minute(), 59, 0, zone) // the 1st is a Sunday
}

func TestScheduleErrors(t *testing.T) {
	const good = `; write a rate such as 20MiB/s, or a timetable such as "08:00,2MiB 19:00,off"`
	tests := []struct{ text, want string }{
		{"", `"": a rate is a number of octets per second, or off`},
		{"fast", `"fast": a rate is a number of octets per second, or off`},
		{"/s", `"/s": a rate is a number of octets per second, or off`},
		{"-1M", `"-1M": a rate is a number of octets per second, or off`},
		{"20Mbit/s", `"20Mbit/s": a rate is a number of octets per second, or off`},
		{"0", `"0": nothing would ever move; no limit is "off"`},
		{"0.4", `"0.4": nothing would ever move; no limit is "off"`},
		{"20", `"20": less than 1KiB/s (a number without a unit is octets per second)`},
		{"08:00,2M 19:00", `"19:00": an entry of a timetable is a time, a comma and a rate`},
		{"08:00,2M,3M", `"08:00,2M,3M": a rate is a number of octets per second, or off`},
		{"08:00,2M 19:00,0", `"19:00,0": nothing would ever move; no limit is "off"`},
		{"24:00,2M", `"24:00,2M": the time must be from 00:00 to 23:59`},
		{"08.00,2M", `"08.00,2M": the time must be from 00:00 to 23:59`},
		{",", `",": the time must be from 00:00 to 23:59`},
		{"Mon-,2M", `"Mon-,2M": the time must be from 00:00 to 23:59`},
		{"08:00,1M Mo-08:00,2M", `"Mo-08:00,2M": the weekday must be Mon, Tue, Wed, Thu, Fri, Sat or Sun`},
		{"08:00,1M 8:00,2M", `"8:00,2M": an earlier entry is about the same time`},
		{"Mon-08:00,1M monday-08:00,2M", `"monday-08:00,2M": an earlier entry is about the same time`},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			s, err := ParseSchedule(tt.text)
			if err == nil || err.Error() != tt.want+good {
				t.Errorf("got  %v\nwant %s", err, tt.want+good)
			}
			if s.Limits() || s.String() != "" {
				t.Errorf("a schedule %v beside the error", s)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	tests := map[string]bool{"1M": true, "off": false, "08:00,off": false, "08:00,off 19:00,1M": true}
	for text, want := range tests {
		s, err := ParseSchedule(text)
		if err != nil || s.Limits() != want {
			t.Errorf("%q: %v, %v", text, s.Limits(), err)
		}
	}
	var none Schedule
	if none.Limits() || none.At(time.Now()) != 0 || none.String() != "" {
		t.Errorf("the zero schedule: %v", none)
	}
}

func TestOctets(t *testing.T) {
	tests := []struct {
		text  string
		want  int64
		print string
	}{
		{"256MiB", 256 << 20, "256MiB"},
		{"20MB", 20_000_000, "20MB"},
		{"1.5 GiB", 3 << 29, "1536MiB"},
		{"64k", 64 << 10, "64KiB"},
		{"1048577", 1048577, "1048577B"},
		{"0", 0, "0"},
	}
	for _, tt := range tests {
		got, err := ParseOctets(tt.text)
		if err != nil || got != tt.want || PrintOctets(got) != tt.print {
			t.Errorf("%q: %d %q, %v", tt.text, got, PrintOctets(got), err)
		}
	}
}

// Whatever is accepted is printed as what is accepted again and means the
// same, and no rate in it is one by which nothing moves.
func FuzzParseSchedule(f *testing.F) {
	for _, s := range []string{"20MiB/s", "off", "08:00,2M 19:00,off", "Mon-00:00,512k Fri-23:59,10M;Sat-10:00,1M", "1e9", "0x10,1", "9999999999T/s", ",", "-,", "\xff,1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSchedule(text)
		if err != nil {
			return
		}
		again, err := ParseSchedule(s.String())
		if err != nil {
			t.Fatalf("%q is refused: %v", s, err)
		}
		start := time.Date(2024, 9, 1, 0, 0, 0, 0, time.UTC)
		for hour := range 7 * 24 {
			at := start.Add(time.Duration(hour) * time.Hour)
			r := s.At(at)
			if r != again.At(at) || r < 0 || r > 0 && r < minRate {
				t.Fatalf("%q at %v: %v and %v", text, at, r, again.At(at))
			}
			if back, err := parseRate(r.String()); err != nil || back != r {
				t.Fatalf("%d is printed as %q: %v", r, r, err)
			}
		}
	})
}

// Next never misses a change of the rate, over a week with a change of the clock.
func TestScheduleNext(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	for _, text := range []string{"08:00,2M 19:30,off", "Sun-02:30,1M Mon-00:00,3M 12:15,off", "00:00,1M"} {
		s, err := ParseSchedule(text)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Date(2026, 3, 26, 11, 7, 31, 5, berlin)
		end := at.AddDate(0, 0, 8)
		next := at
		for ; at.Before(end); at = at.Add(time.Minute) {
			for !next.After(at) {
				was := next
				if next, _ = s.Next(was); !next.After(was) || next.Sub(was) > time.Hour {
					t.Fatalf("%s: after %v comes %v", text, was, next)
				}
			}
			// The rate of this instant holds until next.
			if last := next.Add(-time.Nanosecond); s.At(at) != s.At(last) {
				t.Fatalf("%s: another rate at %v than at %v", text, at, last)
			}
		}
	}
	if _, changes := Rate(5000).Always().Next(time.Now()); changes {
		t.Error("a rate that holds always changes")
	}
}
