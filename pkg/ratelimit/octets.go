package ratelimit

import (
	"errors"
	"strconv"
	"strings"
)

type unit struct {
	name   string
	octets int64
}

// units are the binary ones first: those are what PrintOctets uses.
func units() []unit {
	return []unit{
		{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
		{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3},
		{"T", 1 << 40}, {"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {"B", 1},
	}
}

var errOctets = errors.New("must be a number of octets, such as 256MiB, 20MB or 1048576")

// ParseOctets reads 256MiB, 1.5 GiB, 20MB, 64k or a plain number of octets. A
// unit without a B is a binary one.
func ParseOctets(text string) (int64, error) {
	text = strings.TrimSpace(text)
	factor := int64(1)
	for _, u := range units() {
		if n := len(text) - len(u.name); n > 0 && strings.EqualFold(text[n:], u.name) {
			text, factor = strings.TrimSpace(text[:n]), u.octets
			break
		}
	}
	if text == "" || strings.Trim(text, "0123456789.") != "" {
		return 0, errOctets
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f*float64(factor) >= 1<<62 {
		return 0, errOctets
	}
	return int64(f * float64(factor)), nil
}

// PrintOctets writes n so that ParseOctets reads exactly n again, in the
// largest unit that divides it.
func PrintOctets(n int64) string {
	for _, u := range units() {
		if n >= u.octets && n%u.octets == 0 {
			return strconv.FormatInt(n/u.octets, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}
