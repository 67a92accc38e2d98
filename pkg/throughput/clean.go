package throughput

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// oneLine makes foreign text safe for one line of a file or terminal: control
// characters, line and paragraph separators, bidirectional overrides and
// octets that are not UTF-8 become blanks. Joiners inside words stay, since
// mailbox names in some scripts need them.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029':
			return ' '
		}
		return r
	}, s)
}
