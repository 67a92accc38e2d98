package rules

import (
	"errors"
	"regexp"
	"strings"
)

var (
	errRegexp      = errors.New("not a regular expression (RE2 syntax)")
	errLookaround  = errors.New("lookaround such as (?=...) or (?!...) is not in RE2: use several --include and --exclude, or --map for single mailboxes")
	errBackref     = errors.New(`a reference to a group (\1) inside an expression is not in RE2: use --map for single mailboxes`)
	errPossessive  = errors.New("a possessive or atomic group is not in RE2: write it without the second +, or use --map for single mailboxes")
	errVariable    = errors.New("a variable of Perl: write out what it stands for")
	errLooksRegexp = errors.New("looks like a regular expression: put it in slashes, '/^Junk/'; without them it is a glob for the whole name")
	errLooksGlob   = errors.New("looks like a glob; in the list it is a regular expression, as imapsync has it: .* is any text")
	errPattern     = errors.New("empty: it would be about every mailbox")
)

// parsePattern reads /regexp/, also /regexp/i, and else a glob for the whole
// name; asRegexp takes what has no slashes for a regular expression too, as
// imapsync does.
func parsePattern(text string, asRegexp bool) (Pattern, error) {
	if err := checkName(text); err != nil {
		if errors.Is(err, errNoName) {
			err = errPattern
		}
		return Pattern{}, err
	}
	expr, isRegexp := cutSlashes(text)
	switch {
	case isRegexp:
	case asRegexp:
		if expr = text; globLike.MatchString(text) {
			return Pattern{}, errLooksGlob
		}
	case strings.HasPrefix(text, "^") || strings.HasSuffix(text, "$") || strings.ContainsAny(text, `|\`) || strings.Contains(text, "(?"):
		return Pattern{}, errLooksRegexp
	default:
		expr = globExpr(text)
	}
	if expr == "" {
		return Pattern{}, errPattern
	}
	re, err := compile(expr)
	return Pattern{Regexp: re, Raw: text}, err
}

// globLike is a star where a regular expression about names has none: after a
// letter, a delimiter or a blank, or first.
var globLike = regexp.MustCompile(`(^|[\pL\pN/ _])\*`)

// cutSlashes takes the slashes off /regexp/ and /regexp/i.
func cutSlashes(text string) (expr string, ok bool) {
	inner, ok := strings.CutPrefix(text, "/")
	if !ok {
		return "", false
	}
	if s, ok := strings.CutSuffix(inner, "/i"); ok {
		if s == "" {
			return "", true
		}
		return "(?i)" + s, true
	}
	return strings.CutSuffix(inner, "/")
}

// globExpr makes a glob a regular expression: * is any text, levels and all, ?
// one character. INBOX is INBOX in any case.
func globExpr(glob string) string {
	var b strings.Builder
	b.WriteString(`(?s)^`)
	if strings.EqualFold(glob, "INBOX") {
		b.WriteString("(?i)")
	}
	for _, r := range glob {
		switch r {
		case '*':
			b.WriteString(".*")
		case '?':
			b.WriteString(".")
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	b.WriteString("$")
	return b.String()
}

// maxExpr bounds a regular expression, in octets.
const maxExpr = 2000

// compile says what RE2 lacks in words of its own; none of its errors repeats
// expr, which may be a password that a delimiter too many has put there.
func compile(expr string) (*regexp.Regexp, error) {
	if len(expr) > maxExpr {
		return nil, errors.New("a regular expression that is too long")
	}
	if err := perlOnly(expr); err != nil {
		return nil, err
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, errRegexp
	}
	return re, nil
}

// perlOnly finds what Perl has and RE2 has not, or would take for something
// else.
func perlOnly(expr string) error {
	class, start := false, 0 // inside [...], and where it begins
	for i := 0; i < len(expr); i++ {
		rest := expr[i:]
		switch c := expr[i]; {
		case c == '\\':
			if len(rest) > 1 && !class && rest[1] >= '1' && rest[1] <= '9' || strings.HasPrefix(rest, `\g`) || strings.HasPrefix(rest, `\k`) {
				return errBackref
			}
			i++
		case class:
			class = c != ']' || i == start+1 || i == start+2 && expr[start+1] == '^'
		case c == '[':
			class, start = true, i
		case isLookaround(rest):
			return errLookaround
		case strings.HasPrefix(rest, "(?>"), (c == '+' || c == '*' || c == '?' || c == '}') && strings.HasPrefix(rest[1:], "+"):
			return errPossessive
		case c == '$' && len(rest) > 1 && startsName(rest[1]):
			return errVariable
		}
	}
	return nil
}

func isLookaround(s string) bool {
	for _, p := range []string{"(?=", "(?!", "(?<=", "(?<!"} {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

func startsName(c byte) bool {
	return c == '_' || c == '{' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
