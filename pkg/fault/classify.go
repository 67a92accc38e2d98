package fault

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Answer is a server's refusal and the command that it answered. Op is the
// step in lower case ("login", "select", "append" ...), Status is NO, BAD or
// BYE, Code what stood inside [] with its arguments (RFC 9051 section 7.1).
type Answer struct {
	Side    Side
	Host    string
	Op      string
	Mailbox string
	UID     uint32
	Status  string
	Code    string
	Text    string
}

// verdict is what a rule says about an answer.
type verdict struct {
	code      Code
	scope     Scope
	temporary bool
	hint      string
}

// Classify reads a refusal: by a response code that leaves no doubt, then by
// its text, then by any other code, then by the command that it answered. It
// always returns a non-nil *Error whose Text
// is the server's own words without control characters.
func Classify(a Answer) *Error {
	var v verdict
	ok := false
	if a.decisive() {
		v, ok = byCode(a)
	}
	if !ok {
		v, ok = byText(a)
	}
	if !ok {
		v, ok = byCode(a)
	}
	if !ok {
		v = byCommand(a)
	}
	switch a.Op {
	case "store":
		v = v.ofFlags()
	case "copy", "move", "expunge":
		v = v.ofFlags()
		if v.scope == Mailbox {
			v.hint = hintFollow
		}
	}
	e := &Error{
		Scope: v.scope, Side: a.Side, Temporary: v.temporary, Code: v.code,
		Op: a.Op, Host: a.Host, Mailbox: a.Mailbox, UID: a.UID,
		Text: words(a), Hint: v.hint, Wait: backoffTime(a.Text),
	}
	if e.Code == TooManySessions {
		e.MaxPerUser, e.MaxPerHost = connectionLimits(a.Text)
	}
	return e
}

// words joins the code and the text as the server said them.
func words(a Answer) string {
	s := a.Text
	if a.Code != "" {
		s = "[" + a.Code + "] " + s
	}
	if a.Status != "" {
		s = a.Status + " " + s
	}
	return Clean(s)
}

var suggested = regexp.MustCompile(`(?i)suggested backoff time: *(\d{1,9}) *milliseconds`)

// backoffTime reads the time that Exchange asks to be left alone.
func backoffTime(text string) time.Duration {
	m := suggested.FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	ms, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(ms) * time.Millisecond
}

// codeName is the response code in upper case without its arguments.
func (a Answer) codeName() string {
	name, _, _ := strings.Cut(strings.ToUpper(a.Code), " ")
	return name
}

// decisive reports whether the response code outranks the text: servers add
// advice such as "try again later" to a wrong password. Codes that say little
// (SERVERBUG, CONTACTADMIN) and those that servers use for something else than
// the RFC says (UNAVAILABLE, ALERT, LIMIT) are not decisive.
func (a Answer) decisive() bool {
	switch a.codeName() {
	case "AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED", "PRIVACYREQUIRED", "WEBALERT",
		"TOOBIG", "NOPERM", "INUSE", "CORRUPTION", "THROTTLED":
		return true
	case "OVERQUOTA":
		return a.Side != Source && (a.Op == "append" || a.Op == "create")
	}
	return false
}

// byCode reads the response codes of RFC 5530, RFC 9051 section 7.1, RFC 7889
// and RFC 9208.
func byCode(a Answer) (verdict, bool) {
	switch a.codeName() {
	case "AUTHENTICATIONFAILED":
		return verdict{AuthRefused, Account, false, hintPassword}, true
	case "AUTHORIZATIONFAILED":
		return verdict{Forbidden, Account, false, "the login worked but may not act as this user: check the admin's rights (authuser column)"}, true
	case "EXPIRED":
		return verdict{Forbidden, Account, false, "the account or its password has expired: renew it at the server"}, true
	case "PRIVACYREQUIRED":
		return verdict{TLSMissing, Account, false, "the server wants TLS for this: use imaps:// or imap:// in the host column"}, true
	case "CONTACTADMIN", "NOPERM":
		return permission(a), true
	case "WEBALERT":
		return verdict{UserAction, Account, false, hintBrowser}, true
	case "UNAVAILABLE":
		return unavailable(a), true
	case "INUSE":
		return verdict{InUse, mailboxOr(a, Account), true, "the mailbox is locked by another session: it is tried again"}, true
	case "SERVERBUG", "CORRUPTION":
		return serverBug(a), true
	case "OVERQUOTA":
		return quota(a), true
	case "LIMIT":
		return limit(a), true
	case "TOOBIG":
		return verdict{TooBig, Message, false, hintTooBig}, true
	case "THROTTLED":
		return verdict{Throttled, Account, true, hintThrottled}, true
	}
	return verdict{}, false
}

