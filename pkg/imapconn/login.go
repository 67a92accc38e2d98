package imapconn

import (
	"context"
	"errors"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-sasl"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
)

// login logs in once, by the one mechanism that fits, and settles the
// capabilities, which may be others now.
func (c *Conn) login(ctx context.Context) error {
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
