package rules

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/imapfleet/imapfleet/pkg/ratelimit"
)

// parseDay reads 2024-01-31, or 31-Jan-2024 as SEARCH has it.
func parseDay(text string) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, "2-Jan-2006"} {
		if t, err := time.Parse(layout, strings.TrimSpace(text)); err == nil && t.Year() >= 1 {
			return t, nil
		}
	}
	return time.Time{}, errors.New("must be a day such as 2024-01-31")
}

// maxDays is how far back --maxage reaches: to before there was mail.
const maxDays = 100_000

// parseAge reads a number of days.
func parseAge(text string) (float64, error) {
	days, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || math.IsNaN(days) || days < 0 || days > maxDays {
		return 0, errors.New("must be a number of days, such as 30")
	}
	return days, nil
}

// daysAgo is the day, in UTC, on which the moment so many days ago was.
func daysAgo(now time.Time, days float64) time.Time {
	return now.Add(-time.Duration(days * float64(24*time.Hour))).Truncate(24 * time.Hour)
}

// parseSize reads octets, with or without a unit.
func parseSize(text string) (int64, error) {
	n, err := ratelimit.ParseOctets(text)
	if err != nil || n < 1 {
		return 0, errors.New("must be a number of octets, or one such as 25MiB")
	}
	return n, nil
}

func parsePercent(text string) (float64, error) {
	f, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(text), "%"), 64)
	if err != nil || !(f > 0 && f <= 100) {
		return 0, errors.New("must be a percentage over 0, such as 10%")
	}
	return f, nil
}

// literal is how a client announces octets that follow the line (RFC 9051
// section 4.3).
var literal = regexp.MustCompile(`~?\{[0-9]*\+?\}`)

// maxSearch bounds raw SEARCH keys, in octets: servers take lines of 8,000.
const maxSearch = 4000

// parseSearch takes SEARCH keys (RFC 9051 section 6.4.4) that can stand in
// parentheses within a command of ours, and do nothing but search.
func parseSearch(text string) (string, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "", errors.New("empty")
	case len(text) > maxSearch:
		return "", errors.New("longer than a server takes")
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }):
		return "", errors.New("must be one line of ASCII")
	case literal.MatchString(text):
		return "", errors.New(`a literal such as {5} is not taken: put the text in quotes`)
	}
	first, _, _ := strings.Cut(strings.ToUpper(text), " ")
	if first == "CHARSET" || first == "RETURN" {
		return "", errors.New("must be search keys alone, without " + first)
	}
	return text, checkBalance(text)
}

// checkBalance holds quotes and parentheses to their pairs: one too many would
// take in what stands behind the keys.
func checkBalance(keys string) error {
	depth, quoted := 0, false
	for i := 0; i < len(keys); i++ {
		switch c := keys[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth < 0 {
				return errors.New("a ) without its (")
			}
		}
	}
	switch {
	case quoted:
		return errOpenQuote
	case depth > 0:
		return errors.New("a ( without its )")
	}
	return nil
}

// parseRepairs reads a list such as date,keywords,crlf; none turns all off.
func parseRepairs(text string) (Repairs, error) {
	if strings.EqualFold(strings.TrimSpace(text), "none") {
		return Repairs{Off: true}, nil
	}
	var names []string
	for _, k := range RepairKinds() {
		names = append(names, k.Name)
	}
	var r Repairs
	for name := range strings.SplitSeq(text, ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		if !slices.Contains(names, name) {
			return Repairs{}, fmt.Errorf("must be none or some of %s", strings.Join(names, ","))
		}
		if !slices.Contains(r.Kinds, name) {
			r.Kinds = append(r.Kinds, name)
		}
	}
	return r, nil
}
