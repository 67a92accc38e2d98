package wire

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

// record returns a handler that notes number, kind and rest of a response.
func record(into *[]string) func(*Reader) error {
	return func(r *Reader) error {
		rest, err := r.Rest()
		*into = append(*into, r.Kind+"|"+rest)
		return err
	}
}

func TestClaims(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, seen := pair(t, Options{})
		var first, second []string
		p1 := start(t, c, s, "X1", Request{Line: "A", Wants: wants("FETCH"), Handle: record(&first)})
		p2 := start(t, c, s, "X2", Request{Line: "B", Wants: wants("FETCH", "OK", "SEARCH"), Handle: record(&second)})
		s.say("* 1 FETCH (UID 1)\r\n", "* ok [UIDNEXT 5] predicted {7}\r\n", "* 2 fetch (BODY[] {3}\r\na\r\n UID 2)\r\n",
			"* SEARCH\r\n", "* VANISHED (EARLIER) 1:5\r\n", "* LIST () \"/\" {4}\r\nx\r\ny\r\n", "\r\n",
			"X1 NO [SERVERBUG x] no good\r\n", "* 3 FETCH (UID 3)\r\n", "X2 ok\r\n", "* 4 FETCH (UID 4)\r\n")
		wantReply(t, p1, Reply{"NO", "SERVERBUG x", "no good"})
		wantReply(t, p2, Reply{Status: "OK"})
		if got, want := strings.Join(first, "\n"), "FETCH|(UID 1)\nFETCH|(BODY[] {3}"; got != want {
			t.Errorf("first got %q, want %q", got, want)
		}
		if got, want := strings.Join(second, "\n"), "OK|[UIDNEXT 5] predicted {7}\nSEARCH|\nFETCH|(UID 3)"; got != want {
			t.Errorf("second got %q, want %q", got, want)
		}
		c.Abort(nil)
		if got := <-seen; got != greeting {
			t.Errorf("go-imap saw %q", got)
		}
	})
}

// A command in turn divides what is said before its answer from what is said
// after it.
func TestInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := pair(t, Options{})
		var before, turn, after []string
		p1 := start(t, c, s, "X1", Request{Line: "A", Wants: wants("FETCH"), Handle: record(&before)})
		p2 := start(t, c, s, "X2", Request{Line: "B", Wants: wants("EXISTS"), InTurn: true, Handle: record(&turn)})
		p3 := start(t, c, s, "X3", Request{Line: "C", Wants: wants("FETCH", "EXISTS", "SEARCH"), Handle: record(&after)})
		p4 := start(t, c, s, "X4", Request{Line: "D", Wants: wants("EXISTS"), InTurn: true, Handle: record(&turn)})
		s.say("* 1 FETCH (UID 1)\r\n", "* 8 EXISTS early\r\n", "* SEARCH early\r\n", "X1 OK\r\n",
			"* 9 FETCH (UID 9)\r\n", "* 3 EXISTS b\r\n", "X2 OK\r\n",
			"* 2 FETCH (UID 2)\r\n", "* 4 EXISTS unasked\r\n", "X3 OK\r\n", "* 5 EXISTS d\r\n", "X4 OK\r\n")
		for _, p := range []*Pending{p1, p2, p3, p4} {
			wantReply(t, p, Reply{Status: "OK"})
		}
		for _, tt := range []struct {
			got  []string
			want string
		}{
			{before, "FETCH|(UID 1)"},
			{turn, "EXISTS|b\nEXISTS|d"},
			{after, "FETCH|(UID 2)\nEXISTS|unasked"},
		} {
			if got := strings.Join(tt.got, "\n"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		}
	})
}

