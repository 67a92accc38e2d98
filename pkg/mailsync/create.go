package mailsync

import (
	"context"
	"regexp"
	"slices"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/mapping"
)

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

// createAll asks for all that is missing at once, and looks at what was made in
// the same round trip.
// What is refused under its own name is asked for under others.
func (p *pass) createAll(ctx context.Context) error {
	var missing []*box
	twins := false
	for _, b := range p.boxes {
		if !b.exists {
			missing = append(missing, b)
			twins = twins || p.mapped.Twins(b.at)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	refused, err := p.create(ctx, missing)
	if err == nil && (twins || len(refused) > 0) {
		refused, err = p.lookAgain(ctx, missing, refused)
	}
	if err == nil {
		err = p.respell(ctx, refused)
	}
	if err != nil {
		return err
	}
	return p.statuses(ctx, slices.DeleteFunc(missing, func(b *box) bool { return !b.exists || b.target.OK }))
}

// create asks for mailboxes and returns those that were refused. Several boxes
// may go to one.
func (p *pass) create(ctx context.Context, boxes []*box) (refused []*box, err error) {
	var ask []imapconn.NewMailbox
	at := map[string]int{}
	boxes = slices.DeleteFunc(slices.Clone(boxes), p.there)
	for _, b := range boxes {
		if _, known := at[b.dest]; !known {
			at[b.dest] = len(ask)
			ask = append(ask, imapconn.NewMailbox{Name: b.dest, Use: p.mapped.Routes[b.at].Use()})
		}
	}
	var refusals []error
	var states []imapconn.Status
	if err := p.first.dst.do(ctx, func(c *imapconn.Conn) (err error) {
		refusals, states, err = c.Make(ctx, ask)
		return err
	}); err != nil {
		return nil, err
	}
	for _, b := range boxes {
		b.target = states[at[b.dest]]
		switch err := refusals[at[b.dest]]; {
		case err == nil:
			p.made(b)
		case !mild(ctx, err):
			return nil, err
		default:
			if b.refused == nil { // else why its own name was refused tells more
				b.refused = err
			}
			refused = append(refused, b)
		}
	}
	return refused, nil
}

// there reports whether the destination lists a mailbox under the name that it
// has got by now: an earlier pass made it, and its ledger is lost.
func (p *pass) there(b *box) bool {
	if p.mapped.Routes[b.at].Exists {
		p.made(b)
	}
	return b.exists
}

// made notes that the destination has a mailbox.
func (p *pass) made(b *box) {
	b.exists, b.refused = true, nil
	p.mapped.Made(b.at)
}

// lookAgain lists the destination once more and deals with what its answers to
// CREATE left unclear. What a server answers for a mailbox that is there
// already differs. Servers make missing parents by themselves (RFC 9051 section
// 6.3.4 says they should); where one does not, they are made first. And one
// that takes two names for one says that the second is there.
func (p *pass) lookAgain(ctx context.Context, missing, refused []*box) (still []*box, err error) {
	var list []imapconn.Mailbox
	var tree mapping.Tree
	if err := p.first.dst.do(ctx, func(c *imapconn.Conn) (err error) {
		tree = mapping.TreeOf(c)
		list, err = c.List(ctx)
		return err
	}); err != nil {
		return nil, err
	}
	there := listedOf(list)
	for _, b := range refused {
		if there.has(b.dest) {
			p.made(b)
		} else {
			still = append(still, b)
		}
	}
	if still, err = p.createBelow(ctx, still, there, tree); err != nil {
		return nil, err
	}
	return p.partTwins(ctx, missing, still, there)
}

// createBelow makes what lacks a parent at the destination once more, after
// its parents.
func (p *pass) createBelow(ctx context.Context, refused []*box, there listed, tree mapping.Tree) (still []*box, err error) {
	var ask []imapconn.NewMailbox
	asked := map[string]bool{}
	var again []*box
	for _, b := range refused {
		parents := slices.DeleteFunc(tree.Parents(b.dest), there.has)
		if len(parents) == 0 {
			still = append(still, b)
			continue
		}
		again = append(again, b)
		for _, name := range parents {
			if !asked[name] {
				asked[name] = true
				ask = append(ask, imapconn.NewMailbox{Name: name})
			}
		}
	}
	if len(again) == 0 {
		return still, nil
	}
	if err := p.first.dst.do(ctx, func(c *imapconn.Conn) error {
		_, err := c.Create(ctx, ask) // whether they were made shows below
		return err
	}); err != nil {
		return nil, err
	}
	more, err := p.create(ctx, again)
	return append(still, more...), err
}

// partTwins keeps mailboxes apart that the destination takes for one, because
// their names differ in case or in Unicode form only: it lists one name of
// them. To one of which nothing was sent yet a name of its own is given; if
// nobody else goes there, it takes that spelling. Returned is what is still
// refused.
func (p *pass) partTwins(ctx context.Context, missing, refused []*box, there listed) (still []*box, err error) {
	held := p.heldTwins(missing, there)
	var apart, respelt []*box
	for _, b := range p.besideHeld(missing, held) {
		name, folded := there.twin(b.dest)
		chosen, isHeld := held[name]
		switch {
		case settled(b.link) || !folded || there.has(b.dest) && !isHeld:
		case isHeld && b.dest == chosen:
			p.made(b)
		case !p.mapped.Routes[b.at].Asked && (isHeld || p.mapped.Claimed(name) || p.mapped.Strays(b.at)):
			apart = append(apart, b)
			b.exists = false
		default:
			if isHeld {
				name = chosen
			}
			p.mapped.SpeltAs(b.at, name)
			b.dest, b.target = name, imapconn.Status{Size: -1}
			p.made(b)
			respelt = append(respelt, b)
		}
	}
	moved := p.renamed(apart, p.mapped.Taken(places(apart)))
	if err := p.relink(ctx, slices.Concat(respelt, moved)); err != nil {
		return nil, err
	}
	for _, b := range moved {
		p.log.Warn("the destination takes two names for one mailbox, so one of them is called otherwise",
			"mailbox", b.source.Name, "destination", b.dest)
	}
	again := setOf(moved)
	still = slices.DeleteFunc(refused, func(b *box) bool { return b.exists || again[b.at] })
	more, err := p.create(ctx, moved)
	return append(still, more...), err
}

// heldTwins finds the mailboxes that mail was copied to and whose names their
// user has changed in case or Unicode form since. Where the server knows the
// chosen name too, it means the same mailbox, and that name stays. Returned are
// the chosen names by the listed ones.
func (p *pass) heldTwins(missing []*box, there listed) map[string]string {
	held := map[string]string{}
	for _, b := range missing {
		name, folded := there.twin(b.dest)
		if settled(b.link) && folded && !there.has(b.dest) && (b.exists || b.target.OK) {
			p.made(b)
			held[name] = b.dest
		}
	}
	return held
}

// besideHeld adds to missing, in the order of the Map, those that go to what
// is held under another name.
func (p *pass) besideHeld(missing []*box, held map[string]string) []*box {
	if len(held) == 0 {
		return missing
	}
	is := setOf(missing)
	return slices.DeleteFunc(slices.Clone(p.boxes), func(b *box) bool {
		_, beside := held[b.dest]
		return !is[b.at] && !beside
	})
}

// respell asks for refused mailboxes under other names, the mildest change
// first. Each choice is stored before it is made. What is refused under every
// name keeps its own.
func (p *pass) respell(ctx context.Context, refused []*box) error {
	refused = slices.DeleteFunc(refused, func(b *box) bool { return !nameRefused(b.refused) })
	for try := 0; try < mapping.Spellings && len(refused) > 0; try++ {
		again := p.renamed(refused, p.mapped.Respell(places(refused), try))
		if len(again) == 0 {
			continue
		}
		if err := p.relink(ctx, again); err != nil {
			return err
		}
		if _, err := p.create(ctx, again); err != nil {
			return err
		}
		for _, b := range again {
			if b.exists {
				p.log.Warn("the destination refuses the name of a mailbox, another is used", "mailbox", b.source.Name, "destination", b.dest)
			}
		}
		refused = slices.DeleteFunc(refused, func(b *box) bool { return b.exists })
	}
	return p.relink(ctx, p.renamed(refused, p.mapped.Reset(places(refused))))
}

// otherRefusals are answers to CREATE that no other name would help against.
// Words such as "denied" are none: Courier says so of a name that is too long.
var otherRefusals = regexp.MustCompile(`(?i)\[(NOPERM|CONTACTADMIN|LIMIT|OVERQUOTA)\b`)

// nameRefused reports whether a refusal may be about the mailbox's name.
func nameRefused(err error) bool {
	f := fault.Of(err)
	return f != nil && f.Code == fault.MailboxRefused && !otherRefusals.MatchString(f.Text)
}

// places are where boxes stand in the Map.
func places(boxes []*box) []int {
	at := make([]int, len(boxes))
	for i, b := range boxes {
		at[i] = b.at
	}
	return at
}

// renamed gives those of boxes whose routes have changed their new names, and
// returns them.
func (p *pass) renamed(boxes []*box, routes []int) (changed []*box) {
	again := map[int]bool{}
	for _, at := range routes {
		again[at] = true
	}
	for _, b := range boxes {
		if again[b.at] {
			b.dest = p.mapped.Routes[b.at].Dest
			changed = append(changed, b)
		}
	}
	return changed
}

func setOf(boxes []*box) map[int]bool {
	set := map[int]bool{}
	for _, b := range boxes {
		set[b.at] = true
	}
	return set
}

// listed is what a server lists and can be opened.
type listed struct {
	names map[string]bool
	twins map[string]string // by mapping.TwinKey: one that is listed
}

func listedOf(boxes []imapconn.Mailbox) listed {
	l := listed{names: map[string]bool{}, twins: map[string]string{}}
	for _, m := range boxes {
		if !m.NonExistent && !m.NoSelect {
			l.names[m.Name] = true
			l.twins[mapping.TwinKey(m.Name)] = m.Name
		}
	}
	return l
}

func (l listed) has(name string) bool { return l.names[name] }

// twin returns a listed name that differs from name in case or Unicode form at
// most.
func (l listed) twin(name string) (string, bool) {
	twin, ok := l.twins[mapping.TwinKey(name)]
	return twin, ok
}

// statuses asks for the state of destination mailboxes that were there, or were
// made in another way than by their first names.
func (p *pass) statuses(ctx context.Context, made []*box) error {
	if len(made) == 0 {
		return nil
	}
	names := make([]string, len(made))
	for i, b := range made {
		names[i] = imapconn.EncodeMailbox(b.dest)
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
