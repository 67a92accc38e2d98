package wire

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Request is a raw command.
type Request struct {
	// Op is the step that faults name: "fetch". It is not sent.
	Op string
	// Line is the command without tag and final CRLF. CR and LF may stand in
	// it only where a non-synchronising literal puts them.
	Line string
	// Slow: the answer may take Options.FinalTimeout.
	Slow bool
	// Wants says which kinds of untagged responses are claimed: "FETCH",
	// "LIST", "EXISTS", "OK" ..., always in upper case. Of several commands
	// in flight that want a kind the oldest gets it. BYE is never offered.
	// It must be quick and must not use the Conn. Nil: none.
	Wants func(kind string) bool
	// InTurn: the command claims nothing while an older one is in flight, and
	// none younger than it claims anything while it is. For SELECT and
	// EXAMINE: what comes before and after their answer is about two
	// mailboxes (RFC 3501 section 5.5 has servers keep that order).
	InTurn bool
	// Handle is called once for each claimed response, on the reading
	// goroutine, with a Reader that is valid during the call. It may block,
	// which stops the reading, and should then watch Conn.Dead. It must not
	// send commands on the same Conn. What it leaves is skipped. An error
	// aborts the connection.
	Handle func(r *Reader) error
}

// Reply is a tagged answer: Status is OK, NO or BAD, Code what stood in
// brackets with its arguments ("APPENDUID 1 5:9"), Text the rest. Code and
// Text are foreign.
type Reply struct{ Status, Code, Text string }

// Pending is a command in flight.
type Pending struct {
	tag    string
	op     string
	wants  func(kind string) bool
	handle func(r *Reader) error
	sent   atomic.Bool
	onOK   func()        // run on the reading goroutine at an OK, before anybody learns of it; may be nil
	cont   chan struct{} // receives once for each "+"; nil: never waits for one

	slow, owed, client bool // owed: guarded by Conn.mu; client: go-imap's own
	inTurn             bool
	left               time.Time // when it was sent, with nothing else in flight; zero: something was; guarded by Conn.mu

	done  chan struct{} // closed with reply or err set
	reply Reply
	err   error
}

// Done is closed when the answer is here or the connection is lost.
func (p *Pending) Done() <-chan struct{} { return p.done }

// Sent reports whether the final CRLF may have left: the write that carries
// it was at least attempted. While it is false the command is void. It is
// final once Done is closed.
func (p *Pending) Sent() bool { return p.sent.Load() }

// Wait returns the tagged answer; NO and BAD are answers, not errors. An
// error is the reason why the connection was lost (a *fault.Error that is
// Temporary, with the BYE text if there was one, unless the connection was
// aborted for another reason), or ctx.Err(); the command is still in flight
// then, and Wait may be called again.
func (p *Pending) Wait(ctx context.Context) (Reply, error) {
	select {
	case <-p.done:
		return p.reply, p.err
	default:
	}
	select {
	case <-p.done:
		return p.reply, p.err
	case <-ctx.Done():
		return Reply{}, ctx.Err()
	}
}

// answered returns the answer when it is here.
func (p *Pending) answered() (Reply, bool) {
	select {
	case <-p.done:
		return p.reply, p.err == nil
	default:
		return Reply{}, false
	}
}

// errLine is a command that would be more than one, or none.
var errLine = errors.New("wire: a command line with a line break outside a literal, a NUL, or half a literal")

// Start sends a raw command and does not wait for its answer. While it waits
// for other writers the end of ctx leaves the connection alone; while it
// writes, it aborts it.
func (c *Conn) Start(ctx context.Context, req Request) (*Pending, error) {
	if !wholeLine(req.Line) {
		return nil, errLine
	}
	if err := c.acquire(ctx); err != nil {
		return nil, err
	}
	defer c.release()
	stop := context.AfterFunc(ctx, func() { c.Abort(ctx.Err()) })
	defer stop()
	p := &Pending{op: req.Op, slow: req.Slow, owed: true, wants: req.Wants, handle: req.Handle, inTurn: req.InTurn}
	if err := c.issue(p, req.Line); err != nil {
		return nil, err
	}
	return p, nil
}

