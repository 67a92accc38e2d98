package imapconn

import (
	"testing"
	"time"
)

func TestFormatDate(t *testing.T) {
	zone := func(s int) *time.Location { return time.FixedZone("", s) }
	tests := []struct {
		name string
		t    time.Time
		want string
		form dateForm
	}{
		{"usual", time.Date(2020, 2, 3, 4, 5, 6, 7, time.UTC), "03-Feb-2020 04:05:06 +0000", usualDate},
		{"zone west", time.Date(1999, 12, 31, 23, 59, 59, 0, zone(-34200)), "31-Dec-1999 23:59:59 -0930", usualDate},
		{"zone with seconds keeps the instant", time.Date(1900, 1, 1, 0, 19, 32, 0, zone(1172)), "01-Jan-1900 00:19:00 +0019", beforeDate},
		{"zone west with seconds keeps the instant", time.Date(1900, 1, 1, 0, 0, 0, 0, zone(-61)), "01-Jan-1900 00:00:01 -0001", beforeDate},
		{"the zones in use end in the east", time.Date(2020, 1, 1, 0, 0, 0, 0, zone(14*3600)), "01-Jan-2020 00:00:00 +1400", usualDate},
		{"the zones in use end in the west", time.Date(2020, 1, 1, 0, 0, 0, 0, zone(-12*3600)), "01-Jan-2020 00:00:00 -1200", usualDate},
		{"zone too far east", time.Date(2020, 1, 1, 0, 0, 0, 0, zone(14*3600+60)), "01-Jan-2020 00:00:00 +1401", usualDate | oddZone},
		{"zone too far west", time.Date(2020, 1, 1, 0, 0, 0, 0, zone(-12*3600-60)), "01-Jan-2020 00:00:00 -1201", usualDate | oddZone},
		{"odd zone and early", time.Date(1960, 1, 1, 0, 0, 0, 0, zone(-82800)), "01-Jan-1960 00:00:00 -2300", beforeDate | oddZone},
		{"odd zone and late", time.Date(2040, 1, 1, 0, 0, 0, 0, zone(82800)), "01-Jan-2040 00:00:00 +2300", afterDate | oddZone},
		{"zone of more than a day", time.Date(2000, 1, 2, 3, 0, 0, 0, zone(90000)), "01-Jan-2000 02:00:00 +0000", usualDate},
		{"last usual second", time.Date(2037, 12, 31, 23, 59, 59, 0, time.UTC), "31-Dec-2037 23:59:59 +0000", usualDate},
		{"2038 in UTC though not in its zone", time.Date(2037, 12, 31, 23, 0, 0, 0, zone(-7200)), "31-Dec-2037 23:00:00 -0200", afterDate},
		{"1969 in UTC though not in its zone", time.Date(1970, 1, 1, 0, 0, 0, 0, zone(3600)), "01-Jan-1970 00:00:00 +0100", beforeDate},
		{"year one", time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), "01-Jan-0001 00:00:00 +0000", beforeDate},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, form, ok := formatDate(tt.t)
			if !ok || got != tt.want || form != tt.form {
				t.Fatalf("got %q, %d, %v, want %q, %d", got, form, ok, tt.want, tt.form)
			}
			back, ok := parseDate(got)
			if !ok || !back.Equal(tt.t.Truncate(time.Second)) {
				t.Errorf("read back as %v, want %v", back, tt.t)
			}
		})
	}
	for _, year := range []int{0, -1, 10000} {
		if s, _, ok := formatDate(time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC)); ok {
			t.Errorf("year %d: %q", year, s)
		}
	}
}

func TestParseDate(t *testing.T) {
	want := time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)
	good := map[string]time.Time{
		"03-Feb-2020 04:05:06 +0000":   want,
		" 3-Feb-2020 04:05:06 +0000":   want,
		"3-Feb-2020 4:05:06 +0000":     want,
		"03-FEB-2020  05:05:06  +0100": want,
		"02-Feb-2020 23:05:06 -05:00":  want,
		"02-Feb-2020 23:05:06 EST":     want,
		"03-Feb-2020 04:05:06 GMT":     want,
		"03-Feb-2020 04:05:06":         want,
		"31-Dec-2016 23:59:60 +0000":   time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC),
		"29-Feb-2024 00:00:00 +1400":   time.Date(2024, 2, 28, 10, 0, 0, 0, time.UTC),
	}
	for s, want := range good {
		if got, ok := parseDate(s); !ok || !got.Equal(want) {
			t.Errorf("%q: %v, %v, want %v", s, got, ok, want)
		}
	}
	for _, s := range []string{"", "NIL", "00-Jan-1900 00:00:00 +0000", "30-Feb-2020 00:00:00 +0000", "01-Foo-2020 00:00:00 +0000",
		"01-Jan-20 00:00:00 +0000", "01-Jan-0000 00:00:00 +0000", "01-Jan-2020", "01-Jan-2020 24:00:00 +0000", "01-Jan-2020 00:00 +0000",
		"01-Jan-2020 00:00:00 +00", "01-Jan-2020 00:00:00 XYZ", "01-Jan-2020 00:00:00 +0000 x", "-1-Jan-2020 00:00:00 +0000",
		"١-Jan-2020 00:00:00 +0000", "01-Jan-2020 00:00:99999999999999999999 +0000", "01-Jan-2020 00:00:00 +2560"} {
		if got, ok := parseDate(s); ok {
			t.Errorf("%q was read as %v", s, got)
		}
	}
}

func TestParseDateKeepsZone(t *testing.T) {
	got, _ := parseDate("03-Feb-2020 04:05:06 +0530")
	if _, off := got.Zone(); off != 19800 {
		t.Errorf("offset %d", off)
	}
}

// Each form has a name of its own: what a server takes for one says nothing
// about another.
func TestDateForms(t *testing.T) {
	seen := map[string]bool{}
	for _, year := range []int{1960, 2020, 2040} {
		for _, offset := range []int{0, 23 * 3600, -13 * 3600} {
			_, needs, _ := Head{Date: time.Date(year, 6, 1, 0, 0, 0, 0, time.FixedZone("", offset)), HasDate: true}.render()
			if len(needs) != 1 || needs[0] == "" {
				t.Fatalf("%d, %d: %q", year, offset, needs)
			}
			seen[needs[0]] = true
		}
	}
	if len(seen) != 6 {
		t.Errorf("%d forms in %v, want 6", len(seen), seen)
	}
}
