package ratelimit_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/ratelimit"
	"github.com/imapfleet/imapfleet/pkg/wire"
)

const kib ratelimit.Rate = 1 << 10

// session is wire over TLS over a limited connection, and its server.
type session struct {
	t      *testing.T
	c      *wire.Conn
	server net.Conn
	br     *bufio.Reader
	read   sync.WaitGroup
}

// open connects them through l, in the direction that is limited.
func open(t *testing.T, cert *imaptest.Certificate, l *ratelimit.Limiter, writes bool) *session {
	t.Helper()
	near, far := net.Pipe()
	read, write := []*ratelimit.Limiter{l}, []*ratelimit.Limiter(nil)
	if writes {
		read, write = write, read
	}
	s := &session{t: t, server: tls.Server(far, cert.ServerConfig())}
	s.br = bufio.NewReader(s.server)
	go s.say("* OK hello\r\n")
	client := tls.Client(ratelimit.Wrap(near, read, write), &tls.Config{RootCAs: cert.Pool(), ServerName: "localhost"})
	if err := client.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.c = wire.New(client, wire.Options{Timeout: 10 * time.Second, FinalTimeout: 10 * time.Second})
	s.read.Go(func() { _, _ = io.Copy(io.Discard, s.c) })
	t.Cleanup(func() {
		s.c.Abort(nil)
		far.Close()
		s.read.Wait()
	})
	synctest.Wait()
	return s
}

func (s *session) say(text string) {
	if _, err := io.WriteString(s.server, text); err != nil {
		s.t.Errorf("the server writes: %v", err)
	}
}

func (s *session) line() string {
	l, err := s.br.ReadString('\n')
	if err != nil {
		s.t.Errorf("the server reads: %v", err)
	}
	return l
}

func certificate(t *testing.T) *imaptest.Certificate {
	t.Helper()
	cert, err := imaptest.NewCertificate()
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// A limit far below what wire's timeout lets a server take for a chunk: many
// connections write large messages, no deadline passes.
func TestWireWritesSlowly(t *testing.T) {
	cert := certificate(t)
	synctest.Test(t, func(t *testing.T) {
		const conns, octets = 20, 300 << 10
		l := ratelimit.New((16 * kib).Always())
		began := time.Now()
		var all sync.WaitGroup
		for range conns {
			s := open(t, cert, l, true)
			all.Go(func() {
				if got := s.line(); got != "X1 APPEND INBOX {307200+}\r\n" {
					t.Errorf("the server got %q", got)
				}
				if _, err := io.CopyN(io.Discard, s.br, octets+2); err != nil {
					t.Error(err)
				}
				s.say("X1 OK stored\r\n")
			})
			all.Go(func() { s.append(octets) })
		}
		all.Wait()
		if d, least := time.Since(began), time.Duration(conns*octets-128<<10)*time.Second/(16<<10); d < least {
			t.Errorf("took %v, want %v at least", d, least)
		}
	})
}

func (s *session) append(octets int64) {
	a, err := s.c.Append(s.t.Context(), "INBOX")
	if err != nil {
		s.t.Error(err)
		return
	}
	if r, err := a.Message(s.t.Context(), "", octets, wire.NonSync, bytes.NewReader(make([]byte, octets))); r != nil || err != nil {
		s.t.Errorf("message: %v, %v", r, err)
		return
	}
	p, err := a.Finish()
	if err != nil {
		s.t.Error(err)
		return
	}
	if r, err := p.Wait(s.t.Context()); err != nil || r.Status != "OK" {
		s.t.Errorf("answer: %v, %v", r, err)
	}
}

// The same for reading: a TLS record takes several reads, each of which waits.
func TestWireReadsSlowly(t *testing.T) {
	cert := certificate(t)
	synctest.Test(t, func(t *testing.T) {
		const conns = 20
		answer := strings.Repeat("* 5 EXISTS\r\n", 20_000)
		l := ratelimit.New((16 * kib).Always())
		began := time.Now()
		var all sync.WaitGroup
		for range conns {
			s := open(t, cert, l, false)
			all.Go(func() {
				s.line()
				s.say(answer + "X1 OK done\r\n")
			})
			all.Go(func() {
				p, err := s.c.Start(t.Context(), wire.Request{Line: "NOOP"})
				if err != nil {
					t.Error(err)
					return
				}
				if r, err := p.Wait(t.Context()); err != nil || r.Status != "OK" {
					t.Errorf("answer: %v, %v", r, err)
				}
			})
		}
		all.Wait()
		if d, least := time.Since(began), time.Duration(conns*len(answer)-128<<10)*time.Second/(16<<10); d < least {
			t.Errorf("took %v, want %v at least", d, least)
		}
	})
}

// A server that falls silent under a limit is found out.
func TestWireSilentServer(t *testing.T) {
	cert := certificate(t)
	synctest.Test(t, func(t *testing.T) {
		s := open(t, cert, ratelimit.New((16 * kib).Always()), false)
		go func() {
			s.line()
			s.say("* 5 EXI")
		}()
		p, err := s.c.Start(t.Context(), wire.Request{Line: "NOOP"})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_, err = p.Wait(t.Context())
		if d := time.Since(began); err == nil || d < 10*time.Second || d > 11*time.Second {
			t.Errorf("%v after %v", err, d)
		}
	})
}

// Abort ends what waits for the limiter at once, below TLS too.
func TestWireAbort(t *testing.T) {
	cert := certificate(t)
	for _, writes := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s := open(t, cert, ratelimit.New(kib.Always()), writes)
			errs := make(chan error, 1)
			if writes {
				go io.Copy(io.Discard, s.br)
				go func() {
					a, err := s.c.Append(t.Context(), "INBOX")
					if err == nil {
						_, err = a.Message(t.Context(), "", 1<<20, wire.NonSync, bytes.NewReader(make([]byte, 1<<20)))
					}
					errs <- err
				}()
			} else {
				go io.WriteString(s.server, strings.Repeat("* 5 EXISTS\r\n", 100_000))
				go func() {
					s.read.Wait()
					errs <- s.c.Err()
				}()
			}
			time.Sleep(100 * time.Second)
			began := time.Now()
			s.c.Abort(context.Canceled)
			if err := <-errs; !errors.Is(err, context.Canceled) {
				t.Errorf("writes %v: %v", writes, err)
			}
			if d := time.Since(began); d != 0 {
				t.Errorf("writes %v: waited %v more", writes, d)
			}
		})
	}
}

// An aborted connection is reset, as without a limit: the server must not go
// on with what the system still holds.
func TestWireResets(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	near, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	limit := []*ratelimit.Limiter{ratelimit.New((1024 * kib).Always())}
	c := wire.New(ratelimit.Wrap(near, limit, limit), wire.Options{Linger0: true})
	c.Abort(nil)
	if _, err := far.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the server got %v, want a reset", err)
	}
}
