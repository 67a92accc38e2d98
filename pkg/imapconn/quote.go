package imapconn

import (
	"strconv"
	"strings"
)

// quotable reports whether a mailbox name can stand in a quoted string (RFC
// 3501 section 9: 7-bit, without NUL, CR and LF).
func quotable(s string) bool {
	for i := range len(s) {
		if c := s[i]; c == 0 || c == '\r' || c == '\n' || c >= 0x80 {
			return false
		}
	}
	return true
}

var quoteEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// quote renders s as a quoted string. s must not hold CR, LF or NUL.
func quote(s string) string { return `"` + quoteEscapes.Replace(s) + `"` }

// literalName renders an 8-bit name as a non-synchronising literal.
func literalName(s string) string {
	return "{" + strconv.Itoa(len(s)) + "+}\r\n" + s
}

// astring renders a mailbox name as the server listed it: quoted if that is
// possible, as a non-synchronising literal where the server takes one, else
// quoted all the same: a server that lists raw 8-bit names reads them so. ok
// is false for a name that cannot be sent at all.
func (c *Conn) astring(name string) (string, bool) {
	switch {
	case strings.ContainsAny(name, "\r\n\x00"):
		return "", false
	case quotable(name):
		return quote(name), true
	case (c.caps.LiteralPlus || c.caps.LiteralMinus) && len(name) <= 4096:
		return literalName(name), true
	}
	return quote(name), true
}
