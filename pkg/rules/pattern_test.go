package rules

import (
	"errors"
	"testing"
)

func TestPattern(t *testing.T) {
	tests := []struct {
		text     string
		asRegexp bool
		yes, no  []string
	}{
		{"Trash", false, []string{"Trash"}, []string{"trash", "INBOX.Trash", "Trash/Old"}},
		{"Junk*", false, []string{"Junk", "Junk E-Mail", "Junk/a"}, []string{"INBOX.Junk", "junk"}},
		{"*.Trash", false, []string{"INBOX.Trash"}, []string{"INBOX/Trash", "Trash"}},
		{"INBOX.*", false, []string{"INBOX.a"}, []string{"INBOX", "INBOXES"}},
		{"a?c", false, []string{"abc", "aéc"}, []string{"ac", "abbc"}},
		{"inbox", false, []string{"INBOX", "Inbox"}, []string{"inbox/a"}},
		{"[Gmail]/Sent (2)", false, []string{"[Gmail]/Sent (2)"}, []string{"G/Sent (2)"}},
		{"/^Junk/", false, []string{"Junk", "Junkyard"}, []string{"A/Junk", "junk"}},
		{"/^junk$/i", false, []string{"Junk"}, []string{"Junk2"}},
		{"/a/b/", false, []string{"xa/by"}, []string{"ab"}},
		// case 38: as imapsync has them: found anywhere, with regard to case
		{"Trash", true, []string{"Trash", "INBOX.Trash", "Trash/Old"}, []string{"trash"}},
		{"(?i)trash|spam", true, []string{"My SPAM", "Trash"}, []string{"Sent"}},
		{"^INBOX.*", true, []string{"INBOX", "INBOX.a"}, []string{"a"}},
		{"/^Junk$/", true, []string{"Junk"}, []string{"/Junk/"}},
		{"[0-9]*x", true, []string{"1x", "x"}, []string{"y"}},
	}
	for _, tt := range tests {
		p, err := parsePattern(tt.text, tt.asRegexp)
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		for _, name := range tt.yes {
			if !p.Regexp.MatchString(name) {
				t.Errorf("%q (%s) does not match %q", tt.text, p.Regexp, name)
			}
		}
		for _, name := range tt.no {
			if p.Regexp.MatchString(name) {
				t.Errorf("%q (%s) matches %q", tt.text, p.Regexp, name)
			}
		}
	}
	bad := []struct {
		text     string
		asRegexp bool
		want     error
	}{
		{"", false, errPattern}, {"//", false, errPattern}, {"//i", true, errPattern}, {"a\nb", false, errControl}, {"\xff", true, errUTF8},
		{"^Trash", false, errLooksRegexp}, {"Trash$", false, errLooksRegexp}, {"a|b", false, errLooksRegexp}, {`a\.b`, false, errLooksRegexp}, {"(?i)a", false, errLooksRegexp},
		{"Junk*", true, errLooksGlob}, {"*", true, errLooksGlob}, {"Archive/*", true, errLooksGlob},
		{"/(?!a)/", false, errLookaround}, {"(?<!a)b", true, errLookaround}, {`(a)\1`, true, errBackref}, {"a(", true, errRegexp}, {"/[/", false, errRegexp},
	}
	for _, tt := range bad {
		if p, err := parsePattern(tt.text, tt.asRegexp); !errors.Is(err, tt.want) {
			t.Errorf("%q: %v, %v; want %v", tt.text, p.Regexp, err, tt.want)
		}
	}
}
