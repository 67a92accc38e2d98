package imaptest

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
)

// Step is one thing that a [Script] does or expects. Make one with Say,
// Expect and the other functions here.
type Step struct {
	do func(c *scriptConn) error
}

// scriptConn is one connection; its goroutine alone uses it.
type scriptConn struct {
	s    *Script
	nc   net.Conn
	br   *bufio.Reader
	tags map[string]string
	log  []string
}

// errScriptEnd ends a connection as its script says.
var errScriptEnd = errors.New("end of script")

func newScriptConn(s *Script, nc net.Conn) *scriptConn {
	return &scriptConn{s: s, nc: nc, br: bufio.NewReader(nc), tags: make(map[string]string)}
}

// Say sends a line. $TAG in it stands for the tag of the last command, $NAME
// for the one that As has named.
func Say(line string) Step { return SayRaw(line + "\r\n") }

// SayRaw sends octets as they are, $TAG and $NAME apart.
func SayRaw(text string) Step {
	return Step{func(c *scriptConn) error {
		text := c.expand(text)
		c.log = append(c.log, fmt.Sprintf("S: %.200q", text))
		if _, err := io.WriteString(c.nc, text); err != nil {
			return fmt.Errorf("say %.200q: %w", text, err)
		}
		return nil
	}}
}

// Expect takes a command line that is want after its tag.
func Expect(want string) Step {
	return ExpectAs("TAG", want)
}

// ExpectAs is Expect and gives the tag a name besides TAG.
func ExpectAs(name, want string) Step {
	return expectCommand(name, fmt.Sprintf("%q", want), func(got string) bool { return got == want })
}

// ExpectPrefix takes a command line that begins with want after its tag.
func ExpectPrefix(want string) Step {
	return expectCommand("TAG", fmt.Sprintf("%q...", want), func(got string) bool { return strings.HasPrefix(got, want) })
}

// ExpectMatch takes a command line of which all after the tag matches a
// regular expression.
func ExpectMatch(expr string) Step {
	re := regexp.MustCompile(`\A(?:` + expr + `)\z`)
	return expectCommand("TAG", "/"+expr+"/", re.MatchString)
}

// ExpectLine takes a line without a tag: an answer to "+", the rest of a
// command after a literal.
func ExpectLine(want string) Step {
	return Step{func(c *scriptConn) error {
		got, err := c.line()
		if err != nil {
			return fmt.Errorf("expected %q: %w", want, err)
		}
		if got != want {
			return fmt.Errorf("expected %q\n     got %q", want, got)
		}
		return nil
	}}
}

// ExpectOctets takes exactly those octets.
func ExpectOctets(want string) Step {
	return Step{func(c *scriptConn) error {
		got := make([]byte, len(want))
		n, err := io.ReadFull(c.br, got)
		c.log = append(c.log, fmt.Sprintf("C: %.200q", got[:n]))
		if err != nil {
			return fmt.Errorf("expected %d octets, got %d: %w", len(want), n, err)
		}
		if string(got) != want {
			return fmt.Errorf("expected %.200q\n     got %.200q", want, got)
		}
		return nil
	}}
}

// Swallow takes n octets, whatever they are.
func Swallow(n int64) Step {
	return Step{func(c *scriptConn) error {
		got, err := io.CopyN(io.Discard, c.br, n)
		c.log = append(c.log, fmt.Sprintf("C: (%d octets)", got))
		if err != nil {
			return fmt.Errorf("expected %d octets, got %d: %w", n, got, err)
		}
		return nil
	}}
}

// ExpectEnd takes the client's end of the connection, and nothing before it.
func ExpectEnd() Step {
	return Step{func(c *scriptConn) error {
		if got, err := c.line(); err == nil || got != "" {
			return fmt.Errorf("expected the end of the connection\n     got %q", got)
		}
		return nil
	}}
}

// Drain takes and ignores everything until the client or the server ends the
// connection.
func Drain() Step {
	return Step{func(c *scriptConn) error {
		// The end is what it is for.
		_, _ = io.Copy(io.Discard, c.br)
		return errScriptEnd
	}}
}

// Stall says and takes nothing until the server is closed.
func Stall() Step {
	return Step{func(c *scriptConn) error {
		<-c.s.done
		return errScriptEnd
	}}
}

// Hangup closes the connection, as the end of a script does by itself.
func Hangup() Step {
	return Step{func(*scriptConn) error { return errScriptEnd }}
}

// Reset ends the connection with a RST; a pipe is just closed.
func Reset() Step {
	return Step{func(c *scriptConn) error {
		nc := c.nc
		if d, ok := nc.(*deflatedConn); ok {
			nc = d.NetConn()
		}
		if tc, ok := nc.(*trackedConn); ok {
			if tcp, ok := tc.Conn.(*net.TCPConn); ok {
				if err := tcp.SetLinger(0); err != nil {
					return fmt.Errorf("reset: %w", err)
				}
			}
		}
		return errScriptEnd
	}}
}

// UpgradeTLS speaks TLS from here on, as after the OK to STARTTLS.
func UpgradeTLS(cert *Certificate) Step {
	return Step{func(c *scriptConn) error {
		if n := c.br.Buffered(); n > 0 {
			return fmt.Errorf("%d octets came before TLS began", n)
		}
		tc := tls.Server(c.nc, cert.ServerConfig())
		c.nc, c.br = tc, bufio.NewReader(tc)
		if err := tc.Handshake(); err != nil {
			return fmt.Errorf("TLS: %w", err)
		}
		return nil
	}}
}

// expectCommand takes a tagged line.
func expectCommand(name, want string, match func(string) bool) Step {
	return Step{func(c *scriptConn) error {
		line, err := c.line()
		if err != nil {
			return fmt.Errorf("expected a command %s: %w", want, err)
		}
		tag, got, _ := strings.Cut(line, " ")
		if !match(got) {
			return fmt.Errorf("expected a command %s\n               got %q", want, got)
		}
		c.tags["TAG"], c.tags[name] = tag, tag
		return nil
	}}
}

// line reads a line without its end. At the end of the connection it returns
// what there was of one.
func (c *scriptConn) line() (string, error) {
	line, err := c.br.ReadString('\n')
	if line != "" {
		c.log = append(c.log, fmt.Sprintf("C: %.200q", line))
	}
	if err != nil {
		return line, err
	}
	return strings.TrimRight(line, "\r\n"), nil
}
