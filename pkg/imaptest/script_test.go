package imaptest

import (
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
)

func TestScriptFollowed(t *testing.T) {
	cert, err := NewCertificate()
	if err != nil {
		t.Fatal(err)
	}
	run := func(t *testing.T, opt ScriptOptions) {
		s := NewScript(t, opt,
			[]Step{Say("* OK hi"), ExpectAs("ONE", "NOOP"), ExpectPrefix("LOGIN ann "), Say("$ONE OK"), Say("$TAG OK in"),
				ExpectMatch(`APPEND "?INBOX"? .*\{5\}`), Say("+ go"), ExpectOctets("hello"), ExpectLine(""), Say("$TAG OK"),
				Expect("X {3+}"), Swallow(3), ExpectLine(" y"), SayRaw("$TAG OK\r\n"), ExpectEnd()},
			[]Step{Say("* OK hi"), Expect("STARTTLS"), Say("$TAG OK"), UpgradeTLS(cert), Expect("AUTHENTICATE PLAIN"), Say("+ "),
				ExpectLine(plainResponse("", "ann", "pw")), Say("$TAG OK in"), Expect("CAPABILITY"), Say("$TAG OK"), Expect("LOGOUT"), Hangup()},
			[]Step{Reset()})
		nc, err := s.DialContext(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		go io.WriteString(nc, "a1 NOOP\r\na2 LOGIN ann pw\r\na3 APPEND INBOX () {5}\r\nhello\r\na4 X {3+}\r\nabc y\r\n")
		got := make([]byte, 1024)
		n, want := 0, "* OK hi\r\na1 OK\r\na2 OK in\r\n+ go\r\na3 OK\r\na4 OK\r\n"
		for n < len(want) {
			k, err := nc.Read(got[n:])
			if err != nil {
				t.Fatal(err)
			}
			n += k
		}
		nc.Close()
		if string(got[:n]) != want {
			t.Errorf("got %q", got[:n])
		}
		r, err := dialRaw(t.Context(), Access{Dial: s.DialContext, User: "ann", Password: "pw", STARTTLS: cert.ClientConfig()})
		if err != nil {
			t.Fatal(err)
		}
		r.close()
		if nc, err = s.DialContext(t.Context(), "", ""); err == nil {
			if _, err := nc.Read(got); err == nil {
				t.Error("no reset")
			}
			nc.Close()
		}
	}
	t.Run("socket", func(t *testing.T) { run(t, ScriptOptions{}) })
	t.Run("pipe", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { run(t, ScriptOptions{Pipe: true}) })
	})
}

// TestScriptNotFollowed shows that each kind of departure is told.
func TestScriptNotFollowed(t *testing.T) {
	tests := []struct {
		name  string
		steps []Step
		said  string
		want  []string
	}{
		{"other command", []Step{Say("* OK"), Expect("NOOP")}, "a1 LOGOUT\r\n", []string{"connection 0, step 1", `expected a command "NOOP"`, `got "LOGOUT"`, `S: "* OK\r\n"`}},
		{"other prefix", []Step{ExpectPrefix("UID FETCH")}, "a1 FETCH\r\n", []string{`"UID FETCH"...`, `got "FETCH"`}},
		{"no match", []Step{ExpectMatch("A|B")}, "a1 AB\r\n", []string{"/A|B/"}},
		{"no end", []Step{ExpectEnd()}, "a1 NOOP\r\n", []string{`got "a1 NOOP"`}},
		{"half a line at the end", []Step{ExpectEnd()}, "a1", []string{`got "a1"`}},
		{"other octets", []Step{ExpectOctets("abc")}, "abd", []string{`"abc"`, `"abd"`}},
		{"too few octets", []Step{Swallow(5)}, "abd", []string{"expected 5 octets, got 3"}},
		{"other line", []Step{ExpectLine("abc")}, "x\r\n", []string{`expected "abc"`, `got "x"`}},
		{"gone", []Step{Expect("NOOP")}, "", []string{"EOF"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := StartScript(ScriptOptions{}, tt.steps)
			if err != nil {
				t.Fatal(err)
			}
			nc := dial(t, s.Addr())
			io.WriteString(nc, tt.said)
			nc.CloseWrite()
			io.ReadAll(nc)
			err = s.Close()
			if err == nil {
				t.Fatal("no failure")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in %v", want, err)
				}
			}
		})
	}
}

func TestScriptConnections(t *testing.T) {
	s, err := StartScript(ScriptOptions{}, []Step{Hangup()}, []Step{Hangup()})
	if err != nil {
		t.Fatal(err)
	}
	io.ReadAll(dial(t, s.Addr()))
	if err := s.Close(); err == nil || !strings.Contains(err.Error(), "1 connections came, 2") {
		t.Errorf("too few: %v", err)
	}
	if s, err = StartScript(ScriptOptions{}); err != nil {
		t.Fatal(err)
	}
	nc, err := net.Dial("tcp", s.Addr())
	if err == nil {
		io.ReadAll(nc)
		nc.Close()
	}
	if err := s.Close(); err == nil || !strings.Contains(err.Error(), "connection 0 was not expected") || s.Conns() != 1 {
		t.Errorf("too many: %v", err)
	}
}

func TestScriptStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := StartScript(ScriptOptions{Pipe: true}, []Step{Say("* OK"), Stall()})
		if err != nil {
			t.Fatal(err)
		}
		nc, err := s.DialContext(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := nc.Read(make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := nc.Read(make([]byte, 10)); err == nil {
			t.Error("the connection outlived its server")
		}
	})
}
