package imapconn

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// link is a net.Conn with a time of its own: what is read takes time by its
// octets, what is written takes the round trip.
type link struct {
	net.Conn
	rate  int64 // octets a second
	round time.Duration
}

func (l *link) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	time.Sleep(time.Duration(n) * time.Second / time.Duration(l.rate))
	return n, err
}

func (l *link) Write(p []byte) (int, error) {
	time.Sleep(l.round)
	return l.Conn.Write(p)
}

// far is a server behind a link, in a synctest bubble. slow is the time that
// the server itself takes for each of its messages, of 64 KiB.
type far struct {
	fake *imaptest.Fake
	cfg  Config
	log  *bytes.Buffer
}

const farMessages = 100

func newFar(t *testing.T, mode CompressMode, l link, slow time.Duration) *far {
	t.Helper()
	body := []byte("Subject: x\r\n\r\n" + strings.Repeat("a line like any other, and "+strings.Repeat("0123456789", 5)+"\r\n", 800))
	fake, err := imaptest.StartFake(imaptest.FakeOptions{Pipe: true, Caps: append(imaptest.FakeCaps(), "COMPRESS=DEFLATE")},
		imaptest.FakeMailbox{Name: "INBOX", Count: farMessages, Message: func(int) imaptest.FakeMessage {
			time.Sleep(slow)
			return imaptest.FakeMessage{Body: body}
		}})
	if err != nil {
		t.Fatal(err)
	}
	f := &far{fake: fake, log: new(bytes.Buffer)}
	f.cfg = Config{Side: fault.Source, Endpoint: account.Endpoint{Host: "far.test", Security: account.SecurityPlain, User: "u", Password: account.NewSecret("p")},
		Compress: NewCompressor(mode), Logger: slog.New(slog.NewTextHandler(f.log, nil)),
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			nc, err := fake.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			own := l
			own.Conn = nc
			return &own, nil
		}}
	return f
}

// drain reads all of the INBOX.
func (f *far) drain(t *testing.T, c *Conn) {
	t.Helper()
	octets := 0
	fetch, err := c.Fetch(t.Context(), []Range{{1, farMessages}}, ItemBody, FetchHandler{Body: func(_ *Message, _ int64, r io.Reader) error {
		n, err := io.Copy(io.Discard, r)
		octets += int(n)
		return err
	}})
	if err == nil {
		err = fetch.Wait(t.Context())
	}
	if err != nil || octets < farMessages*60<<10 {
		t.Fatalf("read %d octets: %v", octets, err)
	}
}

func (f *far) compressed() int {
	n := 0
	for _, cmd := range f.fake.Commands() {
		if cmd.Name == "COMPRESS" {
			n++
		}
	}
	return n
}

// The whole way from the first megabytes to the verdict, and what a second
// connection does then. The clock is the bubble's.
func TestMaybeCompress(t *testing.T) {
	for _, tt := range []struct {
		name          string
		mode          CompressMode
		link          link
		slow          time.Duration
		first, second bool // compressed
		says          string
	}{
		{"slow link", CompressAuto, link{rate: 2 << 20, round: 10 * time.Millisecond}, 0, true, true, "compression helps"},
		{"slow server", CompressAuto, link{rate: 1 << 30, round: 10 * time.Millisecond}, 50 * time.Millisecond, true, false, "does not help"},
		{"slow server, near", CompressAuto, link{rate: 1 << 30, round: 100 * time.Microsecond}, 50 * time.Millisecond, false, false, "would not help"},
		{"on", CompressOn, link{rate: 1 << 30}, 0, true, true, ""},
		{"off", CompressOff, link{rate: 2 << 20, round: 10 * time.Millisecond}, 0, false, false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFar(t, tt.mode, tt.link, tt.slow)
				defer f.fake.Close()
				c := dial(t, f.cfg)
				if _, err := c.Examine(t.Context(), "INBOX"); err != nil {
					t.Fatal(err)
				}
				if got, want := c.Compressible(), tt.mode == CompressAuto; got != want {
					t.Errorf("compressible %v, want %v", got, want)
				}
				for range 3 {
					f.drain(t, c)
					if err := c.MaybeCompress(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if c.w.Compressed() != tt.first {
					t.Errorf("the first connection is compressed: %v, want %v", !tt.first, tt.first)
				}
				next := dial(t, f.cfg)
				if next.w.Compressed() != tt.second {
					t.Errorf("the second connection is compressed: %v, want %v", !tt.second, tt.second)
				}
				if !strings.Contains(f.log.String(), tt.says) {
					t.Errorf("the log does not say %q:\n%s", tt.says, f.log)
				}
				want := 0
				for _, b := range []bool{tt.first, tt.second} {
					if b {
						want++
					}
				}
				if got := f.compressed(); got != want {
					t.Errorf("%d COMPRESS, want %d", got, want)
				}
			})
		})
	}
}

