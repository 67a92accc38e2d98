package account

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// FuzzLoad reads any octets as a list: it must not panic, each error must name
// a line of the list, and each pair must be fit for a login.
func FuzzLoad(f *testing.F) {
	for _, in := range []string{
		"h1;u1;p1;h2;u2;p2;\nh1;u3;p1;h2;u4;p2;--ssl1\n", "# c\r\n\r\n  # c\r\nh1;u1;p\"1;[::1]:993;u2;\"p2\n;;;;;;",
		head + ";port1;security1;tlsverify2;authuser1;extra;\n\"h1\";u1;\"p;\"\"1\";imaps://h2:993;u2; p2 ;143;tls;no;a;;\n",
		strings.ReplaceAll(head, ";", ",") + "\nh1,u1,p1,h2,u2", "sep=\t\nhost1\tuser1\n", "hots1;user1;pasword1;host2;user2;password2",
		utf16Of("\ufeff"+head+"\nh1;u1;p1;h2;u2;p2\n", binary.LittleEndian), utf16Of("h1;u1;p1;h2;u2;p2\n", binary.BigEndian),
		"fe80::1%eth0;u;p;h.;u;p\rh;u;\xff;h;u;p\r", "sep=;", "\ufeff",
		"h1;u1;p1;h2;u2;p2;--map 'A=B' --port1 1993 --tls2 --password1 x\n", head + ";map;extra\nh1;u1;p1;h2;u2;p2;A=B,C\\==D;--authuser1 \"a\x01b\"\n",
	} {
		f.Add([]byte(in), false)
		f.Add([]byte(in), true)
	}
	f.Fuzz(func(t *testing.T, in []byte, merge bool) {
		list, err := Load(strings.NewReader(string(in)), Options{AllowMerge: merge})
		if err != nil {
			if list != nil {
				t.Error("a list and an error")
			}
			if !errors.Is(err, ErrNoAccounts) {
				checkLines(t, in, err)
			}
			return
		}
		if len(list.Pairs) == 0 {
			t.Error("a list without pairs is no error")
		}
		for _, w := range list.Warnings {
			if strings.ContainsFunc(w, unicode.IsControl) {
				t.Errorf("a control character in warning %q", w)
			}
		}
		checkValid(t, list.Pairs, merge)
	})
}

func checkLines(t *testing.T, in []byte, err error) {
	t.Helper()
	physical := 1 + strings.Count(string(in), "\n") + strings.Count(string(in), "\r")
	for _, row := range rowErrors(t, err) {
		if row.Line < 1 || row.Line > physical {
			t.Errorf("line %d of %d: %v", row.Line, physical, row)
		}
		if s := row.Error(); strings.ContainsFunc(s, unicode.IsControl) || !utf8.ValidString(s) {
			t.Errorf("an error that is unfit for a terminal: %q", s)
		}
	}
}

func checkValid(t *testing.T, pairs []Pair, merge bool) {
	t.Helper()
	keys, dests := make(map[Key]bool), make(map[string]bool)
	line := 0
	for _, p := range pairs {
		if p.Line <= line {
			t.Errorf("line %d after line %d", p.Line, line)
		}
		line = p.Line
		if keys[p.Key()] || dests[p.DestID()] && !merge {
			t.Errorf("line %d is there twice", p.Line)
		}
		keys[p.Key()], dests[p.DestID()] = true, true
		for _, e := range []Endpoint{p.Source, p.Dest} {
			at, err := parseAddress(e.Host)
			if err != nil || at != (address{host: e.Host}) {
				t.Errorf("line %d: host %q reads as %+v, %v", p.Line, e.Host, at, err)
			}
			texts := []string{e.Host, e.User, e.AuthUser, e.Password.Reveal()}
			bad := func(s string) bool { return !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\r\n") }
			if slices.ContainsFunc(texts, bad) || e.User == "" || e.Password.IsZero() {
				t.Errorf("line %d: no login with %q", p.Line, texts)
			}
			if e.Port < 0 || e.Port > 65535 || e.Port > 0 && e.Security == SecurityUnset {
				t.Errorf("line %d: port %d, security %s", p.Line, e.Port, e.Security)
			}
		}
	}
}
