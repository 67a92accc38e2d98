package imaptest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// name reads the mailbox name that args begin with.
func (c *fakeConn) name(args string) (name, rest string, ok bool) {
	if strings.HasPrefix(args, `"`) {
		name, rest, err := unquote(args)
		return name, strings.TrimPrefix(rest, " "), err == nil
	}
	name, rest, _ = strings.Cut(args, " ")
	return name, rest, name != ""
}

// matches reports whether a name fits a pattern; a wildcard counts at its end
// only.
func (c *fakeConn) matches(name, pattern string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(name, prefix)
	}
	if prefix, ok := strings.CutSuffix(pattern, "%"); ok {
		rest, ok := strings.CutPrefix(name, prefix)
		return ok && !strings.Contains(rest, c.f.opt.Delimiter)
	}
	return foldInbox(name) == foldInbox(pattern)
}

// list answers LIST and LSUB.
func (c *fakeConn) list(cmd FakeCommand) error {
	_, rest, ok := c.name(cmd.Args)
	if strings.HasPrefix(cmd.Args, "(") || !ok {
		return c.no(cmd, "BAD no selection options here")
	}
	pattern, returns, ok := c.name(rest)
	if !ok && !strings.HasPrefix(rest, `""`) {
		return c.no(cmd, "BAD no pattern")
	}
	if pattern == "" {
		c.line(`* %s (\NoSelect) %s ""`, cmd.Name, quote(c.f.opt.Delimiter))
		return c.ok(cmd)
	}
	if returns != "" && !c.f.offers("LIST-EXTENDED") {
		c.f.violation("connection %d: LIST with %s", c.n, returns)
		return c.no(cmd, "BAD LIST-EXTENDED is not offered")
	}
	returns = strings.ToUpper(returns)
	items, status := statusReturn(returns)
	if status && !c.f.offers("LIST-STATUS") {
		c.f.violation("connection %d: LIST with %s", c.n, returns)
		return c.no(cmd, "BAD LIST-STATUS is not offered")
	}
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	for _, b := range c.f.boxes {
		if !c.matches(b.Name, pattern) || cmd.Name == "LSUB" && !b.Subscribed {
			continue
		}
		c.listLine(cmd.Name, b, strings.Contains(returns, "SUBSCRIBED"))
		if !status || b.NoSelect {
			continue
		}
		if bad := c.statusLine(b, items); bad != "" {
			return c.no(cmd, bad)
		}
	}
	return c.ok(cmd)
}

// statusReturn finds `STATUS (items)` among the RETURN options of LIST (RFC
// 5819).
func statusReturn(returns string) (items string, ok bool) {
	_, rest, ok := strings.Cut(returns, "STATUS (")
	items, _, _ = strings.Cut(rest, ")")
	return items, ok
}

func (c *fakeConn) listLine(kind string, b *fakeBox, markSubscribed bool) {
	if b.List != "" {
		c.line("* %s %s", kind, b.List)
		return
	}
	attrs := b.Attributes
	if b.NoSelect {
		attrs = strings.TrimSpace(attrs + ` \NoSelect`)
	}
	if markSubscribed && b.Subscribed {
		attrs = strings.TrimSpace(attrs + ` \Subscribed`)
	}
	c.line("* %s (%s) %s %s", kind, attrs, quote(c.f.opt.Delimiter), quote(b.Name))
}

// locked finds the mailbox that args name and calls do with Fake.mu held.
func (c *fakeConn) locked(cmd FakeCommand, do func(b *fakeBox, rest string) error) error {
	name, rest, ok := c.name(cmd.Args)
	if !ok {
		return c.no(cmd, "BAD no mailbox name")
	}
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	b := c.f.box(name)
	if b == nil {
		return c.no(cmd, "NO [NONEXISTENT] no such mailbox")
	}
	return do(b, rest)
}

// total is the number of messages. Fake.mu is held.
func (b *fakeBox) total() int { return b.Count + len(b.stored) }

func (c *fakeConn) status(cmd FakeCommand) error {
	return c.locked(cmd, func(b *fakeBox, rest string) error {
		if b.NoSelect {
			return c.no(cmd, "NO [CANNOT] not selectable")
		}
		if bad := c.statusLine(b, strings.ToUpper(strings.Trim(rest, "()"))); bad != "" {
			return c.no(cmd, bad)
		}
		return c.ok(cmd)
	})
}

