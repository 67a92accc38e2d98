package imaptest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// SetFlags gives a message other flags, as a user does in another session.
// flags are without parentheses.
func (f *Fake) SetFlags(mailbox string, uid uint32, flags string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.box(mailbox)
	if b == nil {
		return fmt.Errorf("set flags: no mailbox %q", mailbox)
	}
	b.change(uid, flags)
	return nil
}

// Flags returns the flags of every message of a mailbox by its UID, without
// parentheses; nil when there is no such mailbox.
func (f *Fake) Flags(mailbox string) map[uint32]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.box(mailbox)
	if b == nil {
		return nil
	}
	all := make(map[uint32]string)
	v := view{box: b.FakeMailbox, stored: b.stored, changed: b.changed}
	for i := range v.total() {
		all[v.uid(i)] = v.at(i).Flags
	}
	return all
}

// change sets the flags of a message. Fake.mu is held.
func (b *fakeBox) change(uid uint32, flags string) {
	b.modSeq++
	b.changed[uid] = fakeChange{modSeq: b.modSeq, flags: flags}
}

// highest is HIGHESTMODSEQ, 0 when there is none. Fake.mu is held.
func (b *fakeBox) highest() uint64 {
	if b.NoModSeq {
		return 0
	}
	return b.modSeq
}

// changedSince reads what follows the items of a FETCH: nothing, or
// (CHANGEDSINCE n) of RFC 7162 section 3.1.4.1. bad is a refusal.
func (c *fakeConn) changedSince(vs []value) (since uint64, bad string) {
	if len(vs) == 0 {
		return 0, ""
	}
	if !c.f.offers("CONDSTORE") {
		c.f.violation("connection %d: CONDSTORE is not offered", c.n)
		return 0, "BAD CONDSTORE is not offered"
	}
	if c.selected.NoModSeq {
		return 0, "BAD no mod-sequences here"
	}
	words := texts(vs[0].list)
	if len(vs) != 1 || len(words) != 2 || words[0] != "CHANGEDSINCE" {
		return 0, "BAD unknown FETCH modifier"
	}
	since, err := strconv.ParseUint(words[1], 10, 63)
	if err != nil || since == 0 {
		return 0, "BAD no mod-sequence"
	}
	c.condstore = true
	return since, ""
}

// setFlags answers UID STORE.
func (c *fakeConn) setFlags(cmd FakeCommand) error {
	if c.selected == nil {
		return c.no(cmd, "BAD no mailbox selected")
	}
	if c.readOnly {
		c.f.violation("connection %d: STORE into a mailbox opened by EXAMINE", c.n)
		return c.no(cmd, "NO [NOPERM] it is open for reading only")
	}
	v := c.view()
	text, rest, _ := strings.Cut(cmd.Args, " ")
	item, list, _ := strings.Cut(rest, " ")
	set, ok := parseSet(text, v.last())
	vs, err := parseValues(list)
	how, silent := strings.CutSuffix(strings.ToUpper(item), ".SILENT")
	if !ok || err != nil || len(vs) != 1 || !vs[0].isList || !slices.Contains([]string{"FLAGS", "+FLAGS", "-FLAGS"}, how) {
		return c.no(cmd, "BAD that is no STORE")
	}
	flags := texts(vs[0].list)
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	v.changed = c.selected.changed // of now, not of the look
	for i := range v.total() {
		uid := v.uid(i)
		if !set.has(uid) {
			continue
		}
		now := with(strings.Fields(v.at(i).Flags), how, flags)
		c.selected.change(uid, now)
		switch {
		case !silent:
			c.line("* %d FETCH (UID %d FLAGS (%s))", i+1, uid, now)
		case c.condstore && !c.selected.NoModSeq:
			c.line("* %d FETCH (UID %d MODSEQ (%d))", i+1, uid, c.selected.modSeq)
		}
	}
	return c.ok(cmd)
}

// with returns flags after a STORE of others.
func with(flags []string, how string, others []string) string {
	if how == "FLAGS" {
		flags = nil
	}
	flags = slices.DeleteFunc(flags, func(f string) bool {
		return slices.ContainsFunc(others, func(o string) bool { return strings.EqualFold(f, o) })
	})
	if how != "-FLAGS" {
		flags = append(flags, others...)
	}
	return strings.Join(flags, " ")
}
