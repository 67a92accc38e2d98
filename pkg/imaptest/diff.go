package imaptest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// DiffOptions says what [Diff] compares. The zero value demands equal
// mailboxes with equal messages, in any order.
type DiffOptions struct {
	// Name turns a mailbox name of the first account into that of the second;
	// nil: the same. Several may become one: their messages are added up.
	Name func(string) string
	// Order demands that the messages of a mailbox stand in the same order.
	Order bool
	// FoldFlags takes flags that differ in case for equal.
	FoldFlags bool
	// IgnoreFlags and IgnoreDates leave those out of the comparison.
	IgnoreFlags, IgnoreDates bool
	// Subscriptions compares them too.
	Subscriptions bool
	// MoreMailboxes lets the second account have mailboxes of its own.
	MoreMailboxes bool
}

// diffLimit is the number of lines that Diff says at most.
const diffLimit = 40

// Diff compares two accounts and returns what is different, a line each; none
// when they are equal. Messages are compared as a multiset, by octets, digest,
// INTERNALDATE (the instant) and flags; UIDs do not matter.
func Diff(a, b *Contents, opt DiffOptions) []string {
	d := &differ{opt: opt}
	want := d.expected(a)
	for _, name := range sortedKeys(want) {
		d.mailbox(name, want[name], b.Mailbox(name))
	}
	for _, m := range b.Mailboxes {
		if _, ok := want[m.Name]; !ok && !m.NoSelect && !opt.MoreMailboxes && (m.Name != "INBOX" || len(m.Messages) > 0) {
			d.say("mailbox %q: only in the second account, with %d messages", m.Name, len(m.Messages))
		}
	}
	if d.more > 0 {
		d.lines = append(d.lines, fmt.Sprintf("and %d more differences", d.more))
	}
	return d.lines
}

type differ struct {
	opt   DiffOptions
	lines []string
	more  int
}

// expectedMailbox is what the second account should have under one name.
type expectedMailbox struct {
	messages   []DumpedMessage
	subscribed bool
}

func (d *differ) say(format string, args ...any) {
	if len(d.lines) == diffLimit {
		d.more++
		return
	}
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

func (d *differ) expected(a *Contents) map[string]*expectedMailbox {
	want := make(map[string]*expectedMailbox)
	for _, m := range a.Mailboxes {
		if m.NoSelect {
			continue
		}
		name := m.Name
		if d.opt.Name != nil {
			name = d.opt.Name(name)
		}
		if want[name] == nil {
			want[name] = &expectedMailbox{}
		}
		want[name].messages = append(want[name].messages, m.Messages...)
		want[name].subscribed = want[name].subscribed || m.Subscribed
	}
	return want
}

func (d *differ) mailbox(name string, want *expectedMailbox, got *DumpedMailbox) {
	if got == nil || got.NoSelect {
		d.say("mailbox %q: only in the first account, with %d messages", name, len(want.messages))
		return
	}
	if d.opt.Subscriptions && want.subscribed != got.Subscribed {
		d.say("mailbox %q: subscribed %v in the first account, %v in the second", name, want.subscribed, got.Subscribed)
	}
	if len(want.messages) != len(got.Messages) {
		d.say("mailbox %q: %d messages in the first account, %d in the second", name, len(want.messages), len(got.Messages))
	}
	before := len(d.lines) + d.more
	d.messages(name, want.messages, got.Messages)
	if d.opt.Order && len(d.lines)+d.more == before {
		d.order(name, want.messages, got.Messages)
	}
}

// key is what two equal messages have in common.
func (d *differ) key(m DumpedMessage) string {
	k := fmt.Sprintf("%d %s", m.Octets, m.Digest)
	if !d.opt.IgnoreDates {
		k += " " + m.Date.UTC().Format(time.RFC3339)
	}
	if !d.opt.IgnoreFlags {
		k += " " + d.flags(m)
	}
	return k
}

func (d *differ) flags(m DumpedMessage) string {
	flags := slices.Clone(m.Flags)
	if d.opt.FoldFlags {
		for i := range flags {
			flags[i] = strings.ToLower(flags[i])
		}
		slices.Sort(flags)
	}
	return strings.Join(flags, " ")
}

// messages compares two multisets. What is left over on both sides with the
// same octets is one message whose metadata differ.
func (d *differ) messages(name string, want, got []DumpedMessage) {
	have := make(map[string][]DumpedMessage)
	for _, m := range got {
		have[d.key(m)] = append(have[d.key(m)], m)
	}
	var missing []DumpedMessage
	for _, m := range want {
		k := d.key(m)
		if left := have[k]; len(left) > 0 {
			have[k] = left[1:]
		} else {
			missing = append(missing, m)
		}
	}
	extra := make(map[string][]DumpedMessage)
	for _, m := range got {
		k := d.key(m)
		if left := have[k]; len(left) > 0 {
			extra[m.Digest] = append(extra[m.Digest], left[0])
			have[k] = left[1:]
		}
	}
	for _, m := range missing {
		if near := extra[m.Digest]; len(near) > 0 {
			extra[m.Digest] = near[1:]
			d.say("mailbox %q: %s is in the second account UID %d, %s [%s]", name, d.describe(m),
				near[0].UID, near[0].Date.Format(time.RFC3339), d.flags(near[0]))
			continue
		}
		d.say("mailbox %q: missing in the second account: %s", name, d.describe(m))
	}
	for _, digest := range sortedKeys(extra) {
		for _, m := range extra[digest] {
			d.say("mailbox %q: too much in the second account: %s", name, d.describe(m))
		}
	}
}

func (d *differ) order(name string, want, got []DumpedMessage) {
	for i := range want {
		if d.key(want[i]) != d.key(got[i]) {
			d.say("mailbox %q: place %d holds %s in the first account, %s in the second",
				name, i+1, d.describe(want[i]), d.describe(got[i]))
			return
		}
	}
}

func (d *differ) describe(m DumpedMessage) string {
	return fmt.Sprintf("UID %d, %d octets, %.12s, %s [%s]", m.UID, m.Octets, m.Digest,
		m.Date.Format(time.RFC3339), d.flags(m))
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