// statusLine says the STATUS of a mailbox, or returns the refusal. Fake.mu is
// held.
func (c *fakeConn) statusLine(b *fakeBox, asked string) (bad string) {
	var items []string
	for _, item := range strings.Fields(asked) {
		switch item {
		case "MESSAGES":
			items = append(items, fmt.Sprintf("MESSAGES %d", b.total()))
		case "UIDNEXT":
			if !c.f.opt.NoUIDNext {
				items = append(items, fmt.Sprintf("UIDNEXT %d", b.uidNext))
			}
		case "UIDVALIDITY":
			items = append(items, fmt.Sprintf("UIDVALIDITY %d", b.UIDValidity))
		case "UNSEEN", "RECENT":
			items = append(items, item+" 0")
		case "HIGHESTMODSEQ":
			if !c.f.offers("CONDSTORE") {
				return "BAD CONDSTORE is not offered"
			}
			c.condstore = true
			items = append(items, fmt.Sprintf("HIGHESTMODSEQ %d", b.highest()))
		case "SIZE":
			if !c.f.offers("STATUS=SIZE") {
				return "BAD STATUS=SIZE is not offered"
			}
			items = append(items, fmt.Sprintf("SIZE %d", b.octets()))
		case "APPENDLIMIT":
			if !c.f.offers("APPENDLIMIT") {
				return "BAD APPENDLIMIT is not offered"
			}
			items = append(items, "APPENDLIMIT "+cmp.Or(b.AppendLimit, "NIL"))
		default:
			return "BAD unknown STATUS item " + item
		}
	}
	c.line("* STATUS %s (%s)", quote(b.Name), strings.Join(items, " "))
	return ""
}

// octets adds all messages up. Fake.mu is held.
func (b *fakeBox) octets() int64 {
	var n int64
	for i := range b.Count {
		n += int64(len(b.Message(i).Body))
	}
	for _, s := range b.stored {
		n += int64(len(s.Body))
	}
	return n
}

func (c *fakeConn) openBox(cmd FakeCommand) error {
	c.selected = nil
	return c.locked(cmd, func(b *fakeBox, _ string) error {
		if b.NoSelect {
			return c.no(cmd, "NO [CANNOT] not selectable")
		}
		c.selected, c.known, c.readOnly = b, b.total(), cmd.Name == "EXAMINE"
		c.line(`* FLAGS (\Answered \Flagged \Deleted \Seen \Draft)`)
		flags := b.PermanentFlags
		if flags == "" {
			flags = `(\Answered \Flagged \Deleted \Seen \Draft \*)`
		}
		if cmd.Name == "EXAMINE" {
			flags = "()"
		}
		if b.PermanentFlags != "-" {
			c.line("* OK [PERMANENTFLAGS %s] flags that stay", flags)
		}
		c.line("* %d EXISTS", c.known)
		c.line("* 0 RECENT")
		c.line("* OK [UIDVALIDITY %d] UIDs valid", b.UIDValidity)
		if !c.f.opt.NoUIDNext {
			c.line("* OK [UIDNEXT %d] next UID", b.uidNext)
		}
		switch {
		case !c.f.offers("CONDSTORE"):
		case b.NoModSeq:
			c.line("* OK [NOMODSEQ] no mod-sequences here")
		default:
			c.line("* OK [HIGHESTMODSEQ %d] highest", b.highest())
		}
		mode := "READ-WRITE"
		if cmd.Name == "EXAMINE" {
			mode = "READ-ONLY"
		}
		c.line("%s OK [%s] %s done", cmd.Tag, mode, cmd.Name)
		return nil
	})
}

// tell says that messages have come.
func (c *fakeConn) tell() {
	if c.selected == nil {
		return
	}
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	if n := c.selected.total(); n != c.known {
		c.known = n
		c.line("* %d EXISTS", n)
	}
}

func (c *fakeConn) create(cmd FakeCommand) error {
	name, _, ok := c.name(cmd.Args)
	if !ok {
		return c.no(cmd, "BAD no mailbox name")
	}
	name = strings.TrimSuffix(name, c.f.opt.Delimiter)
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	if c.f.box(name) != nil {
		return c.no(cmd, "NO [ALREADYEXISTS] it is there")
	}
	c.f.add(FakeMailbox{Name: name})
	return c.ok(cmd)
}

// remove answers DELETE, whatever is in the mailbox or below it.
func (c *fakeConn) remove(cmd FakeCommand) error {
	return c.locked(cmd, func(b *fakeBox, _ string) error {
		if b.Name == "INBOX" {
			return c.no(cmd, "NO [CANNOT] INBOX stays")
		}
		c.f.boxes = slices.DeleteFunc(c.f.boxes, func(o *fakeBox) bool { return o == b })
		delete(c.f.index, c.f.key(b.Name))
		return c.ok(cmd)
	})
}

func (c *fakeConn) subscribe(cmd FakeCommand) error {
	return c.locked(cmd, func(b *fakeBox, _ string) error {
		b.Subscribed = true
		return c.ok(cmd)
	})
}
