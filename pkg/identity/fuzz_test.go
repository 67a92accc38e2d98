package identity

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzDigest: how octets come, and their line ends, change nothing; a field is
// one line.
func FuzzDigest(f *testing.F) {
	f.Add([]byte("From: a\r\nSubject: b\r\n c\r\n\r\nbody\r\n"), uint8(3))
	f.Add([]byte("\r\n\n\r\x00\xff"), uint8(1))
	f.Add([]byte("no header at all"), uint8(7))
	f.Fuzz(func(t *testing.T, b []byte, n uint8) {
		whole, pieces, unix := NewExactDigester(), NewExactDigester(), NewDigester()
		whole.Write(b)
		for rest := b; len(rest) > 0; {
			k := min(int(n)+1, len(rest))
			pieces.Write(rest[:k])
			rest = rest[k:]
		}
		unix.Write(bytes.ReplaceAll(b, []byte("\r"), nil))
		h1, w1 := whole.Sums()
		h2, w2 := pieces.Sums()
		h3, w3 := unix.Sums()
		if h1 != h2 || w1 != w2 || h1 != h3 || w1 != w3 || whole.Exact() != pieces.Exact() || pieces.Octets() != int64(len(b)) {
			t.Errorf("%q has several digests", b)
		}
		if v := Field(b, "Subject"); strings.ContainsAny(v, "\n") {
			t.Errorf("%q of %q", v, b)
		}
	})
}

func TestField(t *testing.T) {
	head := []byte("From: a\r\nSubject:  one\r\n\ttwo \r\n three\r\nMessage-Id : <x@y>\r\nX:\r\n\r\nSubject: body\r\n")
	for name, want := range map[string]string{"subject": "one two three", "Message-ID": "<x@y>", "X": "", "To": "", "From": "a"} {
		if got := Field(head, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := Field([]byte("X: y\n\nSubject: body"), "Subject"); got != "" {
		t.Errorf("a field of the body: %q", got)
	}
}
