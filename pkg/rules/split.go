package rules

import (
	"errors"
	"strings"
)

var (
	errOpenQuote  = errors.New("a quote that is opened and not closed")
	errLoneEscape = errors.New(`a \ with nothing after it`)
)

// Split cuts a line into words as a POSIX shell does: blanks and tabs between
// words, '...' as it is, "..." with \ before " and \, and \ before any
// character outside of quotes. Nothing is expanded and nothing ends the line:
// $ * ? ~ # ; | & < > are characters like any other.
func Split(line string) ([]string, error) {
	var words []string
	for {
		line = strings.TrimLeft(line, " \t\r\n")
		if line == "" {
			return words, nil
		}
		word, rest, err := cutWord(line)
		if err != nil {
			return nil, err
		}
		words, line = append(words, word), rest
	}
}

// cutWord takes the first word, which may have several quoted parts.
func cutWord(s string) (word, rest string, err error) {
	var w strings.Builder
	for s != "" {
		switch c := s[0]; c {
		case ' ', '\t', '\r', '\n':
			return w.String(), s, nil
		case '\'':
			part, after, ok := strings.Cut(s[1:], "'")
			if !ok {
				return "", "", errOpenQuote
			}
			w.WriteString(part)
			s = after
		case '"':
			if s, err = cutDoubleQuoted(s[1:], &w); err != nil {
				return "", "", err
			}
		case '\\':
			if len(s) == 1 {
				return "", "", errLoneEscape
			}
			w.WriteByte(s[1])
			s = s[2:]
		default:
			w.WriteByte(c)
			s = s[1:]
		}
	}
	return w.String(), "", nil
}

func cutDoubleQuoted(s string, w *strings.Builder) (rest string, err error) {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return s[i+1:], nil
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
		}
		w.WriteByte(s[i])
	}
	return "", errOpenQuote
}
