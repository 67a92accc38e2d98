package mailsync

import (
	"context"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// weigh finds out how many octets a full destination is short of: the sizes of
// the messages that were not tried, as the source says them, in mailboxes that
// were begun. Those that were not begun are weighed by their STATUS. What the
// source does not tell now stays unknown: the row's fault is another one.
func (p *pass) weigh(ctx context.Context, cause error) {
	if fault.CodeOf(cause) != fault.Quota || ctx.Err() != nil {
		return
	}
	for _, b := range p.boxes {
		if b.plan == nil || b.plan.count[notTried] == 0 {
			continue
		}
		octets, err := p.first.source(b).weight(ctx, b.plan.todo())
		if err != nil {
			p.log.Info("the source does not tell how much is missing", "mailbox", b.source.Name, "err", err)
			return
		}
		p.count.OctetsNotTried += octets
	}
}

// weight adds up the octets of messages, as the server says them.
func (o *opened) weight(ctx context.Context, uids []uint32) (octets int64, err error) {
	z, err := o.sizes(ctx, uids)
	if err != nil {
		return 0, err
	}
	for _, n := range z.octets {
		octets += max(n, 0)
	}
	return octets, nil
}

// sizes reads the octets of messages, ascending, as the server says them.
func (o *opened) sizes(ctx context.Context, uids []uint32) (*sizesByUID, error) {
	z := newSizes(uids)
	err := gather(ctx, o, uids, z, identChunk, func(ctx context.Context, c *imapconn.Conn, set []imapconn.Range) error {
		return fetchAll(ctx, c, set, imapconn.ItemSize, imapconn.FetchHandler{Message: z.take})
	})
	return z, err
}