// go-imap sees what it waits for, whole literals included, and only while it
// waits.
func TestClientSees(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		drop := func(line []byte) []byte {
			switch {
			case strings.HasPrefix(string(line), "* LIST (\\Drop"):
				return nil
			case strings.HasPrefix(string(line), "* CAPABILITY"):
				return []byte("* CAPABILITY IMAP4rev1\r\n")
			}
			return line
		}
		c, s, seen := pair(t, Options{Filter: drop})
		s.say("* LIST () \"/\" early\r\n")
		synctest.Wait()
		go io.WriteString(c, "T1 LIST \"\" *\r\n")
		s.expect("T1 LIST \"\" *\r\n")
		s.say("* LIST () \"/\" {3}\r\na\r\n (x {0}\r\n)\r\n", "* LIST (\\Drop) \"/\" {3}\r\nb\r\n {1}\r\nx\r\n", "* VANISHED 1\r\n",
			"* CAPABILITY IMAP4rev1 IMAP4rev2\r\n", "* OK text {3}\r\n", "+ stray\r\n", "T1 OK done\r\n",
			"* LIST () \"/\" late\r\n", "* 3 EXISTS\r\n")
		p := start(t, c, s, "X1", Request{Line: "NOOP"})
		s.say("X1 OK\r\n")
		wantReply(t, p, Reply{Status: "OK"})
		c.Abort(nil)
		want := greeting + "* LIST () \"/\" {3}\r\na\r\n (x {0}\r\n)\r\n* CAPABILITY IMAP4rev1\r\n* OK text {3}\r\nT1 OK done\r\n"
		if got := <-seen; got != want {
			t.Errorf("go-imap saw\n%q, want\n%q", got, want)
		}
	})
}

func TestByeIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := pair(t, Options{})
		p := start(t, c, s, "X1", Request{Line: "NOOP", Wants: func(string) bool { return true }})
		s.say("* BYE [ALERT] Session expired, please login again\r\n")
		s.nc.Close()
		_, err := p.Wait(t.Context())
		wantFault(t, err, fault.ConnectionLost)
		if want := "[ALERT] Session expired, please login again"; c.Bye() != want || !strings.Contains(err.Error(), want) {
			t.Errorf("Bye = %q, error %v", c.Bye(), err)
		}
		if _, err2 := c.Start(t.Context(), Request{Line: "NOOP"}); !errors.Is(err2, err) {
			t.Errorf("Start on a dead connection = %v", err2)
		}
	})
}

// A server that hangs up while we write has often said why.
func TestByeWhileWriting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		w := &brokenWriter{Conn: near}
		c := New(w, Options{})
		go io.Copy(io.Discard, c)
		s := &peer{t: t, nc: far}
		s.say(greeting)
		go func() {
			time.Sleep(100 * time.Millisecond)
			s.say("* BYE Too many connections\r\n")
			far.Close()
		}()
		_, err := c.Start(t.Context(), Request{Line: "NOOP"})
		wantFault(t, err, fault.TooManySessions)
	})
}

func TestFailedWriteWithoutBye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		c := New(&brokenWriter{Conn: near}, Options{})
		go io.Copy(io.Discard, c)
		(&peer{t: t, nc: far}).say(greeting)
		_, err := c.Start(t.Context(), Request{Line: "NOOP"})
		wantFault(t, err, fault.ConnectionLost)
		if !errors.Is(err, errBroken) {
			t.Errorf("error = %v", err)
		}
	})
}

var errBroken = errors.New("broken pipe")

type brokenWriter struct{ net.Conn }

func (*brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestNonsenseEndsConnection(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	for _, tt := range []struct {
		name, said string
		code       fault.Code
	}{
		{"unknown tag", "X7 OK what\r\n", fault.Protocol},
		{"message text", "Subject: hello\r\n", fault.Protocol},
		{"answer that is none", "X1 MAYBE\r\n", fault.Protocol},
		{"endless tagged line", "X1 OK " + long + "\r\n", fault.Protocol},
		{"endless untagged line", "* FLAGS " + strings.Repeat(long, 17) + "\r\n", fault.Protocol},
		{"endless atom", "* FETCH " + strings.Repeat(long, 17) + "\r\n", fault.Protocol},
		{"cut", "", fault.ConnectionLost},
		{"cut in literal", "* 1 FETCH (BODY[] {10}\r\nabc", fault.ConnectionLost},
		{"impossible literal", "* 1 FETCH (BODY[] {99999999999999999999}\r\nabc", fault.ConnectionLost},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, s, _ := pair(t, Options{})
				p := start(t, c, s, "X1", Request{Line: "NOOP", Wants: wants("FETCH"), Handle: func(r *Reader) error {
					return r.Skip()
				}})
				io.WriteString(s.nc, tt.said) // may be cut short
				s.nc.Close()
				_, err := p.Wait(t.Context())
				wantFault(t, err, tt.code)
				if want := tt.code == fault.ConnectionLost; fault.IsTemporary(err) != want {
					t.Errorf("temporary = %v, want %v", !want, want)
				}
			})
		})
	}
}

