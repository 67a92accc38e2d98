package imapconn

import "context"

// Delete takes mailboxes away for good, with all that is in them (DELETE, RFC
// 9051 section 6.3.5), without waiting for one before the next. It is for
// mailboxes that we made for ourselves: a migration deletes none. They are named
// in UTF-8 with the server's own delimiter and prefix. The refusals are in the
// order of the names; the error is about the connection.
func (c *Conn) Delete(ctx context.Context, names []string) (refusals []error, err error) {
	finish, err := c.each(ctx, "delete", len(names), func(i int) (string, string) {
		return names[i], "DELETE " + quote(EncodeMailbox(names[i]))
	})
	if err != nil {
		return nil, err
	}
	return finish(ctx)
}
