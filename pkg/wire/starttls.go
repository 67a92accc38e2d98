package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

// What a server may say before TLS: lines, and octets of each.
const (
	maxPrelude     = 100
	maxPreludeLine = 8 << 10
)

// StartTLS reads the greeting on nc, sends STARTTLS (RFC 9051 section 6.2.1)
// and does the handshake. The connection that it returns says the greeting
// again, without its capabilities, which whoever is between could have
// written. Each step may take timeout; zero: 60 s.
//
// A greeting that is no OK, a refusal and octets in clear text after the
// answer are *fault.Error without a Side; PREAUTH is one too, since it leaves
// no way to TLS. Other errors are those of the socket or of crypto/tls; when
// ctx ends, ctx.Err(). On error nc is closed.
func StartTLS(ctx context.Context, nc net.Conn, cfg *tls.Config, timeout time.Duration) (net.Conn, error) {
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	secured, err := startTLS(ctx, nc, cfg, timeout)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = nc.Close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	return secured, nil
}

func startTLS(ctx context.Context, nc net.Conn, cfg *tls.Config, timeout time.Duration) (net.Conn, error) {
	p := prelude{nc: nc, timeout: timeout, br: bufio.NewReaderSize(nc, maxPreludeLine)}
	greeting, err := p.greeting()
	if err != nil {
		return nil, err
	}
	if err := p.ask(); err != nil {
		return nil, err
	}
	if p.br.Buffered() > 0 {
		return nil, &fault.Error{
			Op: "starttls", Code: fault.Protocol, Text: "octets in clear text after the answer to STARTTLS",
			Hint: "somebody between here and the server, or a broken server, adds to the connection: nothing was sent on it",
		}
	}
	if err := nc.SetDeadline(time.Now().Add(timeout)); err != nil {
		return nil, err
	}
	t := tls.Client(nc, cfg)
	if err := t.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	if err := nc.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	return &greeted{Conn: t, head: greeting}, nil
}

// prelude is what is said before TLS.
type prelude struct {
	nc      net.Conn
	br      *bufio.Reader
	timeout time.Duration
}

// line reads one line without its end.
func (p prelude) line() (string, error) {
	if err := p.nc.SetDeadline(time.Now().Add(p.timeout)); err != nil {
		return "", err
	}
	b, err := p.br.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", notIMAP(string(b))
	}
	return string(chomp(b)), err
}

// greeting reads the greeting and returns it as it is said again.
func (p prelude) greeting() (string, error) {
	s, err := p.line()
	if err != nil {
		return "", err
	}
	status, text, isGreeting := untaggedStatus(s)
	if !isGreeting {
		return "", notIMAP(s)
	}
	code, text := splitCode(text)
	switch status {
	case "OK":
		return "* OK " + withoutCodes(text) + "\r\n", nil
	case "PREAUTH":
		return "", &fault.Error{
			Op: "greeting", Code: fault.TLSMissing, Text: fault.Clean(s),
			Hint: "the server takes this connection for logged in, which leaves no way to TLS: use imaps:// in the host column",
		}
	}
	return "", fault.Classify(fault.Answer{Op: "greeting", Status: status, Code: code, Text: text})
}

// withoutCodes is a greeting's text without the response codes at its
// beginning, however many: whatever stands first in the text that is said
// again would be read as one.
func withoutCodes(text string) string {
	text = fault.Clean(text)
	for strings.HasPrefix(text, "[") {
		code, rest := splitCode(text)
		if code == "" && rest == text {
			return "" // a code without an end
		}
		text = rest
	}
	return text
}

// ask sends STARTTLS and reads up to its answer.
func (p prelude) ask() error {
	if err := p.nc.SetDeadline(time.Now().Add(p.timeout)); err != nil {
		return err
	}
	const tag = "X0"
	if _, err := io.WriteString(p.nc, tag+" STARTTLS\r\n"); err != nil {
		return err
	}
	bye := ""
	for range maxPrelude {
		s, err := p.line()
		if err != nil && bye != "" {
			code, text := splitCode(bye)
			return fault.Classify(fault.Answer{Op: "starttls", Status: "BYE", Code: code, Text: text})
		}
		if err != nil {
			return err
		}
		if status, text, ok := untaggedStatus(s); ok && status == "BYE" {
			bye = text
		}
		rest, ours := strings.CutPrefix(s, tag+" ")
		if !ours {
			continue
		}
		if r, ok := parseReply([]byte(rest)); ok && r.Status == "OK" {
			return nil
		}
		return &fault.Error{
			Op: "starttls", Code: fault.TLSMissing, Text: fault.Clean(rest),
			Hint: "the server has no STARTTLS on this port: use imaps:// in the host column, or imap+insecure:// to go without TLS",
		}
	}
	return &fault.Error{
		Op: "starttls", Code: fault.Protocol, Text: "no answer to STARTTLS among many lines",
		Hint: "what answers there is no IMAP server: check host and port",
	}
}

// untaggedStatus takes `* STATUS text` apart.
func untaggedStatus(line string) (status, text string, ok bool) {
	rest, ok := strings.CutPrefix(line, "* ")
	if !ok {
		return "", "", false
	}
	status, text, _ = strings.Cut(strings.TrimLeft(rest, " "), " ")
	status = strings.ToUpper(status)
	switch status {
	case "OK", "PREAUTH", "BYE", "NO", "BAD":
		return status, strings.TrimSpace(text), true
	}
	return "", "", false
}

func notIMAP(said string) error {
	return &fault.Error{
		Op: "greeting", Code: fault.NotIMAP, Text: fault.Clean(said[:min(len(said), 200)]),
		Hint: "what answers there is no IMAP server: check host and port",
	}
}

// greeted is a connection that says a greeting first.
type greeted struct {
	net.Conn
	head string
}

func (g *greeted) Read(p []byte) (int, error) {
	if g.head == "" {
		return g.Conn.Read(p)
	}
	n := copy(p, g.head)
	g.head = g.head[n:]
	return n, nil
}

// NetConn returns the connection underneath, for socket options.
func (g *greeted) NetConn() net.Conn { return g.Conn }
