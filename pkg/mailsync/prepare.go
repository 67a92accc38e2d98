package mailsync

import (
	"context"
	"slices"
	"sync"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/ledger"
)

// prepare finds out what there is on both sides, gives every source mailbox
// its place, makes what is missing, leaves aside what has not changed and sets
// the floors that can be set for the whole account at once.
func (p *pass) prepare(ctx context.Context) error {
	if err := p.route(ctx); err != nil {
		return err
	}
	if err := p.makeMailboxes(ctx); err != nil || p.rules.JustFolders {
		return err
	}
	p.sizes()
	p.leaveUnchanged()
	if err := p.awaitOldSession(ctx); err != nil {
		return err
	}
	return p.emptyFloors(ctx)
}

// side is what one account has.
type side struct {
	tree   tree
	boxes  []imapconn.Mailbox
	status map[string]imapconn.Status // by name as on the wire, and by name
}

func (s *side) list(ctx context.Context, c *imapconn.Conn) (err error) {
	var all []imapconn.Status
	s.tree = treeOf(c)
	if s.boxes, all, err = c.ListStatus(ctx); err != nil {
		return err
	}
	s.status = make(map[string]imapconn.Status, 2*len(all))
	for i, b := range s.boxes {
		if !all[i].OK {
			all[i] = imapconn.Status{Size: -1, Reply: all[i].Reply}
		}
		s.status[b.Name] = all[i]
	}
	for i, b := range s.boxes { // several may decode to one name: the spelling decides
		s.status[b.Wire] = all[i]
	}
	return nil
}

// look lists both sides at once.
func (p *pass) look(ctx context.Context) (source, dest side, err error) {
	var errs [2]error
	var wg sync.WaitGroup
	wg.Go(func() {
		errs[0] = p.first.src.do(ctx, func(c *imapconn.Conn) error { return source.list(ctx, c) })
	})
	wg.Go(func() {
		errs[1] = p.first.dst.do(ctx, func(c *imapconn.Conn) error {
			p.uidPlus = c.Caps().UIDPlus
			return dest.list(ctx, c)
		})
	})
	wg.Wait()
	return source, dest, both(errs[0], errs[1])
}

// route lists both sides and links every selectable source mailbox to its
// destination.
func (p *pass) route(ctx context.Context) error {
	source, dest, err := p.look(ctx)
	if err != nil {
		return err
	}
	links, err := p.links(ctx)
	if err != nil {
		return err
	}
	if err := p.goneMailboxes(ctx, links, source.boxes); err != nil {
		return err
	}
	stored := map[string]string{}
	for wire, l := range links {
		stored[wire] = l.Dest
	}
	subscribed := map[string]bool{}
	for _, d := range dest.boxes {
		subscribed[d.Name] = d.Subscribed
	}
	for _, r := range mapMailboxes(source.boxes, dest.boxes, source.tree, dest.tree, stored) {
		if r.source.NoSelect || r.source.NonExistent {
			continue
		}
		if r.note != "" {
			p.log.Info("mailbox goes to another name", "mailbox", r.source.Name, "destination", r.dest, "why", r.note)
		}
		r.source.Subscribed = r.source.Subscribed && !subscribed[r.dest]
		b := &box{route: r, link: links[r.source.Wire], before: source.status[r.source.Wire], target: imapconn.Status{Size: -1}}
		if r.exists {
			b.target = dest.of(r.dest)
		}
		p.boxes = append(p.boxes, b)
	}
	if err := p.linkBoxes(ctx); err != nil {
		return err
	}
	return p.priorRejects(ctx)
}

// of returns the state of the mailbox that is selected by a name.
func (s *side) of(name string) imapconn.Status {
	if st, ok := s.status[imapconn.EncodeMailbox(name)]; ok {
		return st
	}
	return s.status[name]
}

func treeOf(c *imapconn.Conn) tree {
	ns := c.Namespaces()
	if len(ns) == 0 {
		return tree{}
	}
	return tree{prefix: ns[0].Prefix, delimiter: ns[0].Delimiter}
}

// links returns what the ledger knows of this row's mailboxes, by the
// source's wire name.
func (p *pass) links(ctx context.Context) (map[string]ledger.Mailbox, error) {
	known, err := p.e.opt.Ledger.Mailboxes(ctx, p.row)
	if err != nil {
		return nil, state(err)
	}
	links := map[string]ledger.Mailbox{}
	for _, l := range known {
		links[l.Source] = l
	}
	return links, nil
}

