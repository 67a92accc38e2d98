package account

import (
	"errors"
	"strings"
	"unicode"

	"github.com/imapfleet/imapfleet/pkg/rules"
)

// side is the half of a row that describes one account.
type side struct {
	suffix                                                    string // of its columns: "1" or "2"
	host, user, password, port, security, tlsverify, authuser string
}

func (r row) sides() (source, dest side) {
	return side{"1", r.Host1, r.User1, r.Password1, r.Port1, r.Security1, r.TLSVerify1, r.AuthUser1},
		side{"2", r.Host2, r.User2, r.Password2, r.Port2, r.Security2, r.TLSVerify2, r.AuthUser2}
}

// rowChecker turns rows into pairs and gathers what is wrong with them.
type rowChecker struct {
	allowMerge bool
	base       defaults
	builder    *rules.Builder // with the options of the run
	own        map[own]ownDefaults
	mapped     map[string]bool // users of the map file that a row has
	pairs      []Pair
	errs       []*RowError
	seen       twins
	blanks     []int // lines with a blank at either end of a password
}

// add takes one row: a Pair, or at least one error.
func (c *rowChecker) add(r row) {
	before := len(c.errs)
	s1, s2 := r.sides()
	def := c.defaultsOf(r)
	source, known1 := c.endpoint(r.Line, s1, def.sides[0])
	dest, known2 := c.endpoint(r.Line, s2, def.sides[1])
	p := Pair{Line: r.Line, Source: source, Dest: dest, Rules: def.rules}
	if known1 && known2 {
		c.errs = append(c.errs, c.seen.check(p, c.allowMerge)...)
	}
	if len(c.errs) > before {
		return
	}
	c.pairs = append(c.pairs, p)
	if endsBlank(r.Password1) || endsBlank(r.Password2) {
		c.blanks = append(c.blanks, r.Line)
	}
}

func endsBlank(s string) bool { return s != strings.TrimSpace(s) }

func (c *rowChecker) fail(line int, column string, err error) {
	c.errs = append(c.errs, &RowError{Line: line, Column: column, Err: err})
}

// endpoint checks one side of a row. known says that the account itself (host,
// port and user) is good, so that it can be compared with those of other rows
// whatever else is wrong.
func (c *rowChecker) endpoint(line int, s side, def SideDefaults) (e Endpoint, known bool) {
	known = true
	fail := func(column string, err error) {
		c.fail(line, column+s.suffix, err)
		known = known && column != "host" && column != "port" && column != "user"
	}
	at, err := parseAddress(s.host)
	if err != nil {
		fail("host", err)
	}
	port, err := portOf(at, s.port, def.Port)
	if err != nil {
		fail("port", err)
	}
	security, err := securityOf(at, s.security, port, def.Security)
	if err != nil {
		fail("security", err)
	}
	skip := def.SkipVerify
	if v := strings.TrimSpace(s.tlsverify); v != "" {
		verify, err := rules.ParseBool(v)
		if err != nil {
			fail("tlsverify", err)
		}
		skip = !verify
	}
	user, err := checkUser(s.user)
	if err != nil {
		fail("user", err)
	}
	if err := checkPassword(s.password); err != nil {
		fail("password", err)
	}
	authuser := strings.TrimSpace(s.authuser)
	if authuser == "" {
		authuser = def.AuthUser
	} else if _, err := checkUser(authuser); err != nil {
		fail("authuser", err)
	}
	return Endpoint{
		Host: at.host, Port: port, Security: security, User: user, Password: NewSecret(s.password),
		AuthUser: authuser, SkipVerify: skip,
	}, known
}

// checkUser takes off the blanks around a name.
func checkUser(user string) (string, error) {
	user = strings.TrimSpace(user)
	switch {
	case user == "":
		return "", errEmpty
	case strings.ContainsFunc(user, unicode.IsControl):
		return "", errors.New("a control character")
	}
	return user, nil
}

func checkPassword(password string) error {
	switch {
	case password == "":
		return errEmpty
	case strings.ContainsAny(password, "\x00\r\n"):
		return errors.New("a NUL or a line break, which no login can carry")
	}
	return nil
}

// portOf lets the host field beat the column, and the column the extra column or
// the flag.
func portOf(at address, column string, flag int) (int, error) {
	port := flag
	if column = strings.TrimSpace(column); column != "" {
		var err error
		if port, err = parsePort(column); err != nil {
			return 0, err
		}
	}
	if at.port != 0 {
		port = at.port
	}
	return port, nil
}

// securityOf lets the scheme beat the column, and the column the extra column or
// the flag. Where
// none of them says it, a port does: 143 is where servers speak STARTTLS, and
// on any other port nothing but TLS is tried.
func securityOf(at address, column string, port int, flag Security) (Security, error) {
	security := flag
	if column = strings.TrimSpace(column); column != "" {
		var err error
		if security, err = ParseSecurity(column); err != nil {
			return SecurityUnset, err
		}
	}
	if at.hasScheme {
		security = at.security
	}
	switch {
	case security != SecurityUnset || port == 0:
		return security, nil
	case port == 143:
		return SecuritySTARTTLS, nil
	default:
		return SecurityTLS, nil
	}
}
