package rules

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// FuzzOptions reads any text as the options of a row: no panic, each error one
// line fit for a terminal, and what is taken keeps what the engine relies on.
func FuzzOptions(f *testing.F) {
	for _, line := range []string{
		`--map 'A=B' --f1f2 "Sent Items=Sent" --noautomap --subfolder2 Old`, `--regextrans2 's,(.*)\.(x),$2/${1}\$,gi' --exclude (?i)^Spam|Junk$`,
		"--regextrans2 s{a(b)}{\\1} --regextrans2 tr/a/b/", "--maxage 9999 --minage 1e4 --max-size 2.5MiB --minsize 1", `--search 'OR (SEEN) SUBJECT "a\"b"'`,
		"--search {5+} --repair date,nul --max-delete 1% --ssl1 --notls2 --port1=143", "--include /a/i --exclude /[/ --delete2 x -- -x --=y", `'"\`,
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		words, err := Split(line)
		if err != nil {
			return
		}
		b := NewBuilder(today).Clone()
		for _, err := range b.Parse(words) {
			if s := err.Error(); strings.ContainsFunc(s, unicode.IsControl) && utf8.ValidString(line) {
				t.Errorf("unfit for a terminal: %q", s)
			}
		}
		s, err := b.Build()
		if err != nil {
			return
		}
		r := s.Rules
		for _, m := range r.Map {
			if checkName(m.From) != nil || checkName(m.To) != nil {
				t.Errorf("rename %q", m)
			}
		}
		for _, tr := range r.Transforms {
			tr.apply("INBOX.Sent Items/a$1")
		}
		if r.Search != "" && (strings.ContainsAny(r.Search, "\r\n\x00") || literal.MatchString(r.Search)) {
			t.Errorf("search %q", r.Search)
		}
		if r.MinSize < 0 || r.MaxSize < 0 || r.MaxSize > 0 && r.MinSize > r.MaxSize || r.MaxDelete < 0 || r.MaxDelete > 100 {
			t.Errorf("%+v", r)
		}
	})
}
