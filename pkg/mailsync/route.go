package mailsync

import (
	"context"
	"slices"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/mapping"
	"github.com/imapfleet/imapfleet/pkg/rules"
)

// route is where a mailbox goes, by a mapping.Map.
type route struct {
	source imapconn.Mailbox
	dest   string // name at the destination
	exists bool   // the destination has it
	at     int    // in mapping.Map.Routes
}

// mapped decides where the mailboxes go. stored are the choices of earlier
// passes; nil: none.
func mapped(r rules.Rules, source, dest *side, stored map[string]mapping.Choice) (*mapping.Map, error) {
	return mapping.Build(mapping.Input{Source: source.Account, Dest: dest.Account, Rules: r, Stored: stored,
		Empty: func(m imapconn.Mailbox) bool {
			st := source.status[m.Wire]
			return st.OK && st.Messages == 0
		}})
}

// choices are where earlier passes sent mailboxes.
func choices(links []ledger.Mailbox) map[string]mapping.Choice {
	stored := make(map[string]mapping.Choice, len(links))
	for _, l := range links {
		stored[l.Source] = mapping.Choice{Dest: l.Dest, Settled: settled(l)}
	}
	return stored
}

// settled reports whether something was copied by a link, or may have been: it
// never goes anywhere else.
func settled(l ledger.Mailbox) bool { return l.Mapped || l.Open }

// route lists both sides and links every source mailbox that is to be migrated
// to its destination.
func (p *pass) route(ctx context.Context) error {
	source, dest, err := p.look(ctx)
	if err != nil {
		return err
	}
	known, err := p.e.books.Mailboxes(ctx, p.row)
	if err != nil {
		return state(err)
	}
	links := map[string]ledger.Mailbox{}
	for _, l := range known {
		links[l.Source] = l
	}
	if err := p.goneMailboxes(ctx, known, &source); err != nil {
		return err
	}
	if p.mapped, err = mapped(p.rules, &source, &dest, choices(known)); err != nil {
		return err
	}
	p.tellMapping()
	for i := range p.mapped.Routes {
		r := &p.mapped.Routes[i]
		if r.LeftOut != "" {
			continue
		}
		b := &box{route: route{source: r.Source, dest: r.Dest, exists: r.Exists, at: i}, link: links[r.Source.Wire],
			before: source.status[r.Source.Wire], target: imapconn.Status{Size: -1}}
		b.subscribe = p.rules.Subscribe || r.Source.Subscribed && !p.rules.NoSubscribe
		if b.exists {
			b.target = dest.of(b.dest)
		}
		p.boxes = append(p.boxes, b)
	}
	p.subscribed = dest.subscribed()
	p.count.MailboxesFiltered = int64(p.mapped.LeftOut())
	if err := p.linkBoxes(ctx); err != nil {
		return err
	}
	return p.priorRejects(ctx)
}

// tellMapping logs what is left out and what goes to another name, once it is
// chosen.
func (p *pass) tellMapping() {
	for _, w := range p.mapped.Warnings {
		p.log.Warn("a rule comes too late", "why", fault.Clean(w))
	}
	for i := range p.mapped.Routes {
		switch r := &p.mapped.Routes[i]; {
		case r.LeftOut != "":
			p.log.Info("mailbox left out", "mailbox", r.Source.Name, "why", r.LeftOut)
		case r.Stored:
		case r.Others > 0:
			p.log.Info("mailboxes are merged", "mailbox", r.Source.Name, "destination", r.Dest, "with", r.With, "others", r.Others, "why", r.Why)
		case r.Why != "":
			p.log.Info("mailbox goes to another name", "mailbox", r.Source.Name, "destination", r.Dest, "why", r.Why)
		}
	}
	if p.e.opt.OnMapping != nil {
		p.e.opt.OnMapping(p.pair, p.mapped)
	}
}

// of returns the state of the mailbox that is selected by a name.
func (s *side) of(name string) imapconn.Status {
	if st, ok := s.status[imapconn.EncodeMailbox(name)]; ok {
		return st
	}
	return s.status[name]
}

// subscribed returns the mailboxes that the user has subscribed to, by name.
func (s *side) subscribed() map[string]bool {
	names := map[string]bool{}
	for _, m := range s.Mailboxes {
		if m.Subscribed {
			names[m.Name] = true
		}
	}
	return names
}

// linkBoxes stores the choices of destination names, before anything is made:
// once something was copied there, they never change.
func (p *pass) linkBoxes(ctx context.Context) error {
	var fresh, moved []*box
	for _, b := range p.boxes {
		switch {
		case b.link.ID == 0:
			fresh = append(fresh, b)
		case b.link.Dest != b.dest:
			moved = append(moved, b)
		}
	}
	if len(fresh) > 0 {
		links := make([]*ledger.Mailbox, len(fresh))
		for i, b := range fresh {
			b.link = ledger.Mailbox{Row: p.row, Source: b.source.Wire, Dest: b.dest}
			links[i] = &b.link
		}
		if err := p.e.books.AddMailboxes(ctx, links); err != nil {
			return state(err)
		}
		if err := p.recordNames(ctx, fresh); err != nil {
			return err
		}
	}
	return p.relink(ctx, moved)
}

// relink stores that mailboxes of which nothing was copied go elsewhere.
func (p *pass) relink(ctx context.Context, boxes []*box) error {
	if len(boxes) == 0 {
		return nil
	}
	dests := make([]ledger.Dest, len(boxes))
	for i, b := range boxes {
		dests[i] = ledger.Dest{ID: b.link.ID, Name: b.dest}
	}
	if err := p.e.books.SetDests(ctx, dests); err != nil {
		return state(err)
	}
	for _, b := range boxes {
		b.link = ledger.Mailbox{ID: b.link.ID, Row: p.row, Source: b.link.Source, Dest: b.dest}
	}
	return p.recordNames(ctx, boxes)
}

// nameRepair is the kind of a repair to a mailbox: it is called otherwise than
// its source.
const nameRepair = "name"

// recordNames records which of the mailboxes had to be called otherwise.
func (p *pass) recordNames(ctx context.Context, boxes []*box) error {
	for _, b := range boxes {
		if !p.mapped.Routes[b.at].Changed {
			continue
		}
		r := ledger.Repair{Mailbox: b.link.ID, Kind: nameRepair, Was: b.source.Name, Made: b.dest}
		if err := p.e.books.PutRepair(ctx, r); err != nil {
			return state(err)
		}
	}
	return nil
}

// priorRejects reads what earlier passes could not place, if anything.
func (p *pass) priorRejects(ctx context.Context) error {
	if !slices.ContainsFunc(p.boxes, func(b *box) bool { return b.link.Rejects > 0 }) {
		return nil
	}
	rejects, err := p.e.books.Rejects(ctx, p.row)
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
