package imapconn

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
)

func TestRoutes(t *testing.T) {
	tests := []struct {
		name string
		ep   account.Endpoint
		want []route
	}{
		{"bare host", account.Endpoint{}, []route{{993, account.SecurityTLS}, {143, account.SecuritySTARTTLS}}},
		{"port 143 alone", account.Endpoint{Port: 143}, []route{{143, account.SecuritySTARTTLS}}},
		{"another port alone", account.Endpoint{Port: 1993}, []route{{1993, account.SecurityTLS}}},
		{"TLS", account.Endpoint{Security: account.SecurityTLS}, []route{{993, account.SecurityTLS}}},
		{"TLS on 143", account.Endpoint{Security: account.SecurityTLS, Port: 143}, []route{{143, account.SecurityTLS}}},
		{"STARTTLS", account.Endpoint{Security: account.SecuritySTARTTLS}, []route{{143, account.SecuritySTARTTLS}}},
		{"plain", account.Endpoint{Security: account.SecurityPlain, Port: 1143}, []route{{1143, account.SecurityPlain}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := routes(tt.ep); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// A bare host falls to 143 only when 993 refuses, and never to plain text.
func TestBareHost(t *testing.T) {
	tests := []struct {
		name  string
		first error
		want  []string
	}{
		{"993 refuses", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, []string{"mail.test:993", "mail.test:143"}},
		{"993 times out", context.DeadlineExceeded, []string{"mail.test:993"}},
		{"993 has no route", &net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH}, []string{"mail.test:993"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var tried []string
			cfg := Config{Side: fault.Dest, Endpoint: account.Endpoint{Host: "mail.test", User: "u"},
				DialContext: func(_ context.Context, _, addr string) (net.Conn, error) {
					tried = append(tried, addr)
					if len(tried) == 1 {
						return nil, tt.first
					}
					return nil, errors.New("no")
				}}
			_, err := Dial(t.Context(), cfg)
			if e := wantFault(t, err, fault.Unreachable, fault.Account, true); e.Side != fault.Dest || e.Host != "mail.test" {
				t.Errorf("side %v, host %q", e.Side, e.Host)
			}
			if !slices.Equal(tried, tt.want) {
				t.Errorf("tried %v, want %v", tried, tt.want)
			}
		})
	}
}

func TestDialLearns(t *testing.T) {
	c := dial(t, scripted(t, func(s *session) {
		s.say("* OK Test server ready")
		s.answer("CAPABILITY", "* CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL- AUTH=PLAIN")
		s.answer(`LOGIN "u" "p"`)
		s.answer("CAPABILITY", "* CAPABILITY IMAP4rev1 ID NAMESPACE LITERAL+ APPENDLIMIT=1000")
		s.answer(`ID ("name" "imapfleet" "version" "1.2")`, `* ID ("name" "Cyrus IMAP" "version" "3.6" "vendor" NIL "support" {4}`, `a)b")`)
		s.answer("NAMESPACE", `* NAMESPACE (("INBOX." ".")("#mh/" "/" "X-P" ("a" "b"))) (("user." ".")) NIL`)
		s.logout()
	}).with(func(c *Config) { c.ClientID = "1.\r\n2" }))
	if !c.Caps().LiteralPlus || c.Caps().LiteralMinus || c.Caps().AppendLimit != 1000 {
		t.Errorf("caps %+v", c.Caps())
	}
	if c.ServerID() != "Cyrus IMAP 3.6" {
		t.Errorf("server %q", c.ServerID())
	}
	want := []Namespace{{"INBOX.", '.'}, {"#mh/", '/'}}
	if d := cmp.Diff(want, c.Namespaces()); d != "" {
		t.Error(d)
	}
	if in, out := c.Octets(); in == 0 || out == 0 {
		t.Errorf("octets %d, %d", in, out)
	}
}

func (cfg Config) with(change func(*Config)) Config {
	change(&cfg)
	return cfg
}

// The password, however odd, reaches the server octet by octet.
func TestLoginPasswords(t *testing.T) {
	for _, p := range []string{`a b"c\d$e*(f){g};h`, " lead and trail ", `\`, `"`, "pässwörd", "\xff\x80", "{5+}", "tab\there"} {
		t.Run(p, func(t *testing.T) {
			cfg := scripted(t, func(s *session) {
				s.say("* OK [CAPABILITY IMAP4rev1] ready")
				tag, got := s.readLogin()
				if got != p {
					t.Errorf("the server got %q, want %q", got, p)
				}
				s.say(tag + " OK [CAPABILITY IMAP4rev1 NAMESPACE] in")
				s.answer("NAMESPACE", roots)
				s.logout()
			})
			cfg.Endpoint.Password = account.NewSecret(p)
			dial(t, cfg)
		})
	}
}

// readLogin reads LOGIN "u" password with a quoted string or a literal.
func (s *session) readLogin() (tag, password string) {
	l, _ := s.line()
	tag, rest, _ := strings.Cut(l, " ")
	arg, ok := strings.CutPrefix(rest, `LOGIN "u" `)
	if !ok {
		s.t.Errorf("got %q", l)
		return tag, ""
	}
	if strings.HasPrefix(arg, "{") {
		s.say("+ go on")
		n := 0
		for _, d := range strings.Trim(arg, "{}") {
			n = n*10 + int(d-'0')
		}
		password = s.octets(n)
		s.line()
		return tag, password
	}
	arg = strings.TrimSuffix(strings.TrimPrefix(arg, `"`), `"`)
	return tag, strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(arg)
}

func TestLoginMechanisms(t *testing.T) {
	token := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	tests := []struct {
		name, caps, authUser string
		script               func(s *session) string // returns the tag
		code                 fault.Code              // "" when the login works
	}{
		{"case 16: LOGIN", "AUTH=PLAIN", "", func(s *session) string { return s.exact(`LOGIN "u" "p"`) }, ""},
		{"case 16: LOGINDISABLED", "LOGINDISABLED AUTH=PLAIN SASL-IR", "", func(s *session) string {
			return s.exact("AUTHENTICATE PLAIN " + token("\x00u\x00p"))
		}, ""},
		{"case 16: without SASL-IR", "LOGINDISABLED AUTH=PLAIN", "", func(s *session) string {
			tag := s.exact("AUTHENTICATE PLAIN")
			s.say("+ ")
			if l, _ := s.line(); l != token("\x00u\x00p") {
				s.t.Errorf("got %q", l)
			}
			return tag
		}, ""},
		{"case 16: as another", "AUTH=PLAIN SASL-IR", "admin", func(s *session) string {
			return s.exact("AUTHENTICATE PLAIN " + token("u\x00admin\x00p"))
		}, ""},
		{"case 16: nothing that fits", "LOGINDISABLED AUTH=CRAM-MD5", "", nil, fault.AuthUnsupported},
		{"case 16: only after STARTTLS", "LOGINDISABLED STARTTLS", "", nil, fault.TLSMissing},
		{"case 16: as another without PLAIN", "AUTH=LOGIN", "admin", nil, fault.AuthUnsupported},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := scripted(t, func(s *session) {
				s.say("* OK [CAPABILITY IMAP4rev1 " + tt.caps + "] ready")
				if tt.script == nil {
					s.gone()
					return
				}
				s.say(tt.script(s) + " OK [CAPABILITY IMAP4rev1 NAMESPACE] in")
				s.answer("NAMESPACE", roots)
				s.logout()
			})
			cfg.Endpoint.AuthUser = tt.authUser
			if tt.code == "" {
				dial(t, cfg)
				return
			}
			_, err := Dial(t.Context(), cfg)
			wantFault(t, err, tt.code, fault.Account, false)
		})
	}
}

// A refused login is told with the server's words and tried once only.
func TestLoginRefused(t *testing.T) {
	tests := []struct {
		name, answer string
		bye          bool
		code         fault.Code
		temporary    bool
		text         string
	}{
		{"wrong password", "NO [AUTHENTICATIONFAILED] Authentication failed.", false, fault.AuthRefused, false, "NO [AUTHENTICATIONFAILED] Authentication failed."},
		{"no code", "NO Login incorrect", false, fault.AuthRefused, false, "NO Login incorrect"},
		{"code with arguments", "NO [X-FOO a b] why", false, fault.AuthRefused, false, "NO [X-FOO a b] why"},
		{"connection limit", "NO [LIMIT] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)", true, fault.TooManySessions, true, ""},
		{"BAD", "BAD what", false, fault.Protocol, false, "BAD what"},
		{"password check down", "NO [UNAVAILABLE] Temporary authentication failure.", false, fault.AuthTemporary, true, ""},
	}
	for _, tt := range tests {
		for _, mech := range []string{"", "admin"} {
			t.Run(tt.name+mech, func(t *testing.T) {
				cfg := scripted(t, func(s *session) {
					s.say("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] ready")
					tag := s.expect(`(LOGIN|AUTHENTICATE) .*`)
					s.say(tag + " " + tt.answer)
					if tt.bye {
						return
					}
					s.gone()
				})
				cfg.Endpoint.AuthUser = mech
				_, err := Dial(t.Context(), cfg)
				e := wantFault(t, err, tt.code, fault.Account, tt.temporary)
				if tt.text != "" && e.Text != tt.text {
					t.Errorf("text %q", e.Text)
				}
				if e.Op != "login" || e.Side != fault.Source || strings.Contains(err.Error(), "p\"") {
					t.Errorf("%+v", e)
				}
			})
		}
	}
}

// A server may refuse before it has taken the whole LOGIN.
func TestLoginRefusedAtLiteral(t *testing.T) {
	cfg := scripted(t, func(s *session) {
		s.say("* OK [CAPABILITY IMAP4rev1] ready")
		s.say(s.exact(`LOGIN "u" {2}`) + " NO [AUTHENTICATIONFAILED] no literals here")
		s.gone()
	})
	cfg.Endpoint.Password = account.NewSecret("ä")
	_, err := Dial(t.Context(), cfg)
	wantFault(t, err, fault.AuthRefused, fault.Account, false)
}

func TestGreetings(t *testing.T) {
	tests := []struct {
		name, greeting string
		code           fault.Code
		scope          fault.Scope
		temporary      bool
	}{
		{"BYE", "* BYE [LIMIT] Too many connections from your IP", fault.TooManySessions, fault.Host, true},
		{"BYE without reason", "* BYE", fault.Unavailable, fault.Account, true},
		{"case 17: PREAUTH", "* PREAUTH [CAPABILITY IMAP4rev1] hello", fault.AuthUnsupported, fault.Account, false},
		{"SMTP", "220 mail.test ESMTP", fault.NotIMAP, fault.Account, false},
		{"POP3", "+OK ready", fault.NotIMAP, fault.Account, false},
		{"a star and nonsense", "* HELLO there", fault.NotIMAP, fault.Account, false},
		{"SSH", "SSH-2.0-OpenSSH_9.2", fault.NotIMAP, fault.Account, false},
		{"an endless line", strings.Repeat("x", 9000), fault.NotIMAP, fault.Account, false},
		{"nothing", "", fault.ConnectionLost, fault.Account, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Dial(t.Context(), scripted(t, func(s *session) {
				if tt.greeting != "" {
					s.say(tt.greeting)
				}
			}))
			wantFault(t, err, tt.code, tt.scope, tt.temporary)
		})
	}
}

