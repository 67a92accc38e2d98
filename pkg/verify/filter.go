package verify

import "github.com/imapfleet/imapfleet/pkg/rules"

// filtered says which of the row's own rules leaves a message out.
func (r *row) filtered(s *left) (rule string, ok bool) {
	if r.pair.Rules == nil {
		return "", false
	}
	m := &r.pair.Rules.Messages
	switch {
	case r.pair.Rules.JustFolders:
		return "--justfolders", true
	case !m.ByDateHeader && s.date != noDate && outside(m, s):
		return "its date", true
	case s.octets >= 0 && (s.octets < m.MinSize || m.MaxSize > 0 && s.octets > m.MaxSize):
		return "its size", true
	}
	return "", false
}

// outside reports that the row's rules leave a message out by its INTERNALDATE.
func outside(m *rules.Messages, s *left) bool {
	early := !m.Since.IsZero() && s.when().Before(m.Since)
	late := !m.Before.IsZero() && !s.when().Before(m.Before)
	if m.Outside {
		return early && late
	}
	return early || late
}
