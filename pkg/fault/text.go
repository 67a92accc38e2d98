package fault

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes foreign text safe for a terminal and for one line of a file:
// control and format characters (C0, C1, bidirectional overrides) and
// invalid UTF-8 become blanks; the ends are trimmed.
func Clean(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s {
		if r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
			r = ' '
		}
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String())
}

// plain reports whether s is printable ASCII without blanks at its ends.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s == "" || s[0] != ' ' && s[len(s)-1] != ' '
}

func quote(s string) string { return `"` + Clean(s) + `"` }

func utoa(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
