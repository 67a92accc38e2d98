package fault

import (
	"fmt"
	"strings"
	"testing"
)

// An answer, and how it is read at each step where a server may give it. A
// reading is "code scope", then "later" where it is temporary, and wait=,
// user= and host= where they are not zero. Empty: not seen there.
type answered struct {
	name                         string
	server                       string // its software
	status, code, text           string
	greeting, login              string
	selects, fetch, append, more string // more: at a step of its own, "create: quota account"
}

const (
	lost      = "connection-lost account later"
	busy      = "unavailable account later"
	unread    = "source-unreadable message later"
	slow      = "throttled account later"
	many      = "too-many-connections account later"
	tomorrow  = "throttled account later wait=1h0m0s"
	noBox     = "mailbox-refused mailbox"
	noMessage = "message-refused message"
	large     = "too-big message"
	noLogin   = "auth-refused account"
	noRight   = "forbidden account"
)

// What has been seen of servers, one by one, in the order of their makers.
var answers = []answered{
	{"Gmail, the day's budget", "GImap", "NO", "OVERQUOTA", "Account exceeded command or bandwidth limits.", "", tomorrow, tomorrow, tomorrow, tomorrow, ""},
	{"Gmail, the day's budget as BAD", "GImap", "BAD", "OVERQUOTA", "Account exceeded command or bandwidth limits.", "", tomorrow, tomorrow, tomorrow, tomorrow, "list: " + tomorrow},
	{"Gmail, slower", "GImap", "NO", "", "Lookup failed [THROTTLED]", "throttled host later", slow, slow, slow, slow, ""},
	{"slower by its code", "", "NO", "THROTTLED", "slow down", "throttled host later", slow, slow, slow, slow, "store: " + slow},
	{"Gmail, session over", "GImap", "BYE", "", "Session expired, please login again", "", lost, lost, lost, lost, ""},
	{"Gmail, system error", "GImap", "BYE", "", "System Error", "unavailable host later", busy, busy, busy, busy, ""},
	{"Gmail, connections", "GImap", "NO", "ALERT", "Too many simultaneous connections. (Failure)", "", many, many, many, many, ""},
	{"Gmail, web browser", "GImap", "NO", "ALERT", "Please log in via your web browser", "", "user-action account", "user-action account", "", "", ""},
	{"Gmail, web browser by its code", "GImap", "NO", "WEBALERT https://accounts.example/x", "Web login required.", "", "user-action account", "user-action account", "", "", ""},
	{"Gmail, app password", "GImap", "NO", "ALERT", "Application-specific password required: https://example (Failure)", "", "user-action account", "", "", "", ""},
	{"Gmail, wrong password with ALERT", "GImap", "NO", "ALERT", "Invalid credentials (Failure)", "", noLogin, "", "", "", ""},

	{"Exchange, throttled", "Microsoft Exchange IMAP4 service", "NO", "", "Request is throttled. Suggested Backoff Time: 299961 milliseconds",
		"throttled host later wait=4m59.961s", slow + " wait=4m59.961s", slow + " wait=4m59.961s", slow + " wait=4m59.961s", slow + " wait=4m59.961s", ""},
	{"Exchange, throttled as BAD", "Microsoft Exchange IMAP4 service", "BAD", "", "Request is throttled. Suggested Backoff Time: 2000 milliseconds",
		"", slow + " wait=2s", slow + " wait=2s", slow + " wait=2s", slow + " wait=2s", "list: " + slow + " wait=2s"},
	{"Exchange, throttled as BYE", "Microsoft Exchange IMAP4 service", "BYE", "", "Request is throttled. Suggested Backoff Time: 2000 milliseconds",
		"throttled host later wait=2s", slow + " wait=2s", slow + " wait=2s", slow + " wait=2s", slow + " wait=2s", ""},
	{"Exchange, the BYE after it", "Microsoft Exchange IMAP4 service", "BYE", "", "Connection closed. 14", busy, lost, lost, lost, lost, ""},
	{"Exchange, unavailable", "Microsoft Exchange IMAP4 service", "NO", "", "Server Unavailable. 15", "unavailable host later", busy, busy, unread, busy, ""},
	{"Exchange, no mailbox session", "Microsoft Exchange IMAP4 service", "BAD", "", "User is authenticated but not connected.", "", busy, busy, busy, busy, ""},
	{"Exchange, too big", "Microsoft Exchange IMAP4 service", "NO", "", "Maximum size of appendable message has been exceeded.", "", "", "", "", large, ""},
	{"too big as BAD", "", "BAD", "", "maximum message size exceeded", "", "", "", "", large, ""},
	{"too big by its code", "Dovecot", "NO", "TOOBIG", "Message too large", "", "", "", large, large, "copy: too-big message"},
	{"Exchange, argument", "Microsoft Exchange IMAP4 service", "BAD", "", "Command Argument Error. 11", "", "protocol account", noBox, unread, noMessage, "list: refused account"},
	{"line too long", "", "BAD", "", "command line limit exceeded", "", "protocol account", noBox, unread, noMessage, ""},
	{"header too long", "", "NO", "", "header limit reached", "", "", "", unread, noMessage, ""},
	{"not to be parsed", "", "NO", "", "Unable to parse message", "", "", "", unread, noMessage, ""},
	{"virus", "", "NO", "", "Message refused because it contains a virus", "", "", "", unread, noMessage, ""},

	{"Yahoo, rate", "", "NO", "LIMIT", "UID FETCH Rate limit hit.", "throttled host later", slow, slow, slow, slow, ""},
	{"Yahoo, rate as BYE", "", "BYE", "LIMIT", "Rate limit hit.", "throttled host later", slow, slow, slow, slow, ""},
	{"Yahoo, fetching", "", "NO", "UNAVAILABLE", "UID FETCH Server error while fetching messages", "", "auth-temporary account later", "unavailable mailbox later", unread, "unavailable mailbox later", ""},
	{"a defect", "Dovecot", "NO", "SERVERBUG", "Internal error occurred. Refer to server log for more information.", "", busy, "unavailable mailbox later", unread, noMessage, ""},
	{"damaged", "Dovecot", "NO", "CORRUPTION", "Mailbox is corrupted", "", busy, "unavailable mailbox later", unread, noMessage, ""},

	{"Dovecot 2.3, connections", "Dovecot", "NO", "UNAVAILABLE", "Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)",
		"", many + " user=10", many + " user=10", many + " user=10", many + " user=10", ""},
	{"Dovecot 2.4, connections", "Dovecot", "NO", "LIMIT", "Maximum number of connections from user+IP exceeded (mail_max_userip_connections=20)", "", many + " user=20", "", "", "", ""},
	{"Dovecot, password check down", "Dovecot", "NO", "UNAVAILABLE", "Temporary authentication failure.", "", "auth-temporary account later", "unavailable mailbox later", "", "", ""},
	{"password check down without code", "", "NO", "", "Temporary authentication failure.", "", "auth-temporary account later", "", "", "", ""},
	{"Dovecot, a reason", "Dovecot", "NO", "ALERT", "Your account moves to the new system this weekend", "", noRight, "", "", "", ""},
	{"Cyrus, connections of the host", "Cyrus IMAP", "NO", "", "Too many open connections (40 of 40 from mover.example [192.0.2.1], 1 of 9 for carla)", "", many + " host=40", "", "", "", ""},
	{"Cyrus, connections of the user", "Cyrus IMAP", "NO", "", "Too many open connections (9 of 40 from mover.example [192.0.2.1], 9 of 9 for carla)", "", many + " user=9", "", "", "", ""},
	{"Cyrus, flags", "Cyrus IMAP", "NO", "LIMIT", "Too many user flags in mailbox", "", many, slow, slow, noMessage, "store: refused mailbox"},
	{"Courier, connections of the address", "Courier", "BYE", "", "Too many connections from your IP", "too-many-connections host later", "too-many-connections host later", "", "", "", ""},
	{"Kerio, connections of the address", "Kerio", "BYE", "", "too many connections. Connection limit is 100", "too-many-connections host later host=100", many + " user=100", "", "", "", ""},
	{"a limit at the greeting", "", "BYE", "LIMIT", "come back", "too-many-connections host later", "", "", "", "", ""},
	{"full", "Dovecot", "NO", "OVERQUOTA", "Quota exceeded (mailbox for user is full)", "", tomorrow, tomorrow, tomorrow, "quota account", "create: quota account"},
	{"full without code", "", "NO", "", "Mailbox is full", "", "", "", "", "quota account", "create: quota account"},
	{"full, seen at SELECT of the destination", "", "NO", "OVERQUOTA", "no room", "", "", "", "", "", "select destination: quota account"},
	{"Zimbra, full perhaps", "Zimbra", "NO", "", "APPEND failed", "", "", "", "", noMessage, ""},
	{"Stalwart, messages of one command", "Stalwart", "NO", "MESSAGELIMIT 100", "Too many messages", "", "", "", "", noMessage, ""},

	{"locked", "", "NO", "INUSE", "Mailbox is locked", "", "in-use account later", "in-use mailbox later", "in-use account later", "in-use mailbox later", ""},
	{"wrong password as an alert", "", "NO", "ALERT", "Authentication failed", "", noLogin, "", "", "", ""},
	{"wrong password, politely", "", "NO", "", "Incorrect user name or password, try again later", "", noLogin, "", "", "", ""},
	{"wrong password", "", "NO", "AUTHENTICATIONFAILED", "Authentication failed.", "", noLogin, "", "", "", ""},
	{"NO without code", "", "NO", "", "no", busy, noLogin, noBox, unread, noMessage, "namespace: refused account"},
	{"expired", "", "NO", "EXPIRED", "x", "", noRight, noRight, noRight, noRight, ""},
	{"the administrator knows", "", "NO", "CONTACTADMIN", "x", noRight, noRight, noBox, noRight, noBox, ""},
	{"without TLS", "", "NO", "PRIVACYREQUIRED", "x", "", "tls-missing account", "tls-missing account", "", "", ""},
	{"not for this user", "", "NO", "AUTHORIZATIONFAILED", "x", "", noRight, noRight, noRight, noRight, ""},
	{"no right", "", "NO", "NOPERM", "x", noRight, noRight, noBox, noRight, noBox, ""},
	{"no such mailbox, to be made", "", "NO", "TRYCREATE", "x", "", "", noBox, "", noBox, ""},
	{"no such mailbox", "", "NO", "NONEXISTENT", "x", "", "", noBox, "", noBox, ""},
	{"there already", "", "NO", "ALREADYEXISTS", "x", "", "", "", "", "", "create: " + noBox},
	{"cannot", "", "NO", "CANNOT", "x", "", "", noBox, unread, noMessage, "create: " + noBox},
	{"limit at CREATE", "", "NO", "LIMIT", "too many mailboxes", "", "", "", "", "", "create: " + noBox},
	{"busy, later", "", "NO", "OVERQUOTA", "try again later", "", "", "", busy, "", ""},
	{"down", "", "BYE", "UNAVAILABLE", "maintenance", "unavailable host later", "auth-temporary account later", lost, lost, lost, ""},
	{"flags refused", "", "NO", "", "x", "", "", "", "", "", "store: refused mailbox"},
}

