package imapconn

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-sasl"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
)

// login logs in once, by the one mechanism that fits, and settles the
// capabilities, which may be others now. Its errors do not hold the password,
// even if the server says again what it was sent.
func (c *Conn) login(ctx context.Context) error {
	return newSecrets(c.cfg.Endpoint).hide(c.tryLogin(ctx))
}

func (c *Conn) tryLogin(ctx context.Context) error {
	ep := c.cfg.Endpoint
	plain, err := c.mechanism()
	if err != nil {
		return err
	}
	stop := c.guard(ctx)
	defer stop()
	_, before := c.filter.caps()
	if plain {
		err = c.client.Authenticate(plainClient(ep))
	} else {
		err = c.client.Login(ep.User, ep.Password.Reveal()).Wait()
	}
	if err != nil {
		return c.loginFault(ctx, err)
	}
	if _, after := c.filter.caps(); after == before {
		return c.askCaps(ctx)
	}
	c.settleCaps()
	return nil
}

// mechanism chooses between LOGIN and AUTHENTICATE PLAIN (plain true), or
// says why neither will do.
func (c *Conn) mechanism() (plain bool, err error) {
	ep := c.cfg.Endpoint
	if strings.Contains(ep.User+ep.AuthUser+ep.Password.Reveal(), "\x00") {
		return false, c.noLogin(fault.AuthUnsupported, "user name or password holds a NUL",
			"no IMAP login can carry a NUL: mend the row")
	}
	if ep.AuthUser != "" {
		if !c.caps.authPlain {
			return false, c.noLogin(fault.AuthUnsupported, "no AUTH=PLAIN",
				"an authuser needs AUTHENTICATE PLAIN, which the server does not offer: try user*admin as a plain login")
		}
		return true, nil
	}
	switch {
	case !c.caps.loginDisabled:
		return false, nil
	case c.caps.authPlain:
		return true, nil
	case c.caps.startTLS:
		return false, c.noLogin(fault.TLSMissing, "LOGINDISABLED",
			"the server takes no password in plain text: use imaps:// or imap:// in the host column")
	}
	return false, c.noLogin(fault.AuthUnsupported, "LOGINDISABLED, no AUTH=PLAIN",
		"the server offers neither LOGIN nor AUTHENTICATE PLAIN")
}

func (c *Conn) noLogin(code fault.Code, text, hint string) *fault.Error {
	return &fault.Error{Side: c.cfg.Side, Host: c.cfg.Endpoint.Host, Op: "login", Code: code, Text: text, Hint: hint}
}

// plainClient is SASL PLAIN (RFC 4616): with an AuthUser, its password opens
// the account of User.
func plainClient(ep account.Endpoint) sasl.Client {
	if ep.AuthUser != "" {
		return sasl.NewPlainClient(ep.User, ep.AuthUser, ep.Password.Reveal())
	}
	return sasl.NewPlainClient("", ep.User, ep.Password.Reveal())
}

// loginFault: a tagged NO or BAD is the server's verdict, even when the
// connection ended right after it; a BYE with no verdict before it is read
// as a login refused for now.
func (c *Conn) loginFault(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var verdict *imap.Error
	if errors.As(err, &verdict) {
		return c.answered("login", err)
	}
	return c.lost(ctx, "login", err)
}

// secrets finds the password in what a server said, in the forms in which it
// was sent or may be shown. nil finds nothing.
type secrets []string // longest first

func newSecrets(ep account.Endpoint) secrets {
	password := ep.Password.Reveal()
	if password == "" {
		return nil
	}
	golang := strconv.Quote(password)
	x := secrets{password, quoteEscapes.Replace(password), golang[1 : len(golang)-1],
		base64.StdEncoding.EncodeToString([]byte(password))}
	if _, response, err := plainClient(ep).Start(); err == nil {
		x = append(x, base64.StdEncoding.EncodeToString(response))
	}
	for _, f := range x { // as they look once a line has been taken apart and cleaned
		x = append(x, strings.TrimSpace(f), fault.Clean(f))
	}
	x = slices.DeleteFunc(x, func(f string) bool { return strings.Trim(f, " ") == "" }) // blanks tell nothing
	slices.SortFunc(x, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	return slices.Compact(x)
}

// text returns s without the secrets.
func (x secrets) text(s string) string {
	pairs := make([]string, 0, 2*len(x))
	for _, f := range x {
		pairs = append(pairs, f, "[redacted]")
	}
	return strings.NewReplacer(pairs...).Replace(s)
}

// hide returns err without the secrets in any text of its chain. An error
// that holds none stays what it is; so does the end of a context.
func (x secrets) hide(err error) error {
	hidden, _ := x.replace(err)
	return hidden
}

func (x secrets) replace(err error) (_ error, changed bool) {
	if err == nil || len(x) == 0 || err == context.Canceled || err == context.DeadlineExceeded {
		return err, false
	}
	next, changed := x.replace(errors.Unwrap(err))
	if e, ok := err.(*fault.Error); ok {
		text := x.text(e.Text)
		if text == e.Text && !changed {
			return err, false
		}
		own := *e // the connection hands the same error to all who wait
		own.Text, own.Err = text, next
		return &own, true
	}
	text := x.text(err.Error())
	if text == err.Error() && !changed {
		return err, false
	}
	return &hiddenError{text: text, was: err, next: next}, true
}

// hiddenError stands for an error whose text held a secret.
type hiddenError struct {
	text string
	was  error // for errors.Is only: its text must not get out
	next error
}

func (e *hiddenError) Error() string        { return e.text }
func (e *hiddenError) Is(target error) bool { return errors.Is(e.was, target) }
func (e *hiddenError) Unwrap() error        { return e.next }

// Format keeps verbs such as %+v and %#v from looking inside.
func (e *hiddenError) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, e.text) }
