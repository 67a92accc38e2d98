package imaptest

import (
	"fmt"
	"io"
	"strings"
)

// fakeAppending is an APPEND command being read.
type fakeAppending struct {
	mailbox string
	got     []FakeStored
	refusal string // said at the end
	keep    int    // messages that stay although there is a refusal
}

// append reads APPEND in all its forms: one message or several (RFC 3502),
// with synchronising literals or without (RFC 7888).
func (c *fakeConn) append(cmd FakeCommand) error {
	name, rest, ok := c.name(cmd.Args)
	if n, _ := literalAtEnd(name); n >= 0 && rest == "" {
		ok = false // a name as a literal is more than this server understands
	}
	if !ok {
		return c.no(cmd, "BAD no mailbox name")
	}
	a := &fakeAppending{mailbox: name}
	for place := 0; ; place++ {
		over, err := c.offer(cmd, a, place, rest)
		if err != nil || over {
			return err
		}
		if rest, err = c.readLine(); err != nil {
			return err
		}
		if rest == "" {
			return c.store(cmd, a)
		}
		c.f.record(FakeCommand{Conn: c.n, Tag: cmd.Tag, Name: "APPEND", Args: quote(name) + rest})
		rest = strings.TrimPrefix(rest, " ")
	}
}

// offer reads one message. The command is over when it was refused at once.
func (c *fakeConn) offer(cmd FakeCommand, a *fakeAppending, place int, args string) (over bool, err error) {
	n, head := literalAtEnd(args)
	nonSync := strings.HasSuffix(args, "+}")
	if n < 0 {
		c.f.violation("connection %d: APPEND without a literal: %.80q", c.n, args)
		return true, c.no(cmd, "BAD no literal")
	}
	msg := FakeAppend{Conn: c.n, Mailbox: a.mailbox, Place: place, Head: strings.TrimSpace(head), Octets: n, NonSync: nonSync}
	c.f.mu.Lock()
	msg.N = c.f.offered
	c.f.offered++
	exists := c.f.box(a.mailbox) != nil
	c.f.mu.Unlock()
	refusal := c.judge(msg, exists)
	switch {
	case refusal.HangUp:
		return true, io.EOF
	case refusal.Answer == "":
	case refusal.AtEnd || nonSync && strings.HasPrefix(refusal.Answer, "NO"):
		if a.refusal == "" {
			a.refusal, a.keep = refusal.Answer, len(a.got)
		}
	default:
		return true, c.no(cmd, refusal.Answer)
	}
	if !nonSync {
		if err := c.goAhead(args); err != nil {
			return true, err
		}
	}
	p := make([]byte, n)
	if _, err := io.ReadFull(c.br, p); err != nil {
		return true, err
	}
	if c.f.opt.Whole != nil && a.refusal == "" {
		if a.refusal = c.f.opt.Whole(p); a.refusal != "" {
			a.keep = len(a.got)
		}
	}
	flags, date := splitHead(msg.Head)
	a.got = append(a.got, FakeStored{Head: msg.Head, Flags: flags, Date: date, Body: p, Digest: digestOf(p)})
	return false, nil
}

// judge decides about an offered message before its literal is read.
func (c *fakeConn) judge(msg FakeAppend, exists bool) FakeRefusal {
	allowed := c.f.offers("LITERAL+") || c.f.offers("LITERAL-") && msg.Octets <= 4096
	switch {
	case msg.NonSync && !allowed:
		c.f.violation("connection %d: {%d+} is not offered", c.n, msg.Octets)
		return FakeRefusal{Answer: "BAD no such literal"}
	case msg.Place > 0 && !c.f.offers("MULTIAPPEND"):
		c.f.violation("connection %d: MULTIAPPEND is not offered", c.n)
		return FakeRefusal{Answer: "BAD one message a command"}
	case msg.Octets > 1<<30:
		return FakeRefusal{Answer: "BAD too big for a test"}
	case !exists:
		return FakeRefusal{Answer: "NO [TRYCREATE] no such mailbox"}
	case c.f.opt.Append != nil:
		return c.f.opt.Append(msg)
	}
	return FakeRefusal{}
}

// splitHead takes the flags and the date of an APPEND apart.
func splitHead(head string) (flags, date string) {
	if rest, ok := strings.CutPrefix(head, "("); ok {
		flags, head, _ = strings.Cut(rest, ")")
	}
	return flags, strings.TrimSpace(head)
}

// store keeps what was sent and answers the command.
func (c *fakeConn) store(cmd FakeCommand, a *fakeAppending) error {
	if a.refusal != "" {
		if !c.f.opt.NotAtomic {
			a.keep = 0
		}
		a.got = a.got[:a.keep]
	}
	c.f.mu.Lock()
	b := c.f.box(a.mailbox)
	if b == nil {
		c.f.mu.Unlock()
		return c.no(cmd, "NO [TRYCREATE] no such mailbox")
	}
	first := b.uidNext
	for _, s := range a.got {
		s.UID = b.uidNext
		b.uidNext++
		b.stored = append(b.stored, s)
		b.modSeq++
		b.came = append(b.came, b.modSeq)
	}
	validity := b.UIDValidity
	c.f.mu.Unlock()
	c.tell()
	if a.refusal != "" {
		return c.no(cmd, a.refusal)
	}
	code := ""
	if c.f.offers("UIDPLUS") && !c.f.opt.NoAppendUID {
		code = fmt.Sprintf("[APPENDUID %d %d] ", validity, first)
		if n := len(a.got); n > 1 {
			code = fmt.Sprintf("[APPENDUID %d %d:%d] ", validity, first, first+uint32(n)-1)
		}
	}
	c.line("%s OK %sAPPEND done", cmd.Tag, code)
	return nil
}
