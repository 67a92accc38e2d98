package fault

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Rules are a user's own lines of the table, tried before those that come with
// imapfleet. A nil *Rules has none. It does not change, and is safe for
// concurrent use.
type Rules struct{ lines []line }

// Len returns the number of lines.
func (r *Rules) Len() int {
	if r == nil {
		return 0
	}
	return len(r.lines)
}

const (
	maxRules    = 1000    // lines that are rules
	maxRuleLine = 8 << 10 // octets of one
	maxRuleWait = 7 * 24 * time.Hour
	maxRuleHint = 500 // octets
)

// steps are what a rule may be about: the Op of an Answer.
const steps = "greeting login capability compress id namespace list status quota select unselect search fetch store " +
	"copy move expunge create subscribe append starttls"

// ParseRules reads rules, one a line; "#" begins a comment, at the beginning of
// a line or of a word. The first rule that fits an answer decides. A rule is
//
//	STEP ... KEY=VALUE ... -> code=CODE KEY=VALUE ...
//
// where each part before the arrow narrows down what it is about: steps
// (none: all), side=source or destination, host=NAME (with * as in
// *.example.com), server=SOFTWARE (a piece of its name), status=NO, BAD or BYE,
// code=RESPONSE-CODE, text="words" or text="/regular expression/" (RE2), none
// of which minds upper and lower case. Several values of one key are separated by
// commas. At least one of them must be there.
//
// After the arrow: code= is one of the Codes that a server's answer can have;
// scope=message, mailbox, account or host, and temporary or permanent: as
// usual for the code where not said; wait=5m, max-per-user=N and max-per-host=N
// (with too-many-connections only), hint="what to do".
//
// The error names each bad line by its number.
func ParseRules(in io.Reader) (*Rules, error) {
	var r Rules
	var bad []error
	scan := bufio.NewScanner(in)
	scan.Buffer(nil, maxRuleLine)
	n := 0
	for scan.Scan() {
		n++
		text := scan.Text()
		if n == 1 {
			text = strings.TrimPrefix(text, "\ufeff")
		}
		l, ok, err := parseRule(text)
		switch {
		case err != nil:
			bad = append(bad, fmt.Errorf("line %d: %w", n, err))
		case ok && len(r.lines) == maxRules:
			return nil, errors.Join(append(bad, fmt.Errorf("line %d: more than %d rules", n, maxRules))...)
		case ok:
			r.lines = append(r.lines, l)
		}
	}
	if err := scan.Err(); errors.Is(err, bufio.ErrTooLong) {
		bad = append(bad, fmt.Errorf("line %d: longer than %d octets", n+1, maxRuleLine-1))
	} else if err != nil {
		bad = append(bad, fmt.Errorf("line %d: %w", n+1, err))
	}
	if len(bad) > 0 {
		return nil, errors.Join(bad...)
	}
	return &r, nil
}

// parseRule reads one line; ok is false when there is no rule on it.
func parseRule(text string) (l line, ok bool, err error) {
	words, err := splitWords(text)
	if err != nil || len(words) == 0 {
		return line{}, false, err
	}
	arrow := slices.IndexFunc(words, func(w word) bool { return !w.quoted && w.text == "->" })
	switch {
	case arrow < 0:
		return line{}, false, errors.New(`no " -> " between what is answered and what that means`)
	case arrow == 0:
		return line{}, false, errors.New("nothing before the arrow: it would be about every answer")
	}
	if err := l.about(words[:arrow]); err != nil {
		return line{}, false, err
	}
	if l.is, err = parseVerdict(words[arrow+1:]); err != nil {
		return line{}, false, err
	}
	return l, true, l.check()
}

// about reads what stands before the arrow.
func (l *line) about(words []word) error {
	seen := map[string]bool{}
	for _, w := range words {
		key, value, pair := w.pair()
		if !pair {
			if err := l.addSteps(w); err != nil {
				return err
			}
			continue
		}
		if seen[key] {
			return fmt.Errorf("%s= is there twice", key)
		}
		seen[key] = true
		if value == "" {
			return fmt.Errorf("%s= has no value", key)
		}
		if err := l.condition(key, value); err != nil {
			return err
		}
	}
	return nil
}

func (l *line) addSteps(w word) error {
	for s := range strings.SplitSeq(w.text, ",") {
		if s = strings.ToLower(s); s == "" && w.text != "" {
			continue
		}
		if w.quoted || !among(steps, s) {
			return fmt.Errorf("%s is no step and no key: steps are %s", quote(w.text), steps)
		}
		l.on = strings.TrimSpace(l.on + " " + s)
	}
	return nil
}

