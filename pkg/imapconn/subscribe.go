package imapconn

import "context"

// Subscribe subscribes to mailboxes, named in UTF-8 with the server's own
// delimiter and prefix, without waiting for one before the next. The refusals
// are in the order of the names; the error is about the connection.
func (c *Conn) Subscribe(ctx context.Context, names []string) (refusals []error, err error) {
	finish, err := c.each(ctx, "subscribe", len(names), func(i int) (string, string) {
		return names[i], "SUBSCRIBE " + quote(EncodeMailbox(names[i]))
	})
	if err != nil {
		return nil, err
	}
	return finish(ctx)
}
