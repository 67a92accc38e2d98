package mailsync

import (
	"context"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// SizeReport is how much mail a source account holds that a pass would look at:
// what rules leave out by mailbox is not in it, what they leave out by message
// is. The zero value says nothing.
type SizeReport struct {
	Messages int64
	Octets   Estimate
	Fault    *fault.Error // why it is not known; nil when it is
}

// Size logs in to the source of pair and adds up what it holds, as Check does.
// It writes nothing, and does not touch the destination.
func (e *Engine) Size(ctx context.Context, pair account.Pair) (rep SizeReport) {
	p := e.newPass(ctx, pair, 0, nil, nil)
	defer p.close(ctx)
	c := &checking{p: p}
	rep.Fault = asFault(guard("plan", func() error { return c.size(ctx, &rep) }))
	return rep
}

func (c *checking) size(ctx context.Context, rep *SizeReport) error {
	if err := c.look(ctx, c.p.first.src, &c.source, &c.rep.Source); err != nil {
		return err
	}
	c.dest.Account = c.source.Account // what goes does not depend on where it goes
	c.dest.Mailboxes = nil
	if err := c.mapNames(); err != nil {
		return err
	}
	moving := c.moving()
	if err := c.p.first.src.do(ctx, func(conn *imapconn.Conn) error { return moving.sample(ctx, conn) }); err != nil {
		return err
	}
	rep.Octets = moving.total()
	for _, w := range moving {
		rep.Messages += w.messages
	}
	return nil
}