func (l *line) condition(key, value string) error {
	switch key {
	case "side":
		switch strings.ToLower(value) {
		case "source":
			l.side = Source
		case "destination":
			l.side = Dest
		default:
			return fmt.Errorf("side=%s: must be source or destination", Clean(value))
		}
	case "host":
		l.host = strings.ToLower(value)
		if _, err := path.Match(l.host, ""); err != nil {
			return fmt.Errorf("host=%s: %w", Clean(value), err)
		}
	case "server":
		l.server = strings.ToLower(value)
	case "status":
		l.status = upperList(value)
		for s := range strings.FieldsSeq(l.status) {
			if !among("NO BAD BYE", s) {
				return fmt.Errorf("status=%s: must be NO, BAD or BYE", Clean(value))
			}
		}
	case "code":
		l.code = strings.NewReplacer("[", "", "]", "").Replace(upperList(value))
		if l.code == "" {
			return errors.New("code= has no value")
		}
	case "text":
		return l.wording(value)
	default:
		return fmt.Errorf("%s= is no key before the arrow: side, host, server, status, code and text are", Clean(key))
	}
	return nil
}

// wording takes /a regular expression/, or words as they are.
func (l *line) wording(value string) error {
	pattern := regexp.QuoteMeta(value)
	if len(value) > 2 && strings.HasPrefix(value, "/") && strings.HasSuffix(value, "/") {
		pattern = value[1 : len(value)-1]
	}
	re, err := regexp.Compile(`(?i)` + pattern)
	if err != nil {
		return fmt.Errorf("text=: %w", err)
	}
	l.words = re
	return nil
}

func upperList(value string) string {
	return strings.Join(strings.Fields(strings.ToUpper(strings.ReplaceAll(value, ",", " "))), " ")
}

// parseVerdict reads what stands after the arrow.
func parseVerdict(words []word) (verdict, error) {
	var v verdict
	found := false
	for _, w := range words { // first: what the others are the exceptions of
		if key, value, pair := w.pair(); pair && key == "code" {
			if v, found = usual(Code(strings.ToLower(value))); !found {
				return v, fmt.Errorf("code=%s: must be one of %s", Clean(value), strings.Join(usualCodes(), ", "))
			}
		}
	}
	seen := map[string]bool{}
	for _, w := range words {
		key, value, pair := w.pair()
		if !pair {
			key = "temporary or permanent"
		}
		if seen[key] {
			return v, fmt.Errorf("%s is there twice", key)
		}
		seen[key] = true
		if err := v.set(w.text, key, value, pair); err != nil {
			return v, err
		}
	}
	if !found {
		return v, errors.New("no code= after the arrow: it says what the answer means")
	}
	return v, nil
}

// set takes one word after the arrow.
func (v *verdict) set(text, key, value string, pair bool) (err error) {
	switch {
	case !pair && text == "temporary":
		v.temporary = true
	case !pair && text == "permanent":
		v.temporary = false
	case !pair:
		return fmt.Errorf("%s after the arrow: must be temporary, permanent or key=value", quote(text))
	case key == "code":
	case key == "scope":
		v.scope, err = parseScope(value)
	case key == "wait":
		v.wait, err = time.ParseDuration(value)
		if err != nil || v.wait <= 0 || v.wait > maxRuleWait {
			return fmt.Errorf("wait=%s: must be a time such as 90s, 5m or 2h, of at most a week", Clean(value))
		}
	case key == "max-per-user":
		v.perUser, err = parseCap(key, value)
	case key == "max-per-host":
		v.perHost, err = parseCap(key, value)
	case key == "hint":
		if v.hint = Clean(value); v.hint == "" || len(v.hint) > maxRuleHint {
			return fmt.Errorf("hint= must have 1 to %d octets", maxRuleHint)
		}
	default:
		return fmt.Errorf("%s= is no key after the arrow: code, scope, wait, max-per-user, max-per-host and hint are", Clean(key))
	}
	return err
}

func parseScope(value string) (Scope, error) {
	for _, s := range []Scope{Message, Mailbox, Account, Host} {
		if s.String() == value {
			return s, nil
		}
	}
	return 0, fmt.Errorf("scope=%s: must be message, mailbox, account or host", Clean(value))
}

func parseCap(key, value string) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > 999_999 {
		return 0, fmt.Errorf("%s=%s: must be a number from 1", key, Clean(value))
	}
	return n, nil
}

// check refuses what contradicts itself, or would do harm.
func (l *line) check() error {
	v := l.is
	switch {
	case v.code == AuthRefused && v.temporary:
		return fmt.Errorf("%s is never tried again, which would lock accounts: what passes by itself is code=%s", AuthRefused, AuthTemporary)
	case v.wait > 0 && !v.temporary:
		return errors.New("wait= is for what is tried again: add temporary")
	case (v.perUser > 0 || v.perHost > 0) && v.code != TooManySessions:
		return fmt.Errorf("max-per-user= and max-per-host= go with code=%s only", TooManySessions)
	}
	if v.scope != Message {
		return nil
	}
	for s := range strings.FieldsSeq(l.on) {
		if s != "fetch" && s != "append" {
			return fmt.Errorf("scope=message, which is usual for code=%s, is for the steps fetch and append, not for %s", v.code, s)
		}
	}
	if l.on == "" {
		return fmt.Errorf("scope=message, which is usual for code=%s, is for the steps fetch and append: name one, or another scope", v.code)
	}
	return nil
}

// matches reports whether a host is meant by a pattern that was checked.
func matches(pattern, host string) bool {
	ok, err := path.Match(pattern, strings.ToLower(host))
	return ok && err == nil
}
