package mailsync

import (
	"context"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// subscribeAll carries subscriptions; one that is refused is told, and costs
// nothing else.
func (p *pass) subscribeAll(ctx context.Context) error {
	var names []string
	for _, b := range p.boxes {
		if b.subscribe && b.refused == nil && !p.subscribed[b.dest] {
			p.subscribed[b.dest] = true
			names = append(names, b.dest)
		}
	}
	if len(names) == 0 {
		return nil
	}
	var refusals []error
	if err := p.first.dst.do(ctx, func(c *imapconn.Conn) (err error) {
		refusals, err = c.Subscribe(ctx, names)
		return err
	}); err != nil {
		return err
	}
	for i, err := range refusals {
		if err != nil {
			p.log.Warn("subscription refused", "mailbox", names[i], "err", err)
		}
	}
	return nil
}
