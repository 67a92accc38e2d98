package rules

import (
	"errors"
	"testing"
)

// apply is how a Transform is meant to be used.
func (t Transform) apply(name string) string {
	if t.All {
		return t.From.ReplaceAllString(name, t.To)
	}
	at := t.From.FindStringSubmatchIndex(name)
	if at == nil {
		return name
	}
	return name[:at[0]] + string(t.From.ExpandString(nil, t.To, name, at)) + name[at[1]:]
}

func TestTransform(t *testing.T) {
	tests := []struct{ text, in, want string }{
		{`s/a/b/`, "aa", "ba"},
		{`s/a/b/g`, "aa", "bb"},
		{`s/A/b/gi`, "aAx", "bbx"},
		{`s,^INBOX\.,Old/,`, "INBOX.x", "Old/x"},
		{`s/\//_/g`, "a/b/c", "a_b_c"},
		{`s#(.*)#X/$1#`, "a", "X/a"},
		{`s/(.*)-(.*)/\2 $1/`, "a-b", "b a"},
		{`s/(a)/${1}1/`, "a", "a1"},
		{`s/a/$&$&/`, "a", "aa"},
		{`s/a/\$1/`, "a", "$1"},
		{`s/a/$/`, "a", "$"},
		{`s/a/\/\\\./`, "a", `/\.`},
		{`s{a/b}{c/d}`, "a/b", "c/d"},
		{`s(a(b))(<$1>)`, "ab", "<b>"},
		{`s{a} /b/`, "a", "b"},
		{`s[x{2}]<y>`, "xx", "y"},
		{`s|a\|b|c|`, "a|b", "c"},
		{`s/[ ]+$//`, "name  ", "name"},
		{`s/^ | $//g`, " a ", "a"},
		{`s/[$x]/-/`, "$", "-"},
		{` s/a/b/g `, "aa", "bb"},
		{`s!é!e!g`, "éé", "ee"},
		{`s/(?i)sent items/Sent/`, "SENT ITEMS", "Sent"},
		{`s/a(?:b|c)+?/x/`, "abc", "xc"},
		{`s/(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)/$10-$1/`, "abcdefghij", "j-a"},
		{`s/[^]]+/x/`, "ab]", "x]"},
		{`s/[a[]x[]]/y/`, "[x]", "y"},
	}
	for _, tt := range tests {
		tr, err := parseTransform(tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		if got := tr.apply(tt.in); got != tt.want {
			t.Errorf("%s: %q becomes %q, want %q (%s, %s)", tt.text, tt.in, got, tt.want, tr.From, tr.To)
		}
		if tr.Raw != tt.text {
			t.Errorf("raw %q, want %q", tr.Raw, tt.text)
		}
	}
}

// TestTransformErrors: what RE2 lacks, or what Perl would run, is said.
func TestTransformErrors(t *testing.T) {
	tests := []struct {
		text string
		want error
	}{
		{``, errNoName}, {`s`, errTransform}, {`s/a`, errTransform}, {`s/a/b`, errTransform}, {`a/b/`, errTransform}, {`s a b `, errTransform},
		{`s{a}`, errTransform}, {`s{a}{b`, errTransform}, {`sxaxbx`, errTransform}, {`m/a/`, errTransform}, {"s\x01a\x01b\x01", errControl},
		{`s/a/b/; s/c/d/`, errFlags}, {`s/a/b/q`, errFlags}, {`s/a/b/e`, errCode}, {`s/a/system("id")/ee`, errCode}, {`s/a b/c/x`, errExtended},
		{`tr/a-z/A-Z/`, errTranslate}, {`y/a/b/`, errTranslate}, {`s//b/`, errPattern},
		{`s/[a[](?=a)/b/`, errLookaround}, {`s/(?=a)/b/`, errLookaround}, {`s/a(?!b)/c/`, errLookaround}, {`s/(?<=a)b/c/`, errLookaround}, {`s/(?<!a)b/c/`, errLookaround},
		{`s/(a)\1/b/`, errBackref}, {`s/(a)\g1/b/`, errBackref}, {`s/(?<n>a)\k<n>/b/`, errBackref},
		{`s/a++/b/`, errPossessive}, {`s/(?>a)/b/`, errPossessive},
		{`s,${h2_prefix}(.*),$1,`, errVariable}, {`s/$x/y/`, errVariable}, {`s/a/$b/`, errVariable}, {`s/a/${b}/`, errVariable}, {`s/a/$+{n}/`, errVariable},
		{`s/a/$1/`, errNoGroup}, {`s/(a)/$2/`, errNoGroup}, {`s/(a)/\2/`, errNoGroup}, {`s/(a)/\U$1/`, errCase}, {`s/a/\n/`, errEscape},
		{`s/a[/b/`, errRegexp}, {`s/a(/b/`, errRegexp}, {`s/\p{Foo}/b/`, errRegexp},
		{`s'a'b\'`, errTransform},
	}
	for _, tt := range tests {
		if tr, err := parseTransform(tt.text); !errors.Is(err, tt.want) {
			t.Errorf("%q: %v, %v; want %v", tt.text, tr.From, err, tt.want)
		}
	}
}
