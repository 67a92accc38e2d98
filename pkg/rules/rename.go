package rules

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	errRename  = errors.New(`must be A=B, two names of mailboxes (\= is a = inside a name)`)
	errNoName  = errors.New("an empty name")
	errControl = errors.New("a control character in a name")
	errUTF8    = errors.New("not UTF-8")
)

// maxName is more octets than any server allows in a name.
const maxName = 4096

// parseRename reads A=B.
func parseRename(text string) (Rename, error) {
	from, to, ok := cutUnescaped(text, '=')
	if !ok {
		return Rename{}, errRename
	}
	r := Rename{From: unescape(from), To: unescape(to)}
	for _, name := range []string{r.From, r.To} {
		if err := checkName(name); err != nil {
			return Rename{}, err
		}
	}
	return r, nil
}

// ParseRenames reads A=B,C=D, as the list's map column has it. \, and \= are
// characters of a name.
func ParseRenames(text string) ([]Rename, error) {
	var out []Rename
	for {
		one, rest, more := cutUnescaped(text, ',')
		if strings.TrimSpace(one) != "" { // a comma too many is no rename
			r, err := parseRename(strings.TrimSpace(one))
			if err != nil {
				return nil, err
			}
			out = add(out, r)
		}
		if !more {
			return out, nil
		}
		text = rest
	}
}

// cutUnescaped cuts s around the first sep that no \ stands before.
func cutUnescaped(s string, sep byte) (before, after string, found bool) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case sep:
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

// unescape takes the \ off = and , and leaves any other as it is: names of
// Windows servers have some.
func unescape(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, `\=`, "="), `\,`, ",")
}

// checkName refuses what no mailbox can be called.
func checkName(name string) error {
	switch {
	case name == "":
		return errNoName
	case !utf8.ValidString(name):
		return errUTF8
	case strings.ContainsFunc(name, unicode.IsControl):
		return errControl
	case len(name) > maxName:
		return errors.New("a name that is too long")
	}
	return nil
}

// add puts r at the end, in place of one that is about the same mailbox: what
// is said later counts.
func add(to []Rename, r Rename) []Rename {
	same := func(old Rename) bool { return sameMailbox(old.From, r.From) }
	if slices.ContainsFunc(to, same) {
		to = slices.DeleteFunc(slices.Clone(to), same) // rows share what is before
	}
	return append(to, r)
}

// sameMailbox knows that INBOX is one in any letter case (RFC 9051 section 5.1).
func sameMailbox(a, b string) bool {
	return a == b || strings.EqualFold(a, "INBOX") && strings.EqualFold(b, "INBOX")
}
