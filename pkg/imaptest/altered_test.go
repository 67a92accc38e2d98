package imaptest

import (
	"slices"
	"testing"
)

func TestExplain(t *testing.T) {
	const none = "?"
	for _, tt := range []struct {
		sent, got string
		want      []string // none: it cannot be explained
	}{
		{"a: b\r\n\r\nc\r\n", "a: b\r\n\r\nc\r\n", nil},
		{"a: b\n\nc\n", "a: b\r\n\r\nc\r\n", []string{"bare LF becomes CRLF"}},
		{"a: b\n\nc\n", "a: b\r\n\r\nc\n", []string{"bare LF in the header becomes CRLF"}},
		{"a: \xc3\xa4\r\n\r\n\xc3\xa4\x00", "a: XX\r\n\r\n\xc3\xa4\x80",
			[]string{"NUL becomes 0x80", "8-bit octets in the header become X"}},
		{"a: b\r\n\r\nc\rd\r", "a: b\r\n\r\ncd\r\n", []string{"bare CR is removed", "CRLF is added at the end"}},
		{"a: b\r\n\r\nc\rd\r\r\n\r", "a: b\r\n\r\nc\rd\r\n", []string{"bare CR at the end of a line is removed"}},
		{"a: b", "a: b\r\n\r\n", []string{"the blank line after the header is added"}},
		{"a: b\r\n\r\nc\r\n", "", []string{"nothing comes back"}},
		{"a: b\r\n\r\nc\r\n", "a: b\r\n\r\nd\r\n", []string{none}},
		{"a: b\r\n\r\nc\r\n", "a: b\r\n\r\nc", []string{none}},
		{"a: b\r\n\r\nc\r\n", "X: y\r\na: b\r\n\r\nc\r\n", []string{none}},
	} {
		why, ok := Explain([]byte(tt.sent), []byte(tt.got))
		got := []string{none}
		if ok {
			got = why
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%q that becomes %q: %q, want %q", tt.sent, tt.got, got, tt.want)
		}
	}
}