const (
	hintPassword  = "check user name and password of this row; nothing is tried again until the list is mended"
	hintBrowser   = "the provider wants the user to log in with a web browser once, or an app password"
	hintThrottled = "the server asks to go slower: the row is tried again later; lower --parallel or --max-per-host"
	hintTooMany   = "the server limits connections: lower --parallel or --max-per-host, or raise its limit for the migration"
	hintTooBig    = "the message is over the destination's size limit: raise the limit for the migration, then run again"
	hintQuota     = "the destination mailbox is full: raise its quota, then run again with --failed"
	hintMailbox   = "the server refuses this mailbox: check its name, length and rights there; the other mailboxes went on"
	hintUnread    = "the source could not read this message just now: it is tried again"
	hintFlags     = "the server refuses these flags here: the messages themselves are there; the flags are tried again on each run"
	hintFollow    = "the destination refuses to follow what users moved or deleted here: all mail is kept, and it is tried again on each run"
	hintMessage   = "the server refuses this message: see rejects.csv; it is tried again on each run"
)

func mailboxOr(a Answer, s Scope) Scope {
	if a.Mailbox != "" {
		return Mailbox
	}
	return s
}

// ofFlags is the verdict on a STORE, and on what follows users' moves and
// deletions: one that is refused ends no account,
// unless the server wants to be left alone or the session is over.
func (v verdict) ofFlags() verdict {
	switch v.code {
	case Throttled, TooManySessions, ConnectionLost:
	default:
		if v.scope != Message {
			v.scope = Mailbox
		}
	}
	return v
}

func login(a Answer) bool { return a.Op == "login" || a.Op == "greeting" }

func permission(a Answer) verdict {
	switch {
	case login(a):
		return verdict{Forbidden, Account, false, "the server refuses this account: ask its administrator"}
	case a.Mailbox != "":
		return verdict{MailboxRefused, Mailbox, false, hintMailbox}
	}
	return verdict{Forbidden, Account, false, "the account lacks a right at this server: ask its administrator"}
}

func unavailable(a Answer) verdict {
	if login(a) {
		return verdict{AuthTemporary, Account, true, "the server's password check is down: the row is tried again; this is not a wrong password"}
	}
	if a.Op == "fetch" {
		return verdict{SourceUnreadable, Message, true, hintUnread}
	}
	return verdict{Unavailable, mailboxOr(a, Account), true, "the server is busy: the row is tried again later"}
}

func serverBug(a Answer) verdict {
	switch a.Op {
	case "fetch":
		return verdict{SourceUnreadable, Message, true, "the source cannot read this message: ask its administrator to repair the mailbox"}
	case "append":
		return verdict{MessageRefused, Message, false, hintMessage}
	}
	return verdict{Unavailable, mailboxOr(a, Account), true, "the server reports a defect of its own: it is tried again"}
}

// quota: on APPEND, CREATE or COPY the destination is full; on FETCH it is
// Gmail's way to say that the day's budget is spent.
func quota(a Answer) verdict {
	if a.Side == Source || a.Op == "fetch" || login(a) {
		return verdict{Throttled, Account, true, "the provider's budget for the day is spent: the row is tried again later"}
	}
	return verdict{Quota, Account, false, hintQuota}
}

// limit: RFC 5530 LIMIT means one thing at login, another on APPEND.
func limit(a Answer) verdict {
	switch {
	case login(a):
		return verdict{TooManySessions, Account, true, hintTooMany}
	case a.Op == "append":
		return verdict{MessageRefused, Message, false, hintMessage}
	case a.Op == "store":
		return verdict{Refused, Mailbox, false, hintFlags}
	case a.Op == "create":
		return verdict{MailboxRefused, Mailbox, false, hintMailbox}
	}
	return verdict{Throttled, Account, true, hintThrottled}
}

// byCommand is the last resort: what a refusal without a known code or text
// means depends on what was asked.
func byCommand(a Answer) verdict {
	switch a.Op {
	case "greeting":
		return verdict{Unavailable, Account, true, "the server does not take the connection: the row is tried again later"}
	case "login":
		if a.Status == "BAD" {
			return verdict{Protocol, Account, false, "the server does not understand the login: check host, port and mechanism"}
		}
		return verdict{AuthRefused, Account, false, hintPassword}
	case "fetch":
		return verdict{SourceUnreadable, Message, true, "the source gives no content for this message: ask its administrator"}
	case "append":
		return verdict{MessageRefused, Message, false, hintMessage}
	case "store":
		return verdict{Refused, Mailbox, false, hintFlags}
	case "create", "select", "status", "subscribe":
		return verdict{MailboxRefused, Mailbox, false, hintMailbox}
	}
	return verdict{Refused, mailboxOr(a, Account), false, "the server refuses the command; its words say why"}
}
