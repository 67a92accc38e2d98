package imaptest

import (
	"context"
	"fmt"
)

// Do logs in and has the server carry out commands, one after the other, as a
// user's own program would. They are written as on the wire, without tag and
// without literals. Whatever is not answered OK is an error.
func Do(ctx context.Context, a Access, commands ...string) error {
	r, err := dialRaw(ctx, a)
	if err != nil {
		return err
	}
	defer r.close()
	for _, c := range commands {
		if err := r.ok(ctx, c); err != nil {
			return fmt.Errorf("%s: %w", c, err)
		}
	}
	return nil
}
