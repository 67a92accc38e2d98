package wire

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// peer is the server's end of a test: what it expects and what it says.
type peer struct {
	t  *testing.T
	nc net.Conn
	br *bufio.Reader
}

func (s *peer) say(lines ...string) {
	s.t.Helper()
	if _, err := io.WriteString(s.nc, strings.Join(lines, "")); err != nil {
		s.t.Errorf("server says %.40q: %v", lines, err)
	}
}

func (s *peer) expect(want string) {
	s.t.Helper()
	b := make([]byte, len(want))
	n, err := io.ReadFull(s.br, b)
	if err != nil || string(b) != want {
		s.t.Errorf("server read %.200q (%v), want %.200q", b[:n], err, want)
	}
}

// ends checks that nothing more comes before the client hangs up.
func (s *peer) ends() {
	s.t.Helper()
	rest, err := io.ReadAll(s.br)
	if len(rest) > 0 || err != nil {
		s.t.Errorf("server read %.200q (%v), want the end", rest, err)
	}
}

// pair connects a Conn with a server over a pipe and says the greeting, in a
// synctest bubble. What
// reaches go-imap's side is collected in seen, once the Conn is dead.
func pair(t *testing.T, opt Options) (c *Conn, s *peer, seen <-chan string) {
	t.Helper()
	near, far := net.Pipe()
	c = New(near, opt)
	s = &peer{t, far, bufio.NewReader(far)}
	done := make(chan string, 1)
	go func() {
		b, _ := io.ReadAll(c)
		done <- string(b)
	}()
	t.Cleanup(func() {
		c.Abort(errors.New("the test is over"))
		far.Close()
	})
	s.say(greeting)
	synctest.Wait() // it has been understood
	return c, s, done
}

const greeting = "* OK hello\r\n"

func wants(kinds ...string) func(string) bool {
	return func(k string) bool {
		for _, want := range kinds {
			if k == want {
				return true
			}
		}
		return false
	}
}

// start sends a raw command that the server reads.
func start(t *testing.T, c *Conn, s *peer, tag string, req Request) *Pending {
	t.Helper()
	errc := make(chan error, 1)
	var p *Pending
	go func() {
		var err error
		p, err = c.Start(t.Context(), req)
		errc <- err
	}()
	s.expect(tag + " " + req.Line + "\r\n")
	if err := <-errc; err != nil {
		t.Fatalf("Start(%q) = %v", req.Line, err)
	}
	return p
}

func wantReply(t *testing.T, p *Pending, want Reply) {
	t.Helper()
	got, err := p.Wait(t.Context())
	if err != nil || got != want {
		t.Errorf("Wait = %+v, %v, want %+v", got, err, want)
	}
}

func wantFault(t *testing.T, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Errorf("error %v has code %q, want %q", err, fault.CodeOf(err), code)
	}
}

// timedOut checks for a timeout after exactly want.
func timedOut(t *testing.T, err error, since time.Time, want time.Duration) {
	t.Helper()
	wantFault(t, err, fault.Timeout)
	if !fault.IsTemporary(err) || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v is no temporary timeout", err)
	}
	if got := time.Since(since); got != want {
		t.Errorf("timeout after %v, want %v", got, want)
	}
}
