package mailsync

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// maxHead is how many octets of a message are searched for header fields.
const maxHead = 64 << 10

// headerDate returns when a message arrived, or was sent, by its own header:
// the date of the uppermost Received field, which is the last server's
// (RFC 5321 section 4.4), else that of the Date field. false when neither can
// be read, or none is a date that every server holds.
func headerDate(octets []byte) (time.Time, bool) {
	for _, name := range []string{"Received", "Date"} {
		value, ok := field(octets, name)
		if !ok {
			continue
		}
		if name == "Received" {
			value = value[strings.LastIndexByte(value, ';')+1:]
		}
		if t, ok := parseHeaderDate(value); ok && !isOddDate(t) {
			return t, true
		}
	}
	return time.Time{}, false
}

// field returns the value of the first header field of that name, unfolded.
func field(octets []byte, name string) (value string, ok bool) {
	for line := range bytes.Lines(octets[:min(len(octets), maxHead)]) {
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case len(line) == 0:
			return value, ok
		case ok && (line[0] == ' ' || line[0] == '\t'):
			value += string(line)
			continue
		case ok:
			return value, true
		}
		if n, v, found := bytes.Cut(line, []byte(":")); found && strings.EqualFold(string(bytes.TrimSpace(n)), name) {
			value, ok = string(v), true
		}
	}
	return value, ok
}

// parseHeaderDate reads a date-time (RFC 5322 section 3.3) and what programs
// have written in its place: the parts in any order, a time with dots, a year
// of two digits, commas anywhere, no zone (taken for UTC).
func parseHeaderDate(s string) (time.Time, bool) {
	var d looseDate
	for _, word := range strings.FieldsFunc(withoutComments(s), func(r rune) bool { return r == ' ' || r == '\t' || r == ',' }) {
		d.take(word)
	}
	return d.time()
}

// withoutComments leaves out what stands in parentheses.
func withoutComments(s string) string {
	var b strings.Builder
	depth := 0
	for _, r := range s {
		switch {
		case r == '(':
			depth++
		case r == ')' && depth > 0:
			depth--
		case depth == 0:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// looseDate is a date being put together; -1 and 0: not seen.
type looseDate struct {
	year                 string
	month, day           int
	hour, minute, second int
	clock                bool
	zone                 int // seconds east
}

func (d *looseDate) take(word string) {
	switch {
	case d.takeMonth(word), d.takeClock(word), d.takeZone(word):
	case !digits(word):
	case len(word) <= 2 && d.day == 0:
		d.day, _ = strconv.Atoi(word)
	case d.year == "" && len(word) <= 4:
		d.year = word
	}
}

func (d *looseDate) takeMonth(word string) bool {
	if d.month > 0 || len(word) < 3 {
		return false
	}
	for m := time.January; m <= time.December; m++ {
		if strings.EqualFold(m.String()[:3], word[:3]) {
			d.month = int(m)
			return true
		}
	}
	return false
}

// takeClock reads h:m or h:m:s, with dots as well.
func (d *looseDate) takeClock(word string) bool {
	parts := strings.FieldsFunc(word, func(r rune) bool { return r == ':' || r == '.' })
	if d.clock || len(parts) < 2 || len(parts) > 3 {
		return false
	}
	var n [3]int
	for i, p := range parts {
		if len(p) > 2 || !digits(p) {
			return false
		}
		n[i], _ = strconv.Atoi(p)
	}
	d.hour, d.minute, d.second, d.clock = n[0], n[1], n[2], true
	return d.clock
}

func (d *looseDate) takeZone(word string) bool {
	hours := map[string]int{"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}
	if h, ok := hours[strings.ToUpper(word)]; ok {
		d.zone = h * 3600
		return true
	}
	if len(word) != 5 || word[0] != '+' && word[0] != '-' || !digits(word[1:]) {
		return false
	}
	n, _ := strconv.Atoi(word[1:])
	d.zone = n/100*3600 + n%100*60
	if word[0] == '-' {
		d.zone = -d.zone
	}
	return true
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// time returns the date when it exists.
func (d *looseDate) time() (time.Time, bool) {
	year, err := strconv.Atoi(d.year)
	switch {
	case err != nil || d.month == 0 || d.day == 0 || d.zone <= -86400 || d.zone >= 86400:
		return time.Time{}, false
	case len(d.year) == 2 && year < 50: // RFC 5322 section 4.3
		year += 2000
	case len(d.year) <= 3:
		year += 1900
	}
	t := time.Date(year, time.Month(d.month), d.day, d.hour, d.minute, min(d.second, 59), 0, time.FixedZone("", d.zone))
	exists := t.Day() == d.day && d.hour < 24 && d.minute < 60
	return t, exists
}
