package probe

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

const (
	mostAtOnce = 4                // logins at a time on one side
	farewell   = 2 * time.Second  // that a LOGOUT may take
	dialTime   = 15 * time.Second // for TCP and TLS
)

// endpoint is a row's account on one side.
func (r *row) endpoint(of *side) account.Endpoint {
	if of.at == fault.Source {
		return r.pair.Source
	}
	return r.pair.Dest
}

// dial opens one connection of a row when its turn among the logins has come.
func (p *prober) dial(ctx context.Context, of *side, r *row) (*imapconn.Conn, error) {
	if err := p.awaitLogin(ctx, of, r); err != nil {
		return nil, err
	}
	return p.connect(ctx, of, r)
}

func (p *prober) awaitLogin(ctx context.Context, of *side, r *row) error {
	if p.opt.AwaitLogin == nil {
		return nil
	}
	return p.opt.AwaitLogin(ctx, r.endpoint(of).Host)
}

// connect opens one connection of a row at once.
func (p *prober) connect(ctx context.Context, of *side, r *row) (*imapconn.Conn, error) {
	c, err := imapconn.Dial(ctx, imapconn.Config{
		Side: of.at, Endpoint: r.endpoint(of), RootCAs: p.opt.RootCAs, Faults: p.opt.Faults,
		Timeout: p.opt.Timeout, FinalTimeout: p.opt.FinalTimeout, DialTimeout: dialTime,
		DialContext: p.opt.DialContext, ClientID: p.opt.Version, Compress: p.press, Logger: p.opt.Logger,
	})
	if err != nil {
		of.failed(err)
		return nil, err
	}
	of.opened(c)
	return c, nil
}

// open logs in once for each row, on both sides at the same time.
func (p *prober) open(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, p.opt.For/3)
	defer cancel()
	var both sync.WaitGroup
	for _, s := range p.sides {
		both.Go(func() {
			began := time.Now()
			var g errgroup.Group
			g.SetLimit(mostAtOnce)
			for _, r := range p.rows {
				g.Go(func() error {
					if s.stopped() != nil || ctx.Err() != nil {
						return nil
					}
					r.conn[s.index()], r.err[s.index()] = p.dial(ctx, s, r)
					return nil
				})
			}
			_ = g.Wait() // no row returns an error
			s.spent(time.Since(began))
		})
	}
	both.Wait()
	for _, r := range p.rows {
		p.tellRow(r)
	}
}

// tellRow says why a row takes no part.
func (p *prober) tellRow(r *row) {
	rep := &p.rep.Rows[r.at]
	for i, err := range r.err {
		if r.conn[i] != nil {
			continue
		}
		if err == nil {
			err = p.sides[i].stopped() // others were refused before it
		}
		switch {
		case errors.Is(err, context.DeadlineExceeded) || err == nil:
			rep.Fault = p.sides[i].at.String() + ": there was no time left to log in"
		case !errors.Is(err, context.Canceled):
			rep.Fault, rep.Hint = said(err)
			if f := fault.Of(err); f != nil && f.Temporary {
				rep.Hint = again(f)
			}
		}
	}
}

// said is an error in words, and what to do about it.
func said(err error) (text, hint string) {
	if f := fault.Of(err); f != nil {
		return f.Error(), f.Hint
	}
	return fault.Clean(err.Error()), ""
}

// ready opens what is missing for n lanes on the sides given, as long as there is
// time to measure, and returns the lanes that have it. err says why they are
// fewer.
func (p *prober) ready(ctx context.Context, n int, sides ...*side) (have []*lane, err error) {
	limited, cancel := context.WithDeadline(ctx, p.until)
	defer cancel()
	lanes := p.lanes[:max(n, p.placed)] // more than n where they take turns
	for range 2 {                       // a connection may be lost while others are opened
		for _, s := range sides {
			if err := p.fill(limited, lanes, s); err != nil {
				return having(lanes, sides), outOfTime(limited, err, "there was no time left to open "+atLanes(n))
			}
		}
		if have = having(lanes, sides); len(have) == len(lanes) {
			break
		}
	}
	return have, nil
}

// outOfTime is err, or text where it says nothing but that the time of ctx is over.
func outOfTime(ctx context.Context, err error, text string) error {
	if fault.Of(err) == nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &fault.Error{Text: text}
	}
	return err
}

// pick takes n of the lanes, those whose turn it is.
func (p *prober) pick(have []*lane, n int) (out []*lane) {
	for range n {
		out = append(out, have[p.turn%len(have)])
		p.turn++
	}
	return out
}

// having are those lanes that are open on the sides given.
func having(lanes []*lane, sides []*side) (out []*lane) {
	for _, l := range lanes {
		open := true
		for _, s := range sides {
			c := l.conn[s.index()]
			open = open && c != nil && c.Err() == nil
		}
		if open {
			out = append(out, l)
		}
	}
	return out
}

// fill opens the connections that lanes lack on one side, a few at a time, and
// returns the first error.
func (p *prober) fill(ctx context.Context, lanes []*lane, s *side) error {
	var g errgroup.Group
	g.SetLimit(mostAtOnce)
	began, dialled := time.Now(), false
	for _, l := range lanes {
		c := l.conn[s.index()]
		if !l.row.sound[s.index()] || c != nil && c.Err() == nil {
			continue
		}
		if err := p.again(l, s, c); err != nil {
			return errors.Join(err, g.Wait())
		}
		dialled = true
		g.Go(func() error {
			if err := s.stopped(); err != nil {
				return err
			}
			c, err := p.dial(ctx, s, l.row)
			l.conn[s.index()] = c
			return err
		})
	}
	err := g.Wait()
	if dialled {
		s.spent(time.Since(began))
	}
	return err
}

// again lets go of a connection that was lost, so that another may be opened;
// the error says that too many were.
func (p *prober) again(l *lane, s *side, lost *imapconn.Conn) error {
	if lost == nil {
		return nil
	}
	if s.at == fault.Dest {
		l.row.mine.lose()
	} else {
		l.at = ""
	}
	drop(lost)
	err := lost.Err()
	l.conn[s.index()] = nil
	if p.tries++; p.tries > p.opt.Lanes {
		return err
	}
	return nil
}

// drop ends a connection without a word and waits for its goroutine.
func drop(c *imapconn.Conn) {
	c.Abort()
	<-c.Done()
}

// bye ends a connection in good order, in a short time.
func bye(ctx context.Context, c *imapconn.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	if err := c.Logout(ctx); err != nil {
		drop(c)
	}
}

// close ends whatever is still open.
func (p *prober) close(ctx context.Context) {
	var g errgroup.Group
	for _, l := range p.lanes {
		g.Go(func() error { closeAll(ctx, &l.conn); return nil })
	}
	for _, r := range p.rows {
		g.Go(func() error { closeAll(ctx, &r.conn); return nil })
	}
	_ = g.Wait() // none returns an error
}

func closeAll(ctx context.Context, conns *[2]*imapconn.Conn) {
	for i, c := range conns {
		if c != nil {
			bye(ctx, c)
		}
		conns[i] = nil
	}
}
