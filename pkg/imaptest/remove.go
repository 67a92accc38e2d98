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
