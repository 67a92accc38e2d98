package imapconn

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// Exchange says how long to stay away and hangs up. Whoever waits learns it,
// in whichever order the two come.
func TestSuggestedBackoff(t *testing.T) {
	const (
		throttle = "Request is throttled. Suggested Backoff Time: 299961 milliseconds"
		wait     = 299961 * time.Millisecond
	)
	tests := []struct {
		name  string
		lines []string
		text  string // of the command that was answered
	}{
		{"NO", []string{"TAG NO " + throttle}, "NO " + throttle},
		{"BAD", []string{"TAG BAD " + throttle}, "BAD " + throttle},
		{"NO, then BYE", []string{"TAG NO " + throttle, "* BYE Connection closed. 14"}, "NO " + throttle},
		{"BYE, then NO", []string{"* BYE Connection closed. 14", "TAG NO " + throttle}, "NO " + throttle},
		{"BYE with the time, then NO", []string{"* BYE " + throttle, "TAG NO [THROTTLED] no"}, "NO [THROTTLED] no"},
		{"BYE alone", []string{"* BYE " + throttle}, throttle},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fetch := ""
				f := imaptest.NewFake(t, imaptest.FakeOptions{Pipe: true, Intercept: func(cmd imaptest.FakeCommand) imaptest.FakeReply {
					switch {
					case cmd.Name == "UID FETCH":
						fetch = cmd.Tag
						return imaptest.FakeReply{Lines: []string{"* OK in a moment"}}
					case fetch != "": // what came after it is in flight too
						var lines []string
						for _, l := range tt.lines {
							lines = append(lines, strings.Replace(l, "TAG", fetch, 1))
						}
						return imaptest.FakeReply{Lines: lines, Close: true}
					}
					return imaptest.FakeReply{}
				}}, imaptest.FakeMailbox{Name: "INBOX"}, imaptest.FakeMailbox{Name: "next"})
				c, err := Dial(t.Context(), fakeConfig(f, fault.Source))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := c.Examine(t.Context(), "INBOX"); err != nil {
					t.Fatal(err)
				}
				fetching, err := c.Fetch(t.Context(), []Range{{1, 9}}, ItemBody, FetchHandler{})
				if err != nil {
					t.Fatal(err)
				}
				opening, err := c.StartExamine(t.Context(), "next") // in flight beside it
				if err != nil {
					t.Fatal(err)
				}
				e := wantFault(t, fetching.Wait(t.Context()), fault.Throttled, fault.Account, true)
				if e.Wait != wait || e.Text != tt.text {
					t.Errorf("FETCH: wait %v, text %q, want %v, %q", e.Wait, e.Text, wait, tt.text)
				}
				_, err = opening.Wait(t.Context())
				if e := wantFault(t, err, fault.Throttled, fault.Account, true); e.Wait != wait || e.Op != "select" || e.Side != fault.Source {
					t.Errorf("SELECT: %+v", e)
				}
				c.Abort()
				<-c.Done()
			})
		})
	}
}

// A limit of connections is not a wrong password: no other mechanism is tried,
// on this connection or another, though the server offers one.
func TestConnectionLimitAtLogin(t *testing.T) {
	tests := []struct {
		name, answer     string
		scope            fault.Scope
		perUser, perHost int
	}{
		{"Gmail", "NO [ALERT] Too many simultaneous connections. (Failure)", fault.Account, 0, 0},
		{"Dovecot", "NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)", fault.Account, 10, 0},
		{"Cyrus", "NO Too many open connections (40 of 40 from mover.example [192.0.2.1], 1 of 9 for u)", fault.Account, 0, 40},
		{"of the address", "NO too many connections from your IP address", fault.Host, 0, 0},
		{"Yahoo's BAD", "BAD [LIMIT] LOGIN Too many concurrent connections", fault.Account, 0, 0},
	}
	for _, tt := range tests {
		for _, plain := range []bool{false, true} {
			t.Run(tt.name, func(t *testing.T) {
				cfg := scripted(t, func(s *session) {
					caps := "IMAP4rev1 AUTH=PLAIN SASL-IR"
					if plain {
						caps += " LOGINDISABLED"
					}
					s.say("* OK [CAPABILITY " + caps + "] ready")
					s.say(s.expect(`(LOGIN|AUTHENTICATE) .*`) + " " + tt.answer)
					s.gone()
				})
				_, err := Dial(t.Context(), cfg)
				e := wantFault(t, err, fault.TooManySessions, tt.scope, true)
				if e.MaxPerUser != tt.perUser || e.MaxPerHost != tt.perHost {
					t.Errorf("limits %d per user, %d per host", e.MaxPerUser, e.MaxPerHost)
				}
			})
		}
	}
}

