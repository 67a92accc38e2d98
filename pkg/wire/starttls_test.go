package wire

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

// certificate makes a self-signed one for name.
func certificate(t *testing.T, name string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// tcpPair is both ends of a TCP connection on loopback.
func tcpPair(t testing.TB) (near, far net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if near, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if far, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

func TestStartTLS(t *testing.T) {
	cert, pool := certificate(t, "imap.example")
	near, far := tcpPair(t)
	server := make(chan error, 1)
	go func() {
		s := &peer{t, far, bufio.NewReader(far)}
		s.say("* OK [CAPABILITY IMAP4rev1 AUTH=EVIL STARTTLS] Dovecot ready.\r\n")
		s.expect("X0 STARTTLS\r\n")
		s.say("* CAPABILITY IMAP4rev1\r\nX0 OK begin\r\n")
		secure := tls.Server(far, &tls.Config{Certificates: []tls.Certificate{cert}})
		br := bufio.NewReader(secure)
		line, err := br.ReadString('\n')
		if line != "X1 NOOP\r\n" {
			t.Errorf("over TLS came %q, %v", line, err)
		}
		_, err = io.WriteString(secure, "X1 OK done\r\n")
		server <- err
	}()
	secured, err := StartTLS(t.Context(), near, &tls.Config{RootCAs: pool, ServerName: "imap.example"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := innermost(secured).(*net.TCPConn); !ok {
		t.Errorf("innermost is a %T", innermost(secured))
	}
	c := New(secured, Options{})
	buf := make([]byte, 100)
	n, err := c.Read(buf)
	if want := "* OK Dovecot ready.\r\n"; string(buf[:n]) != want || err != nil {
		t.Errorf("greeting %q, %v, want %q", buf[:n], err, want)
	}
	drained := make(chan struct{})
	go func() { defer close(drained); _, _ = io.Copy(io.Discard, c) }()
	p, err := c.Start(t.Context(), Request{Line: "NOOP"})
	if err != nil {
		t.Fatal(err)
	}
	wantReply(t, p, Reply{"OK", "", "done"})
	if err := <-server; err != nil {
		t.Error(err)
	}
	c.Abort(nil)
	<-drained
}

func TestStartTLSRefuses(t *testing.T) {
	const ok, asked = "* OK hello\r\n", "X0 STARTTLS\r\n"
	for _, tt := range []struct {
		name, greeting, answer string
		code                   fault.Code
	}{
		{"injection", ok, "X0 OK begin\r\n* OK [CAPABILITY AUTH=EVIL] hello\r\n", fault.Protocol},
		{"one octet injected", ok, "X0 OK begin\r\nx", fault.Protocol},
		{"not offered", ok, "X0 BAD unknown command\r\n", fault.TLSMissing},
		{"refused", ok, "* x\r\nX0 NO not now\r\n", fault.TLSMissing},
		{"nonsense", ok, "X0 FINE\r\n", fault.TLSMissing},
		{"PREAUTH", "* PREAUTH hello\r\n", "", fault.TLSMissing},
		{"BYE", "* BYE Too many connections\r\n", "", fault.TooManySessions},
		{"POP3", "+OK ready\r\n", "", fault.NotIMAP},
		{"SMTP", "220 ready\r\n", "", fault.NotIMAP},
		{"endless greeting", "* OK " + strings.Repeat("x", maxPreludeLine) + "\r\n", "", fault.NotIMAP},
		{"endless talk", ok, strings.Repeat("* x\r\n", maxPrelude+1), fault.Protocol},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				var sent []byte
				done := make(chan struct{})
				go func() {
					defer close(done)
					io.WriteString(far, tt.greeting)
					if tt.answer != "" {
						(&peer{t, far, bufio.NewReader(far)}).expect(asked)
						io.WriteString(far, tt.answer)
					}
					sent, _ = io.ReadAll(far)
				}()
				_, err := StartTLS(t.Context(), near, &tls.Config{ServerName: "x"}, 0)
				wantFault(t, err, tt.code)
				<-done // nc was closed
				if len(sent) > 0 {
					t.Errorf("sent %q after that", sent)
				}
			})
		})
	}
}

// What was said before TLS may not pass for capabilities after it.
func TestGreetingWithoutCodes(t *testing.T) {
	const caps = "[CAPABILITY IMAP4rev1 AUTH=EVIL]"
	for said, want := range map[string]string{
		"* OK hi":                              "* OK hi\r\n",
		"* OK " + caps + " hi":                 "* OK hi\r\n",
		"* OK [X] " + caps + " hi":             "* OK hi\r\n",
		"* OK [X]" + caps + "[]  " + caps:      "* OK \r\n",
		"* OK [X] \x00" + caps + " hi":         "* OK hi\r\n",
		"* OK [X] \u200b" + caps + " hi [a]":   "* OK hi [a]\r\n",
		"* OK [X (] " + caps + " hi":           "* OK hi\r\n",
		"* OK [X] [CAPABILITY AUTH=EVIL":       "* OK \r\n",
		"* OK [X] hi\r" + caps:                 "* OK hi " + caps + "\r\n",
		"* OK [X \"]\" (]) ] " + caps + " hi ": "* OK hi\r\n",
	} {
		near, far := net.Pipe()
		go func() {
			io.WriteString(far, said+"\r\n")
			far.Close()
		}()
		p := prelude{nc: near, timeout: time.Minute, br: bufio.NewReader(near)}
		if got, err := p.greeting(); got != want || err != nil {
			t.Errorf("%q is said again as %q, %v, want %q", said, got, err, want)
		}
		near.Close()
	}
}

func TestStartTLSTimeAndContext(t *testing.T) {
	for _, said := range []string{"", "* OK hello\r\n", "* OK hello\r\n* OK wait\r\n", "* OK hello\r\nX0 OK\r\n"} {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			defer far.Close()
			go io.Copy(io.Discard, far)
			go func() {
				for line := range strings.Lines(said) {
					io.WriteString(far, line)
				}
			}()
			began := time.Now()
			_, err := StartTLS(t.Context(), near, &tls.Config{ServerName: "x"}, 5*time.Second)
			var ne net.Error
			if !errors.As(err, &ne) || !ne.Timeout() || time.Since(began) != 5*time.Second {
				t.Errorf("after %q: %v in %v", said, err, time.Since(began))
			}
		})
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			defer far.Close()
			go io.Copy(io.Discard, far)
			go io.WriteString(far, said)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := StartTLS(ctx, near, &tls.Config{ServerName: "x"}, time.Minute); said != "* OK hello\r\nX0 OK\r\n" && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("after %q: %v", said, err)
			}
		})
	}
}