// One connection tries at a time; when it is gone another may.
func TestOneTries(t *testing.T) {
	k, cfg := NewCompressor(CompressAuto), Config{Endpoint: account.Endpoint{Host: "h"}}.withDefaults()
	first, second := make(chan struct{}), make(chan struct{})
	if !k.claim(cfg, first) || k.claim(cfg, second) {
		t.Error("none may try, or two")
	}
	other := cfg
	other.Side = fault.Dest
	if !k.claim(other, second) {
		t.Error("the other side is another place")
	}
	close(first)
	if !k.claim(cfg, second) {
		t.Error("nobody may try after the first is gone")
	}
	k.decide(cfg, yes, "helps")
	if k.claim(cfg, first) {
		t.Error("a try after the verdict")
	}
	k.decide(cfg, no, "is damaged")
	k.decide(cfg, yes, "helps")
	if k.verdict(cfg) != no {
		t.Error("a no is not final")
	}
}

// begun plays greeting and LOGIN with COMPRESS=DEFLATE among the capabilities.
func begun(s *session) {
	const code = "CAPABILITY IMAP4rev1 NAMESPACE COMPRESS=DEFLATE"
	s.say("* OK [" + code + "] ready")
	s.say(s.exact(`LOGIN "u" "p"`) + " OK [" + code + "] in")
}

// With mode on it is asked for once where it is refused, and not at all where
// it is not offered; one line of the log says so.
func TestCompressOnWithout(t *testing.T) {
	for _, tt := range []struct {
		name    string
		scripts []func(*session)
		says    string
	}{
		{"not offered", slices.Repeat([]func(*session){func(s *session) { s.login("COMPRESS"); s.logout() }}, 2), "offers no compression"},
		{"refused", []func(*session){
			func(s *session) {
				begun(s)
				s.say(s.exact("COMPRESS DEFLATE") + " NO [COMPRESSIONACTIVE] no")
				s.answer("NAMESPACE", roots)
				s.logout()
			},
			func(s *session) { begun(s); s.answer("NAMESPACE", roots); s.logout() },
		}, "refuses compression"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := scripted(t, tt.scripts...)
			var log bytes.Buffer
			cfg.Compress, cfg.Logger = NewCompressor(CompressOn), slog.New(slog.NewTextHandler(&log, nil))
			for range 2 {
				c, err := Dial(t.Context(), cfg)
				if err != nil {
					t.Fatal(err)
				}
				if c.Compressible() {
					t.Error("there is nothing to turn on")
				}
				if err := c.Logout(t.Context()); err != nil {
					t.Error(err)
				}
			}
			if n := strings.Count(log.String(), tt.says); n != 1 {
				t.Errorf("the log says %q %d times:\n%s", tt.says, n, &log)
			}
		})
	}
}

// A server that agrees and goes on in plain text costs one connection; the
// next one goes without.
func TestCompressAgreedAndNotDone(t *testing.T) {
	for _, tt := range []struct{ name, says string }{
		{"plain text", "* OK and on in plain text, as if nothing had been\r\nX2 OK done\r\n"},
		{"no deflate at all", "\xff\xff\xff\xff"},
		{"hangs up", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := scripted(t, func(s *session) {
				begun(s)
				s.say(s.exact("COMPRESS DEFLATE") + " OK")
				go io.Copy(io.Discard, s.br)
				io.WriteString(s.nc, tt.says)
			}, func(s *session) { begun(s); s.answer("NAMESPACE", roots); s.logout() })
			cfg.Compress = NewCompressor(CompressOn)
			_, err := Dial(t.Context(), cfg)
			wantFault(t, err, fault.ConnectionLost, fault.Account, true)
			dial(t, cfg)
		})
	}
}

func TestCompressCaps(t *testing.T) {
	for name, want := range map[string]bool{"COMPRESS=DEFLATE": true, "compress=deflate": true, "COMPRESS": false, "COMPRESS=LZW": false} {
		if got := parseCaps([]string{"IMAP4rev1", name}).Compress; got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

// The whole round on a real server, compressed, in plaintext and within TLS.
func TestDovecotCompressed(t *testing.T) {
	d := imaptest.NewDovecot(t, imaptest.DovecotOptions{Format: "sdbox", Compress: true})
	for i, security := range []account.Security{account.SecurityPlain, account.SecurityTLS, account.SecuritySTARTTLS} {
		t.Run(fmt.Sprint(security), func(t *testing.T) {
			user := fmt.Sprintf("u%d", i)
			if err := d.AddUser(user, "p"); err != nil {
				t.Fatal(err)
			}
			cfg := dovecotConfig(d, user, "p")
			cfg.Compress, cfg.Endpoint.Security, cfg.RootCAs = NewCompressor(CompressOn), security, d.Certificate().Pool()
			if security == account.SecurityTLS {
				cfg.Endpoint.Port, cfg.DialContext = d.TLSPort(), nil
			}
			c := dial(t, cfg)
			if !c.w.Compressed() || c.AppendMode() != AppendMulti {
				t.Fatalf("compressed %v, %v", c.w.Compressed(), c.AppendMode())
			}
			round(t, c, "", "/")
			got := c.w.Traffic()
			if got.In*20 > got.PlainIn || got.Out*20 > got.PlainOut { // a megabyte of "x" is among it
				t.Errorf("nothing is compressed: %+v", got)
			}
		})
	}
}
