package wire

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

// AppendLiteral says how a message's literal is announced (RFC 7888).
type AppendLiteral uint8

// The ways to announce a literal.
const (
	Sync         AppendLiteral = iota // {n}: wait for "+"
	NonSyncSmall                      // LITERAL-: {n+} up to 4096 octets, else {n}
	NonSync                           // LITERAL+: {n+}
)

// maxSmall is LITERAL-'s limit in octets (RFC 7888 section 5).
const maxSmall = 4096

const appendBuffer = 64 << 10

var (
	errOver   = errors.New("wire: this APPEND is over")
	errHead   = errors.New(`wire: an APPEND head with a line break, a NUL or a "{", or a negative size`)
	errNone   = errors.New("wire: an APPEND without a message")
	errGiveUp = errors.New("wire: an APPEND was given up half-way")
)

// Append is one APPEND command being written, of one message or more
// (MULTIAPPEND, RFC 3502). It holds the connection's writer: it must be ended
// by Finish, by a refusal or an error of Message, or by Cancel. It belongs to
// one goroutine.
type Append struct {
	c    *Conn
	p    *Pending
	n    int // messages
	left bool
	over bool
	body io.LimitedReader
}

// Append begins an APPEND to a mailbox, given as it stands on the command
// line: encoded and quoted, or a whole non-synchronising literal. Nothing
// leaves before the first message. While it waits for other writers the end
// of ctx leaves the connection alone.
func (c *Conn) Append(ctx context.Context, mailbox string) (*Append, error) {
	if !wholeLine(mailbox) {
		return nil, errLine
	}
	if err := c.acquire(ctx); err != nil {
		return nil, err
	}
	p := &Pending{op: "append", cont: make(chan struct{}, 1)}
	if err := c.register(p); err != nil {
		c.release()
		return nil, err
	}
	a := &Append{c: c, p: p}
	if c.bw == nil {
		c.bw = bufio.NewWriterSize((*appendSink)(a), appendBuffer)
	} else {
		c.bw.Reset((*appendSink)(a))
	}
	a.put(p.tag, " APPEND ", mailbox)
	return a, nil
}

