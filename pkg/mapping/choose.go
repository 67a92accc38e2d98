package mapping

import (
	"slices"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/rules"
)

// missing refuses rules that name a mailbox which the source does not have:
// who asks for one by name would not like to hear that all went well without.
func (m *mapper) missing() error {
	r := &m.in.Rules
	for _, name := range r.Folders {
		if !m.has(func(s imapconn.Mailbox) bool { return named(s, name) }) {
			return m.noSuch("--folder", name)
		}
	}
	for _, name := range r.FolderTrees {
		if !m.has(func(s imapconn.Mailbox) bool { return within(s, name) }) {
			return m.noSuch("--folderrec", name)
		}
	}
	if m.top != nil && !m.has(func(s imapconn.Mailbox) bool { _, ok := cutPath(m.from.split(s), m.top); return ok }) {
		return m.noSuch("--subfolder1", r.Subfolder1)
	}
	return nil
}

func (m *mapper) has(is func(imapconn.Mailbox) bool) bool { return slices.ContainsFunc(m.source, is) }

// noSuch tells a mailbox that may be meant, if there is one.
func (m *mapper) noSuch(option, name string) error {
	hint := "names are as the source lists them, with its prefix and delimiter and in their letter case"
	for _, s := range m.source {
		if strings.EqualFold(s.Name, name) || strings.EqualFold(s.Name, m.from.Prefix+name) {
			hint = "the source has " + fault.Clean(s.Name) + ": names are as it lists them, with prefix and delimiter and in their letter case"
		}
	}
	return &fault.Error{Side: fault.Source, Code: fault.MailboxRefused, Op: "map", Mailbox: name,
		Text: option + ": the source has no mailbox of this name", Hint: hint}
}

// within reports whether s is the mailbox of that name, or below it.
func within(s imapconn.Mailbox, name string) bool {
	if named(s, name) {
		return true
	}
	if s.Delimiter == 0 {
		return false
	}
	name = strings.TrimSuffix(name, string(s.Delimiter)) + string(s.Delimiter)
	if _, ok := cutPrefixFold(s.Name, name); ok && isInbox(strings.TrimSuffix(name, string(s.Delimiter))) {
		return true
	}
	return strings.HasPrefix(s.Name, name) || strings.HasPrefix(s.Wire, name)
}

// choose finds out which mailboxes are left out.
func (m *mapper) choose() {
	for _, s := range m.source {
		if why := m.leaves(s); why != "" {
			m.leftOut[s.Wire] = why
		}
	}
}

// leaves returns why a mailbox is left out; "": it is not.
func (m *mapper) leaves(s imapconn.Mailbox) string {
	r := &m.in.Rules
	asked := slices.ContainsFunc(r.Folders, func(name string) bool { return named(s, name) })
	_, mapped := m.mapped(s)
	if len(r.Folders)+len(r.FolderTrees)+len(r.Include) > 0 && !asked && !m.inTrees(s) && match(r.Include, s) == "" {
		return "not among those asked for by name"
	}
	if raw := match(r.Exclude, s); raw != "" {
		return "--exclude " + raw
	}
	if m.top != nil {
		switch rest, ok := cutPath(m.from.split(s), m.top); {
		case !ok:
			return "not below " + r.Subfolder1 + " (--subfolder1)"
		case len(rest) == 0 && !s.NoSelect:
			return "it is the mailbox of --subfolder1 itself: only what is below it is migrated, unless --map names it"
		}
	}
	switch why := viewOf(s); {
	case why != "" && !r.Views && !asked && !mapped:
		return why
	case r.Subscribed && !s.Subscribed:
		return "not subscribed (--subscribed)"
	case r.SkipEmpty && m.in.Empty != nil && m.in.Empty(s):
		return "empty (--skip-empty)"
	}
	return ""
}

// inTrees reports whether --folderrec names the mailbox or one above it.
func (m *mapper) inTrees(s imapconn.Mailbox) bool {
	return slices.ContainsFunc(m.in.Rules.FolderTrees, func(name string) bool { return within(s, name) })
}

// match returns the first pattern that picks the mailbox, as the user wrote
// it; "": none does.
func match(all []rules.Pattern, s imapconn.Mailbox) string {
	for _, p := range all {
		if p.Regexp.MatchString(s.Name) {
			return p.Raw
		}
	}
	return ""
}

// viewOf says of what other mailboxes s shows messages that are there anyway
// (RFC 6154 section 2, RFC 8457); "": none.
func viewOf(s imapconn.Mailbox) string {
	switch strings.ToLower(s.Use) {
	case `\all`:
		return `a view of all mail (\All): it would bring every message twice. At Gmail, archived mail without a label is only there: --views migrates it too`
	case `\flagged`:
		return `a view of flagged mail (\Flagged), which is in other mailboxes; --views migrates it too`
	case `\important`:
		return `a view of important mail (\Important), which is in other mailboxes; --views migrates it too`
	}
	return ""
}
