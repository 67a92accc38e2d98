package imapconn

import (
	"strconv"
	"strings"
	"time"
)

// months are the wire's own (RFC 3501 date-month): they must not depend on
// anybody's locale or on the time package's tables.
var months = [...]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}

// dateForm tells dates apart that servers accept or refuse alike.
type dateForm uint8

const (
	noDate     dateForm = iota
	usualDate           // 1970-01-01 to the end of 2037, UTC
	beforeDate          // before 1970
	afterDate           // 2038 and later

	oddZone dateForm = 4 // together with one of the others: a zone that no place has
)

// formatDate renders t as a date-time (RFC 3501 section 9) without its
// quotes: the same instant, in t's own zone as far as the wire can say it
// (whole minutes, less than a day). ok is false when the year has not four
// digits.
func formatDate(t time.Time) (s string, form dateForm, ok bool) {
	_, offset := t.Zone()
	if offset <= -86400 || offset >= 86400 {
		offset = 0
	}
	minutes := offset / 60
	t = t.In(time.FixedZone("", minutes*60))
	year, month, day := t.Date()
	if year < 1 || year > 9999 {
		return "", noDate, false
	}
	hour, minute, second := t.Clock()
	sign := byte('+')
	if minutes < 0 {
		sign, minutes = '-', -minutes
	}
	b := make([]byte, 0, 26)
	b = append(pad(b, day, 2), '-')
	b = append(b, months[month-1]...)
	b = append(pad(append(b, '-'), year, 4), ' ')
	b = append(pad(b, hour, 2), ':')
	b = append(pad(b, minute, 2), ':')
	b = append(pad(b, second, 2), ' ', sign)
	b = pad(pad(b, minutes/60, 2), minutes%60, 2)
	return string(b), formOf(t), true
}

func pad(b []byte, n, width int) []byte {
	s := strconv.Itoa(n)
	for range width - len(s) {
		b = append(b, '0')
	}
	return append(b, s...)
}

func formOf(t time.Time) dateForm {
	form := usualDate
	switch y := t.UTC().Year(); {
	case y < 1970:
		form = beforeDate
	case y > 2037:
		form = afterDate
	}
	if _, offset := t.Zone(); offset < -12*3600 || offset > 14*3600 {
		form |= oddZone
	}
	return form
}

// parseDate reads an INTERNALDATE as servers write it: a day of one or two
// digits, any blanks, a month in any case, a zone as +hhmm, +hh:mm, a name of
// RFC 822 or none (taken for UTC). A date that does not exist is not ok.
func parseDate(s string) (time.Time, bool) {
	f := strings.Fields(s)
	if len(f) < 2 || len(f) > 3 {
		return time.Time{}, false
	}
	year, month, day, ok := parseDay(f[0])
	if !ok {
		return time.Time{}, false
	}
	clock := strings.Split(f[1], ":")
	if len(clock) != 3 {
		return time.Time{}, false
	}
	hour, ok1 := small(clock[0], 23)
	minute, ok2 := small(clock[1], 59)
	second, ok3 := small(clock[2], 60) // a leap second
	if !ok1 || !ok2 || !ok3 {
		return time.Time{}, false
	}
	zone := "+0000"
	if len(f) == 3 {
		zone = f[2]
	}
	offset, ok := parseZone(zone)
	if !ok {
		return time.Time{}, false
	}
	t := time.Date(year, month, day, hour, minute, second, 0, time.FixedZone("", offset))
	return t, true
}

func parseDay(s string) (year int, month time.Month, day int, ok bool) {
	p := strings.Split(s, "-")
	if len(p) != 3 || len(p[2]) != 4 {
		return 0, 0, 0, false
	}
	day, ok1 := small(p[0], 31)
	year, ok2 := small(p[2], 9999)
	for i, name := range months {
		if strings.EqualFold(p[1], name) {
			month = time.Month(i + 1)
		}
	}
	if !ok1 || !ok2 || month == 0 || day == 0 || year == 0 {
		return 0, 0, 0, false
	}
	exists := time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Day() == day
	return year, month, day, exists
}

// small reads 1 to 4 digits up to limit.
func small(s string, limit int) (int, bool) {
	if s == "" || len(s) > 4 {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, n <= limit
}

// zoneNames are RFC 822's, in hours.
var zoneNames = map[string]int{
	"UT": 0, "UTC": 0, "GMT": 0, "Z": 0, "EST": -5, "EDT": -4, "CST": -6,
	"CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
}

// parseZone returns seconds east of UTC.
func parseZone(s string) (int, bool) {
	if h, ok := zoneNames[strings.ToUpper(s)]; ok {
		return h * 3600, true
	}
	sign := 1
	switch {
	case strings.HasPrefix(s, "-"):
		sign = -1
	case !strings.HasPrefix(s, "+"):
		return 0, false
	}
	s = strings.Replace(s[1:], ":", "", 1)
	if len(s) != 4 {
		return 0, false
	}
	h, ok1 := small(s[:2], 23)
	m, ok2 := small(s[2:], 59)
	return sign * (h*3600 + m*60), ok1 && ok2
}
