package account

import (
	"errors"
	"strings"
)

// splitPlain splits a line of a list without a header. Nothing is quoted or
// escaped in it: a quote or a backslash is a character of its field. One
// trailing delimiter belongs to the line, not to a further field.
func splitPlain(line, delimiter string) []string {
	return strings.Split(strings.TrimSuffix(line, delimiter), delimiter)
}

// errQuote and errAfterQuote are what splitQuoted finds wrong.
var (
	errQuote      = errors.New("the quote that begins the field is not closed on its line")
	errAfterQuote = errors.New("text after the closing quote: write a quote inside a quoted field twice")
)

// splitQuoted splits a line by RFC 4180: a field that begins with a quote ends
// with one and may hold delimiters and doubled quotes. Line breaks, which RFC
// 4180 allows there, are not taken: no field of ours can hold one, and a
// forgotten quote would swallow the rows below it. A quote inside a field that
// does not begin with one is a character like any other. On an error the
// fields before the broken one are returned.
func splitQuoted(line, delimiter string) ([]string, error) {
	var fields []string
	for {
		if !strings.HasPrefix(line, `"`) {
			field, rest, more := strings.Cut(line, delimiter)
			fields = append(fields, field)
			if !more {
				return fields, nil
			}
			line = rest
			continue
		}
		field, rest, ok := cutQuoted(line[1:])
		if !ok {
			return fields, errQuote
		}
		if rest == "" {
			return append(fields, field), nil
		}
		if line, ok = strings.CutPrefix(rest, delimiter); !ok {
			return fields, errAfterQuote
		}
		fields = append(fields, field)
	}
}

// cutQuoted takes the field up to its closing quote, with doubled quotes made
// single, and what follows that quote; false when there is no closing quote.
func cutQuoted(s string) (field, rest string, ok bool) {
	var done strings.Builder
	for {
		i := strings.IndexByte(s, '"')
		if i < 0 {
			return "", "", false
		}
		if !strings.HasPrefix(s[i+1:], `"`) {
			done.WriteString(s[:i])
			return done.String(), s[i+1:], true
		}
		done.WriteString(s[:i+1])
		s = s[i+2:]
	}
}
