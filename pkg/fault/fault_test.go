package fault

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestClassify(t *testing.T) {
	tests := []struct {
		name  string
		a     Answer
		code  Code
		scope Scope
		temp  bool
	}{
		{"wrong password", Answer{Op: "login", Status: "NO", Code: "AUTHENTICATIONFAILED", Text: "Authentication failed."}, AuthRefused, Account, false},
		{"codeless NO at login", Answer{Op: "login", Status: "NO", Text: "Login failed."}, AuthRefused, Account, false},
		{"Dovecot connection limit", Answer{Op: "login", Status: "NO", Code: "UNAVAILABLE", Text: "Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)"}, TooManySessions, Account, true},
		{"Dovecot auth backend", Answer{Op: "login", Status: "NO", Code: "UNAVAILABLE", Text: "Temporary authentication failure."}, AuthTemporary, Account, true},
		{"Gmail connections", Answer{Op: "login", Status: "NO", Code: "ALERT", Text: "Too many simultaneous connections. (Failure)"}, TooManySessions, Account, true},
		{"Gmail browser", Answer{Op: "login", Status: "NO", Code: "ALERT", Text: "Please log in via your web browser"}, UserAction, Account, false},
		{"Cyrus connections", Answer{Op: "login", Status: "NO", Text: "Too many open connections (5 of 4 from host, 1 of 9 for user)"}, TooManySessions, Account, true},
		{"Gmail day budget", Answer{Op: "fetch", Status: "NO", Code: "OVERQUOTA", Text: "Account exceeded command or bandwidth limits."}, Throttled, Account, true},
		{"full destination", Answer{Side: Dest, Op: "append", Status: "NO", Code: "OVERQUOTA", Text: "Quota exceeded (mailbox for user is full)"}, Quota, Account, false},
		{"full destination without code", Answer{Side: Dest, Op: "append", Status: "NO", Text: "mailbox is full"}, Quota, Account, false},
		{"Exchange throttle", Answer{Op: "fetch", Status: "BAD", Text: "Request is throttled. Suggested Backoff Time: 299961 milliseconds"}, Throttled, Account, true},
		{"Yahoo", Answer{Op: "fetch", Status: "NO", Code: "LIMIT", Text: "UID FETCH Rate limit hit."}, Throttled, Account, true},
		{"Cyrus LIMIT on APPEND", Answer{Op: "append", Status: "NO", Code: "LIMIT", Text: "Too many user flags in mailbox"}, MessageRefused, Message, false},
		{"flags refused", Answer{Side: Dest, Op: "store", Status: "NO", Text: "cannot"}, Refused, Mailbox, false},
		{"flags not understood", Answer{Side: Dest, Op: "store", Status: "BAD", Text: "Invalid system flag"}, Refused, Mailbox, false},
		{"Cyrus LIMIT on STORE", Answer{Side: Dest, Op: "store", Status: "NO", Code: "LIMIT", Text: "Too many user flags in mailbox"}, Refused, Mailbox, false},
		{"full at STORE", Answer{Side: Dest, Op: "store", Status: "NO", Code: "OVERQUOTA", Text: "full"}, Quota, Mailbox, false},
		{"full at COPY", Answer{Side: Dest, Op: "copy", Mailbox: "x", Status: "NO", Code: "OVERQUOTA", Text: "full"}, Quota, Mailbox, false},
		{"expunge refused", Answer{Side: Dest, Op: "expunge", Status: "NO", Text: "no"}, Refused, Mailbox, false},
		{"busy at STORE", Answer{Side: Dest, Op: "store", Status: "NO", Text: "Server Unavailable. 15"}, Unavailable, Mailbox, true},
		{"throttled at STORE", Answer{Side: Dest, Op: "store", Status: "NO", Code: "THROTTLED", Text: "slow"}, Throttled, Account, true},
		{"session over at STORE", Answer{Side: Dest, Op: "store", Status: "NO", Text: "Session expired"}, ConnectionLost, Account, true},
		{"too big", Answer{Op: "append", Status: "NO", Code: "TOOBIG", Text: "x"}, TooBig, Message, false},
		{"Exchange too big", Answer{Op: "append", Status: "NO", Text: "Maximum size of appendable message has been exceeded"}, TooBig, Message, false},
		{"virus", Answer{Op: "append", Status: "NO", Text: "Message refused because it contains a virus"}, MessageRefused, Message, false},
		{"create refused", Answer{Op: "create", Status: "NO", Mailbox: "a%b", Text: "Invalid mailbox name"}, MailboxRefused, Mailbox, false},
		{"select not permitted", Answer{Op: "select", Status: "NO", Mailbox: "x", Code: "NOPERM", Text: "no"}, MailboxRefused, Mailbox, false},
		{"expired", Answer{Op: "login", Status: "NO", Code: "EXPIRED", Text: "x"}, Forbidden, Account, false},
		{"fetch server bug", Answer{Op: "fetch", Status: "NO", Code: "SERVERBUG", Text: "Internal error"}, SourceUnreadable, Message, true},
		{"in use", Answer{Op: "select", Mailbox: "x", Status: "NO", Code: "INUSE", Text: "locked"}, InUse, Mailbox, true},
		{"wrong password with advice", Answer{Op: "login", Status: "NO", Code: "AUTHENTICATIONFAILED", Text: "Invalid credentials. Please try again later."}, AuthRefused, Account, false},
		{"forbidden with advice", Answer{Op: "login", Status: "NO", Code: "AUTHORIZATIONFAILED", Text: "try again later"}, Forbidden, Account, false},
		{"expired with advice", Answer{Op: "login", Status: "NO", Code: "expired", Text: "session expired, try again later"}, Forbidden, Account, false},
		{"TLS wanted with advice", Answer{Op: "login", Status: "NO", Code: "PRIVACYREQUIRED", Text: "try again later"}, TLSMissing, Account, false},
		{"browser with advice", Answer{Op: "login", Status: "NO", Code: "WEBALERT https://mail.example/x", Text: "try again later"}, UserAction, Account, false},
		{"too big with advice", Answer{Side: Dest, Op: "append", Status: "NO", Code: "TOOBIG", Text: "rate limit? try again later"}, TooBig, Message, false},
		{"full at APPEND with advice", Answer{Side: Dest, Op: "append", Status: "NO", Code: "OVERQUOTA", Text: "Out of space, try again later"}, Quota, Account, false},
		{"full at CREATE with advice", Answer{Side: Dest, Op: "create", Mailbox: "x", Status: "NO", Code: "OVERQUOTA", Text: "try again later"}, Quota, Account, false},
		{"mailbox in use with advice", Answer{Op: "select", Mailbox: "x", Status: "NO", Code: "INUSE", Text: "locked, try again later"}, InUse, Mailbox, true},
		{"text before SERVERBUG", Answer{Side: Dest, Op: "append", Status: "NO", Code: "SERVERBUG", Text: "no space left on device"}, Quota, Account, false},
		{"budget at FETCH with advice", Answer{Side: Source, Op: "fetch", Status: "NO", Code: "OVERQUOTA", Text: "try again later"}, Unavailable, Account, true},
		{"text before UNAVAILABLE", Answer{Op: "select", Mailbox: "x", Status: "NO", Code: "UNAVAILABLE", Text: "too many requests"}, Throttled, Account, true},
		{"text before LIMIT", Answer{Op: "append", Status: "NO", Code: "LIMIT", Text: "too many requests"}, Throttled, Account, true},
		{"text before an unknown code", Answer{Op: "login", Status: "NO", Code: "X-Y", Text: "try again later"}, Unavailable, Account, true},
		{"fetch of one message fails", Answer{Op: "fetch", Status: "NO", Text: "Server Unavailable. 15"}, SourceUnreadable, Message, true},
		{"fetch system error", Answer{Op: "fetch", Status: "NO", Code: "UNAVAILABLE", Text: "System Error (try again later)"}, SourceUnreadable, Message, true},
		{"fetch throttled", Answer{Op: "fetch", Status: "NO", Text: "too many requests, try again later"}, Throttled, Account, true},
		{"fetch without a mailbox session", Answer{Op: "fetch", Status: "NO", Text: "User is authenticated but not connected."}, Unavailable, Account, true},
		{"unknown", Answer{Op: "namespace", Status: "NO", Text: "no"}, Refused, Account, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := Classify(tt.a)
			if e.Code != tt.code || e.Scope != tt.scope || e.Temporary != tt.temp {
				t.Errorf("Classify = %q %v temporary=%v, want %q %v %v", e.Code, e.Scope, e.Temporary, tt.code, tt.scope, tt.temp)
			}
			if e.Hint == "" && e.Code != Refused {
				t.Error("no hint")
			}
		})
	}
}

