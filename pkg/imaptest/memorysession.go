package imaptest

import (
	"crypto/subtle"
	"runtime"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
	"github.com/emersion/go-sasl"
)

// memorySession is one connection: imapmemserver's once it is logged in.
type memorySession struct {
	*imapmemserver.UserSession // nil before the login
	m                          *Memory
}

var (
	_ imapserver.SessionIMAP4rev2 = (*memorySession)(nil)
	_ imapserver.SessionSASL      = (*memorySession)(nil)
)

// Login takes a user's own password, or user*admin with the admin's.
func (s *memorySession) Login(name, password string) error {
	if user, admin, ok := strings.Cut(name, "*"); ok {
		return s.actAs(user, admin, password)
	}
	return s.actAs("", name, password)
}

// actAs logs in as name and acts as user, which is name itself when empty.
func (s *memorySession) actAs(user, name, password string) error {
	s.m.mu.Lock()
	want, known := s.m.admins[name]
	if user == "" || user == name {
		user = name
		var a *memoryAccount
		if a, known = s.m.accounts[name]; known {
			want = a.password
		}
	}
	account := s.m.accounts[user]
	s.m.mu.Unlock()
	good := subtle.ConstantTimeCompare([]byte(password), []byte(want)) == 1
	if !known || !good || account == nil {
		s.m.track.login(false)
		return imapserver.ErrAuthFailed
	}
	s.m.track.login(true)
	s.UserSession = imapmemserver.NewUserSession(account.user)
	return nil
}

// AuthenticateMechanisms names what AUTHENTICATE takes.
func (s *memorySession) AuthenticateMechanisms() []string { return []string{sasl.Plain} }

// Authenticate begins SASL PLAIN (RFC 4616), with or without an authorization
// identity.
func (s *memorySession) Authenticate(mech string) (sasl.Server, error) {
	if mech != sasl.Plain {
		return nil, &imap.Error{Type: imap.StatusResponseTypeNo, Text: "SASL mechanism not supported"}
	}
	return sasl.NewPlainServer(func(identity, name, password string) error {
		if identity == "" {
			return s.Login(name, password)
		}
		return s.actAs(identity, name, password)
	}), nil
}

// Fetch answers FETCH. Its only error is a client that went away: go-imap
// v2.0.0-beta.8 then waits for a lock that the broken response holds, for ever.
// Instead the connection's goroutine ends here, and its deferred calls close
// session and connection.
func (s *memorySession) Fetch(w *imapserver.FetchWriter, set imap.NumSet, options *imap.FetchOptions) error {
	if err := s.UserSession.Fetch(w, set, options); err != nil {
		runtime.Goexit()
	}
	return nil
}

// Store answers STORE, which may answer as a FETCH does.
func (s *memorySession) Store(w *imapserver.FetchWriter, set imap.NumSet, flags *imap.StoreFlags, options *imap.StoreOptions) error {
	if err := s.UserSession.Store(w, set, flags, options); err != nil {
		runtime.Goexit()
	}
	return nil
}
