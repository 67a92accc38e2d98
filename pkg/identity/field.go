package identity

import (
	"bytes"
	"strings"
)

// Field returns the first header field of that name (RFC 5322 section 2.2),
// unfolded, without blanks at its ends; empty where there is none. No message
// is identified by it alone.
func Field(header []byte, name string) string {
	var value strings.Builder
	found := false
	for line := range bytes.Lines(header) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			if found {
				value.WriteString(" " + string(bytes.TrimSpace(line)))
			}
			continue
		}
		if found {
			break
		}
		if key, rest, ok := bytes.Cut(line, []byte(":")); ok && strings.EqualFold(string(bytes.TrimSpace(key)), name) {
			found = true
			value.Write(bytes.TrimSpace(rest))
		}
	}
	return strings.TrimSpace(value.String())
}
