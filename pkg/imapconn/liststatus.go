package imapconn

import (
	"context"

	"github.com/imapfleet/imapfleet/pkg/wire"
)

// ListStatus is List, and Status for each mailbox, in the same order: all in
// one command and its answer where the server offers LIST-STATUS (RFC 5819).
// What that leaves out is asked for singly. The Status of a mailbox that holds
// no messages (NoSelect) is not OK, with an empty Reply.
func (c *Conn) ListStatus(ctx context.Context) ([]Mailbox, []Status, error) {
	boxes, got, err := c.listAndStatus(ctx)
	if err != nil {
		return nil, nil, err
	}
	spelled := make(map[string]int, len(boxes)) // how many names decode to one
	for _, b := range boxes {
		spelled[b.Name]++
	}
	all := make([]Status, len(boxes))
	var missing []int
	var names []string
	for i, b := range boxes {
		all[i].Size = -1
		if b.NoSelect {
			continue
		}
		if st, ok := got.of(b, spelled[b.Name] == 1); ok {
			all[i] = st
			continue
		}
		missing, names = append(missing, i), append(names, b.Wire)
	}
	if len(names) == 0 {
		return boxes, all, nil
	}
	single, err := c.Status(ctx, names)
	if err != nil {
		return nil, nil, err
	}
	for k, i := range missing {
		all[i] = single[k]
	}
	return boxes, all, nil
}

// listAndStatus lists the mailboxes, with what can be had of their STATUS on
// the way.
func (c *Conn) listAndStatus(ctx context.Context) ([]Mailbox, *listStatus, error) {
	got := &listStatus{wire: make(map[string]Status), decoded: make(map[string]Status)}
	if c.caps.ListStatus {
		listed, ok, err := c.listExtended(ctx, got)
		if err != nil {
			return nil, nil, err
		}
		if ok {
			return c.mailboxes(c.withInbox(listed)), got, nil
		}
	}
	boxes, err := c.List(ctx)
	return boxes, got, err
}

// listStatus gathers the STATUS responses to LIST commands. They may stand
// before or after the LIST response of their mailbox.
type listStatus struct {
	wire    map[string]Status // by name as sent
	decoded map[string]Status // a server may spell one name in two ways
}

func (s *listStatus) read(r *wire.Reader) error {
	name, st, err := readStatus(r)
	if err != nil || name == "" {
		return err
	}
	s.wire[foldInbox(name)] = st
	key := statusKey(name)
	if before, twice := s.decoded[key]; twice && before != st {
		st.OK = false // whose is it?
	}
	s.decoded[key] = st
	return nil
}

// of returns what was said of a mailbox. Unless its name is the only one that
// decodes as it does, only the same spelling will do.
func (s *listStatus) of(b Mailbox, only bool) (Status, bool) {
	st, ok := s.wire[foldInbox(b.Wire)]
	if !ok && only {
		st, ok = s.decoded[b.Name]
	}
	st.Reply.Status = "OK"
	return st, ok && st.OK
}
