package wire

import (
	"bytes"
	"fmt"
	"math"
	"runtime/debug"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

// Read gives go-imap what is meant for it and on the way hands everything
// else to the commands that it answers. It returns only when there is
// something for go-imap or the connection is dead.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, c.Err()
	}
	for {
		if err := c.Err(); err != nil {
			return 0, err
		}
		switch {
		case len(c.pass) > 0:
			n := copy(p, c.pass)
			c.pass = c.pass[n:]
			return n, nil
		case c.passLit > 0:
			n, err := c.br.Read(p[:min(int64(len(p)), c.passLit)])
			c.passLit -= int64(n)
			if err != nil {
				return n, c.broken(err)
			}
			return n, nil
		case c.more: // the line goes on after a literal
			c.newLine(nil)
			if err := c.readLine(); err != nil {
				return 0, err
			}
			c.handOn(c.line, false)
		default:
			if err := c.response(); err != nil {
				return 0, err
			}
		}
	}
}

// handOn puts a line before go-imap, and the literal that it announces.
func (c *Conn) handOn(line []byte, status bool) {
	c.pass, c.passLit, c.more = line, 0, false
	if !status {
		c.passLit, _, c.more = literalSize(chomp(line))
	}
}

// response reads and routes one response.
func (c *Conn) response() error {
	b, err := c.br.ReadByte()
	if err != nil {
		return c.broken(err)
	}
	if !c.greeted && b != '*' {
		return c.stranger(b)
	}
	c.head = append(c.head[:0], b)
	switch b {
	case '*':
		return c.untagged()
	case '+':
		return c.continuation()
	case '\r', '\n':
		return nil // an empty line more than there should be
	}
	return c.tagged()
}

// stranger ends a connection whose greeting is none of IMAP.
func (c *Conn) stranger(first byte) error {
	c.newLine([]byte{first})
	if err := c.readLine(); err != nil {
		return err
	}
	c.Abort(&fault.Error{
		Code: fault.NotIMAP, Op: "greeting", Text: fault.Clean(string(chomp(c.line[:min(len(c.line), 200)]))),
		Hint: "what answers there is no IMAP server: check host and port",
	})
	return c.Err()
}

// untagged reads number and kind, never more than the line has, and routes by
// them.
func (c *Conn) untagged() error {
	word, err := c.word()
	if err != nil {
		return err
	}
	num, numbered := number(word)
	if numbered {
		if word, err = c.word(); err != nil {
			return err
		}
	}
	k := kindOf(word)
	if !c.greeted {
		c.mu.Lock()
		c.greeted = true
		c.mu.Unlock()
		return c.handUntagged(k, true)
	}
	if k.name == "BYE" {
		return c.handUntagged(k, c.clientWaits())
	}
	p, client := c.route(k.name)
	switch {
	case p != nil:
		return c.handle(p, num, k)
	case client && k.client:
		return c.handUntagged(k, true)
	}
	return c.drain(k.status)
}

// maxWord bounds a number or kind in octets: a longer one is cut and so is
// known to nobody.
const maxWord = 64

// word reads blanks and the word after them into c.head and returns it.
func (c *Conn) word() ([]byte, error) {
	start := len(c.head)
	for len(c.head) < start+maxWord {
		b, err := c.br.Peek(1)
		if err != nil {
			return nil, c.broken(err)
		}
		switch b[0] {
		case ' ', '\t':
			if len(c.head) > start {
				return c.head[start:], nil
			}
			start++
		case '\r', '\n', '(', ')', '"', '{':
			return c.head[start:], nil
		}
		c.head = append(c.head, b[0])
		_, _ = c.br.Discard(1) // it is in the buffer
		if start > 2*maxWord {
			return nil, c.nonsense("a line of blanks", nil)
		}
	}
	return c.head[start:], nil
}

// number reads a message number; one beyond 32 bits stays at the largest.
func number(word []byte) (n uint32, ok bool) {
	for _, b := range word {
		if b < '0' || b > '9' {
			return 0, false
		}
		if v := uint64(n)*10 + uint64(b-'0'); v <= math.MaxUint32 {
			n = uint32(v)
		} else {
			n = math.MaxUint32
		}
	}
	return n, len(word) > 0
}

// route finds the oldest raw command that wants a kind and whose turn it is,
// and whether go-imap waits for anything.
func (c *Conn) route(kind string) (claimer *Pending, client bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fenced := false
	for i, p := range c.cmds {
		fenced = fenced || p.inTurn && i > 0
		if p.client {
			client = true
		} else if !fenced && p.wants != nil && p.wants(kind) {
			return p, client
		}
		fenced = fenced || p.inTurn
	}
	return nil, client
}

