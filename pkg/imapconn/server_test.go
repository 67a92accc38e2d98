package imapconn

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
)

// session is the server's end of one connection, driven by a test. Its
// methods end the session's goroutine when the client does not do as the
// script says.
type session struct {
	t  *testing.T
	nc net.Conn
	br *bufio.Reader
}

// scripted returns a Config whose n-th connection is served by scripts[n]
// over net.Pipe. The test waits for every script that began.
func scripted(t *testing.T, scripts ...func(*session)) Config {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	n := 0
	t.Cleanup(func() {
		wg.Wait()
		mu.Lock()
		defer mu.Unlock()
		if n != len(scripts) {
			t.Errorf("%d connections were made, want %d", n, len(scripts))
		}
	})
	return Config{
		Side:     fault.Source,
		Endpoint: account.Endpoint{Host: "mail.test", Security: account.SecurityPlain, User: "u", Password: account.NewSecret("p")},
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			mu.Lock()
			defer mu.Unlock()
			if n == len(scripts) {
				return nil, fmt.Errorf("a connection too many")
			}
			script := scripts[n]
			n++
			client, server := net.Pipe()
			wg.Go(func() {
				defer server.Close()
				script(&session{t: t, nc: server, br: bufio.NewReader(server)})
			})
			return client, nil
		},
	}
}

// line reads one line; ok is false when the client is gone.
func (s *session) line() (string, bool) {
	l, err := s.br.ReadString('\n')
	return strings.TrimRight(l, "\r\n"), err == nil
}

// say sends lines, each ended by CRLF.
func (s *session) say(lines ...string) {
	for _, l := range lines {
		if _, err := io.WriteString(s.nc, l+"\r\n"); err != nil {
			return
		}
	}
}

// expect reads one command and holds it against a pattern of the whole line
// after the tag. It returns the tag; "" when the client is gone or says
// something else, which fails the test.
func (s *session) expect(pattern string) string {
	s.t.Helper()
	return s.command(pattern, regexp.MustCompile(`^(?:`+pattern+`)$`).MatchString)
}

// exact is expect for a command without patterns in it.
func (s *session) exact(command string) string {
	s.t.Helper()
	return s.command(command, func(got string) bool { return got == command })
}

func (s *session) command(want string, fits func(string) bool) string {
	s.t.Helper()
	l, ok := s.line()
	tag, command, _ := strings.Cut(l, " ")
	if !ok || !fits(command) {
		s.t.Errorf("the server expected %q and got %q (open: %v)", want, l, ok)
		s.nc.Close()
		return ""
	}
	return tag
}

// answer expects a command, says the untagged lines and "tag OK done".
func (s *session) answer(command string, untagged ...string) {
	s.t.Helper()
	tag := s.exact(command)
	s.say(untagged...)
	s.say(tag + " OK done")
}

// octets reads n octets of a literal.
func (s *session) octets(n int) string {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.br, b); err != nil {
		s.t.Errorf("the server read a literal: %v", err)
	}
	return string(b)
}

// gone waits until the client has closed; anything it says fails the test.
func (s *session) gone() {
	s.t.Helper()
	if l, ok := s.line(); ok || l != "" {
		s.t.Errorf("the server expected the end and got %q", l)
	}
}

const roots = `* NAMESPACE (("" "/")) NIL NIL`

// login plays greeting and LOGIN; caps are those besides IMAP4rev1 and
// NAMESPACE.
func (s *session) login(caps string) {
	s.t.Helper()
	code := strings.TrimSpace("CAPABILITY IMAP4rev1 NAMESPACE " + caps)
	s.say("* OK [" + code + "] ready")
	tag := s.exact(`LOGIN "u" "p"`)
	s.say(tag + " OK [" + code + "] in")
	s.answer("NAMESPACE", roots)
}

// logout plays LOGOUT to the end.
func (s *session) logout() {
	s.t.Helper()
	tag := s.exact("LOGOUT")
	s.say("* BYE bye", tag+" OK done")
	s.nc.Close()
}

// dial logs in and leaves by Logout when the test ends.
func dial(t *testing.T, cfg Config) *Conn {
	t.Helper()
	c, err := Dial(t.Context(), cfg)
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	t.Cleanup(func() {
		if err := c.Logout(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("logout: %v", err)
		}
	})
	return c
}

// wantFault checks what an error was classified as.
func wantFault(t *testing.T, err error, code fault.Code, scope fault.Scope, temporary bool) *fault.Error {
	t.Helper()
	e := fault.Of(err)
	if e == nil {
		t.Fatalf("got %v, want a fault %q", err, code)
	}
	if e.Code != code || e.Scope != scope || e.Temporary != temporary {
		t.Errorf("got code %q, scope %v, temporary %v, want %q, %v, %v (%v)", e.Code, e.Scope, e.Temporary, code, scope, temporary, err)
	}
	return e
}
