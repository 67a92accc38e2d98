package imaptest

import (
	"fmt"
	"strconv"
	"strings"
)

// literalAtEnd reports the octets that a line announces with {n} or {n+} at
// its end, and what stands before it; -1 when it announces none.
func literalAtEnd(line string) (int64, string) {
	if !strings.HasSuffix(line, "}") {
		return -1, line
	}
	i := strings.LastIndexByte(line, '{')
	if i < 0 {
		return -1, line
	}
	digits := strings.TrimSuffix(line[i+1:len(line)-1], "+")
	n, err := strconv.ParseUint(digits, 10, 62)
	if err != nil {
		return -1, line
	}
	return int64(n), line[:i]
}

// isStatus reports whether a response is one whose end is free text (RFC 9051
// section 7.1), where {12} announces nothing.
func isStatus(resp string) bool {
	if strings.HasPrefix(resp, "+") {
		return true
	}
	tag, rest, _ := strings.Cut(resp, " ")
	if tag != "*" {
		return true
	}
	word, _, _ := strings.Cut(rest, " ")
	switch strings.ToUpper(word) {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		return true
	}
	return false
}

// value is a part of a response: an atom, a string, or a list.
type value struct {
	text   string
	quoted bool
	list   []value
	isList bool
}

// nilAtom reports whether v is NIL.
func (v value) nilAtom() bool { return !v.isList && !v.quoted && strings.EqualFold(v.text, "NIL") }

// parseValues reads the values of a line.
func parseValues(s string) ([]value, error) {
	vs, rest, err := parseList(s, false)
	if err != nil {
		return nil, fmt.Errorf("%w in %q", err, s)
	}
	if rest != "" {
		return nil, fmt.Errorf("%q left in %q", rest, s)
	}
	return vs, nil
}

// parseList reads values up to the end, or inside up to its parenthesis.
func parseList(s string, inside bool) (vs []value, rest string, err error) {
	for {
		s = strings.TrimLeft(s, " ")
		switch {
		case s == "":
			if inside {
				return nil, "", fmt.Errorf("a list without end")
			}
			return vs, "", nil
		case s[0] == ')':
			if !inside {
				return vs, s, nil
			}
			return vs, s[1:], nil
		case s[0] == '(':
			v := value{isList: true}
			if v.list, s, err = parseList(s[1:], true); err != nil {
				return nil, "", err
			}
			vs = append(vs, v)
		case s[0] == '"':
			v := value{quoted: true}
			if v.text, s, err = unquote(s); err != nil {
				return nil, "", err
			}
			vs = append(vs, v)
		default:
			n := atomEnd(s)
			vs = append(vs, value{text: s[:n]})
			s = s[n:]
		}
	}
}

// atomEnd returns the length of the atom that s begins with. The brackets of a
// BODY[...] and what is in them belong to it; in a flag or a name a bracket is
// a character like any other.
func atomEnd(s string) int {
	section := len(s) > 4 && strings.EqualFold(s[:4], "BODY")
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '[':
			if section {
				depth++
			}
		case ']':
			if section {
				depth--
			}
		case ' ', '(', ')':
			if depth <= 0 {
				return i
			}
		}
	}
	return len(s)
}

// unquote reads the quoted string that s begins with.
func unquote(s string) (text, rest string, err error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], nil
		case '\\':
			i++
			if i < len(s) {
				b.WriteByte(s[i])
			}
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", fmt.Errorf("a quoted string without end")
}

// quote makes a quoted string (RFC 9051 section 4.3).
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
