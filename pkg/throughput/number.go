package throughput

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// milli rounds to 3 decimals, for JSON that a person may read too.
func milli(f float64) float64 { return math.Round(f*1000) / 1000 }

// FormatNumber writes n with a comma between thousands: 12,345.
func FormatNumber(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	var b strings.Builder
	b.WriteString(sign)
	for i := range len(s) {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// FormatOctets writes n octets in the largest binary unit that leaves at
// least 1: 512 B, 1.2 GiB.
func FormatOctets(n int64) string {
	units := []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	f, unit := float64(n), "B"
	for _, u := range units {
		// 1023.95 and more would be printed as 1024.0 of the smaller unit.
		if math.Abs(f) < 1023.95 {
			break
		}
		f, unit = f/1024, u
	}
	if unit == "B" {
		return strconv.FormatInt(n, 10) + " B"
	}
	return strconv.FormatFloat(f, 'f', 1, 64) + " " + unit
}

// FormatRate writes a rate with about three significant digits: 0.42, 12.3,
// 1,234.
func FormatRate(f float64) string {
	switch {
	case f >= 99.95:
		return FormatNumber(int64(math.Round(f)))
	case f >= 9.995:
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return strconv.FormatFloat(f, 'f', 2, 64)
}

// FormatDuration writes d for a reader: 0.4s, 42s, 12m 34s, 3h 05m, 2d 03h.
func FormatDuration(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d.Round(100*time.Millisecond) < 10*time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + "s"
	}
	s := int64(d.Round(time.Second) / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm %02ds", s/60, s%60)
	case s < 86400:
		return fmt.Sprintf("%dh %02dm", s/3600, s%3600/60)
	}
	return fmt.Sprintf("%dd %02dh", s/86400, s%86400/3600)
}

// FormatLines writes line numbers as --rows takes them: 3,7-9.
func FormatLines(lines []int) string {
	lines = slices.Compact(slices.Sorted(slices.Values(lines)))
	var parts []string
	for i := 0; i < len(lines); {
		j := i
		for j+1 < len(lines) && lines[j+1] == lines[j]+1 {
			j++
		}
		switch j - i {
		case 0:
			parts = append(parts, strconv.Itoa(lines[i]))
		default:
			parts = append(parts, fmt.Sprintf("%d-%d", lines[i], lines[j]))
		}
		i = j + 1
	}
	return strings.Join(parts, ",")
}

// several writes a number with its noun: 1 row, 2 rows.
func several(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return FormatNumber(n) + " " + noun + "s"
}
