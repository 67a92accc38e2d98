// Package account reads the list of accounts to migrate: Load turns each row
// of a list into a Pair of Endpoints, or says with line and column what is
// wrong with it. It opens no connection and looks up no host; passwords stay
// inside Secret.
package account

import (
	"strconv"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/rules"
)

// Pair is one row of the list: the account that is read (Source) and the one
// that is written (Dest).
type Pair struct {
	Line         int // physical line in the list where the row begins, 1-based
	Source, Dest Endpoint
	// Rules are what the user says about this row's mailboxes and messages;
	// nil: the zero Rules. Rows without options of their own share one.
	Rules *rules.Rules
}

// Endpoint is one account on one server.
type Endpoint struct {
	Host     string   // lower-cased; an IPv6 address without brackets
	Port     int      // 0: not said; 993 for SecurityTLS, 143 for SecuritySTARTTLS and SecurityPlain
	Security Security // Load leaves SecurityUnset only where Port is 0
	User     string
	Password Secret
	// AuthUser is the account whose Password is used to act as User (the
	// authorization identity of SASL PLAIN, RFC 4616). Empty: User logs in by
	// itself.
	AuthUser string
	// SkipVerify accepts any TLS certificate. False unless the row or a flag
	// asks for it by name.
	SkipVerify bool
}

// Key is what makes a row the same row in the next run: whatever else
// changes in the list (line, password, security), its state is found by it.
// Comparable.
type Key struct {
	Host1 string
	Port1 int // 0: not said
	User1 string
	Host2 string
	Port2 int // 0: not said
	User2 string
}

// Key returns the identity of the row: hosts lower-cased, ports and users as
// they were said.
func (p Pair) Key() Key {
	return Key{
		Host1: strings.ToLower(p.Source.Host), Port1: p.Source.Port, User1: p.Source.User,
		Host2: strings.ToLower(p.Dest.Host), Port2: p.Dest.Port, User2: p.Dest.User,
	}
}

// DestID names the destination account: rows with one DestID write to the
// same mailboxes. An unsaid port, 993 and 143 are one server.
func (p Pair) DestID() string {
	return p.Dest.ID()
}

// ID is host/port/user. No host contains a slash, so no two accounts share an id.
func (e Endpoint) ID() string {
	port := e.Port
	if port == 993 || port == 143 {
		port = 0
	}
	return strings.ToLower(e.Host) + "/" + strconv.Itoa(port) + "/" + e.User
}
