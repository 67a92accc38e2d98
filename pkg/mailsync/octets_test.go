package mailsync

import (
	"bytes"
	"io"
	"mime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/rules"
)

// TestOctetRepairs: what each repair makes of a message. "" in want: the same.
func TestOctetRepairs(t *testing.T) {
	x := strings.Repeat
	tests := []struct{ kind, name, in, want string }{
		{rules.RepairNUL, "everywhere", "a: \x00\r\n\r\n\x00b\x00", "a: \x80\r\n\r\n\x80b\x80"},
		{rules.RepairNUL, "none", "a: b\r\n\r\n\x80", ""},

		{rules.RepairNewline, "none at the end", "a: b\r\n\r\nx", "a: b\r\n\r\nx\r\n"},
		{rules.RepairNewline, "a CR at the end", "a: b\r\n\r\nx\r", "a: b\r\n\r\nx\r\n"},
		{rules.RepairNewline, "there is one", "a: b\r\n\r\nx\n", ""},
		{rules.RepairNewline, "empty", "", ""},

		{rules.RepairCRLF, "LF", "a: b\n\nx\ny", "a: b\r\n\r\nx\r\ny"},
		{rules.RepairCRLF, "as it should be", "a: b\r\n\tc\r\n\r\nx\r\n\r\n", ""},
		{rules.RepairCRLF, "CR in the body", "a: b\r\n\r\nx\ry\r\rz\r", "a: b\r\n\r\nx\r\ny\r\n\r\nz\r\n"},
		{rules.RepairCRLF, "CR CR LF is one line end", "a: b\r\r\n\r\r\nx\r\r\r\n", "a: b\r\n\r\nx\r\n"},
		{rules.RepairCRLF, "CR in a field folds it", "a: b\rc d\r\ne: f\r\n\r\n", "a: b\r\n c d\r\ne: f\r\n\r\n"},
		{rules.RepairCRLF, "CR in a field before 8-bit", "a: b\r\xfcc\r\n\r\n", "a: b\r\n \xfcc\r\n\r\n"},
		{rules.RepairCRLF, "CR before a blank", "a: b\r c\r\n\r\n", "a: b\r\n c\r\n\r\n"},
		{rules.RepairCRLF, "CR before a field ends the one before", "a: b\rc-d: e\r\n\r\n", "a: b\r\nc-d: e\r\n\r\n"},
		{rules.RepairCRLF, "CR only", "a: b\rc: d\r\rx\ry\r", "a: b\r\nc: d\r\n\r\nx\r\ny\r\n"},
		{rules.RepairCRLF, "a blank line of one CR", "a: b\r\n\rx\r\n", "a: b\r\n\r\nx\r\n"},
		{rules.RepairCRLF, "CR at the end of a header", "a: b\r", "a: b\r\n"},
		{rules.RepairCRLF, "ends while it is not clear", "a: b\rcd", "a: b\r\n cd"},
		{rules.RepairCRLF, "a field without a value", "a: b\rcd:", "a: b\r\ncd:"},

		{rules.RepairHeader, "as it should be", "a: b\r\n c\r\nd : e\r\n\r\nf\r\n", ""},
		{rules.RepairHeader, "a blank line first", "\r\nf\r\n", ""},
		{rules.RepairHeader, "a blank line first, LF", "\nf\n", ""},
		{rules.RepairHeader, "no field at all", "this is\r\nno header", "\r\nthis is\r\nno header"},
		{rules.RepairHeader, "one octet", "x", "\r\nx"},
		{rules.RepairHeader, "empty", "", "\r\n"},
		{rules.RepairHeader, "begins with a blank", " a: b\r\n\r\n", "\r\n a: b\r\n\r\n"},
		{rules.RepairHeader, "text behind fields", "a: b\r\nno field\r\nc: d\r\n", "a: b\r\n\r\nno field\r\nc: d\r\n"},
		{rules.RepairHeader, "a colon without a name", "a: b\r\n: c\r\n", "a: b\r\n\r\n: c\r\n"},
		{rules.RepairHeader, "8-bit name", "a: b\r\n\xfc: c\r\n", "a: b\r\n\r\n\xfc: c\r\n"},
		{rules.RepairHeader, "mbox", "From a@b Mon May  6 07:08:09 2019\r\na: b\r\n\r\nx", "X-Mbox-From: From a@b Mon May  6 07:08:09 2019\r\na: b\r\n\r\nx"},
		{rules.RepairHeader, "From as a field", "From : a@b\r\n\r\nx", "X-Mbox-From: From : a@b\r\n\r\nx"},
		{rules.RepairHeader, "no blank line", "a: b\r\nc: d\r\n", "a: b\r\nc: d\r\n\r\n"},
		{rules.RepairHeader, "no newline", "a: b", "a: b\r\n\r\n"},

		{rules.RepairLines, "short", "a: b\r\n\r\n" + x("x", 994) + "\r\n", ""},
		{rules.RepairLines, "body", "a: b\r\n\r\n" + x("x", 1000) + "\r\ny", "a: b\r\n\r\n" + x("x", 994) + "\r\n" + x("x", 6) + "\r\ny"},
		{rules.RepairLines, "at a blank", "\r\n" + x("x", 950) + " " + x("y", 100), "\r\n" + x("x", 950) + " \r\n" + x("y", 100)},
		{rules.RepairLines, "no character in two lines", "\r\n" + x("x", 993) + "ü" + x("y", 9), "\r\n" + x("x", 993) + "ü\r\n" + x("y", 9)},
		{rules.RepairLines, "header at a blank", "a: " + x("x", 950) + " y" + x("z", 100) + "\r\n\r\n", "a: " + x("x", 950) + "\r\n y" + x("z", 100) + "\r\n\r\n"},
		{rules.RepairLines, "header without one", "a: " + x("x", 1000) + "\r\n\r\n", "a: " + x("x", 991) + "\r\n " + x("x", 9) + "\r\n\r\n"},

		{rules.Repair8Bit, "ASCII", "Subject: a\r\n\r\n\xfc", ""},
		{rules.Repair8Bit, "body only", "Subject: a\r\n\r\nü", ""},
		{rules.Repair8Bit, "UTF-8", "Subject: sag \"Grüße\" an\r\n\r\nü", "Subject: sag =?utf-8?q?=22Gr=C3=BC=C3=9Fe=22?= an\r\n\r\nü"},
		{rules.Repair8Bit, "other", "Subject: Gr\xfc\xdfe\r\n\r\n", "Subject: =?unknown-8bit?q?Gr=FC=DFe?=\r\n\r\n"},
		{rules.Repair8Bit, "the blanks between", "Subject: a ü ö b\r\n\r\n", "Subject: a =?utf-8?q?=C3=BC_=C3=B6?= b\r\n\r\n"},
		{rules.Repair8Bit, "a name", "From: \"Jürgen\" <j@example.org>\r\n\r\n", "From: \"=?utf-8?q?J=C3=BCrgen?=\" <j@example.org>\r\n\r\n"},
		{rules.Repair8Bit, "long", "Subject: " + x("ü", 20) + "\n\n", "Subject: =?utf-8?q?" + x("=C3=BC", 9) + "?=\r\n =?utf-8?q?" + x("=C3=BC", 9) + "?=\r\n =?utf-8?q?" + x("=C3=BC", 2) + "?=\n\n"},
	}
	for _, tt := range tests {
		want := tt.want
		if want == "" {
			want = tt.in
		}
		c := newChain([]string{tt.kind})
		got := string(c.pass([]byte(tt.in), true))
		if got != want {
			t.Errorf("%s, %s:\n got %q\nwant %q", tt.kind, tt.name, got, want)
		}
		if did := len(c.did()) > 0; did != (got != tt.in) {
			t.Errorf("%s, %s: says changed: %v", tt.kind, tt.name, did)
		}
	}
}

