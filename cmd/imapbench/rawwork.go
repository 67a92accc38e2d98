package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// rawWork is one way to use the servers as hard as they bear, for one account.
type rawWork func(ctx context.Context, src, dst imaptest.Access, a *account) error

// drain reads every message of the source and drops it.
func drain(ctx context.Context, src, _ imaptest.Access, a *account) error {
	s, err := dial(ctx, src)
	if err != nil {
		return err
	}
	defer s.close()
	names, err := s.mailboxes()
	if err != nil {
		return err
	}
	var octets int64
	for _, name := range names {
		err := s.each(name, func(_ message, body io.Reader) error {
			n, err := io.Copy(io.Discard, body)
			octets += n
			return err
		})
		if err != nil {
			return err
		}
	}
	if octets != a.octets {
		return fmt.Errorf("%s: %d octets came, not %d", a.user, octets, a.octets)
	}
	return s.logout()
}

// fill stores as many messages, of the same sizes, as the source has, from
// memory.
func fill(ctx context.Context, _, dst imaptest.Access, a *account) error {
	d, err := dial(ctx, dst)
	if err != nil {
		return err
	}
	defer d.close()
	there, err := d.existing()
	if err != nil {
		return err
	}
	m := message{flags: []byte(`\Seen`), date: []byte("03-Feb-2020 04:05:06 +0100")}
	for _, box := range a.sizes {
		out, err := d.ready(box.name, there)
		if err != nil {
			return err
		}
		for _, size := range box.sizes {
			m.size = size
			if err := out.put(m, bytes.NewReader(cut(a.text, size))); err != nil {
				return err
			}
		}
		if err := out.finish(); err != nil {
			return err
		}
	}
	return d.logout()
}

// pipe copies an account, each body from socket to socket, with one pair of
// connections and one MULTIAPPEND in flight: what a server pair gives to a
// client that thinks about nothing.
func pipe(ctx context.Context, src, dst imaptest.Access, _ *account) error {
	s, err := dial(ctx, src)
	if err != nil {
		return err
	}
	defer s.close()
	d, err := dial(ctx, dst)
	if err != nil {
		return err
	}
	defer d.close()
	names, err := s.mailboxes()
	if err != nil {
		return err
	}
	there, err := d.existing()
	if err != nil {
		return err
	}
	for _, name := range names {
		out, err := d.ready(name, there)
		if err != nil {
			return err
		}
		if err := s.each(name, out.put); err != nil {
			return err
		}
		if err := out.finish(); err != nil {
			return err
		}
	}
	return errors.Join(s.logout(), d.logout())
}

// look logs in on both sides at once and asks for the state of all mailboxes:
// the least that a pass over an unchanged account costs.
func look(ctx context.Context, src, dst imaptest.Access, a *account) error {
	g, gctx := errgroup.WithContext(ctx)
	for _, end := range []imaptest.Access{src, dst} {
		g.Go(func() error { return lookAt(gctx, end, a) })
	}
	return g.Wait()
}

func lookAt(ctx context.Context, end imaptest.Access, a *account) error {
	s, err := dial(ctx, end)
	if err != nil {
		return err
	}
	defer s.close()
	boxes, err := s.count("MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ")
	if err != nil {
		return err
	}
	messages := 0
	for _, t := range boxes {
		messages += t.Messages
	}
	if messages != a.messages {
		return fmt.Errorf("%s: %d messages at %s, not %d", end.User, messages, end.Addr, a.messages)
	}
	return s.logout()
}
