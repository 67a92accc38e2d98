package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Hours are the times of a day in which rows run. The zero value is the whole
// day.
type Hours struct {
	open []span
	text string
}

// span is from one minute of the day to another, which is not in it; one that is
// not later belongs to the next day.
type span struct{ from, to int }

// ParseHours reads "20:00-06:00", or several such spans with blanks or commas
// between them.
func ParseHours(text string) (Hours, error) {
	h := Hours{text: strings.TrimSpace(text)}
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' }) {
		from, to, ok := strings.Cut(part, "-")
		if !ok {
			return Hours{}, badHours(part, errors.New("two times with a hyphen between are meant"))
		}
		var s span
		var err error
		if s.from, err = parseClock(from); err == nil {
			s.to, err = parseClock(to)
		}
		if err == nil && s.from == s.to {
			err = errors.New("they begin and end at the same time")
		}
		if err != nil {
			return Hours{}, badHours(part, err)
		}
		h.open = append(h.open, s)
	}
	if len(h.open) == 0 {
		return Hours{}, badHours(text, errors.New("there is no time in it"))
	}
	return h, nil
}

func badHours(part string, err error) error {
	return fmt.Errorf("%q: %w; write for example 20:00-06:00", part, err)
}

func parseClock(text string) (minute int, err error) {
	if text == "24:00" {
		return 0, nil
	}
	t, err := time.Parse("15:04", text)
	if err != nil {
		return 0, errors.New("the times must be from 00:00 to 23:59")
	}
	return t.Hour()*60 + t.Minute(), nil
}

// String is what was parsed; "" of the zero value.
func (h Hours) String() string { return h.text }

// Open reports whether rows run at t, by the clock of t's zone.
func (h Hours) Open(t time.Time) bool {
	if len(h.open) == 0 {
		return true
	}
	m := t.Hour()*60 + t.Minute()
	return slices.ContainsFunc(h.open, func(s span) bool {
		if s.from < s.to {
			return s.from <= m && m < s.to
		}
		return m >= s.from || m < s.to
	})
}

// Next returns the next instant after t at which Open may change: the begin or
// end of a span, or a full hour, for then clocks are put forward and back; false
// where rows always run.
func (h Hours) Next(t time.Time) (time.Time, bool) {
	if len(h.open) == 0 {
		return time.Time{}, false
	}
	now := t.Hour()*60 + t.Minute()
	next := now/60*60 + 60
	for _, s := range h.open {
		for _, m := range []int{s.from, s.to} {
			if m > now && m < next {
				next = m
			}
		}
	}
	minute := t.Add(-time.Duration(t.Second())*time.Second - time.Duration(t.Nanosecond()))
	return minute.Add(time.Duration(next-now) * time.Minute), true
}
