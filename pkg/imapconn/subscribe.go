package imapconn

import (
	"context"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/wire"
)

// Subscribe subscribes to a mailbox, name in UTF-8 with the server's own
// delimiter and prefix.
func (c *Conn) Subscribe(ctx context.Context, name string) error {
	encoded := EncodeMailbox(name)
	if strings.ContainsAny(name, "\r\n\x00") {
		return c.badName("subscribe", encoded)
	}
	_, err := c.must(ctx, "subscribe", encoded, wire.Request{Line: "SUBSCRIBE " + quote(encoded)})
	return err
}
