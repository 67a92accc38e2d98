package imaptest

import "context"

// Remove deletes a mailbox, with its mail, from an account. A mailbox made
// anew under that name has another UIDVALIDITY.
func Remove(ctx context.Context, a Access, name string) error {
	r, err := dialRaw(ctx, a)
	if err != nil {
		return err
	}
	defer r.close()
	return r.ok(ctx, "DELETE "+quote(EncodeName(name)))
}

// Do sends commands in one session of an account, as a user's client would, and
// waits for each. A refusal ends it.
func Do(ctx context.Context, a Access, lines ...string) error {
	r, err := dialRaw(ctx, a)
	if err != nil {
		return err
	}
	defer r.close()
	for _, line := range lines {
		if err := r.ok(ctx, line); err != nil {
			return err
		}
	}
	return nil
}
