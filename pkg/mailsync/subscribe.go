package mailsync

import (
	"context"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// subscribing are subscriptions that were asked for and not answered.
type subscribing struct {
	names  []string
	c      *imapconn.Conn // that has asked
	finish func(context.Context) ([]error, error)
}

// ask may be called again when the connection has broken.
func (s *subscribing) ask(ctx context.Context, c *imapconn.Conn) (err error) {
	s.c = c
	s.finish, err = c.Subscribe(ctx, s.names)
	return err
}

// subscribeAll asks for what is to be subscribed to. Nothing depends on the
// answers, so mail goes on its way before them: awaitSubscribed takes them.
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
	p.subscribing = &subscribing{names: names}
	return p.first.dst.do(ctx, func(c *imapconn.Conn) error { return p.subscribing.ask(ctx, c) })
}

// awaitSubscribed takes the answers to subscribeAll, which asks again if they
// were lost with the connection. A subscription that is refused is told, and
// costs nothing else.
func (p *pass) awaitSubscribed(ctx context.Context) error {
	s := p.subscribing
	if s == nil {
		return nil
	}
	p.subscribing = nil
	var refusals []error
	if err := p.first.dst.do(ctx, func(c *imapconn.Conn) (err error) {
		if s.c != c {
			if err := s.ask(ctx, c); err != nil {
				return err
			}
		}
		refusals, err = s.finish(ctx)
		return err
	}); err != nil {
		return err
	}
	for i, err := range refusals {
		if err != nil {
			p.log.Warn("subscription refused", "mailbox", s.names[i], "err", err)
		}
	}
	return nil
}
