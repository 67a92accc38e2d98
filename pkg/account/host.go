package account

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
)

var (
	errEmpty = errors.New("empty")
	errPort  = errors.New("the port must be a number from 1 to 65535")
)

// address is what a host field says.
type address struct {
	host      string
	port      int      // 0: not said
	security  Security // by scheme
	hasScheme bool
}

// parseAddress reads [scheme://]host[:port]. An IPv6 address stands bare or,
// with a port, in brackets. Errors do not repeat s.
func parseAddress(s string) (address, error) {
	var a address
	s = strings.TrimSpace(s)
	if scheme, rest, ok := strings.Cut(s, "://"); ok {
		switch strings.ToLower(scheme) {
		case "imaps":
			a.security = SecurityTLS
		case "imap":
			a.security = SecuritySTARTTLS
		case "imap+insecure":
			a.security = SecurityPlain
		default:
			return address{}, errors.New("unknown scheme: imaps://, imap:// and imap+insecure:// are known")
		}
		a.hasScheme = true
		s = rest
	}
	switch {
	case s == "":
		return address{}, errEmpty
	case strings.ContainsFunc(s, unicode.IsSpace):
		return address{}, errors.New("a blank in the host name")
	case strings.ContainsAny(s, `/\`):
		return address{}, errors.New("a slash in the host name")
	}
	host, port, err := splitPort(s)
	if err != nil {
		return address{}, err
	}
	a.host, a.port = host, port
	return a, nil
}

// splitPort returns the checked host and the port, 0 when there is none.
func splitPort(s string) (host string, port int, err error) {
	if inside, ok := strings.CutPrefix(s, "["); ok {
		inside, after, closed := strings.Cut(inside, "]")
		ip, err := netip.ParseAddr(inside)
		if !closed || err != nil || !ip.Is6() {
			return "", 0, errors.New("not an IPv6 address in brackets")
		}
		if err := checkZone(ip); err != nil || after == "" {
			return ip.String(), 0, err
		}
		digits, ok := strings.CutPrefix(after, ":")
		if !ok {
			return "", 0, errPort
		}
		port, err = parsePort(digits)
		return ip.String(), port, err
	}
	if ip, err := netip.ParseAddr(s); err == nil {
		return ip.String(), 0, checkZone(ip)
	}
	name, digits, hasPort := strings.Cut(s, ":")
	if strings.Contains(digits, ":") {
		return "", 0, errors.New("not an IPv6 address (with a port it stands in brackets: [::1]:993)")
	}
	if hasPort {
		if port, err = parsePort(digits); err != nil {
			return "", 0, err
		}
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return name, port, checkName(name)
}

// checkZone refuses a zone, the name of an interface, that cannot be one.
func checkZone(ip netip.Addr) error {
	for _, r := range ip.Zone() {
		if r <= ' ' || r > '~' || strings.ContainsRune("%[]", r) {
			return errors.New("not an IPv6 zone")
		}
	}
	return nil
}

// checkName allows what DNS allows in practice: letters, digits, hyphen and
// underscore in labels of 1 to 63 octets, 253 in all.
func checkName(name string) error {
	if name == "" {
		return errEmpty
	}
	if len(name) > 253 {
		return errors.New("longer than a host name can be")
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return errors.New("not a host name: each part between dots has 1 to 63 characters")
		}
	}
	for _, r := range name {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '-', r == '_', r == '.':
		case r > unicode.MaxASCII:
			return errors.New("not an ASCII host name: write an international name in its xn-- form")
		default:
			return errors.New("a character that no host name has")
		}
	}
	return nil
}

// parsePort reads decimal digits; a sign or a fraction is an error.
func parsePort(digits string) (int, error) {
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || n == 0 {
		return 0, errPort
	}
	return int(n), nil
}
