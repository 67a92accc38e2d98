package console

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// clean makes foreign text safe for a terminal line: control and format
// characters and octets that are not UTF-8 become blanks. Variation selectors
// go, since they change a character's width after it was printed, and so does
// a third combining mark in a row: a name must not paint over other lines.
func clean(s string) string {
	marks := 0
	return strings.Map(func(r rune) rune {
		if combining(r) {
			marks++
			if marks > 2 || unicode.Is(unicode.Variation_Selector, r) {
				return -1
			}
			return r
		}
		marks = 0
		return printable(r)
	}, s)
}

func printable(r rune) rune {
	if r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
		return ' '
	}
	return r
}

func combining(r rune) bool { return unicode.In(r, unicode.Mn, unicode.Me) }

// columns is how wide r is on a terminal. Where terminals differ it is the
// larger width: a line that is too short does no harm.
func columns(r rune) int {
	switch {
	case combining(r):
		return 0
	case r >= 0x1f1e6 && r <= 0x1f1ff: // regional indicators, flags in pairs
		return 2
	case r >= 0x1f000 && r <= 0x1faff: // pictures; drawn wide by many, whatever Unicode says
		return 2
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// textWidth is how many columns clean text takes.
func textWidth(s string) int {
	n := 0
	for _, r := range s {
		n += columns(r)
	}
	return n
}

// head cuts clean text at its end so that it takes at most n columns.
func head(s string, n int) string {
	if textWidth(s) <= n {
		return s
	}
	dots := "..."[:max(0, min(3, n-1))]
	n -= len(dots)
	var b strings.Builder
	for _, r := range s {
		if n -= columns(r); n < 0 {
			break
		}
		b.WriteRune(r)
	}
	return b.String() + dots
}

// tail cuts clean text at its beginning: of a mailbox the last level says
// most.
func tail(s string, n int) string {
	if textWidth(s) <= n {
		return s
	}
	dots := "..."[:max(0, min(3, n-1))]
	n -= len(dots)
	from := len(s)
	for from > 0 {
		r, size := utf8.DecodeLastRuneInString(s[:from])
		if n -= columns(r); n < 0 {
			break
		}
		from -= size
	}
	// A mark without its letter would sit on the dots.
	return dots + strings.TrimLeftFunc(s[from:], combining)
}

// pad fills clean text with blanks up to n columns.
func pad(s string, n int) string {
	return s + strings.Repeat(" ", max(0, n-textWidth(s)))
}

// padLeft is pad for figures.
func padLeft(s string, n int) string {
	return strings.Repeat(" ", max(0, n-textWidth(s))) + s
}
