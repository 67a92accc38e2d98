package imapconn

import (
	"context"
	"time"

	"github.com/imapfleet/imapfleet/pkg/wire"
)

// Took is what the opening of a connection has cost. Connect is TCP alone;
// Secure the TLS handshake, with STARTTLS the greeting and that command too, 0
// in plain text; Login from the command that logs in until the capabilities
// that go with it are known. Security is the version of TLS, "" in plain text.
type Took struct {
	Connect, Secure, Login time.Duration
	Security               string
}

// Took returns what the opening of this connection has cost.
func (c *Conn) Took() Took { return c.took }

// Noop asks the server for nothing (NOOP, RFC 9051 section 6.1.2) and returns
// how long the answer took: a round trip and what the server adds to it.
func (c *Conn) Noop(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	_, err := c.must(ctx, "noop", "", wire.Request{Line: "NOOP"})
	return time.Since(began), err
}