// stages are the points of a session at which a server may fall silent.
var stages = []struct {
	name   string
	script func(s *session)
}{
	{"before the greeting", func(*session) {}},
	{"in the middle of the greeting", func(s *session) { s.nc.Write([]byte("* OK")) }},
	{"at CAPABILITY", func(s *session) { s.say("* OK hello"); s.expect("CAPABILITY") }},
	{"at LOGIN", func(s *session) { s.say("* OK [CAPABILITY IMAP4rev1] hello"); s.expect("LOGIN .*") }},
	{"at NAMESPACE", func(s *session) {
		s.say("* OK [CAPABILITY IMAP4rev1] hello")
		s.say(s.expect("LOGIN .*") + " OK [CAPABILITY IMAP4rev1 NAMESPACE] in")
		s.expect("NAMESPACE")
	}},
}

// A silent server costs the timeout, exactly, and is told as such.
func TestSilentServer(t *testing.T) {
	for _, st := range stages {
		t.Run("case 20: "+st.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := scripted(t, func(s *session) { st.script(s); s.br.ReadByte() })
				cfg.Timeout = 10 * time.Second
				start := time.Now()
				_, err := Dial(t.Context(), cfg)
				if e := fault.Of(err); e == nil || !e.Temporary || e.Code != fault.Timeout && e.Code != fault.Unreachable {
					t.Errorf("got %v", err)
				}
				if d := time.Since(start); d != 10*time.Second {
					t.Errorf("after %v, want 10 s", d)
				}
			})
		})
	}
}

// A cancelled context ends Dial at once, wherever it is.
func TestDialCancelled(t *testing.T) {
	for _, st := range stages {
		t.Run(st.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				cfg := scripted(t, func(s *session) { st.script(s); s.br.ReadByte() })
				time.AfterFunc(time.Second, cancel)
				start := time.Now()
				if _, err := Dial(ctx, cfg); err != context.Canceled {
					t.Errorf("got %v", err)
				}
				if d := time.Since(start); d != time.Second {
					t.Errorf("after %v, want 1 s", d)
				}
			})
		})
	}
}
