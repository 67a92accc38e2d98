package mailsync

import (
	"context"
	"sync"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// SideReport is what one login showed. The zero value says nothing.
type SideReport struct {
	Software  string       // what the server says of itself
	Mailboxes int64        // selectable ones
	Messages  int64        // in all of them
	Octets    Estimate     // of all of them
	Fault     *fault.Error // why the login, or the look after it, failed; nil when it worked
}

// CheckReport is what Check found on both sides. What is beyond the SideReports
// is there only where both have no Fault; Quota where Dest has none.
type CheckReport struct {
	Source, Dest SideReport
	// Needed is what a pass would bring to the destination: the octets of each
	// source mailbox less those that its destination holds.
	Needed Estimate
	Quota  QuotaReport
	Large  LargeReport
	// Findings are for the operator, the worst first.
	Findings []Finding
}

// Check logs in on both sides of pair and looks. It writes nothing. What it
// finds is about the first pass as well as about later ones.
func (e *Engine) Check(ctx context.Context, pair account.Pair) CheckReport {
	p := e.newPass(ctx, pair, 0, nil, nil)
	defer p.close(ctx)
	c := &checking{p: p}
	c.both(
		func() error { return c.look(ctx, p.first.src, &c.source, &c.rep.Source) },
		func() error { return c.lookDest(ctx) },
	)
	if c.failed() {
		return c.rep
	}
	if err := c.mapNames(); err != nil {
		c.rep.Source.Fault = asFault(err)
		return c.rep
	}
	c.both(
		func() error { return c.lookDeeper(ctx) },
		func() error { return c.weighDest(ctx) },
	)
	if !c.failed() {
		c.judge()
	}
	return c.rep
}

// checking is one Check at work.
type checking struct {
	p            *pass
	rep          CheckReport
	source, dest side
	caps         [2]imapconn.Caps
	weights      [2]weights // by side: what the mailboxes hold
	kept         imapconn.Selected
	keptKnown    bool               // kept says which flags the destination keeps
	places       map[string]landing // by the source's names as on the wire
}

// both runs one function for each side at once; an error is that side's Fault.
func (c *checking) both(source, dest func() error) {
	var wg sync.WaitGroup
	wg.Go(func() { c.rep.Source.Fault = asFault(guard("check", source)) })
	wg.Go(func() { c.rep.Dest.Fault = asFault(guard("check", dest)) })
	wg.Wait()
}

func (c *checking) failed() bool { return c.rep.Source.Fault != nil || c.rep.Dest.Fault != nil }

func asFault(err error) *fault.Error {
	if err == nil {
		return nil
	}
	if f := fault.Of(err); f != nil {
		return f
	}
	return &fault.Error{Err: err}
}

// look lists one side and adds up what it says.
func (c *checking) look(ctx context.Context, s *session, of *side, rep *SideReport) error {
	at := 0
	if of == &c.dest {
		at = 1
	}
	return s.do(ctx, func(conn *imapconn.Conn) error {
		if err := of.list(ctx, conn); err != nil {
			return err
		}
		c.caps[at] = conn.Caps()
		*rep = SideReport{Software: conn.ServerID()}
		c.weights[at] = weighed(of)
		for _, b := range of.Mailboxes {
			if !b.NoSelect {
				rep.Mailboxes++
				rep.Messages += int64(of.status[b.Wire].Messages)
			}
		}
		rep.Octets = c.weights[at].total()
		return nil
	})
}

// lookDest also asks what the destination limits and which flags it keeps.
func (c *checking) lookDest(ctx context.Context) error {
	if err := c.look(ctx, c.p.first.dst, &c.dest, &c.rep.Dest); err != nil {
		return err
	}
	return c.p.first.dst.do(ctx, func(conn *imapconn.Conn) error {
		limits, known, err := conn.Quotas(ctx, "INBOX")
		if err != nil {
			return err
		}
		c.rep.Quota = quotaOf(limits, known)
		return c.lookKept(ctx, conn)
	})
}

// lookKept learns which flags the destination keeps. Only SELECT tells that
// (EXAMINE says none), and SELECT takes \Recent off the messages of a mailbox:
// so it is asked of one that is empty, or not at all.
func (c *checking) lookKept(ctx context.Context, conn *imapconn.Conn) error {
	for _, b := range c.dest.Mailboxes {
		st := c.dest.status[b.Wire]
		if b.NoSelect || !st.OK || st.Messages > 0 {
			continue
		}
		sel, err := conn.Select(ctx, b.Wire)
		if fault.Of(err) != nil && fault.ScopeOf(err) == fault.Mailbox {
			return nil
		}
		c.kept, c.keptKnown = sel, err == nil && !sel.ReadOnly
		return err
	}
	return nil
}

// lookDeeper reads what the lists of the source do not say.
func (c *checking) lookDeeper(ctx context.Context) error {
	err := c.p.first.src.do(ctx, func(conn *imapconn.Conn) error { return c.weights[0].sample(ctx, conn) })
	if err != nil {
		return err
	}
	c.rep.Source.Octets = c.weights[0].total()
	return c.p.first.src.do(ctx, func(conn *imapconn.Conn) (err error) {
		c.rep.Large, err = c.findLarge(ctx, conn)
		return err
	})
}

// weighDest reads the sizes of what is at the destination, where they are not
// told.
func (c *checking) weighDest(ctx context.Context) error {
	err := c.p.first.dst.do(ctx, func(conn *imapconn.Conn) error { return c.weights[1].sample(ctx, conn) })
	c.rep.Dest.Octets = c.weights[1].total()
	return err
}
