// Package fault is the one vocabulary for what goes wrong: how much is lost
// (Scope), on which side (Side), whether a later try may help (Temporary), a
// stable Code to group by, the server's own words, and a Hint that tells the
// operator what to do. Fault.Error is its main type; it decides nothing about
// retries, that is batch's and mailsync's work.
package fault

import (
	"errors"
	"strings"
	"time"
)

// Scope says what the caller has to give up.
type Scope uint8

// The zero Scope is Account: an unclassified error ends its account, never
// the run.
const (
	Account Scope = iota
	Message
	Mailbox
	Host // every account of that server, for now
	Run
)

// String returns the scope's lower-case name.
func (s Scope) String() string {
	switch s {
	case Message:
		return "message"
	case Mailbox:
		return "mailbox"
	case Host:
		return "host"
	case Run:
		return "run"
	default:
		return "account"
	}
}

// Side tells the two servers apart. The zero Side is neither: the fault is
// this machine's own.
type Side uint8

// The two sides of a pair.
const (
	Local Side = iota
	Source
	Dest
)

// String returns "source", "destination" or "local".
func (s Side) String() string {
	switch s {
	case Source:
		return "source"
	case Dest:
		return "destination"
	default:
		return "local"
	}
}

// Code names a cause. It is stable: result files, JSON and grouping use it.
// The zero Code is Unknown.
type Code string

// The causes that imapfleet tells apart.
const (
	Unknown          Code = ""
	HostUnknown      Code = "host-unknown"         // the name does not resolve
	Unreachable      Code = "unreachable"          // refused, no route, dial timeout
	TLS              Code = "tls"                  // handshake or certificate
	TLSMissing       Code = "tls-missing"          // STARTTLS required, not offered
	NotIMAP          Code = "not-imap"             // the greeting is no IMAP greeting
	AuthRefused      Code = "auth-refused"         // user name or password
	AuthFuse         Code = "auth-fuse"            // too many logins in a row were refused on this host
	AuthUnsupported  Code = "auth-unsupported"     // no mechanism in common
	AuthTemporary    Code = "auth-temporary"       // the server's password check is down
	Forbidden        Code = "forbidden"            // NOPERM, CONTACTADMIN, EXPIRED ...
	UserAction       Code = "user-action"          // "log in via your web browser"
	TooManySessions  Code = "too-many-connections" // a connection limit
	Throttled        Code = "throttled"            // a rate limit or a day's budget
	Unavailable      Code = "unavailable"          // the server says: later
	InUse            Code = "in-use"               // mailbox locked
	ConnectionLost   Code = "connection-lost"      // cut, BYE
	Timeout          Code = "timeout"              // nothing came for too long
	Protocol         Code = "protocol"             // an answer that makes no sense
	Refused          Code = "refused"              // NO or BAD without a better reading
	Quota            Code = "quota"                // the destination is full
	TooBig           Code = "too-big"              // message over the server's limit
	MailboxRefused   Code = "mailbox-refused"      // CREATE or SELECT refused
	MessageRefused   Code = "message-refused"      // APPEND refused for this message
	SourceUnreadable Code = "source-unreadable"    // FETCH gives no body
	TooManyRejects   Code = "too-many-rejects"     // --max-rejects reached
	TooManyDeletes   Code = "too-many-deletes"     // --max-delete would be passed
	State            Code = "state"                // the state directory cannot be written
	Canceled         Code = "canceled"             // the operator stopped the run
	Skipped          Code = "skipped"              // the operator took the row out of the run
	DryRun           Code = "dry-run"              // the row's options say only to look
	Panic            Code = "panic"                // a defect of imapfleet
)

// Error is a classified error. Text is the server's own words (empty when it
// said none), Hint a sentence for the operator. Wait is how long to leave the
// server alone, as it asked or as is known of it; zero when nobody says.
// MaxPerUser and MaxPerHost
// come with TooManySessions: how many connections the server allows for this
// user, and for all users of this machine; the one that is reached, 0 when it
// did not say. Err may be nil.
type Error struct {
	Scope     Scope
	Side      Side
	Temporary bool
	Code      Code
	Op        string // the step: "dial", "login", "append" ...
	Host      string // the server, when it matters to the reader
	Mailbox   string // the mailbox, when there is one
	UID       uint32 // the message, when there is one
	Text      string
	Hint      string
	Wait      time.Duration

	MaxPerUser, MaxPerHost int

	Err error

	answer *Answer // what was read, while nobody knows of which side; see Rules.Reread
	ended  bool    // it was the last of its connection
}

// Error renders side, operation, object and cause in one line, without
// control characters and without the hint.
func (e *Error) Error() string {
	var parts []string
	if e.Side != Local {
		parts = append(parts, e.Side.String())
	}
	if e.Host != "" {
		parts = append(parts, e.Host)
	}
	head := strings.Join(parts, " ")
	tail := e.tail()
	switch {
	case head == "":
		return tail
	case tail == "":
		return head
	}
	return head + ": " + tail
}

func (e *Error) tail() string {
	var parts []string
	op := e.Op
	if e.Mailbox != "" {
		op = strings.TrimSpace(op + " " + quote(e.Mailbox))
	}
	if e.UID != 0 {
		op = strings.TrimSpace(op + " uid " + utoa(e.UID))
	}
	if op != "" {
		parts = append(parts, op)
	}
	switch {
	case e.Text != "":
		parts = append(parts, Clean(e.Text))
	case e.Err != nil:
		parts = append(parts, Clean(e.Err.Error()))
	case e.Code != Unknown:
		parts = append(parts, string(e.Code))
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns the error underneath, if any.
func (e *Error) Unwrap() error { return e.Err }

// Of finds the first *Error in err's chain; nil when there is none.
func Of(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// Sides returns what err says of either side, nil where it says nothing: the
// error of one attempt may hold a fault of each.
func Sides(err error) (source, dest *Error) {
	e := Of(err)
	if e == nil {
		return nil, nil
	}
	switch e.Side {
	case Source:
		source = e
	case Dest:
		dest = e
	}
	if both, ok := e.Err.(interface{ Unwrap() []error }); ok {
		for _, err := range both.Unwrap() {
			switch own := Of(err); {
			case own == nil:
			case own.Side == Source:
				source = own
			case own.Side == Dest:
				dest = own
			}
		}
	}
	return source, dest
}

// ScopeOf returns the scope of err: Account when it is not classified.
func ScopeOf(err error) Scope {
	if e := Of(err); e != nil {
		return e.Scope
	}
	return Account
}

// IsTemporary reports whether a later try may help. An unclassified error is
// not temporary.
func IsTemporary(err error) bool {
	e := Of(err)
	return e != nil && e.Temporary
}

// CodeOf returns the cause of err: Unknown when it is not classified.
func CodeOf(err error) Code {
	if e := Of(err); e != nil {
		return e.Code
	}
	return Unknown
}
