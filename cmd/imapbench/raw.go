package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

const (
	rawBuffer  = 256 << 10        // octets, in each direction of a session
	rawTimeout = 30 * time.Minute // of a session: a dead server must not hang the bench
)

// session is one connection of the raw limit: it does as little as a client
// can do and expects a server that behaves. It belongs to one goroutine.
type session struct {
	nc   net.Conn
	r    *bufio.Reader
	w    *bufio.Writer
	tags int
	stop func() bool
}

// dial connects, over TLS when a has a configuration for it, and logs in. The
// connection ends when ctx does.
func dial(ctx context.Context, a imaptest.Access) (*session, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", a.Addr)
	if err != nil {
		return nil, err
	}
	if a.TLS != nil {
		nc = tls.Client(nc, a.TLS)
	}
	s := newSession(nc)
	s.nc = nc
	s.stop = context.AfterFunc(ctx, func() { nc.Close() })
	if err := s.login(a); err != nil {
		s.close()
		return nil, fmt.Errorf("%s as %s: %w", a.Addr, a.User, err)
	}
	return s, nil
}

// newSession is a session that has no connection to close.
func newSession(rw io.ReadWriter) *session {
	return &session{r: bufio.NewReaderSize(rw, rawBuffer), w: bufio.NewWriterSize(rw, rawBuffer)}
}

func (s *session) login(a imaptest.Access) error {
	if err := s.nc.SetDeadline(time.Now().Add(rawTimeout)); err != nil {
		return err
	}
	greeting, err := s.r.ReadString('\n')
	if err != nil {
		return fmt.Errorf("greeting: %w", err)
	}
	if !strings.HasPrefix(greeting, "* OK") {
		return fmt.Errorf("greeting: %s", strings.TrimSpace(greeting))
	}
	return s.command("LOGIN "+quote(a.User)+" "+quote(a.Password), nil)
}

func (s *session) close() {
	s.stop()
	s.nc.Close()
}

// logout says goodbye, so that the server has ended the session when it
// returns.
func (s *session) logout() error {
	defer s.close()
	return s.command("LOGOUT", nil)
}

// send writes a command, which Flush sends on its way, and returns its tag.
func (s *session) send(line string) string {
	s.tags++
	tag := "a" + strconv.Itoa(s.tags)
	s.w.WriteString(tag + " " + line + "\r\n") // an error stays with the writer up to Flush
	return tag
}

// command runs one command, hands its untagged lines to each, and wants OK.
func (s *session) command(line string, each func(line string) error) error {
	verb, _, _ := strings.Cut(line, " ")
	tag := s.send(line)
	if err := s.w.Flush(); err != nil {
		return fmt.Errorf("%s: %w", verb, err)
	}
	for {
		answer, err := s.line()
		if err != nil {
			return fmt.Errorf("%s: %w", verb, err)
		}
		done, err := completed(answer, tag)
		if err != nil {
			return fmt.Errorf("%s: %w", verb, err)
		}
		if done {
			return nil
		}
		if each != nil {
			if err := each(string(answer)); err != nil {
				return fmt.Errorf("%s: %w", verb, err)
			}
		}
	}
}

// line reads one line, which is good until the next is read.
func (s *session) line() ([]byte, error) {
	l, err := s.r.ReadSlice('\n')
	return bytes.TrimRight(l, "\r\n"), err
}

// completed reports whether line is the tagged OK of tag; another answer to it
// is an error.
func completed(line []byte, tag string) (bool, error) {
	if len(line) <= len(tag) || string(line[:len(tag)]) != tag || line[len(tag)] != ' ' {
		return false, nil
	}
	if !bytes.HasPrefix(line[len(tag)+1:], []byte("OK")) {
		return false, fmt.Errorf("the server says %q", line[len(tag)+1:])
	}
	return true, nil
}

// quote makes a quoted string (RFC 9051 section 4.3).
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// unquote reads the astring that s begins with, and returns what follows it.
func unquote(s string) (text, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		text, rest, _ = strings.Cut(s, " ")
		return text, rest, nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), strings.TrimPrefix(s[i+1:], " "), nil
		case '\\':
			i++
		}
		if i < len(s) {
			b.WriteByte(s[i])
		}
	}
	return "", "", fmt.Errorf("a quoted string without end: %q", s)
}
