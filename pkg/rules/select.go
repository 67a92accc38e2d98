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

// picked are the rules that decide which mailboxes are migrated, as long as they
// hold a message.
type picked struct {
	Subfolder1                             string   `json:",omitempty"`
	Folders, FolderTrees, Include, Exclude []string `json:",omitempty"`
	Map                                    []string `json:",omitempty"` // names views too
	Subscribed, Views                      bool     `json:",omitempty"`
}

// MailboxFingerprint is equal for rules that pick the same mailboxes of an account,
// in the same words; that of rules that leave out none is empty, as is that of nil.
func (r *Rules) MailboxFingerprint() string {
	if r == nil {
		return ""
	}
	p := picked{Subfolder1: r.Subfolder1, Folders: r.Folders, FolderTrees: r.FolderTrees, Subscribed: r.Subscribed, Views: r.Views}
	for _, m := range r.Map {
		p.Map = append(p.Map, m.From)
	}
	for _, x := range r.Include {
		p.Include = append(p.Include, x.Raw)
	}
	for _, x := range r.Exclude {
		p.Exclude = append(p.Exclude, x.Raw)
	}
	switch text, err := json.Marshal(p); {
	case err != nil:
		return err.Error() // strings always have a form
	case string(text) != "{}":
		return string(text)
	}
	return ""
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