func TestOtherProtocol(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, first := range []string{"+OK POP3 ready\r\n", "220 smtp.example ESMTP\r\n", "HTTP/1.1 400\r\n"} {
			near, far := net.Pipe()
			c := New(near, Options{})
			go (&peer{t: t, nc: far}).say(first)
			_, err := c.Read(make([]byte, 100))
			wantFault(t, err, fault.NotIMAP)
			far.Close()
		}
	})
}

func TestHandlerErrors(t *testing.T) {
	boom := errors.New("boom")
	for _, tt := range []struct {
		name   string
		handle func(*Reader) error
		want   string
	}{
		{"error", func(*Reader) error { return boom }, "boom"},
		{"panic", func(*Reader) error { panic("ouch") }, "ouch"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, s, _ := pair(t, Options{})
				p := start(t, c, s, "X1", Request{Line: "A", Wants: wants("FETCH"), Handle: tt.handle})
				other := start(t, c, s, "X2", Request{Line: "B"})
				s.say("* 1 FETCH (UID 1)\r\n")
				for _, p := range []*Pending{p, other} {
					if _, err := p.Wait(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
						t.Errorf("Wait = %v, want %s", err, tt.want)
					}
				}
			})
		})
	}
}

func TestAbortWakesEveryone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, seen := pair(t, Options{})
		reason := errors.New("the reason")
		errs := make(chan error)
		p := start(t, c, s, "X1", Request{Line: "NOOP"})
		go func() { _, err := p.Wait(t.Context()); errs <- err }()
		a, err := c.Append(t.Context(), "INBOX")
		if err != nil {
			t.Fatal(err)
		}
		go s.expect("X2 APPEND INBOX {3}\r\n")
		go func() { _, err := a.Message(t.Context(), "", 3, Sync, strings.NewReader("abc")); errs <- err }()
		go func() { _, err := c.Start(t.Context(), Request{Line: "NOOP"}); errs <- err }()
		go func() { _, err := io.WriteString(c, "T1 NOOP\r\n"); errs <- err }()
		synctest.Wait()
		began := time.Now()
		c.Abort(reason)
		c.Abort(errors.New("a later one"))
		for range 4 {
			if err := <-errs; !errors.Is(err, reason) {
				t.Errorf("error = %v", err)
			}
		}
		<-seen
		<-c.Dead()
		if c.Err() != reason || time.Since(began) != 0 {
			t.Errorf("Err = %v after %v", c.Err(), time.Since(began))
		}
	})
}

func TestStartRefusesHalfCommands(t *testing.T) {
	for line, ok := range map[string]bool{
		"NOOP":                         true,
		"SELECT {3+}\r\na\nb":          true,
		"SELECT {3+}\r\nabc {1+}\r\nx": true,
		"NOOP\r\nX9 DELETE INBOX":      false,
		"NOOP\n":                       false,
		"SELECT {3}\r\nabc":            false,
		"SELECT {9+}\r\nabc":           false,
		"SELECT {3+}":                  false,
		"SELECT x{3}":                  false,
		"SELECT \"a\x00\"":             false,
		"SELECT \"{3}\"":               true,
		"SELECT {3+}\r\na\x00b":        false,
	} {
		if got := wholeLine(line); got != ok {
			t.Errorf("wholeLine(%q) = %v", line, got)
		}
	}
	c := New(nil, Options{})
	if _, err := c.Start(t.Context(), Request{Line: "a\r\nb"}); !errors.Is(err, errLine) {
		t.Errorf("Start = %v", err)
	}
}

func TestOctets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := pair(t, Options{})
		p := start(t, c, s, "X1", Request{Line: "NOOP"})
		s.say("X1 OK\r\n")
		wantReply(t, p, Reply{Status: "OK"})
		if in, out := c.Octets(); in != int64(len(greeting)+7) || out != 9 {
			t.Errorf("Octets = %d, %d", in, out)
		}
	})
}

func TestSplitCode(t *testing.T) {
	for in, want := range map[string][2]string{
		"done":                            {"", "done"},
		"[APPENDUID 1 5:9] done":          {"APPENDUID 1 5:9", "done"},
		`[PERMANENTFLAGS (\* [b])] ok`:    {`PERMANENTFLAGS (\* [b])`, "ok"},
		`[BADCHARSET ("a]b")] no`:         {`BADCHARSET ("a]b")`, "no"},
		`[ALERT (never closes] look here`: {"ALERT (never closes", "look here"},
		"[half":                           {"", "[half"},
	} {
		if code, text := splitCode(in); code != want[0] || text != want[1] {
			t.Errorf("splitCode(%q) = %q, %q", in, code, text)
		}
	}
}
