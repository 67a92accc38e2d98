package rules

import (
	"errors"
	"strconv"
	"strings"
)

var (
	errTransform = errors.New("must be a substitution in Perl's form, s/regexp/replacement/ with the flags g and i")
	errTranslate = errors.New("tr/// is not there: use --map for single mailboxes")
	errCode      = errors.New("code (the flags e and ee) is not run: use --map for single mailboxes")
	errExtended  = errors.New("the flag x is not there: write the expression without blanks and comments")
	errFlags     = errors.New("unknown flags: g, i, m and s are known")
	errCase      = errors.New(`\U, \L, \u, \l, \E and \Q do not change a replacement here: use --map for single mailboxes`)
	errNoGroup   = errors.New("the replacement names a group that the expression does not have")
	errEscape    = errors.New(`an escape that a replacement here does not have: $1, ${1}, \1, $& and \ before a sign are known`)
)

// parseTransform reads s/from/to/flags: any delimiter, brackets in pairs.
func parseTransform(text string) (Transform, error) {
	if err := checkName(text); err != nil {
		return Transform{}, err
	}
	body, ok := strings.CutPrefix(strings.TrimSpace(text), "s")
	if !ok || body == "" || isWordChar(body[0]) || body[0] == ' ' || body[0] >= 0x80 {
		if isTranslate(text) {
			return Transform{}, errTranslate
		}
		return Transform{}, errTransform
	}
	from, to, flags, ok := cutSubstitution(body)
	if !ok {
		return Transform{}, errTransform
	}
	all, inline, err := parseFlags(strings.TrimSpace(flags))
	if err != nil {
		return Transform{}, err
	}
	if from == "" {
		return Transform{}, errPattern
	}
	re, err := compile(inline + from)
	if err != nil {
		return Transform{}, err
	}
	expand, err := expandForm(to, re.NumSubexp())
	return Transform{From: re, To: expand, All: all, Raw: text}, err
}

func isWordChar(c byte) bool { return c == '_' || isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isTranslate(text string) bool {
	for _, p := range []string{"tr", "y"} {
		if rest, ok := strings.CutPrefix(text, p); ok && rest != "" && !isWordChar(rest[0]) {
			return true
		}
	}
	return false
}

// closing is the delimiter that ends what c begins.
func closing(c byte) byte {
	if i := strings.IndexByte("([{<", c); i >= 0 {
		return ")]}>"[i]
	}
	return c
}

// cutSubstitution takes /from/to/flags apart. Brackets come in pairs, and what
// follows a first pair may have other delimiters: {from}{to}, (from)/to/.
func cutSubstitution(s string) (from, to, flags string, ok bool) {
	open, end := s[0], closing(s[0])
	from, rest, ok := cutTo(s[1:], open, end)
	if ok && open != end {
		rest = strings.TrimLeft(rest, " ")
		if rest == "" {
			return "", "", "", false
		}
		open, end = rest[0], closing(rest[0])
		rest = rest[1:]
	}
	if !ok {
		return "", "", "", false
	}
	to, flags, ok = cutTo(rest, open, end)
	return from, to, flags, ok
}

// cutTo takes what stands before the closing delimiter; pairs of brackets may
// stand inside. What has a \ before it ends nothing, and keeps the \.
func cutTo(s string, open, end byte) (text, rest string, ok bool) {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case c == end && depth == 0:
			return s[:i], s[i+1:], true
		case c == end:
			depth--
		case c == open:
			depth++
		}
	}
	return "", "", false
}

// parseFlags returns whether every match is replaced, and the flags that stand
// inside the expression.
func parseFlags(flags string) (all bool, inline string, err error) {
	for _, f := range flags {
		switch f {
		case 'g':
			all = true
		case 'i', 'm', 's':
			if !strings.ContainsRune(inline, f) {
				inline += string(f)
			}
		case 'e':
			return false, "", errCode
		case 'x':
			return false, "", errExtended
		default:
			return false, "", errFlags
		}
	}
	if inline != "" {
		inline = "(?" + inline + ")"
	}
	return all, inline, nil
}

// expandForm turns a replacement as Perl has it into one for regexp.Expand.
func expandForm(to string, groups int) (string, error) {
	var b strings.Builder
	for i := 0; i < len(to); {
		c, next := to[i], byte(0)
		if i+1 < len(to) {
			next = to[i+1]
		}
		n, used, err := 0, 1, error(nil)
		switch {
		case c == '$' && next == '&':
			n, used = 0, 2
		case c == '$' && next == '{':
			n, used, err = groupIn(to[i+2:])
		case (c == '$' || c == '\\') && '1' <= next && next <= '9':
			n, used = groupAt(to[i+1:])
		case c == '$' && (startsName(next) || next == '+' || next == '0'):
			return "", errVariable
		case c == '$':
			b.WriteString("$$")
			i++
			continue
		case c == '\\':
			if used, err = literalAfter(to[i:], &b); err != nil {
				return "", err
			}
			i += used
			continue
		default:
			b.WriteByte(c)
			i++
			continue
		}
		if err == nil && n > groups {
			err = errNoGroup
		}
		if err != nil {
			return "", err
		}
		b.WriteString("${" + strconv.Itoa(n) + "}")
		i += used
	}
	return b.String(), nil
}

// groupAt reads the number after $ or \, and how long the whole is.
func groupAt(s string) (n, used int) {
	i := 0
	for i < len(s) && i < 2 && isDigit(s[i]) {
		n = n*10 + int(s[i]-'0')
		i++
	}
	return n, 1 + i
}

// groupIn reads 12} of ${12}.
func groupIn(s string) (n, used int, err error) {
	digits, _, ok := strings.Cut(s, "}")
	if ok {
		if n, err := strconv.ParseUint(digits, 10, 8); err == nil && n > 0 {
			return int(n), 2 + len(digits) + 1, nil
		}
	}
	return 0, 0, errVariable
}

// literalAfter writes what a \ stands before.
func literalAfter(s string, b *strings.Builder) (used int, err error) {
	switch {
	case len(s) < 2:
		return 0, errLoneEscape
	case strings.IndexByte("ULulEQ", s[1]) >= 0:
		return 0, errCase
	case isWordChar(s[1]):
		return 0, errEscape
	case s[1] == '$':
		b.WriteString("$$")
	default:
		b.WriteByte(s[1])
	}
	return 2, nil
}