// The user's own rules are heard wherever a server refuses, with its software
// known by its greeting or by what it says to ID.
func TestFaultRules(t *testing.T) {
	rules, err := fault.ParseRules(strings.NewReader(`
greeting,starttls text="/gone fishing/" -> code=throttled scope=host temporary wait=1h
login server=acme code=X-QUOTA-DB       -> code=unavailable temporary wait=5m hint="call Ann"
select server="acme mail"               -> code=throttled temporary wait=7m
fetch status=BYE host=*.test            -> code=unavailable temporary wait=9m
`))
	if err != nil {
		t.Fatal(err)
	}
	login := func(s *session) {
		s.say("* OK [CAPABILITY IMAP4rev1 NAMESPACE ID] Acme ready")
		s.say(s.exact(`LOGIN "u" "p"`) + " OK [CAPABILITY IMAP4rev1 NAMESPACE ID] in")
		id, ns := s.expect(`ID .*`), s.exact("NAMESPACE")
		s.say(`* ID ("name" "Acme Mail" "vendor" "Acme Inc")`, id+" OK", roots, ns+" OK")
	}
	examine := func(t *testing.T, c *Conn) error {
		_, err := c.Examine(t.Context(), "x")
		return err
	}
	tests := []struct {
		name     string
		security account.Security
		script   func(s *session)
		then     func(t *testing.T, c *Conn) error // nil: Dial fails
		code     fault.Code
		scope    fault.Scope
		wait     time.Duration
		hint     string
	}{
		{"greeting", account.SecurityPlain, func(s *session) { s.say("* BYE Gone fishing") }, nil, fault.Throttled, fault.Host, time.Hour, ""},
		{"greeting before TLS", account.SecuritySTARTTLS, func(s *session) { s.say("* BYE Gone fishing") }, nil, fault.Throttled, fault.Host, time.Hour, ""},
		{"STARTTLS", account.SecuritySTARTTLS, func(s *session) {
			s.say("* OK ready")
			s.exact("STARTTLS")
			s.say("* BYE Gone fishing")
		}, nil, fault.Throttled, fault.Host, time.Hour, ""},
		{"login", account.SecurityPlain, func(s *session) {
			s.say("* OK [CAPABILITY IMAP4rev1] Acme ready")
			s.say(s.exact(`LOGIN "u" "p"`) + " NO [X-QUOTA-DB] try something else")
			s.gone()
		}, nil, fault.Unavailable, fault.Account, 5 * time.Minute, "call Ann"},
		{"select", account.SecurityPlain, func(s *session) {
			login(s)
			s.say(s.exact(`EXAMINE "x"`) + " NO not now")
			s.gone()
		}, examine, fault.Throttled, fault.Account, 7 * time.Minute, ""},
		{"BYE", account.SecurityPlain, func(s *session) {
			login(s)
			s.expect("UID FETCH .*")
			s.say("* BYE so long")
		}, func(t *testing.T, c *Conn) error {
			f, err := c.Fetch(t.Context(), []Range{{1, 1}}, ItemFlags, FetchHandler{})
			if err != nil {
				return err
			}
			return f.Wait(t.Context())
		}, fault.Unavailable, fault.Account, 9 * time.Minute, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := scripted(t, tt.script)
				cfg.Faults, cfg.Endpoint.Security = rules, tt.security
				c, err := Dial(t.Context(), cfg)
				if tt.then != nil {
					if err != nil {
						t.Fatal(err)
					}
					err = tt.then(t, c)
					c.Abort()
					<-c.Done()
				}
				e := wantFault(t, err, tt.code, tt.scope, true)
				if e.Wait != tt.wait || tt.hint != "" && e.Hint != tt.hint || e.Host != "mail.test" || e.Side != fault.Source {
					t.Errorf("%+v", e)
				}
			})
		})
	}
}