// clientWaits reports whether a command of go-imap is in flight.
func (c *Conn) clientWaits() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.cmds {
		if p.client {
			return true
		}
	}
	return false
}

// handUntagged reads the rest of the first line, keeps the text of a BYE, and
// gives the response to go-imap if wanted and if the filter lets it pass.
func (c *Conn) handUntagged(k kind, wanted bool) error {
	c.newLine(c.head)
	if err := c.readLine(); err != nil {
		return err
	}
	if k.name == "BYE" {
		text := bytes.TrimSpace(c.line[len(c.head):])
		c.mu.Lock()
		c.bye = string(text[:min(len(text), maxBye)])
		c.mu.Unlock()
	}
	if !wanted {
		return nil // a BYE, which announces no literal
	}
	var lit bool
	var n int64
	if !k.status {
		n, _, lit = literalSize(chomp(c.line))
	}
	line := c.filter(c.line)
	if len(line) == 0 {
		if !lit {
			return nil
		}
		if err := c.skip(n); err != nil {
			return err
		}
		return c.drain(false)
	}
	c.pass, c.passLit, c.more = line, n, lit
	return nil
}

func (c *Conn) filter(line []byte) []byte {
	if c.opt.Filter == nil {
		return line
	}
	return c.opt.Filter(line)
}

// handle runs a raw command's handler on the response and skips what it
// leaves.
func (c *Conn) handle(p *Pending, num uint32, k kind) error {
	r := &c.reader
	if err := r.start(num, k); err != nil {
		return err
	}
	if p.handle != nil {
		if err := safely(p.handle, r); err != nil {
			c.Abort(err)
			return c.Err()
		}
	}
	if err := r.skipLiteral(); err != nil {
		return err
	}
	return c.drain(k.status)
}

// safely turns a panic into an error: go-imap, on whose goroutine we are,
// would swallow it.
func safely(handle func(*Reader) error, r *Reader) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic in a response handler: %v\n%s", v, debug.Stack())
		}
	}()
	return handle(r)
}

// continuation gives a "+" to whom it is meant for: nobody but the holder of
// the writer can wait for one. Others are dropped.
func (c *Conn) continuation() error {
	c.newLine(c.head)
	if err := c.readLine(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.waits; p != nil {
		c.waits = nil
		p.owed = false // what comes next is ours to send
		p.cont <- struct{}{}
		return nil
	}
	if c.client.awaiting {
		c.client.awaiting = false
		c.handOn(c.line, true)
	}
	return nil
}

// tagged completes a command. A tag that nobody sent means that the two sides
// no longer agree on where a response begins.
func (c *Conn) tagged() error {
	c.newLine(c.head)
	if err := c.readLine(); err != nil {
		return err
	}
	tag, rest, _ := bytes.Cut(chomp(c.line), []byte(" "))
	p, half, release := c.answered(tag)
	if release {
		c.release()
	}
	if p == nil {
		return c.nonsense("an answer to no command", chomp(c.line))
	}
	if p.client {
		if line := c.filter(c.line); len(line) > 0 {
			c.handOn(line, true)
		}
		return nil
	}
	reply, ok := parseReply(rest)
	if !ok {
		p.err = c.nonsense("an answer that is none", chomp(c.line))
		close(p.done)
		return p.err
	}
	if half && reply.Status != "NO" {
		err := c.tooEarly(reply) // before anybody can write more
		p.reply = reply
		close(p.done)
		return err
	}
	c.note(p, reply)
	if p.onOK != nil && reply.Status == "OK" {
		p.onOK()
	}
	p.reply = reply
	close(p.done)
	return nil
}

// note keeps the last refusal: should the connection end after it, it may be
// the reason.
func (c *Conn) note(p *Pending, r Reply) {
	c.mu.Lock()
	c.refusal = fault.Answer{}
	if r.Status != "OK" {
		c.refusal = fault.Answer{Op: p.op, Status: r.Status, Code: r.Code, Text: r.Text}
	}
	c.mu.Unlock()
	if c.opt.Tagged != nil {
		c.opt.Tagged(r)
	}
}

// answered takes the command with this tag out of flight. half says that it
// is an APPEND of which more was to come unasked, release that go-imap held
// the writer for its sake.
func (c *Conn) answered(tag []byte) (p *Pending, half, release bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, q := range c.cmds {
		if q.tag == string(tag) {
			p = q
			break
		}
	}
	if p == nil {
		return nil, false, false
	}
	c.remove(p)
	c.clock(p)
	half = p.cont != nil && c.waits != p && !p.Sent()
	if c.waits == p {
		c.waits = nil
	}
	return p, half, c.client.answered(p)
}