func TestAnswers(t *testing.T) {
	for _, tt := range answers {
		t.Run(tt.name, func(t *testing.T) {
			for _, a := range tt.all() {
				e := Classify(a.Answer)
				if got := reading(e); got != a.want {
					t.Errorf("at %s %s: %s, want %s", a.Side, a.Op, got, a.want)
				}
				if e.Hint == "" {
					t.Errorf("at %s: no hint", a.Op)
				}
				if a.Status == "BYE" && a.Op != "greeting" { // as it is met: the session is over
					if got := reading(Lost(Answer{Side: a.Side, Op: a.Op, Bye: bye(a.Answer)}, nil)); got != a.want {
						t.Errorf("lost at %s: %s, want %s", a.Op, got, a.want)
					}
				}
				if e.Code == AuthRefused && (e.Temporary || e.Wait > 0) {
					t.Error("a refused login would be repeated")
				}
			}
		})
	}
}

func bye(a Answer) string {
	if a.Code == "" {
		return a.Text
	}
	return "[" + a.Code + "] " + a.Text
}

type atStep struct {
	Answer
	want string
}

// all are the answer's steps.
func (tt answered) all() []atStep {
	var all []atStep
	add := func(side Side, op, mailbox, want string) {
		if want != "" {
			all = append(all, atStep{Answer{Side: side, Op: op, Mailbox: mailbox, Status: tt.status, Code: tt.code, Text: tt.text, Software: tt.server}, want})
		}
	}
	add(Source, "greeting", "", tt.greeting)
	add(Source, "login", "", tt.login)
	add(Dest, "login", "", tt.login)
	add(Source, "select", "x", tt.selects)
	add(Source, "fetch", "", tt.fetch)
	add(Dest, "append", "x", tt.append)
	if step, want, ok := strings.Cut(tt.more, ": "); ok {
		op, side, _ := strings.Cut(step, " ")
		mailbox, at := "x", Dest
		if op == "list" || op == "namespace" {
			mailbox, at = "", Source
		}
		if side == "source" {
			at = Source
		}
		add(at, op, mailbox, want)
	}
	return all
}

