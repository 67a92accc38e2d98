package imaptest

import (
	"context"
	"encoding/base64"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
)

func startMemory(t *testing.T, opt MemoryOptions) *Memory {
	t.Helper()
	m, err := NewMemory(opt)
	if err != nil {
		t.Fatal(err)
	}
	CloseAfter(t, m)
	if err := m.AddUser("ann", "apple"); err != nil {
		t.Fatal(err)
	}
	m.AddAdmin("root", "secret")
	return m
}

func TestMemoryLogins(t *testing.T) {
	m := startMemory(t, MemoryOptions{})
	tests := []struct {
		name  string
		login func(c *imapclient.Client) error
		ok    bool
	}{
		{"password", func(c *imapclient.Client) error { return c.Login("ann", "apple").Wait() }, true},
		{"wrong password", func(c *imapclient.Client) error { return c.Login("ann", "pear").Wait() }, false},
		{"no such user", func(c *imapclient.Client) error { return c.Login("bob", "").Wait() }, false},
		{"user*admin", func(c *imapclient.Client) error { return c.Login("ann*root", "secret").Wait() }, true},
		{"user*admin, user's password", func(c *imapclient.Client) error { return c.Login("ann*root", "apple").Wait() }, false},
		{"admin for nobody", func(c *imapclient.Client) error { return c.Login("bob*root", "secret").Wait() }, false},
		{"authzid", func(c *imapclient.Client) error {
			return c.Authenticate(sasl.NewPlainClient("ann", "root", "secret"))
		}, true},
		{"authzid of one's own", func(c *imapclient.Client) error {
			return c.Authenticate(sasl.NewPlainClient("ann", "ann", "apple"))
		}, true},
		{"authzid without right", func(c *imapclient.Client) error {
			return c.Authenticate(sasl.NewPlainClient("ann", "ann2", "apple"))
		}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := m.Stats()
			nc, err := m.DialContext(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			c := imapclient.New(nc, nil)
			defer c.Close()
			if err := tt.login(c); (err == nil) != tt.ok {
				t.Errorf("login: %v, want ok %v", err, tt.ok)
			}
			after := m.Stats()
			if got := after.Logins - before.Logins; (got == 1) != tt.ok {
				t.Errorf("logins counted: %d", got)
			}
			if got := after.Refused - before.Refused; (got == 1) == tt.ok {
				t.Errorf("refusals counted: %d", got)
			}
		})
	}
	if s := m.Stats(); s.Total != len(tests) || s.Peak < 1 {
		t.Errorf("stats %+v", s)
	}
}

func TestMemoryInSynctest(t *testing.T) {
	for _, tls := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			m := startMemory(t, MemoryOptions{Pipe: true, TLS: tls})
			a := m.Access("ann", "apple")
			r, err := dialRaw(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute) // of the bubble's clock: the session must live
			if err := r.ok(t.Context(), "NOOP"); err != nil {
				t.Error(err)
			}
			r.close()
		})
	}
}

func TestMemoryCloseEndsConnections(t *testing.T) {
	m, err := NewMemory(MemoryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	nc, err := net.Dial("tcp", m.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	buf := make([]byte, 512)
	if _, err := nc.Read(buf); err != nil { // the greeting
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if n := m.Stats().Open; n != 0 {
		t.Errorf("%d connections open after Close", n)
	}
	if _, err := nc.Read(buf); err == nil {
		t.Error("the connection outlived its server")
	}
	if _, err := m.DialContext(context.WithoutCancel(t.Context()), "", ""); err == nil {
		t.Error("a closed server took a connection")
	}
}

// TestMemoryClientDiesInLiteral has clients end in the middle of a FETCH, on
// which go-imap's own connection would wait for itself.
func TestMemoryClientDiesInLiteral(t *testing.T) {
	for _, opt := range []MemoryOptions{{}, {Pipe: true}} {
		m := startMemory(t, opt)
		if err := m.Fill("ann", Mailbox{Name: "INBOX", Messages: []Message{{Body: append([]byte("A: b\r\n\r\n"), make([]byte, 6<<20)...)}}}); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			r, err := dialRaw(t.Context(), m.Access("ann", "apple"))
			if err != nil {
				t.Fatal(err)
			}
			if err := r.ok(t.Context(), "SELECT INBOX"); err != nil {
				t.Fatal(err)
			}
			if _, err := r.send("UID FETCH 1 (BODY.PEEK[])"); err != nil {
				t.Fatal(err)
			}
			if _, err := io.CopyN(io.Discard, r.br, 1<<20); err != nil {
				t.Fatal(err)
			}
			r.nc.Close()
		}
		m.track.wait(t)
	}
}

// wait waits until no connection is open, as it must be without closing the
// server.
func (tr *tracker) wait(t *testing.T) {
	t.Helper()
	for tr.snapshot().Open > 0 {
		select {
		case <-t.Context().Done():
			t.Fatal("a connection did not end")
		case <-time.After(time.Millisecond):
		}
	}
}

func TestMemorySTARTTLS(t *testing.T) {
	m := startMemory(t, MemoryOptions{STARTTLS: true})
	a := m.Access("ann", "apple")
	r, err := dialRaw(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	r.close()
	a.STARTTLS = nil
	if _, err := dialRaw(t.Context(), a); err == nil || !strings.Contains(err.Error(), "NO") {
		t.Errorf("a password in plaintext: %v", err)
	}
}

func TestPlainResponse(t *testing.T) {
	got, err := base64.StdEncoding.DecodeString(plainResponse("u", "a", "p"))
	if err != nil || string(got) != "u\x00a\x00p" {
		t.Errorf("%q, %v", got, err)
	}
}
