package fault

import (
	"errors"
	"strings"
)

// word is a piece of a rule: its text without the quotes, and whether it began
// with one.
type word struct {
	text   string
	quoted bool
}

// pair takes key=value apart.
func (w word) pair() (key, value string, ok bool) {
	if w.quoted {
		return "", "", false
	}
	return strings.Cut(w.text, "=")
}

// splitWords splits a line at its blanks, but for those between quotes. A
// backslash before a double quote takes away its meaning there; any other
// stays what it is, as regular expressions need it. "#" at the beginning of a
// word ends the line.
func splitWords(s string) ([]word, error) {
	var out []word
	for {
		s = strings.TrimLeft(s, " \t\r\n\v\f")
		if s == "" || s[0] == '#' {
			return out, nil
		}
		w, rest, err := firstWord(s)
		if err != nil {
			return nil, err
		}
		out, s = append(out, w), rest
	}
}

// firstWord takes the first word off s, which is not empty.
func firstWord(s string) (w word, rest string, err error) {
	var b strings.Builder
	w.quoted = s[0] == '"' || s[0] == '\''
	var open byte // the quote that is open
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case open == 0 && (c == '"' || c == '\''):
			open = c
		case open != 0 && c == open:
			open = 0
		case open == '"' && c == '\\' && i+1 < len(s) && s[i+1] == '"':
			i++
			b.WriteByte('"')
		case open == 0 && strings.IndexByte(" \t\r\n\v\f", c) >= 0:
			w.text = b.String()
			return w, s[i:], nil
		default:
			b.WriteByte(c)
		}
	}
	if open != 0 {
		return w, "", errors.New("a quote is opened and not closed")
	}
	w.text = b.String()
	return w, "", nil
}
