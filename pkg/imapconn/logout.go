package imapconn

import "context"

// Logout says LOGOUT, waits for the answer and closes the connection. A
// selected mailbox is left without expunging. The error is ctx's; a server
// that hangs up early has logged us out too.
func (c *Conn) Logout(ctx context.Context) error {
	stop := c.guard(ctx)
	defer stop()
	c.w.Soften() // what is still on its way must arrive
	if c.w.Err() == nil {
		// The only error is that the connection ended, which is the purpose.
		_ = c.client.Logout().Wait()
	}
	_ = c.client.Close() // waits for the reading goroutine
	return ctx.Err()
}
