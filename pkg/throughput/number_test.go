package throughput

import (
	"testing"
	"time"
)

func TestFormat(t *testing.T) {
	tests := []struct{ name, got, want string }{
		{"zero", FormatNumber(0), "0"},
		{"three digits", FormatNumber(999), "999"},
		{"four digits", FormatNumber(1000), "1,000"},
		{"millions", FormatNumber(12345678), "12,345,678"},
		{"negative", FormatNumber(-123456), "-123,456"},
		{"no octets", FormatOctets(0), "0 B"},
		{"octets", FormatOctets(1023), "1023 B"},
		{"KiB", FormatOctets(1024), "1.0 KiB"},
		{"just under a MiB", FormatOctets(1<<20 - 1), "1.0 MiB"},
		{"GiB", FormatOctets(1288490189), "1.2 GiB"},
		{"largest", FormatOctets(1<<63 - 1), "8.0 EiB"},
		{"rate zero", FormatRate(0), "0.00"},
		{"rate small", FormatRate(0.424), "0.42"},
		{"rate rounds up to ten", FormatRate(9.996), "10.0"},
		{"rate middling", FormatRate(42.34), "42.3"},
		{"rate rounds up to hundred", FormatRate(99.96), "100"},
		{"rate large", FormatRate(1234.5), "1,235"},
		{"no time", FormatDuration(0), "0.0s"},
		{"negative time", FormatDuration(-time.Second), "0s"},
		{"short", FormatDuration(440 * time.Millisecond), "0.4s"},
		{"just under ten seconds", FormatDuration(9990 * time.Millisecond), "10s"},
		{"seconds", FormatDuration(42 * time.Second), "42s"},
		{"just under a minute", FormatDuration(59900 * time.Millisecond), "1m 00s"},
		{"minutes", FormatDuration(754 * time.Second), "12m 34s"},
		{"hours", FormatDuration(3*time.Hour + 5*time.Minute + 59*time.Second), "3h 05m"},
		{"days", FormatDuration(51 * time.Hour), "2d 03h"},
		{"no lines", FormatLines(nil), ""},
		{"one line", FormatLines([]int{4}), "4"},
		{"lines", FormatLines([]int{9, 3, 8, 7, 3, 11, 12}), "3,7-9,11-12"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.got != tt.want {
				t.Errorf("got %q, want %q", tt.got, tt.want)
			}
		})
	}
}
