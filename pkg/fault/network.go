package fault

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
)

const hintSilent = "the port takes connections but says nothing: without imaps:// in the host column, try that: it may want TLS first"

// Dial classifies why a connection to host could not be made or secured. A
// cancelled context stays itself in the chain.
func Dial(side Side, host string, err error) *Error {
	e := &Error{Side: side, Op: "connect", Host: host, Err: err}
	if e.certificate(err) {
		return e
	}
	var dns *net.DNSError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		e.Code, e.Hint = HostUnknown, "the name does not resolve: check the host column"
	case errors.As(err, &dns):
		e.Code, e.Temporary, e.Hint = HostUnknown, true, "the name could not be looked up: check this machine's DNS"
	case errors.As(err, &record):
		e.Code, e.Hint = TLS, "the port does not speak TLS: give the host as imap://host:port (STARTTLS) or imap+insecure://host:port"
	case errors.As(err, &alert):
		e.Code, e.Hint = TLS, "the server and this machine could not agree on TLS: it must offer TLS 1.2 or later"
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Code, e.Temporary, e.Hint = Unreachable, true, "nothing listens there: check host and port"
	case CodeOf(err) == Timeout: // the connection stood, but said nothing
		e.Code, e.Temporary, e.Hint = Unreachable, true, hintSilent
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		e.Code, e.Temporary, e.Hint = Unreachable, true, "no answer: check host, port and firewall"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		e.Code, e.Temporary, e.Hint = ConnectionLost, true, "the server closes new connections: it may limit them; it is tried again"
	case strings.Contains(err.Error(), "tls: "):
		e.Code, e.Hint = TLS, "the server and this machine could not agree on TLS: it must offer TLS 1.2 or later"
	default:
		e.Code, e.Temporary, e.Hint = Unreachable, true, "check host, port and network"
	}
	return e
}

// certificate fills e when err says that the certificate is not trusted.
func (e *Error) certificate(err error) bool {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	flag := "--insecure-skip-verify1"
	if e.Side == Dest {
		flag = "--insecure-skip-verify2"
	}
	switch {
	case errors.As(err, &unknown):
		e.Hint = "the certificate is signed by nobody this machine trusts: give its CA with --ca-file, or accept it unseen with " + flag
	case errors.As(err, &name):
		e.Hint = "the certificate is for another name: use the name it was made for in the host column, or accept it unseen with " + flag
	case errors.As(err, &invalid):
		e.Hint = "the certificate is not valid (expired?): have it renewed, or accept it unseen with " + flag
	case errors.As(err, &verify):
		e.Hint = "the certificate cannot be verified: give its CA with --ca-file, or accept it unseen with " + flag
	default:
		return false
	}
	e.Code = TLS
	return true
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}