// Message writes one message: head is what stands between mailbox and
// literal, `(\Seen) "date" ` with the blank at its end, or ""; of body exactly
// size octets are read.
//
// A non-nil Reply is the server's refusal, NO or BAD, ahead of this message:
// the command is over, nothing of the message was sent, the connection is
// usable.
//
// An error with Conn.Err still nil left nothing on the wire either: ctx ended
// before, or the arguments cannot be. Any other error, the end of ctx
// included, came inside a command and has aborted the connection, since
// nothing may follow half a literal; so does a body that ends short or errs,
// whose error is in the chain, and a BAD that comes while a message is on its
// way: the server may be reading the message as commands.
func (a *Append) Message(ctx context.Context, head string, size int64, lit AppendLiteral, body io.Reader) (*Reply, error) {
	switch {
	case a.over:
		return nil, errOver
	case strings.ContainsAny(head, "\r\n\x00{") || size < 0:
		return nil, errHead
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	if done, r, err := a.early(); done {
		return r, err
	}
	stop := context.AfterFunc(ctx, func() { a.c.Abort(ctx.Err()) })
	defer stop()
	sync := lit == Sync || lit == NonSyncSmall && size > maxSmall
	a.announce(head, size, sync)
	if sync {
		r, err := a.awaitContinuation()
		if r != nil || err != nil {
			a.end()
			return r, err
		}
	}
	if err := a.copyBody(size, body); err != nil {
		a.end()
		return nil, err
	}
	a.n++
	return nil, nil
}

// Finish sends the final CRLF and gives the writer back. It returns the
// Pending also with an error, which means that the connection is dead; its
// Sent says whether the server may have the whole command. Without a message
// there is no command: Finish is Cancel then.
func (a *Append) Finish() (*Pending, error) {
	if a.over {
		return a.p, errOver
	}
	if a.n == 0 {
		a.Cancel()
		return a.p, errNone
	}
	defer a.end()
	c := a.c
	c.mu.Lock()
	if c.err != nil {
		defer c.mu.Unlock()
		return a.p, c.err
	}
	a.p.owed, a.p.slow = true, true
	c.mu.Unlock()
	a.p.sent.Store(true)
	a.put("\r\n")
	if err := c.bw.Flush(); err != nil {
		return a.p, err
	}
	c.mu.Lock()
	c.rearm()
	c.mu.Unlock()
	return a.p, nil
}

// Cancel gives the command up: unnoticed while nothing of it has left, else by
// aborting the connection. After the command's end it does nothing, so that
// it can be deferred.
func (a *Append) Cancel() {
	if a.over {
		return
	}
	if a.left {
		a.c.Abort(errGiveUp)
	}
	a.c.forget(a.p)
	a.end()
}

// Answered returns the server's answer if it came before Finish: NO means that
// it skips the literals and the rest is wasted, BAD that it may be reading
// them as commands.
func (a *Append) Answered() (Reply, bool) { return a.p.answered() }

// end gives the writer back, once.
func (a *Append) end() {
	if !a.over {
		a.over = true
		a.c.release()
	}
}

// early looks for an answer that came before its time. NO ends the command:
// its literals are skipped by the server, so its line end completes it.
func (a *Append) early() (done bool, r *Reply, err error) {
	if err := a.c.Err(); err != nil {
		a.end()
		return true, nil, err
	}
	got, ok := a.p.answered()
	if !ok {
		return false, nil, nil
	}
	defer a.end()
	a.put("\r\n")
	if err := a.c.bw.Flush(); err != nil {
		return true, nil, err
	}
	return true, &got, nil
}

// tooEarly aborts the connection for an answer to half a command. After BAD
// the server may be reading the message as commands.
func (c *Conn) tooEarly(r Reply) error {
	text := r.Status + " "
	if r.Code != "" {
		text += "[" + r.Code + "] "
	}
	c.Abort(&fault.Error{
		Op: "append", Code: fault.Protocol, Text: fault.Clean(text + r.Text),
		Hint: "the server answered before it had the message; the connection was closed at once, lest it read the message as commands",
	})
	return c.Err()
}

// put writes to the buffer, whose error stays and comes out of Flush.
func (a *Append) put(parts ...string) {
	for _, s := range parts {
		_, _ = a.c.bw.WriteString(s)
	}
}

func (a *Append) announce(head string, size int64, sync bool) {
	w := a.c.bw
	a.put(" ", head, "{")
	_, _ = w.Write(strconv.AppendInt(w.AvailableBuffer(), size, 10))
	if !sync {
		a.put("+")
	}
	a.put("}\r\n")
}

// awaitContinuation sends what is there and waits for "+" or the refusal.
func (a *Append) awaitContinuation() (*Reply, error) {
	c, p := a.c, a.p
	c.mu.Lock()
	if c.err != nil {
		defer c.mu.Unlock()
		return nil, c.err
	}
	p.owed, c.waits = true, p
	c.mu.Unlock()
	if err := c.bw.Flush(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.rearm()
	c.mu.Unlock()
	c.opt.Asked.Start(time.Now())
	defer func() { c.opt.Asked.Stop(time.Now(), 0) }()
	select {
	case <-p.cont:
		return nil, nil
	case <-p.done:
	}
	select {
	case <-p.cont: // it came first: the server waits for the octets
		return nil, nil
	default:
	}
	r, ok := p.answered()
	switch {
	case !ok:
		return nil, c.Err()
	case r.Status == "OK":
		return nil, c.tooEarly(r)
	}
	return &r, nil
}

// copyBody writes the octets of a literal. What is in memory goes to the socket
// from there, but for small ones; else the buffer is filled from body itself.
// What is left in it goes with what follows.
func (a *Append) copyBody(size int64, body io.Reader) error {
	a.body.R, a.body.N = body, size
	var err error
	if held := inMemory(body, size); held != nil {
		a.body.N = 0
		_, err = held.WriteTo(a.c.bw)
	} else {
		_, err = a.c.bw.ReadFrom(&a.body)
	}
	a.body.R = nil
	if err == nil && a.body.N == 0 {
		return nil
	}
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	// A reason that is there already, such as a failed write, stays the reason.
	a.c.Abort(fmt.Errorf("message body: %w", err))
	return a.c.Err()
}

// inMemory returns what writes a body of exactly size octets straight from
// memory; nil when it has to be read.
func inMemory(body io.Reader, size int64) io.WriterTo {
	switch b := body.(type) {
	case *bytes.Reader:
		size -= int64(b.Len())
	case *net.Buffers:
		for _, piece := range *b {
			size -= int64(len(piece))
		}
	default:
		return nil
	}
	if size != 0 {
		return nil
	}
	return body.(io.WriterTo)
}

// appendSink is the Append seen as what its buffer is flushed to.
type appendSink Append

func (s *appendSink) Write(b []byte) (int, error) {
	s.left = true
	if err := s.c.send(b); err != nil {
		return 0, err
	}
	return len(b), nil
}
