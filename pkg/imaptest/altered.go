package imaptest

import (
	"bytes"
	"math/bits"
)

// known is what servers are known to do to the octets of a message that
// they store, in the order in which they are tried: what takes a line end away
// or makes one comes before what adds to the end.
var known = []struct {
	name  string
	apply func([]byte) []byte
}{
	{"NUL becomes 0x80", func(b []byte) []byte { return bytes.ReplaceAll(b, []byte{0}, []byte{0x80}) }},
	{"8-bit octets in the header become X", func(b []byte) []byte {
		head, body := splitHeader(b)
		for i, c := range head {
			if c >= 0x80 {
				head[i] = 'X'
			}
		}
		return append(head, body...)
	}},
	{"bare CR at the end of a line is removed", func(b []byte) []byte { return withoutCR(b, true) }},
	{"bare CR is removed", func(b []byte) []byte { return withoutCR(b, false) }},
	{"bare LF becomes CRLF", crlf},
	{"bare LF in the header becomes CRLF", func(b []byte) []byte {
		head, body := splitHeader(b)
		return append(crlf(head), body...)
	}},
	{"CRLF is added at the end", func(b []byte) []byte { return append(b, "\r\n"...) }},
	{"the blank line after the header is added", func(b []byte) []byte {
		if len(b) > 0 && b[len(b)-1] != '\n' {
			b = append(b, "\r\n"...)
		}
		return append(b, "\r\n"...)
	}},
	{"nothing comes back", func([]byte) []byte { return nil }},
}

// Explain says what a server has done to a message ("bare LF becomes CRLF"), as
// little as possible, if it now gives got of it: nothing when the two are equal;
// not ok when nothing that servers are known to do explains it.
func Explain(sent, got []byte) (alterations []string, ok bool) {
	if bytes.Equal(sent, got) {
		return nil, true
	}
	for n := 1; n <= len(known); n++ {
		for set := 1; set < 1<<len(known); set++ {
			if bits.OnesCount(uint(set)) != n || !bytes.Equal(alter(sent, set), got) {
				continue
			}
			for i, k := range known {
				if set&(1<<i) != 0 {
					alterations = append(alterations, k.name)
				}
			}
			return alterations, true
		}
	}
	return nil, false
}

// alter applies a set of what is known, a bit each, to a copy.
func alter(b []byte, set int) []byte {
	b = bytes.Clone(b)
	for i, k := range known {
		if set&(1<<i) != 0 {
			b = k.apply(b)
		}
	}
	return b
}

// splitHeader returns copies of the header, with the blank line that ends it,
// and of the body.
func splitHeader(b []byte) (head, body []byte) {
	for at := 0; at < len(b); {
		n := bytes.IndexByte(b[at:], '\n') + 1
		if n == 0 {
			break
		}
		line := b[at : at+n]
		at += n
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			return bytes.Clone(b[:at]), bytes.Clone(b[at:])
		}
	}
	return bytes.Clone(b), nil
}

// withoutCR takes away each CR that no LF follows: all, or those only that stand
// before the end of a line or of the message.
func withoutCR(b []byte, atEnd bool) []byte {
	out := make([]byte, 0, len(b))
	for i, c := range b {
		rest := b[i+1:]
		bare := c == '\r' && !bytes.HasPrefix(rest, []byte("\n"))
		if atEnd {
			rest = bytes.TrimLeft(rest, "\r")
			bare = bare && (len(rest) == 0 || rest[0] == '\n')
		}
		if !bare {
			out = append(out, c)
		}
	}
	return out
}

func crlf(b []byte) []byte {
	out := make([]byte, 0, len(b)+len(b)/16)
	for i, c := range b {
		if c == '\n' && (i == 0 || b[i-1] != '\r') {
			out = append(out, '\r')
		}
		out = append(out, c)
	}
	return out
}
