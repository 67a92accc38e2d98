package account

import (
	"errors"
	"strings"
)

// Security says how a connection is protected.
type Security uint8

const (
	// SecurityUnset, the zero value, is what a bare host means: TLS on port
	// 993 and, if that port refuses, STARTTLS required on port 143. Never
	// plaintext.
	SecurityUnset Security = iota
	// SecurityTLS is TLS from the first octet (RFC 8314 section 3.2).
	SecurityTLS
	// SecuritySTARTTLS begins in plaintext and requires STARTTLS before the
	// login (RFC 9051 section 6.2.1).
	SecuritySTARTTLS
	// SecurityPlain sends everything, the password too, in plaintext.
	SecurityPlain
)

// String returns the name that ParseSecurity reads: auto, tls, starttls or
// plain.
func (s Security) String() string {
	switch s {
	case SecurityTLS:
		return "tls"
	case SecuritySTARTTLS:
		return "starttls"
	case SecurityPlain:
		return "plain"
	default:
		return "auto"
	}
}

// ParseSecurity reads auto, tls, starttls or plain, in either case. Its error
// does not repeat s.
func ParseSecurity(s string) (Security, error) {
	switch strings.ToLower(s) {
	case "auto":
		return SecurityUnset, nil
	case "tls":
		return SecurityTLS, nil
	case "starttls":
		return SecuritySTARTTLS, nil
	case "plain":
		return SecurityPlain, nil
	}
	return SecurityUnset, errors.New("must be auto, tls, starttls or plain")
}
