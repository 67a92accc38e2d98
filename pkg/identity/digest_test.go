package identity

import "testing"

func TestDigest(t *testing.T) {
	base := "From: a\r\nSubject: b\r\n\r\nbody\r\nmore\r\n"
	tests := []struct {
		name, text        string
		sameHead, sameAll bool
	}{
		{"itself", base, true, true},
		{"bare LF", "From: a\nSubject: b\n\nbody\nmore\n", true, true},
		{"no newline at the end", "From: a\r\nSubject: b\r\n\r\nbody\r\nmore", true, true},
		{"another body", "From: a\r\nSubject: b\r\n\r\nbody\r\nMore\r\n", true, false},
		{"another header", "From: a\r\nSubject: c\r\n\r\nbody\r\nmore\r\n", false, false},
		{"a blank line more inside", "From: a\r\nSubject: b\r\n\r\nbody\r\n\r\nmore\r\n", true, false},
		{"header line moved into the body", "From: a\r\n\r\nSubject: b\r\nbody\r\nmore\r\n", false, false},
		{"empty", "", false, false},
	}
	digest := func(s string, n int) (Sum, Sum) {
		d := NewDigester()
		for len(s) > 0 {
			k := min(n, len(s))
			d.Write([]byte(s[:k]))
			s = s[k:]
		}
		return d.Sums()
	}
	head, whole := digest(base, 1000)
	if h := OfHeader([]byte("From: a\r\nSubject: b\r\n\r\n")); h != head {
		t.Error("the header alone has another digest than in its message")
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, n := range []int{1, 2, 3, 7, 1000} {
				h, w := digest(tt.text, n)
				if (h == head) != tt.sameHead || (w == whole) != tt.sameAll {
					t.Errorf("in pieces of %d: same header %v, same message %v", n, h == head, w == whole)
				}
			}
		})
	}
	a, _ := digest("Subject: caf\xe9\r\n\r\n", 99)
	b, _ := digest("Subject: cafX\r\n\r\n", 99)
	if a != b {
		t.Error("an 8-bit header that a server shows as X is another header")
	}
}
