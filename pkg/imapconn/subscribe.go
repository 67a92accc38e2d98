package imapconn

import "context"

// Subscribe subscribes to mailboxes, named in UTF-8 with the server's own
// delimiter and prefix, without waiting for one before the next. finish takes
// the answers: other commands may be sent before it is called. The refusals are
// in the order of the names; the errors are about the connection.
func (c *Conn) Subscribe(ctx context.Context, names []string) (finish func(context.Context) (refusals []error, err error), err error) {
	return c.each(ctx, "subscribe", len(names), func(i int) (string, string) {
		return names[i], "SUBSCRIBE " + quote(EncodeMailbox(names[i]))
	})
}
