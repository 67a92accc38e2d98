package imapconn

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// memory starts a memory server with the account u/p.
func memory(t *testing.T, opt imaptest.MemoryOptions) *imaptest.Memory {
	t.Helper()
	m, err := imaptest.NewMemory(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := m.AddUser("u", "p"); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTLS(t *testing.T) {
	unknown := x509.NewCertPool()
	tests := []struct {
		name     string
		opt      imaptest.MemoryOptions
		security account.Security
		host     string
		trusted  bool
		skip     bool
		code     fault.Code // "" for a login that works
		hint     string
	}{
		{"TLS", imaptest.MemoryOptions{TLS: true}, account.SecurityTLS, "localhost", true, false, "", ""},
		{"STARTTLS", imaptest.MemoryOptions{STARTTLS: true}, account.SecuritySTARTTLS, "localhost", true, false, "", ""},
		{"by address", imaptest.MemoryOptions{TLS: true}, account.SecurityTLS, "127.0.0.1", true, false, "", ""},
		{"unknown authority", imaptest.MemoryOptions{TLS: true}, account.SecurityTLS, "localhost", false, false, fault.TLS, "--ca-file"},
		{"unknown authority by STARTTLS", imaptest.MemoryOptions{STARTTLS: true}, account.SecuritySTARTTLS, "localhost", false, false, fault.TLS, "--insecure-skip-verify2"},
		{"unknown authority, accepted by name", imaptest.MemoryOptions{TLS: true}, account.SecurityTLS, "localhost", false, true, "", ""},
		{"for another host", imaptest.MemoryOptions{TLS: true}, account.SecurityTLS, "mail.test", true, false, fault.TLS, "another name"},
		{"STARTTLS for another host", imaptest.MemoryOptions{STARTTLS: true}, account.SecuritySTARTTLS, "mail.test", true, false, fault.TLS, "another name"},
		{"STARTTLS is not there: no plain text", imaptest.MemoryOptions{}, account.SecuritySTARTTLS, "localhost", true, false, fault.TLSMissing, "STARTTLS"},
		{"TLS to a plain port", imaptest.MemoryOptions{}, account.SecurityTLS, "localhost", true, false, fault.TLS, ""},
		{"plain text, by name", imaptest.MemoryOptions{}, account.SecurityPlain, "localhost", false, false, "", ""},
		{"plain text where the server wants TLS", imaptest.MemoryOptions{STARTTLS: true}, account.SecurityPlain, "localhost", false, false, fault.TLSMissing, "imap"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := memory(t, tt.opt)
			cfg := Config{Side: fault.Dest, RootCAs: unknown, DialContext: m.DialContext, Endpoint: account.Endpoint{
				Host: tt.host, Security: tt.security, User: "u", Password: account.NewSecret("p"), SkipVerify: tt.skip}}
			if tt.trusted && m.Certificate() != nil {
				cfg.RootCAs = m.Certificate().Pool()
			}
			if tt.code == "" {
				dial(t, cfg)
				return
			}
			_, err := Dial(t.Context(), cfg)
			if e := wantFault(t, err, tt.code, fault.Account, false); !strings.Contains(e.Hint, tt.hint) || e.Side != fault.Dest || e.Host != tt.host {
				t.Errorf("%+v", e)
			}
		})
	}
}

// Nothing below TLS 1.2 is spoken, whatever the server would do.
func TestOldTLS(t *testing.T) {
	cert, err := imaptest.NewCertificate()
	if err != nil {
		t.Fatal(err)
	}
	old := cert.ServerConfig()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	cfg := scripted(t, func(s *session) {
		if err := tls.Server(s.nc, old).HandshakeContext(t.Context()); err == nil {
			t.Error("the server shook hands on TLS 1.1")
		}
	})
	cfg.Endpoint.Security, cfg.Endpoint.Host, cfg.RootCAs = account.SecurityTLS, "localhost", cert.Pool()
	_, err = Dial(t.Context(), cfg)
	wantFault(t, err, fault.TLS, fault.Account, false)
}

// The password never leaves on a connection that was to be secured and is not.
func TestNoPasswordInPlainText(t *testing.T) {
	for _, sec := range []account.Security{account.SecurityUnset, account.SecuritySTARTTLS, account.SecurityTLS} {
		t.Run(sec.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // greeting and ClientHello block each other on a pipe
				cfg := scripted(t, func(s *session) {
					s.say("* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] ready")
					var got strings.Builder
					_, _ = io.Copy(&got, io.TeeReader(s.br, &refusing{s}))
					if strings.Contains(got.String(), "sesame") || strings.Contains(got.String(), "LOGIN") {
						t.Errorf("the server got %q", got.String())
					}
				})
				cfg.Endpoint.Security, cfg.Endpoint.Port = sec, 143
				cfg.Endpoint.Password = account.NewSecret("sesame")
				if _, err := Dial(t.Context(), cfg); err == nil {
					t.Error("a login without TLS")
				}
			})
		})
	}
}

// refusing says NO to every line that it sees.
type refusing struct{ s *session }

func (r *refusing) Write(b []byte) (int, error) {
	if tag, _, ok := strings.Cut(string(b), " "); ok && strings.HasSuffix(string(b), "\n") {
		r.s.say(tag + " NO no")
	}
	return len(b), nil
}

// PREAUTH would leave no way to TLS.
func TestPreauthBeforeStartTLS(t *testing.T) {
	cfg := scripted(t, func(s *session) {
		s.say("* PREAUTH welcome")
		s.gone()
	})
	cfg.Endpoint.Security = account.SecuritySTARTTLS
	_, err := Dial(t.Context(), cfg)
	wantFault(t, err, fault.TLSMissing, fault.Account, false)
}

// A bare host on a machine where only 143 listens: STARTTLS is found.
func TestBareHostFindsSTARTTLS(t *testing.T) {
	m := memory(t, imaptest.MemoryOptions{STARTTLS: true})
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := closed.Addr().String()
	if err := errors.Join(closed.Close()); err != nil {
		t.Fatal(err)
	}
	dial(t, Config{Side: fault.Source, RootCAs: m.Certificate().Pool(),
		Endpoint: account.Endpoint{Host: "localhost", User: "u", Password: account.NewSecret("p")},
		DialContext: func(ctx context.Context, network, to string) (net.Conn, error) {
			if strings.HasSuffix(to, ":993") {
				return new(net.Dialer).DialContext(ctx, network, addr) // refuses, as the system says it
			}
			return m.DialContext(ctx, network, to)
		}})
}
