package mailsync

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// Level says how much a Finding matters.
type Level uint8

// The levels. Note, the zero one, changes nothing of the verdict.
const (
	Note    Level = iota // worth knowing
	Warning              // something will not go over as it is, or may fail
	NoGo                 // the row cannot be done as it is
)

// Finding is one thing that Check found. Code is stable, Text a sentence
// without control characters.
type Finding struct {
	Level Level
	Code  string
	Text  string
}

// The codes of findings.
const (
	FindMapping    = "mapping"      // a mailbox goes to another name
	FindUnreadable = "unreadable"   // a mailbox of the source cannot be opened
	FindQuota      = "quota"        // what the destination allows the account
	FindTooBig     = "append-limit" // messages over the destination's limit
	FindFlags      = "flags"        // what the destination does not keep
	FindAppend     = "append"       // how messages are stored
	FindUIDPlus    = "uidplus"      // how it is known what was stored
	FindCondstore  = "condstore"    // how changed flags are found
	FindSpecialUse = "special-use"  // how special mailboxes are found
)

func (c *checking) find(level Level, code, text string) {
	c.rep.Findings = append(c.rep.Findings, Finding{level, code, fault.Clean(text)})
}

// judge turns what was read into findings.
func (c *checking) judge() {
	c.fit()
	c.tooBig()
	c.unreadable()
	c.flags()
	c.lacks(c.caps[0], c.caps[1])
	slices.SortStableFunc(c.rep.Findings, func(a, b Finding) int { return cmp.Compare(b.Level, a.Level) })
}

func (c *checking) tooBig() {
	l := c.rep.Large
	if l.Messages == 0 {
		return
	}
	of := "message is"
	if l.Messages > 1 {
		of = "messages are"
	}
	largest := ""
	if l.Largest > 0 {
		largest = fmt.Sprintf(" (the largest has %s)", throughput.FormatOctets(l.Largest))
	}
	c.find(Warning, FindTooBig, fmt.Sprintf("%s %s over the destination's limit of %s%s and will be rejected",
		throughput.FormatNumber(l.Messages), of, throughput.FormatOctets(l.Limit), largest))
}

// unreadable names the mailboxes of the source that cannot be looked into.
func (c *checking) unreadable() {
	for _, w := range c.weights[0] {
		if w.refusal != "" {
			c.find(Warning, FindUnreadable, fmt.Sprintf("source mailbox %s cannot be opened: %s", w.box.Name, w.refusal))
		}
	}
}

// systemFlags is how many system flags a client can set (RFC 9051 section
// 2.3.2).
const systemFlags = 5

// flags tells which flags the destination does not keep.
func (c *checking) flags() {
	if !c.keptKnown {
		return
	}
	if !c.kept.AnyKeyword {
		c.find(Warning, FindFlags, "the destination takes no new keywords ($Forwarded, the tags of mail programs): they are left out")
	}
	if !c.kept.FlagsKnown {
		return
	}
	var lost []string
	for _, f := range []string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`} {
		if !slices.ContainsFunc(c.kept.PermanentFlags, func(k string) bool { return strings.EqualFold(k, f) }) {
			lost = append(lost, f)
		}
	}
	if len(lost) > 0 && len(lost) < systemFlags { // (\*) alone is said by servers that keep them all
		c.find(Warning, FindFlags, "the destination does not keep "+strings.Join(lost, ", "))
	}
}

// lacks tells what the servers cannot do that makes a migration slower.
func (c *checking) lacks(source, dest imapconn.Caps) {
	switch {
	case dest.MultiAppend:
	case dest.LiteralPlus:
		c.find(Note, FindAppend, "destination has no MULTIAPPEND: one APPEND a message, pipelined")
	default:
		c.find(Note, FindAppend, "destination has neither MULTIAPPEND nor LITERAL+: a round trip a message, so more lanes help")
	}
	if !dest.UIDPlus {
		c.find(Note, FindUIDPlus, "destination has no UIDPLUS: its UIDs are looked up after the fact")
	}
	if !source.Condstore {
		c.find(Note, FindCondstore, "source has no CONDSTORE: each further pass opens every mailbox and reads the flags of every message")
	}
	if !dest.SpecialUse && !slices.ContainsFunc(c.dest.Mailboxes, func(b imapconn.Mailbox) bool { return b.Use != "" }) {
		c.find(Note, FindSpecialUse, "destination does not mark its special mailboxes (SPECIAL-USE): Sent, Drafts, Trash, Junk and Archive are found by name")
	}
}