func TestClassifyBackoffTime(t *testing.T) {
	e := Classify(Answer{Op: "select", Status: "NO", Text: "Request is throttled. Suggested Backoff Time: 299961 milliseconds"})
	if want := 299961 * time.Millisecond; e.Wait != want {
		t.Errorf("Wait = %v, want %v", e.Wait, want)
	}
}

func TestDial(t *testing.T) {
	tests := []struct {
		name string
		err  error
		code Code
		temp bool
	}{
		{"no such host", &net.DNSError{IsNotFound: true}, HostUnknown, false},
		{"resolver down", &net.DNSError{IsTemporary: true}, HostUnknown, true},
		{"refused", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, Unreachable, true},
		{"timeout", &net.OpError{Op: "dial", Err: timeoutError{}}, Unreachable, true},
		{"self-signed", x509.UnknownAuthorityError{}, TLS, false},
		{"other name", x509.HostnameError{Certificate: &x509.Certificate{}, Host: "h"}, TLS, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := Dial(Source, "h", fmt.Errorf("dial: %w", tt.err))
			if e.Code != tt.code || e.Temporary != tt.temp || e.Hint == "" {
				t.Errorf("Dial = %q temporary=%v hint %q, want %q %v", e.Code, e.Temporary, e.Hint, tt.code, tt.temp)
			}
		})
	}
}

