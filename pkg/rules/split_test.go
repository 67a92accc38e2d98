package rules

import (
	"slices"
	"testing"
)

func TestSplit(t *testing.T) {
	tests := []struct {
		line string
		want []string
	}{
		{"", nil},
		{" \t ", nil},
		{"a  b\tc", []string{"a", "b", "c"}},
		{`'a b' "c d" e\ f`, []string{"a b", "c d", "e f"}},
		{`a'b'"c"d`, []string{"abcd"}},
		{`'' ""`, []string{"", ""}},
		{`'a\b"c' "d'e\"f\\g\h"`, []string{`a\b"c`, `d'e"f\g\h`}},
		{`\'a\" \\`, []string{`'a"`, `\`}},
		{`$HOME ${x} $(id) ~ * ? [a] #b c;d |e &f <g >h ! {i,j}`,
			[]string{"$HOME", "${x}", "$(id)", "~", "*", "?", "[a]", "#b", "c;d", "|e", "&f", "<g", ">h", "!", "{i,j}"}},
		{"`id` é 邮", []string{"`id`", "é", "邮"}},
	}
	for _, tt := range tests {
		got, err := Split(tt.line)
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q, %v; want %q", tt.line, got, err, tt.want)
		}
	}
	for line, want := range map[string]error{`a 'b`: errOpenQuote, `"b\"`: errOpenQuote, `"a\`: errOpenQuote, `a \`: errLoneEscape, `'`: errOpenQuote} {
		if got, err := Split(line); err != want || got != nil {
			t.Errorf("%q: %q, %v; want %v", line, got, err, want)
		}
	}
}