// issue puts a command in flight and sends it. The caller holds the writer.
func (c *Conn) issue(p *Pending, line string) error {
	if err := c.register(p); err != nil {
		return err
	}
	c.wbuf = append(c.wbuf[:0], p.tag...)
	c.wbuf = append(c.wbuf, ' ')
	c.wbuf = append(c.wbuf, line...)
	c.wbuf = append(c.wbuf, "\r\n"...)
	p.sent.Store(true)
	c.mu.Lock()
	if len(c.cmds) == 1 {
		p.left = time.Now()
	}
	c.mu.Unlock()
	if err := c.send(c.wbuf); err != nil {
		return err
	}
	c.mu.Lock()
	c.rearm()
	c.mu.Unlock()
	return nil
}

// register puts a command in flight under our next tag. The caller holds the
// writer.
func (c *Conn) register(p *Pending) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	c.tag++
	p.tag = "X" + strconv.FormatUint(c.tag, 10)
	p.done = make(chan struct{})
	c.cmds = append(c.cmds, p)
	return nil
}

// forget takes a command that was never sent out of flight.
func (c *Conn) forget(p *Pending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(p)
}

// remove takes p out of flight and reports whether it was. c.mu is held.
func (c *Conn) remove(p *Pending) bool {
	for i, q := range c.cmds {
		if q == p {
			copy(c.cmds[i:], c.cmds[i+1:])
			c.cmds[len(c.cmds)-1] = nil
			c.cmds = c.cmds[:len(c.cmds)-1]
			return true
		}
	}
	return false
}

// acquire takes the writer, unless ctx ends or the connection dies first.
func (c *Conn) acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.take(ctx.Done()) {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return c.Err()
}

// take takes the writer; false when stop was closed or the connection died.
func (c *Conn) take(stop <-chan struct{}) bool {
	select {
	case c.writer <- struct{}{}:
	case <-c.dead:
		return false
	case <-stop:
		return false
	}
	if c.Err() != nil {
		c.release()
		return false
	}
	return true
}

// release gives the writer back.
func (c *Conn) release() { <-c.writer }

// wholeLine reports whether s with a CRLF after it is exactly one command:
// line breaks are only those of non-synchronising literals, which are whole.
func wholeLine(s string) bool {
	for {
		i := strings.IndexAny(s, "\r\n\x00")
		if i < 0 {
			_, _, lit := literalSize(s[max(0, len(s)-maxMarker):])
			return !lit
		}
		if !strings.HasPrefix(s[i:], "\r\n") {
			return false
		}
		n, sync, ok := literalSize(s[max(0, i-maxMarker):i])
		rest := s[i+2:]
		if !ok || sync || n > int64(len(rest)) || strings.IndexByte(rest[:n], 0) >= 0 {
			return false
		}
		s = rest[n:]
	}
}

// parseReply reads what follows the tag; ok is false when it is no tagged
// answer of RFC 3501 section 7.1.
func parseReply(b []byte) (r Reply, ok bool) {
	status, rest, _ := bytes.Cut(bytes.TrimSpace(b), []byte(" "))
	r.Status = strings.ToUpper(string(status))
	switch r.Status {
	case "OK", "NO", "BAD":
	default:
		return r, false
	}
	r.Code, r.Text = splitCode(strings.TrimSpace(string(rest)))
	return r, true
}

// splitCode takes the response code off a text. A code may hold a list or a
// quoted string with a "]" in it.
func splitCode(s string) (code, text string) {
	if !strings.HasPrefix(s, "[") {
		return "", s
	}
	depth, quoted := 0, false
	for i := 1; i < len(s); i++ {
		switch {
		case quoted:
			quoted = s[i] != '"'
		case s[i] == '"':
			quoted = true
		case s[i] == '(':
			depth++
		case s[i] == ')':
			depth--
		case s[i] == ']' && depth <= 0:
			return strings.TrimSpace(s[1:i]), strings.TrimSpace(s[i+1:])
		}
	}
	if code, text, ok := strings.Cut(s[1:], "]"); ok {
		return strings.TrimSpace(code), strings.TrimSpace(text)
	}
	return "", s
}
