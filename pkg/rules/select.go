package rules

import (
	"encoding/json"
	"time"
)

// day is the beginning of t's day in UTC.
func day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// ByDate reports whether there is a rule about dates.
func (m *Messages) ByDate() bool { return !m.Since.IsZero() || !m.Before.IsZero() }

// BySize reports whether there is a rule about sizes.
func (m *Messages) BySize() bool { return m.MinSize > 0 || m.MaxSize > 0 }

// WantsDate reports whether a message of that date is selected. The instant
// decides, in days of UTC, whatever zone it is written in: what SEARCH makes of
// zones differs from server to server (RFC 9051 section 6.4.4 disregards them).
func (m *Messages) WantsDate(t time.Time) bool {
	since := !m.Since.IsZero() && !t.Before(day(m.Since))
	before := !m.Before.IsZero() && t.Before(day(m.Before))
	switch {
	case !m.ByDate():
		return true
	case m.Outside || m.Before.IsZero() || m.Since.IsZero(): // one of them, or the only one
		return since || before
	}
	return since && before
}

// WantsSize reports whether a message of so many octets is selected: both
// bounds are.
func (m *Messages) WantsSize(octets int64) bool {
	return (m.MinSize <= 0 || octets >= m.MinSize) && (m.MaxSize <= 0 || octets <= m.MaxSize)
}

// Fingerprint is equal for rules that select the same messages of the same
// mailbox; that of the zero Messages is empty.
func (m Messages) Fingerprint() string {
	if m == (Messages{}) {
		return ""
	}
	for _, t := range []*time.Time{&m.Since, &m.Before} {
		if !t.IsZero() {
			*t = day(*t)
		}
	}
	text, err := json.Marshal(m)
	if err != nil {
		return err.Error() // a year of five digits: no two such rules are told apart
	}
	return string(text)
}