func reading(e *Error) string {
	s := fmt.Sprintf("%s %s", e.Code, e.Scope)
	if e.Temporary {
		s += " later"
	}
	if e.Wait > 0 {
		s += " wait=" + e.Wait.String()
	}
	if e.MaxPerUser > 0 {
		s += fmt.Sprintf(" user=%d", e.MaxPerUser)
	}
	if e.MaxPerHost > 0 {
		s += fmt.Sprintf(" host=%d", e.MaxPerHost)
	}
	return s
}

// A line that no answer reaches is dead, or not tested.
func TestTableIsReached(t *testing.T) {
	reached := make([]bool, len(table))
	for _, tt := range answers {
		for _, a := range tt.all() {
			for i := range table {
				if table[i].fits(a.Answer) {
					reached[i] = true
					break
				}
			}
		}
	}
	for i, is := range reached {
		if !is {
			t.Errorf("line %d of the table is reached by none of the answers: %+v", i, table[i])
		}
	}
}

// What only one server's name makes clear.
func TestAnswersBySoftware(t *testing.T) {
	tests := []struct {
		server, text, hint string
	}{
		{"Zimbra IMAP4 server", "APPEND failed", "Zimbra"},
		{"Dovecot", "APPEND failed", "rejects.csv"},
		{"The Microsoft Exchange IMAP4 service is ready.", "Server Unavailable. 15", "quota"},
		{"Dovecot", "Server Unavailable. 15", "busy"},
	}
	for _, tt := range tests {
		if e := Classify(Answer{Side: Dest, Op: "append", Mailbox: "x", Status: "NO", Text: tt.text, Software: tt.server}); !strings.Contains(e.Hint, tt.hint) {
			t.Errorf("%s says %q: hint %q", tt.server, tt.text, e.Hint)
		}
	}
}