type timeoutError struct{}

func (timeoutError) Error() string   { return "i/o timeout" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }

func TestLost(t *testing.T) {
	plain := Lost(Answer{Side: Dest, Op: "append"}, errors.New("reset"))
	if plain.Code != ConnectionLost || !plain.Temporary {
		t.Errorf("plain cut = %q temporary=%v", plain.Code, plain.Temporary)
	}
	bye := Lost(Answer{Side: Dest, Op: "append", Bye: "Session expired, please login again"}, nil)
	if bye.Code != ConnectionLost || !bye.Temporary || bye.Text == "" {
		t.Errorf("session expired = %+v", bye)
	}
	gone := Lost(Answer{Side: Source, Op: "fetch", Bye: "System error, try again later"}, nil)
	if gone.Code != Unavailable || gone.Scope != Account || !gone.Temporary {
		t.Errorf("BYE during FETCH = %+v", gone)
	}
	slow := Lost(Answer{Side: Source, Op: "fetch"}, timeoutError{})
	if slow.Code != Timeout || !slow.Temporary {
		t.Errorf("timeout = %+v", slow)
	}
}

// A port that says nothing may be waiting for a TLS handshake.
func TestSilentGreetingHint(t *testing.T) {
	silent := Lost(Answer{Side: Source}, timeoutError{})
	for name, e := range map[string]*Error{
		"Lost":                  Lost(Answer{Side: Source, Op: "greeting"}, timeoutError{}),
		"Dial after a silence":  Dial(Source, "h", silent),
		"Dial around a silence": Dial(Source, "h", fmt.Errorf("x: %w", silent)),
	} {
		if !strings.Contains(e.Hint, "imaps://") || !e.Temporary {
			t.Errorf("%s: hint %q, temporary %v", name, e.Hint, e.Temporary)
		}
	}
	for name, e := range map[string]*Error{
		"a later step":       Lost(Answer{Side: Source, Op: "fetch"}, timeoutError{}),
		"a cut":              Lost(Answer{Side: Source, Op: "greeting"}, errors.New("reset")),
		"no connection made": Dial(Source, "h", &net.OpError{Op: "dial", Err: timeoutError{}}),
	} {
		if strings.Contains(e.Hint, "imaps://") {
			t.Errorf("%s: hint %q", name, e.Hint)
		}
	}
}

func TestErrorText(t *testing.T) {
	e := &Error{Side: Dest, Host: "imap.example", Op: "append", Mailbox: "S\x1b[31ment", UID: 41, Text: "NO [TOOBIG] no"}
	want := `destination imap.example: append "S [31ment" uid 41: NO [TOOBIG] no`
	if got := e.Error(); got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	wrapped := fmt.Errorf("row 3: %w", e)
	if Of(wrapped) != e || ScopeOf(errors.New("x")) != Account || IsTemporary(wrapped) {
		t.Error("Of, ScopeOf or IsTemporary do not look through wrapping")
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain":             "plain",
		"a\r\nb":            "a  b",
		"\x1b[2Jx":          "[2Jx",
		"na\xefve":          "na ve",
		"Entwürfe":          "Entwürfe",
		"a\u202eb\u0085c":   "a b c",
		" lead and trail\t": "lead and trail",
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}
