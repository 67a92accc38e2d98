package console

import (
	"strings"
	"testing"
	"unicode"
)

func TestClean(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "INBOX/Archive 2024", "INBOX/Archive 2024"},
		{"escape", "a\x1b[2Jb", "a [2Jb"},
		{"C1", "a\u009b2Jb", "a 2Jb"},
		{"line feeds", "a\r\nb\tc", "a  b c"},
		{"bidirectional override", "a\u202eb", "a b"},
		{"joiner", "\U0001F468\u200d\U0001F469", "\U0001F468 \U0001F469"},
		{"variation selector", "\u2764\ufe0f", "\u2764"},
		{"not UTF-8", "a\xffb", "a b"},
		{"accents", "e\u0301a\u0300\u0323", "e\u0301a\u0300\u0323"},
		{"too many marks", "e" + strings.Repeat("\u0301", 50) + "x", "e\u0301\u0301x"},
		{"separators", "a\u2028b\u2029c", "a b c"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := clean(tt.in); got != tt.want {
				t.Errorf("clean(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestTextWidth(t *testing.T) {
	tests := []struct {
		name, in string
		want     int
	}{
		{"ASCII", "INBOX", 5},
		{"accents", "e\u0301te\u0301", 3},
		{"Chinese", "收件箱", 6},
		{"Hangul", "받은편지함", 10},
		{"fullwidth", "ＡＢ", 4},
		{"halfwidth", "ｱｲ", 2},
		{"emoji", "📁x", 3},
		{"flag", "🇩🇪", 4},
		{"Cyrillic", "Входящие", 8},
		{"Thai", "กล่อง", 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := textWidth(tt.in); got != tt.want {
				t.Errorf("textWidth(%q) = %d, want %d", tt.in, got, tt.want)
			}
		})
	}
}

func TestCut(t *testing.T) {
	tests := []struct {
		in         string
		n          int
		head, tail string
	}{
		{"INBOX", 5, "INBOX", "INBOX"},
		{"INBOX/Archive", 10, "INBOX/A...", "...Archive"},
		{"收件箱收件箱", 8, "收件...", "...件箱"},
		{"收件箱", 6, "收件箱", "收件箱"},
		{"abcdef", 4, "a...", "...f"},
		{"abcdef", 3, "a..", "..f"},
		{"abcdef", 1, "a", "f"},
		{"收件", 1, "", ""},
		{"abcdef", 0, "", ""},
		{"", 0, "", ""},
		{"abcde\u0301f", 5, "ab...", "...e\u0301f"},
		{"abcdexe\u0301", 4, "a...", "...e\u0301"},
	}
	for _, tt := range tests {
		if got := head(tt.in, tt.n); got != tt.head {
			t.Errorf("head(%q, %d) = %q, want %q", tt.in, tt.n, got, tt.head)
		}
		if got := tail(tt.in, tt.n); got != tt.tail {
			t.Errorf("tail(%q, %d) = %q, want %q", tt.in, tt.n, got, tt.tail)
		}
	}
}

// FuzzText: whatever a name is, what is left of it is harmless and fits.
func FuzzText(f *testing.F) {
	f.Add("INBOX/\x1b[31m收件箱\u0301\u0301\u0301📁", 7)
	f.Add("\u202e\xff\u2028👨\u200d👩\u200d👧🇩🇪", 3)
	f.Fuzz(func(t *testing.T, s string, n int) {
		c := clean(s)
		if clean(c) != c {
			t.Errorf("clean is not stable: %q, then %q", c, clean(c))
		}
		for _, r := range c {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
				t.Errorf("%U kept in %q", r, c)
			}
		}
		n &= 0xff
		for _, cut := range []string{head(c, n), tail(c, n)} {
			if textWidth(cut) > n {
				t.Errorf("%q takes %d columns, want at most %d", cut, textWidth(cut), n)
			}
		}
		if p := pad(head(c, n), n); textWidth(p) != n {
			t.Errorf("padded %q takes %d columns, want %d", p, textWidth(p), n)
		}
	})
}
