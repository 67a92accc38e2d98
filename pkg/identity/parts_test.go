package identity

import (
	"strings"
	"testing"
)

func partsOf(s string, n int) Parts {
	d := NewPartsDigester()
	for len(s) > 0 {
		k := min(n, len(s))
		d.Write([]byte(s[:k]))
		s = s[k:]
	}
	return d.Parts()
}

func TestPartsWithin(t *testing.T) {
	base := "From: a\r\nReceived: by x\r\n\tat noon\r\nSubject: caf\xe9\r\n\r\nbody\r\n"
	for _, tt := range []struct {
		name, other string
		want        bool
	}{
		{"itself", base, true},
		{"a field before it", "X-Spam: no\r\n" + base, true},
		{"a field in the middle, line ends, 8 bits", "From: a\nX-Spam: no\nReceived: by x\n\tat noon\nSubject: cafX\n\nbody", true},
		{"another order", "Subject: caf\xe9\r\nFrom: a\r\nReceived: by x\r\n\tat noon\r\n\r\nbody\r\n", true},
		{"another body", "X-Spam: no\r\n" + strings.Replace(base, "body", "Body", 1), false},
		{"a field is gone", strings.Replace(base, "From: a\r\n", "", 1), false},
		{"a field is changed", strings.Replace(base, "by x", "by y", 1), false},
		{"a folded line is changed", "X-Spam: no\r\n" + strings.Replace(base, "noon", "night", 1), false},
		{"a field that is there once, not twice", strings.Replace(base, "From: a\r\n", "Received: by x\r\n\tat noon\r\n", 1), false},
		{"too many fields to tell", strings.Repeat("X: y\r\n", maxFields) + base, false},
		{"too long a header to tell", "X: " + strings.Repeat("y", maxHeader) + "\r\n" + base, false},
		{"nothing", "", false},
	} {
		for _, n := range []int{1, 7, 1 << 20} {
			if got := partsOf(base, n).Within(partsOf(tt.other, n)); got != tt.want {
				t.Errorf("%s, in pieces of %d: %v", tt.name, n, got)
			}
		}
	}
	twice := "Received: by x\r\nReceived: by x\r\n\r\nb"
	if once := "Received: by x\r\nSubject: y\r\n\r\nb"; partsOf(twice, 99).Within(partsOf(once, 99)) {
		t.Error("two equal fields are one")
	}
	if (Parts{}).Within(Parts{}) {
		t.Error("what is unknown is equal")
	}
}

func TestName(t *testing.T) {
	nameOf := func(s string) Sum {
		d := NewPartsDigester()
		d.Write([]byte(s))
		return d.Name()
	}
	a := nameOf("Message-ID: <1@x>\r\nDate: today\r\n\r\n")
	if b := nameOf("X: y\r\ndate: today\r\nMessage-Id:\r\n <1@x>\r\n\r\n"); a != b {
		t.Error("the same Message-ID and Date, another name")
	}
	for _, s := range []string{"Message-ID: <2@x>\r\nDate: today\r\n", "Message-ID: <1@x>\r\n", "Date: today\r\n"} {
		if nameOf(s) == a {
			t.Errorf("%q has the same name", s)
		}
	}
	if nameOf("Subject: x\r\n\r\nDate: today\r\n") != (Sum{}) {
		t.Error("a message without a name has one")
	}
}
