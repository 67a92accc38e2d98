package mailsync

import (
	"context"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/mapping"
)

// prepare finds out what there is on both sides, gives every source mailbox
// its place, makes what is missing, leaves aside what has not changed and sets
// the floors that can be set for the whole account at once.
func (p *pass) prepare(ctx context.Context) error {
	if err := p.route(ctx); err != nil {
		return err
	}
	if p.rules.JustFolders {
		return p.makeMailboxes(ctx)
	}
	p.sizes()
	p.tellFewer()
	p.leaveUnchanged()
	if err := p.makeAndList(ctx); err != nil {
		return err
	}
	p.shareGates()
	if err := p.awaitOldSession(ctx); err != nil {
		return err
	}
	return p.emptyFloors(ctx)
}

// side is what one account has.
type side struct {
	mapping.Account
	status map[string]imapconn.Status // by name as on the wire, and by name
}

func (s *side) list(ctx context.Context, c *imapconn.Conn) (err error) {
	var all []imapconn.Status
	s.Tree, s.Software = mapping.TreeOf(c), c.ServerID()
	if s.Mailboxes, all, err = c.ListStatus(ctx); err != nil {
		return err
	}
	s.status = make(map[string]imapconn.Status, 2*len(all))
	for i, b := range s.Mailboxes {
		if !all[i].OK {
			all[i] = imapconn.Status{Size: -1, Reply: all[i].Reply}
		}
		s.status[b.Name] = all[i]
	}
	for i, b := range s.Mailboxes { // several may decode to one name: the spelling decides
		s.status[b.Wire] = all[i]
	}
	return nil
}

// look lists both sides at once.
func (p *pass) look(ctx context.Context) (source, dest side, err error) {
	var errs [2]error
	clockOf(ctx).apart(ctx, func(ctx context.Context) {
		errs[0] = guard("list", func() error {
			return p.first.src.do(ctx, func(c *imapconn.Conn) error { return source.list(ctx, c) })
		})
	}, func(ctx context.Context) {
		errs[1] = guard("list", func() error {
			return p.first.dst.do(ctx, func(c *imapconn.Conn) error {
				p.uidPlus = c.Caps().UIDPlus
				return dest.list(ctx, c)
			})
		})
	})
	return source, dest, both(errs[0], errs[1])
}

// shareGates gives all mailboxes that go to one destination mailbox one gate:
// none settles while another has something under way there, or both would
// adopt one copy of what they both have.
func (p *pass) shareGates() {
	gates := map[string]*gate{}
	for _, b := range p.boxes {
		if gates[b.dest] == nil {
			gates[b.dest] = &gate{}
		}
		b.gate = gates[b.dest]
	}
}

// sizes tells the meter what there is.
func (p *pass) sizes() {
	for _, b := range p.boxes {
		p.meter.Expect(int64(b.before.Messages), max(b.before.Size, 0))
		p.count.SourceOctets += max(b.before.Size, 0)
	}
}

// emptyFloors tells the ledger, in one commit, for which UIDVALIDITY the maps
// of mailboxes stand that earlier passes did not come to, and sets the floors
// of those that hold nothing at the destination yet: nothing is there to be
// matched.
func (p *pass) emptyFloors(ctx context.Context) error {
	if p.e.opt.DryRun {
		return nil
	}
	var floors []ledger.Floor
	for _, b := range p.boxes {
		fresh := b.link.DestValidity == 0 && b.link.SourceValidity == 0 && !b.link.Open
		if !fresh || !b.before.OK || !b.target.OK || b.before.UIDValidity == 0 || b.target.UIDValidity == 0 {
			continue
		}
		b.link.SourceValidity, b.link.DestValidity = b.before.UIDValidity, b.target.UIDValidity
		if b.target.Messages == 0 && b.target.UIDNext != 0 && b.before.Messages > 0 {
			b.link.Floor, b.link.Open, b.floored = b.target.UIDNext, true, true
		}
		floors = append(floors, b.floor())
	}
	if len(floors) == 0 {
		return nil
	}
	return state(p.e.books.SetFloors(ctx, floors))
}
