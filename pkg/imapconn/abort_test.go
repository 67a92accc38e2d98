package imapconn

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

// BAD after a literal that did not wait: the server may be reading the
// message as commands, so nothing more is sent on this connection.
func TestAppendBadAborts(t *testing.T) {
	c, err := Dial(t.Context(), scripted(t, func(s *session) {
		s.login("LITERAL+")
		s.answer(`SELECT "a"`)
		s.literal(`X3 APPEND "a" `, "a1 DELETE INBOX\r\n", false)
		s.say("X3 BAD Error in IMAP command")
		s.line() // the rest of the APPEND, which may or may not have been sent
		s.gone()
	}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Select(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	_, err = appendOne(t, c, "a", Head{}, "a1 DELETE INBOX\r\n")
	wantFault(t, err, fault.Protocol, fault.Message, false)
	if !errors.Is(err, ErrAborted) || c.Err() == nil {
		t.Errorf("%v; connection %v", err, c.Err())
	}
	<-c.Done()
}

// A BAD that nobody has waited for ends the connection before the next APPEND
// leaves.
func TestAppendPipelinedBad(t *testing.T) {
	c, err := Dial(t.Context(), scripted(t, func(s *session) {
		s.login("LITERAL+")
		s.answer(`SELECT "a"`)
		s.literal(`X3 APPEND "a" `, "one", false)
		s.line()
		s.say("X3 BAD what")
		s.gone()
	}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Select(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	a, err := c.Append(t.Context(), "a")
	if err == nil {
		err = a.Add(t.Context(), Head{}, 3, strings.NewReader("one"))
	}
	if err != nil {
		t.Fatal(err)
	}
	p, err := a.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if a, err = c.Append(t.Context(), "a"); err == nil {
		err = a.Add(t.Context(), Head{}, 3, strings.NewReader("two"))
	}
	if err == nil || !errors.Is(err, ErrAborted) {
		t.Errorf("got %v", err)
	}
	if _, err := p.Wait(t.Context()); !errors.Is(err, ErrAborted) {
		t.Errorf("got %v", err)
	}
	<-c.Done()
}

// A body that ends short, or errs, ends the connection: half a literal must
// not be followed by anything.
func TestAppendBodyFails(t *testing.T) {
	boom := errors.New("the source is gone")
	bodies := map[string]io.Reader{
		"short": strings.NewReader("abc"),
		"errs":  io.MultiReader(strings.NewReader("abc"), errReader{boom}),
	}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			c, err := Dial(t.Context(), scripted(t, func(s *session) {
				s.login("")
				s.exact(`APPEND "a" {10}`)
				s.say("+ go on")
				if rest, err := io.ReadAll(s.br); len(rest) > 3 {
					t.Errorf("the server got %q, %v", rest, err)
				}
			}))
			if err != nil {
				t.Fatal(err)
			}
			a, err := c.Append(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			err = a.Add(t.Context(), Head{}, 10, body)
			if err == nil || c.Err() == nil {
				t.Errorf("%v; connection %v", err, c.Err())
			}
			if name == "errs" && !errors.Is(err, boom) {
				t.Errorf("got %v", err)
			}
			<-c.Done()
		})
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// A second message without MULTIAPPEND would be read as a command: it does
// not leave.
func TestAppendSecondWithoutMulti(t *testing.T) {
	c, err := Dial(t.Context(), scripted(t, func(s *session) {
		s.login("LITERAL+")
		s.exact(`APPEND "a" {1}`)
		s.say("+ go on")
		if rest, _ := io.ReadAll(s.br); strings.Contains(string(rest), "y") {
			t.Errorf("the server got %q", rest)
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.Append(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Add(t.Context(), Head{}, 1, strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	wantFault(t, a.Add(t.Context(), Head{}, 1, strings.NewReader("y")), fault.Protocol, fault.Account, false)
	if c.Err() == nil {
		t.Error("the connection lives on with half a command on it")
	}
	<-c.Done()
}

// BAD in the middle of a MULTIAPPEND ends the connection before the next
// message can leave.
func TestMultiAppendBadEarly(t *testing.T) {
	body := strings.Repeat("a1 DELETE INBOX\r\n", 8192) // over every buffer
	c, err := Dial(t.Context(), scripted(t, func(s *session) {
		s.login("LITERAL+ MULTIAPPEND")
		s.answer(`SELECT "a"`)
		s.expect(`APPEND "a" \{\d+\+\}`)
		s.octets(100)
		s.say("X3 BAD Error in IMAP command")
		if rest, _ := io.ReadAll(s.br); len(rest)+100 >= len(body) {
			t.Errorf("the server got %d octets more", len(rest))
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Select(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	a, err := c.Append(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	err = a.Add(t.Context(), Head{}, int64(len(body)), strings.NewReader(body))
	e := wantFault(t, err, fault.Protocol, fault.Account, false)
	if !errors.Is(err, ErrAborted) || e.Mailbox != "a" || e.Side != fault.Source {
		t.Errorf("%+v", e)
	}
	<-c.Done()
}
