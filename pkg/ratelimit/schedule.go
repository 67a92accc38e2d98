package ratelimit

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Rate is a number of octets per second; 0, the zero value, is no limit.
type Rate int64

// minRate is the least that ParseSchedule takes: below it a login would not
// come through, and whoever wrote it meant another unit.
const minRate Rate = 1 << 10

// String returns the rate as ParseSchedule reads it: "20MiB/s" or "off".
func (r Rate) String() string {
	if r <= 0 {
		return "off"
	}
	return PrintOctets(int64(r)) + "/s"
}

// Schedule is the rate at each minute of a week, always the same one or by a
// timetable. The zero value is no limit at any time. It does not change and
// may be used by many.
type Schedule struct {
	slots []slot // ordered by minute; one: it holds always
	text  string
}

// slot is a rate and when it begins.
type slot struct {
	minute int // of the week, from Sunday 00:00
	rate   Rate
}

const (
	day  = 24 * 60 // minutes
	week = 7 * day
)

// Always returns the schedule in which r holds at all times.
func (r Rate) Always() Schedule {
	return Schedule{slots: []slot{{rate: r}}, text: r.String()}
}

// At returns the rate that holds at t, by the clock of t's time zone. Before
// the first entry of the week the last one of the week goes on.
func (s Schedule) At(t time.Time) Rate {
	switch len(s.slots) {
	case 0:
		return 0
	case 1:
		return s.slots[0].rate
	}
	now := int(t.Weekday())*day + t.Hour()*60 + t.Minute()
	at, found := slices.BinarySearchFunc(s.slots, now, func(sl slot, minute int) int { return sl.minute - minute })
	if !found {
		at += len(s.slots) - 1 // the one before; before the first one: the last
	}
	return s.slots[at%len(s.slots)].rate
}

// fixed is how long after t the rate can only be the same. A timetable is
// looked at again each minute: so no change of the clock, summer time or set
// by hand, goes unnoticed for longer.
func (s Schedule) fixed(t time.Time) time.Duration {
	if len(s.slots) < 2 {
		return forever
	}
	return t.Truncate(time.Minute).Add(time.Minute).Sub(t)
}

const forever time.Duration = 1<<63 - 1

// Next returns the next instant after t at which the rate may be another one:
// an entry of the timetable, or a full hour, since that is when clocks are put
// forward and back; false when it is the same at all times.
func (s Schedule) Next(t time.Time) (time.Time, bool) {
	if len(s.slots) < 2 {
		return time.Time{}, false
	}
	now := t.Hour()*60 + t.Minute()
	next := now/60*60 + 60
	for _, sl := range s.slots {
		if m := sl.minute % day; m > now && m < next {
			next = m
		}
	}
	minute := t.Add(-time.Duration(t.Second())*time.Second - time.Duration(t.Nanosecond()))
	return minute.Add(time.Duration(next-now) * time.Minute), true
}

// Limits reports whether s limits anything at any time.
func (s Schedule) Limits() bool {
	return slices.ContainsFunc(s.slots, func(sl slot) bool { return sl.rate > 0 })
}

// String returns the text that was parsed; "" for the zero value.
func (s Schedule) String() string { return s.text }

const goodSchedule = `write a rate such as 20MiB/s, or a timetable such as "08:00,2MiB 19:00,off"`

// ParseSchedule reads a rate, "20MiB/s", "20M" or "off", which holds always,
// or a timetable with entries of a time of the day and the rate from then on,
// for every day or with a weekday: "08:00,2M 19:00,off" or "Mon-00:00,512k
// Fri-23:59,10M". Entries are parted by blanks or ";". Where an entry with a
// weekday and one without are about the same minute, the weekday's counts.
// The error names the entry that is wrong and shows a right one.
func ParseSchedule(text string) (Schedule, error) {
	s := Schedule{text: strings.TrimSpace(text)}
	if !strings.Contains(text, ",") {
		r, err := parseRate(text)
		if err != nil {
			return Schedule{}, badEntry(s.text, err)
		}
		s.slots = []slot{{rate: r}}
		return s, nil
	}
	daily, weekly := make(map[int]Rate), make(map[int]Rate)
	for _, entry := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\t' || r == ';' }) {
		if err := addEntry(entry, daily, weekly); err != nil {
			return Schedule{}, badEntry(entry, err)
		}
	}
	for minute := range week {
		r, ok := weekly[minute]
		if !ok {
			r, ok = daily[minute%day]
		}
		if ok {
			s.slots = append(s.slots, slot{minute, r})
		}
	}
	return s, nil
}

func badEntry(entry string, err error) error {
	return fmt.Errorf("%q: %w; %s", entry, err, goodSchedule)
}

// addEntry reads one entry of a timetable, "08:00,2M" or "Mon-08:00,2M", into
// daily, by minute of the day, or weekly, by minute of the week.
func addEntry(entry string, daily, weekly map[int]Rate) error {
	when, what, ok := strings.Cut(entry, ",")
	if !ok {
		return errors.New("an entry of a timetable is a time, a comma and a rate")
	}
	slots, first := daily, 0
	if name, rest, ok := strings.Cut(when, "-"); ok {
		weekday, err := parseWeekday(name)
		if err != nil {
			return err
		}
		slots, first, when = weekly, int(weekday)*day, rest
	}
	clock, err := time.Parse("15:04", when)
	if err != nil {
		return errors.New("the time must be from 00:00 to 23:59")
	}
	r, err := parseRate(what)
	if err != nil {
		return err
	}
	minute := first + clock.Hour()*60 + clock.Minute()
	if _, twice := slots[minute]; twice {
		return errors.New("an earlier entry is about the same time")
	}
	slots[minute] = r
	return nil
}

func parseWeekday(name string) (time.Weekday, error) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if full := d.String(); strings.EqualFold(name, full) || strings.EqualFold(name, full[:3]) {
			return d, nil
		}
	}
	return 0, errors.New("the weekday must be Mon, Tue, Wed, Thu, Fri, Sat or Sun")
}

// parseRate reads "off" or a number of octets with or without "/s".
func parseRate(text string) (Rate, error) {
	text = strings.TrimSpace(text)
	if strings.EqualFold(text, "off") {
		return 0, nil
	}
	if n := len(text) - 2; n > 0 && strings.EqualFold(text[n:], "/s") {
		text = text[:n]
	}
	octets, err := ParseOctets(text)
	switch r := Rate(octets); {
	case err != nil:
		return 0, errors.New("a rate is a number of octets per second, or off")
	case r == 0:
		return 0, errors.New(`nothing would ever move; no limit is "off"`)
	case r < minRate:
		return 0, fmt.Errorf("less than %s (a number without a unit is octets per second)", minRate)
	default:
		return r, nil
	}
}