// linkBoxes stores the choices of destination names: they never change again.
func (p *pass) linkBoxes(ctx context.Context) error {
	var fresh []*ledger.Mailbox
	for _, b := range p.boxes {
		if b.link.ID == 0 {
			b.link = ledger.Mailbox{Row: p.row, Source: b.source.Wire, Dest: b.route.dest}
			fresh = append(fresh, &b.link)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	return state(p.e.opt.Ledger.AddMailboxes(ctx, fresh))
}

// priorRejects reads what earlier passes could not place, if anything.
func (p *pass) priorRejects(ctx context.Context) error {
	if !slices.ContainsFunc(p.boxes, func(b *box) bool { return b.link.Rejects > 0 }) {
		return nil
	}
	rejects, err := p.e.opt.Ledger.Rejects(ctx, p.row)
	if err != nil {
		return state(err)
	}
	byID := map[ledger.MailboxID]*box{}
	for _, b := range p.boxes {
		b.rejects = map[uint32]ledger.Reject{}
		byID[b.link.ID] = b
	}
	for _, r := range rejects {
		if b := byID[r.Mailbox]; b != nil {
			b.rejects[r.UID] = r
		}
	}
	return nil
}

// makeMailboxes creates what the destination lacks, looks at what it made, and
// carries subscriptions. A refused mailbox is left out of the pass, the others
// go on.
func (p *pass) makeMailboxes(ctx context.Context) error {
	if p.e.opt.DryRun {
		return nil
	}
	if err := p.createAll(ctx); err != nil {
		return err
	}
	return p.subscribeAll(ctx)
}

// createAll asks for all that is missing at once, and looks at what was made.
// What is refused is looked into one by one.
func (p *pass) createAll(ctx context.Context) error {
	var missing []*box
	var make []imapconn.NewMailbox
	for _, b := range p.boxes {
		if !b.exists {
			missing, make = append(missing, b), append(make, imapconn.NewMailbox{Name: b.route.dest, Use: b.source.Use})
		}
	}
	if len(missing) == 0 {
		return nil
	}
	var refusals []error
	if err := p.first.dst.do(ctx, func(c *imapconn.Conn) (err error) {
		refusals, err = c.Create(ctx, make)
		return err
	}); err != nil {
		return err
	}
	for i, b := range missing {
		err := refusals[i]
		if err != nil {
			err = p.first.dst.do(ctx, func(c *imapconn.Conn) error { return create(ctx, c, b, refusals[i]) })
		}
		if err != nil && !mild(ctx, err) {
			return err
		}
		b.exists, b.refused = err == nil, err
	}
	return p.statuses(ctx, slices.DeleteFunc(missing, func(b *box) bool { return !b.exists }))
}

// create makes a mailbox that was refused. Servers make missing parents by
// themselves (RFC 9051 section 6.3.4 says they should); where one does not,
// they are made first. What a server answers for a mailbox that is there
// already differs, so a second look decides.
func create(ctx context.Context, c *imapconn.Conn, b *box, refusal error) error {
	name := b.route.dest
	boxes, err := c.List(ctx)
	if err != nil {
		return err
	}
	if listed(boxes, name) {
		return nil
	}
	var make []imapconn.NewMailbox
	for _, parent := range parents(name, treeOf(c)) {
		if !listed(boxes, parent) {
			make = append(make, imapconn.NewMailbox{Name: parent})
		}
	}
	if len(make) == 0 {
		return refusal
	}
	refusals, err := c.Create(ctx, append(make, imapconn.NewMailbox{Name: name, Use: b.source.Use}))
	if err != nil {
		return err
	}
	return refusals[len(refusals)-1]
}

// subscribeAll carries subscriptions; one that is refused is told, and costs
// nothing else.
func (p *pass) subscribeAll(ctx context.Context) error {
	var names []string
	for _, b := range p.boxes {
		if b.source.Subscribed && b.refused == nil {
			names = append(names, b.route.dest)
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

func listed(boxes []imapconn.Mailbox, name string) bool {
	return slices.ContainsFunc(boxes, func(m imapconn.Mailbox) bool {
		return m.Name == name && !m.NonExistent && !m.NoSelect
	})
}

// parents returns the names above name, the highest first, without those that
// the namespace's prefix spells.
func parents(name string, t tree) []string {
	var out []string
	if t.delimiter == 0 {
		return nil
	}
	for i, r := range name {
		if r == t.delimiter && i+len(string(r)) > len(t.prefix) {
			out = append(out, name[:i])
		}
	}
	return out
}

// statuses asks for the state of destination mailboxes that were just made.
func (p *pass) statuses(ctx context.Context, made []*box) error {
	if len(made) == 0 {
		return nil
	}
	names := make([]string, len(made))
	for i, b := range made {
		names[i] = imapconn.EncodeMailbox(b.route.dest)
	}
	return p.first.dst.do(ctx, func(c *imapconn.Conn) error {
		all, err := c.Status(ctx, names)
		if err != nil {
			return err
		}
		for i, st := range all {
			if st.OK {
				made[i].target = st
			}
		}
		return nil
	})
}

// sizes tells the meter what there is.
func (p *pass) sizes() {
	for _, b := range p.boxes {
		p.meter.Expect(int64(b.before.Messages), max(b.before.Size, 0))
		p.count.SourceOctets += max(b.before.Size, 0)
	}
}

// emptyFloors sets the floors of all destination mailboxes that hold nothing
// yet in one commit: nothing is there to be matched.
func (p *pass) emptyFloors(ctx context.Context) error {
	if p.e.opt.DryRun {
		return nil
	}
	var floors []ledger.Floor
	for _, b := range p.boxes {
		fresh := b.link.DestValidity == 0 && b.link.SourceValidity == 0
		if !fresh || !b.target.OK || b.target.Messages != 0 || b.target.UIDNext == 0 || b.before.Messages == 0 {
			continue
		}
		if b.before.UIDValidity == 0 || b.target.UIDValidity == 0 {
			continue
		}
		b.link.SourceValidity, b.link.DestValidity = b.before.UIDValidity, b.target.UIDValidity
		b.link.Floor, b.link.Open, b.floored = b.target.UIDNext, true, true
		floors = append(floors, b.floor())
	}
	if len(floors) == 0 {
		return nil
	}
	return state(p.e.opt.Ledger.SetFloors(ctx, floors))
}
