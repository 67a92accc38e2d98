package imapconn

import (
	"context"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/wire"
)

// maxID bounds one string of an ID response in octets (RFC 2971 section 3.3
// allows 1024).
const maxID = 4096

// identify sends ID (RFC 2971) where it is offered; finish waits for the answer
// and settles ServerID.
func (c *Conn) identify(ctx context.Context) (finish func(context.Context) error, err error) {
	c.serverID = c.greetingName()
	if !c.caps.ID {
		return func(context.Context) error { return nil }, nil
	}
	id := make(map[string]string)
	p, err := c.start(ctx, "id", wire.Request{
		Line:   `ID ("name" "imapfleet" "version" ` + quote(idText(c.cfg.ClientID)) + `)`,
		Wants:  func(kind string) bool { return kind == "ID" },
		Handle: func(r *wire.Reader) error { return readID(r, id) },
	})
	return func(ctx context.Context) error {
		if _, err := c.await(ctx, "id", p); err != nil {
			return err
		}
		c.called = id["name"] + " " + id["vendor"]
		if name := fault.Clean(strings.TrimSpace(id["name"] + " " + id["version"])); name != "" {
			c.serverID = shorten(name)
		}
		return nil
	}, err
}

// readID reads the pairs of an ID response; a missing value is no pair.
func readID(r *wire.Reader, id map[string]string) error {
	key, haveKey := "", false
	for {
		t, err := r.Next()
		if err != nil || t.Kind == wire.End {
			return err
		}
		if t.Kind == wire.Open || t.Kind == wire.Close {
			continue
		}
		s, ok, err := r.String(t, maxID)
		if err != nil {
			return err
		}
		if !haveKey {
			key, haveKey = strings.ToLower(s), true
			continue
		}
		if ok {
			id[key] = s
		}
		haveKey = false
	}
}

// software is what a line of faults' table may know the server by: what it
// says to ID, and its greeting.
func (c *Conn) software() string {
	return fault.Clean(c.called + " " + c.filter.hello())
}

// greetingName is the server's name by its greeting.
func (c *Conn) greetingName() string {
	_, text, _ := strings.Cut(c.filter.hello(), " ")
	if text = fault.Clean(text); text != "" {
		return shorten(text)
	}
	return "unknown server"
}

// shorten keeps a name fit for a table cell.
func shorten(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return strings.TrimSpace(string(r[:most-1])) + "…"
	}
	return s
}

// idText is s without what a quoted string cannot hold.
func idText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
}