// A throttle that is followed by a BYE is the reason for whoever waits, and
// for whoever reads the connection's end without knowing whose it was.
func TestLastRefusal(t *testing.T) {
	throttle := Answer{Op: "fetch", Status: "NO", Text: "Request is throttled. Suggested Backoff Time: 299961 milliseconds", Bye: "Connection closed. 14"}
	at := Answer{Side: Source, Host: "h", Op: "select", Mailbox: "x"}
	tests := []struct {
		name string
		last Answer
		want string
		text string
	}{
		{"the tagged text is kept", throttle, slow + " wait=4m59.961s", "NO Request is throttled. Suggested Backoff Time: 299961 milliseconds"},
		{"a BYE with the time", Answer{Op: "fetch", Status: "NO", Text: "no", Bye: throttle.Text}, slow + " wait=4m59.961s", throttle.Text},
		{"both", Answer{Op: "fetch", Status: "BAD", Code: "THROTTLED", Text: "slow", Bye: throttle.Text}, slow + " wait=4m59.961s", "BAD [THROTTLED] slow"},
		{"a refusal that is no reason", Answer{Op: "append", Status: "NO", Code: "TOOBIG", Text: "big"}, lost, ""},
		{"a limit of another command", Answer{Op: "append", Status: "NO", Code: "LIMIT", Text: "flags"}, lost, ""},
		{"a BYE that says nothing", Answer{Bye: "[X] bye"}, lost, "[X] bye"},
		{"nothing", Answer{}, lost, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			first := Lost(tt.last, fmt.Errorf("EOF"))
			e := (*Rules)(nil).Reread(first, at)
			if got := reading(e); got != tt.want || e.Text != tt.text || e.Op != "select" || e.Side != Source || e.Host != "h" || e.Err == nil {
				t.Errorf("%s, %+v, want %s", got, e, tt.want)
			}
			if first.Side != Local {
				t.Error("the error that others hold was changed")
			}
			if e.answer != nil {
				t.Error("the answer is kept, with whatever may be in it")
			}
		})
	}
}
