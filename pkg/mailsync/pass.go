package mailsync

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// pass is one Sync of one pair. It belongs to the goroutine that called Sync.
type pass struct {
	e     *Engine
	row   ledger.RowID
	meter *throughput.Meter
	log   *slog.Logger

	src, dst *session
	boxes    []*box
	count    throughput.Count
	mild     error // the first fault that cost messages or a mailbox, not the account
	rejects  int   // in a row
	stores   int64 // messages stored in this pass
	tempo    tempo

	// hard outlives the caller's context by Options.Grace: for the answer to
	// an open APPEND.
	hard   context.Context
	cancel context.CancelFunc
}

// box is one source mailbox in this pass.
type box struct {
	route
	link    ledger.Mailbox
	before  imapconn.Status          // of the source mailbox, when the pass began
	target  imapconn.Status          // of the destination mailbox, when the pass began
	rejects map[uint32]ledger.Reject // of earlier passes
	refused error                    // the destination does not have this mailbox and does not take it
	plan    *plan                    // nil until it is listed
	floored bool                     // the floor was set in this pass and is still good
	next    uint32                   // the destination's UIDNEXT when it was last matched; 0 unknown
	unclear bool                     // something was sent in this pass and not answered
	quiet   bool                     // no session of an earlier pass is storing any more
}

// floor returns what the ledger must hold durably before octets leave.
func (b *box) floor() ledger.Floor {
	return ledger.Floor{ID: b.link.ID, Floor: b.link.Floor, Open: b.link.Open,
		SourceValidity: b.link.SourceValidity, DestValidity: b.link.DestValidity}
}

func (e *Engine) newPass(ctx context.Context, pair account.Pair, row ledger.RowID, m *throughput.Meter) *pass {
	log := e.opt.Logger.With("account", pair.Source.User, "line", pair.Line)
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	dialer := func(side fault.Side, ep account.Endpoint) func(context.Context) (*imapconn.Conn, error) {
		cfg := e.config(side, ep, log)
		return func(ctx context.Context) (*imapconn.Conn, error) { return imapconn.Dial(ctx, cfg) }
	}
	return &pass{e: e, row: row, meter: m, log: log, hard: hard, cancel: cancel,
		src: newSession(dialer(fault.Source, pair.Source), e.opt.Patience, log.With("side", "source")),
		dst: newSession(dialer(fault.Dest, pair.Dest), e.opt.Patience, log.With("side", "destination"))}
}

func (p *pass) close(ctx context.Context) {
	var wg sync.WaitGroup
	for _, s := range []*session{p.src, p.dst} {
		wg.Go(func() { s.close(ctx) })
	}
	wg.Wait()
	p.cancel()
}

func (p *pass) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		if sleep(p.hard, p.e.opt.Grace) == nil {
			p.cancel()
		}
	})
	defer stop()
	if err := p.open(ctx); err != nil {
		return err
	}
	if err := p.prepare(ctx); err != nil {
		return err
	}
	for _, b := range p.boxes {
		err := p.syncBox(ctx, b)
		if err == nil {
			continue
		}
		if s := fault.ScopeOf(err); ctx.Err() != nil || s != fault.Mailbox && s != fault.Message {
			return err
		}
		p.refuseBox(b, err)
	}
	return p.mild
}

// open logs in on both sides at once.
func (p *pass) open(ctx context.Context) error {
	var errs [2]error
	var wg sync.WaitGroup
	for i, s := range []*session{p.src, p.dst} {
		wg.Go(func() { _, errs[i] = s.get(ctx) })
	}
	wg.Wait()
	return both(errs[0], errs[1])
}

// both joins the faults of the two sides to one that says so.
func both(source, dest error) error {
	if source == nil {
		return dest
	}
	if dest == nil {
		return source
	}
	s, d := fault.Of(source), fault.Of(dest)
	if s == nil || d == nil {
		return errors.Join(source, dest)
	}
	joined := *s
	text := s.Text
	if text == "" && s.Err != nil {
		text = s.Err.Error()
	}
	joined.Text = text + "; and " + d.Error()
	joined.Temporary = s.Temporary && d.Temporary
	return &joined
}

// closeFloors ends a pass that did not come to its end: where nothing was left
// unanswered no session can be storing any more, and the next pass need not
// wait for one.
func (p *pass) closeFloors(ctx context.Context) error {
	var floors []ledger.Floor
	for _, b := range p.boxes {
		if b.floored && b.link.Open && !b.unclear {
			b.link.Open = false
			floors = append(floors, b.floor())
		}
	}
	if len(floors) == 0 {
		return nil
	}
	return state(p.e.opt.Ledger.SetFloors(ctx, floors))
}

// refuseBox books a mailbox that could not be worked through; the others go
// on.
func (p *pass) refuseBox(b *box, err error) {
	p.log.Warn("mailbox not completed", "mailbox", b.source.Name, "err", err)
	p.count.MailboxesRefused++
	p.note(err)
}

func (p *pass) note(err error) {
	if p.mild == nil {
		p.mild = err
	}
}

// total adds up what became of every message that the source listed.
func (p *pass) total() throughput.Count {
	c := p.count
	for _, b := range p.boxes {
		c.Mailboxes++
		if b.plan == nil {
			n := int64(b.before.Messages)
			c.Listed += n
			c.NotTried += n
			c.OctetsNotTried += max(b.before.Size, 0)
			continue
		}
		n := b.plan.count
		c.Listed += int64(len(b.plan.uids))
		c.AlreadyThere += n[alreadyThere]
		c.Copied += n[copied]
		c.Rejected += n[rejected]
		c.Gone += n[gone]
		c.NotTried += n[notTried]
	}
	return c
}
