package mailsync

import (
	"context"
	"slices"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/ledger"
)

// prepare finds out what there is on both sides, gives every source mailbox
// its place, makes what is missing and sets the floors that can be set for
// the whole account at once.
func (p *pass) prepare(ctx context.Context) error {
	if err := p.route(ctx); err != nil {
		return err
	}
	if err := p.makeMailboxes(ctx); err != nil {
		return err
	}
	if err := p.sizes(ctx); err != nil {
		return err
	}
	if err := p.awaitOldSession(ctx); err != nil {
		return err
	}
	return p.emptyFloors(ctx)
}

// route lists both sides and links every selectable source mailbox to its
// destination.
func (p *pass) route(ctx context.Context) error {
	var from, to tree
	var source, dest []imapconn.Mailbox
	if err := p.first.src.do(ctx, func(c *imapconn.Conn) (err error) {
		from = treeOf(c)
		source, err = c.List(ctx)
		return err
	}); err != nil {
		return err
	}
	if err := p.first.dst.do(ctx, func(c *imapconn.Conn) (err error) {
		to, p.uidPlus = treeOf(c), c.Caps().UIDPlus
		dest, err = c.List(ctx)
		return err
	}); err != nil {
		return err
	}
	links, err := p.links(ctx)
	if err != nil {
		return err
	}
	stored := map[string]string{}
	for wire, l := range links {
		stored[wire] = l.Dest
	}
	subscribed := map[string]bool{}
	for _, d := range dest {
		subscribed[d.Name] = d.Subscribed
	}
	for _, r := range mapMailboxes(source, dest, from, to, stored) {
		if r.source.NoSelect || r.source.NonExistent {
			continue
		}
		if r.note != "" {
			p.log.Info("mailbox goes to another name", "mailbox", r.source.Name, "destination", r.dest, "why", r.note)
		}
		r.source.Subscribed = r.source.Subscribed && !subscribed[r.dest]
		p.boxes = append(p.boxes, &box{route: r, link: links[r.source.Wire]})
	}
	if err := p.linkBoxes(ctx); err != nil {
		return err
	}
	return p.priorRejects(ctx)
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

func (p *pass) priorRejects(ctx context.Context) error {
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

// makeMailboxes creates what the destination lacks and carries subscriptions.
// A refused mailbox is left out of the pass, the others go on.
func (p *pass) makeMailboxes(ctx context.Context) error {
	if p.e.opt.DryRun {
		return nil
	}
	if err := p.createAll(ctx); err != nil {
		return err
	}
	return p.subscribeAll(ctx)
}

// createAll asks for all that is missing at once. What is refused is looked
// into one by one.
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
	return nil
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

// sizes asks for the status of all mailboxes on both sides and tells the
// meter what there is to do.
func (p *pass) sizes(ctx context.Context) error {
	if err := p.statuses(ctx, p.first.src, func(b *box) string { return b.source.Wire },
		func(b *box, s imapconn.Status) { b.before = s }); err != nil {
		return err
	}
	err := p.statuses(ctx, p.first.dst, func(b *box) string {
		if !b.exists || b.refused != nil {
			return ""
		}
		return imapconn.EncodeMailbox(b.route.dest)
	}, func(b *box, s imapconn.Status) { b.target = s })
	if err != nil {
		return err
	}
	for _, b := range p.boxes {
		p.meter.Expect(int64(b.before.Messages), max(b.before.Size, 0))
		p.count.SourceOctets += max(b.before.Size, 0)
	}
	return nil
}

func (p *pass) statuses(ctx context.Context, s *session, name func(*box) string, set func(*box, imapconn.Status)) error {
	var names []string
	var asked []*box
	for _, b := range p.boxes {
		if n := name(b); n != "" {
			names, asked = append(names, n), append(asked, b)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return s.do(ctx, func(c *imapconn.Conn) error {
		all, err := c.Status(ctx, names)
		if err != nil {
			return err
		}
		for i, st := range all {
			if !st.OK {
				st = imapconn.Status{Size: -1}
			}
			set(asked[i], st)
		}
		return nil
	})
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
