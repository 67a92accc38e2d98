package account

import (
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"
)

// utf16Of encodes s, with a byte order mark when s begins with U+FEFF.
func utf16Of(s string, order binary.ByteOrder) string {
	var out []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		out = append(out, 0, 0)
		order.PutUint16(out[len(out)-2:], unit)
	}
	return string(out)
}

func TestLoadUTF16(t *testing.T) {
	want := []Pair{passwords(2, "pä€𝄞1", "пароль")}
	plain := "# Список\r\nh1;u1;pä€𝄞1;h2;u2;пароль;\r\n"
	headed := strings.ReplaceAll(head, ";", "\t") + "\r\n\"h1\"\tu1\tpä€𝄞1\th2\tu2\tпароль"
	orders := map[string]binary.ByteOrder{"LE": binary.LittleEndian, "BE": binary.BigEndian}
	for name, order := range orders {
		for _, in := range []string{plain, headed} {
			for _, mark := range []string{"\ufeff", ""} {
				t.Run(name, func(t *testing.T) { checkPairs(t, utf16Of(mark+in, order), Options{}, want) })
			}
		}
	}
}

func TestLoadUTF16Broken(t *testing.T) {
	const reason = ": not UTF-8: save the list as UTF-8"
	good := utf16Of("\ufeffh1;u1;p1;h2;u2;p2\n", binary.LittleEndian)
	tests := []struct {
		name, more string // after a good line
		want       []string
	}{
		{"high surrogate alone", utf16Of("h1;u1;", binary.LittleEndian) + "\x34\xd8" + utf16Of(";h2;u3;p2\n", binary.LittleEndian), []string{"line 2" + reason}},
		{"low surrogate alone", utf16Of("h1;u1;", binary.LittleEndian) + "\x1e\xdd" + utf16Of(";h2;u3;p2\n", binary.LittleEndian), []string{"line 2" + reason}},
		{"cut in a pair", utf16Of("\nh1;u1;p1;h2;u3;", binary.LittleEndian) + "\x34\xd8", []string{"line 3" + reason}},
		{"cut in a unit", utf16Of("h1;u1;p1;h2;u3;p2", binary.LittleEndian) + "x", []string{"line 2" + reason}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkErrors(t, good+tt.more, Options{}, tt.want) })
	}
}

// A NUL or two do not make UTF-16.
func TestLoadStrayNUL(t *testing.T) {
	checkErrors(t, "h1;u1;p\x001;h2;u2;p2\n", Options{}, []string{"line 1, column password1: a NUL or a line break, which no login can carry"})
}