// TestEncodedWordsRead: what an encoded word was made of can be read again.
func TestEncodedWordsRead(t *testing.T) {
	for _, text := range []string{"Grüße an alle", "日本語のとても長い件名、折り返しが必要です", "a=b?c_d ü"} {
		got := string(repairedOctets([]string{rules.Repair8Bit}, []byte("Subject: "+text+"\r\n\r\n")))
		value := strings.ReplaceAll(strings.TrimSpace(strings.TrimPrefix(got, "Subject: ")), "\r\n", "")
		read, err := new(mime.WordDecoder).DecodeHeader(value)
		if err != nil || read != text {
			t.Errorf("%q became %q, read as %q, %v", text, got, read, err)
		}
		for line := range strings.Lines(got) {
			if len(line) > 100 {
				t.Errorf("a line of %d octets: %q", len(line), line)
			}
		}
	}
}

// FuzzOctetRepairs: a repair gives the same however its octets come, says so
// when it changes something, leaves nothing to repair, and loses no letter.
func FuzzOctetRepairs(f *testing.F) {
	for _, m := range imaptest.OddMessages() {
		if len(m.Body) < 4000 {
			f.Add(m.Body, uint8(3))
		}
	}
	letters := func(p []byte) string {
		return string(bytes.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' {
				return r
			}
			return -1
		}, p))
	}
	f.Fuzz(func(t *testing.T, octets []byte, at uint8) {
		for _, kind := range octetKinds() {
			c := newChain([]string{kind})
			whole := bytes.Clone(c.pass(octets, true))
			if (len(c.did()) > 0) != !bytes.Equal(whole, octets) {
				t.Errorf("%s: says %v", kind, c.did())
			}
			cut := min(int(at), len(octets))
			p := newChain([]string{kind})
			parts := bytes.Clone(p.pass(octets[:cut], false))
			if parts = append(parts, p.pass(octets[cut:], true)...); !bytes.Equal(parts, whole) {
				t.Errorf("%s: in two parts %q, whole %q", kind, parts, whole)
			}
			again := newChain([]string{kind})
			if twice := again.pass(whole, true); !bytes.Equal(twice, whole) {
				t.Errorf("%s: made %q, and of that %q", kind, whole, twice)
			}
			if kind != rules.RepairHeader && kind != rules.Repair8Bit && letters(whole) != letters(octets) {
				t.Errorf("%s: letters were lost: %q", kind, whole)
			}
		}
		got, err := io.ReadAll(newChain(octetKinds()).reader(iotest.OneByteReader(bytes.NewReader(octets))))
		if err != nil || !bytes.Equal(got, repairedOctets(octetKinds(), octets)) {
			t.Errorf("as a reader: %q, %v", got, err)
		}
	})
}

// repairedOctets is octets as repairs change them.
func repairedOctets(kinds []string, octets []byte) []byte {
	return bytes.Clone(newChain(kinds).pass(octets, true))
}
