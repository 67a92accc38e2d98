package mailsync

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/mapping"
	"github.com/imapfleet/imapfleet/pkg/rules"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// pass is one Sync of one pair. Its lanes share it; what several of them
// change is under mu.
type pass struct {
	e     *Engine
	row   ledger.RowID
	pair  account.Pair
	rules rules.Rules
	meter *throughput.Meter
	log   *slog.Logger
	lanes Lanes

	first  *lane        // prepares the pass, and works through all of it
	mapped *mapping.Map // where the mailboxes go
	boxes  []*box
	work   *work // of the round that goes on
	crew   *crew
	daily  budgets
	// uidPlus says that the destination tells under which UIDs it stores.
	uidPlus bool
	// subscribed are the destination's mailboxes that its user has subscribed
	// to, by name.
	subscribed  map[string]bool
	subscribing *subscribing // nil: no answers are owed

	// hard outlives the caller's context by Options.Grace: for the answer to
	// an open APPEND.
	hard   context.Context
	cancel context.CancelFunc

	mu      sync.Mutex // guards what follows, and the boxes' plans
	count   throughput.Count
	mild    error // the first fault that cost messages or a mailbox, not the account
	rejects int   // in a row
	stores  int64 // messages stored in this pass
}

// box is one source mailbox in this pass.
type box struct {
	route
	subscribe bool // at the destination
	link      ledger.Mailbox
	before    imapconn.Status          // of the source mailbox, when the pass began
	target    imapconn.Status          // of the destination mailbox, when the pass began
	rejects   map[uint32]ledger.Reject // of earlier passes
	refused   error                    // the destination does not have this mailbox and does not take it
	plan      *plan                    // nil until it is listed; guarded by pass.mu once lanes move it
	seen      imapconn.Selected        // of the source, when it was listed
	floored   bool                     // the floor was set in this pass and is still good
	next      uint32                   // the destination's UIDNEXT when it was last matched; 0 unknown
	doubts    bool                     // something was sent in this pass and not answered; guarded by pass.mu
	answered  bool                     // the floor was opened to move messages there, and where all of them are is mapped
	quiet     bool                     // no session of an earlier pass is storing any more
	tries     int                      // how often it was begun again
	mapped    bool                     // UIDs of both sides last, so that the map does
	noted     bool                     // the ledger has got runs or flags of it in this pass, and no message was sent for them
	told      bool                     // the destination has been told of all changes of flags
	unsticky  bool                     // the destination's UIDs do not last, as was seen when something was stored; guarded by pass.mu

	early     *early // nil: it was not listed yet
	unchanged bool   // since the last whole pass: it is not opened
	// A dry run would have moved these to the mailbox, and those out of it.
	moved, left []uint32
	filtered    int64 // messages of which the meter knows that they were left out
	gate        *gate // of the destination mailbox

	// Guarded by work.mu.
	parts     int   // stretches that a lane has or that wait for one
	divisible bool  // several lanes may move it
	split     bool  // several have
	err       error // why the work at it ends early
}

// average is how many octets a message of the mailbox has; 1 when unknown.
func (b *box) average() int64 {
	return max(b.before.Size/max(int64(b.before.Messages), 1), 1)
}

// floor returns what the ledger must hold durably before octets leave.
func (b *box) floor() ledger.Floor {
	return ledger.Floor{ID: b.link.ID, Floor: b.link.Floor, Open: b.link.Open,
		SourceValidity: b.link.SourceValidity, DestValidity: b.link.DestValidity}
}

func (e *Engine) newPass(ctx context.Context, pair account.Pair, row ledger.RowID, lanes Lanes, m *throughput.Meter) *pass {
	log := e.logger(pair)
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p := &pass{e: e, row: row, pair: pair, meter: m, log: log, lanes: lanes, hard: hard, cancel: cancel}
	p.rules = pair.Rules.Value()
	p.first = p.newLane(false)
	return p
}

// newLane makes a lane whose connections are not opened yet.
func (p *pass) newLane(further bool) *lane {
	return &lane{p: p, further: further,
		src:   p.e.newSession(fault.Source, p.pair.Source, further, p.log),
		dst:   p.e.newSession(fault.Dest, p.pair.Dest, further, p.log),
		tempo: p.e.tempos.begin(p.pair.Dest.Host), come: make(chan struct{}, 1)}
}

func (p *pass) close(ctx context.Context) {
	p.first.close(ctx)
	p.cancel()
}

func (p *pass) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		if sleep(p.hard, p.e.opt.Grace) == nil {
			p.cancel()
		}
	})
	defer stop()
	if err := p.openBudgets(ctx); err != nil {
		return err
	}
	if err := p.first.open(ctx); err != nil || p.rules.JustLogin {
		return err
	}
	if err := p.prepare(ctx); err != nil {
		return err
	}
	if p.rules.JustFolders {
		p.tellRefused()
		return cmp.Or(p.awaitSubscribed(ctx), p.mild)
	}
	if err := p.followMoves(ctx); err != nil {
		return err
	}
	for boxes := p.toOpen(); len(boxes) > 0; boxes = p.work.again {
		p.work = &work{boxes: boxes}
		if err := p.round(ctx); err != nil {
			return err
		}
	}
	if err := p.awaitSubscribed(ctx); err != nil {
		return err
	}
	if err := p.followDeletes(ctx); err != nil {
		return err
	}
	return p.mild
}

// both joins the faults of the two sides to one that says so; fault.Sides tells
// them apart.
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
	joined.Err = errors.Join(source, dest)
	joined.Wait = max(s.Wait, d.Wait)
	if joined.Temporary = s.Temporary && d.Temporary; !joined.Temporary {
		joined.Wait = 0 // what is refused for good does not pass by waiting
	}
	return &joined
}

// closeFloors ends a pass that did not come to its end: where nothing was left
// unanswered no session can be storing any more, and the next pass need not
// wait for one.
func (p *pass) closeFloors(ctx context.Context) error {
	var floors []ledger.Floor
	for _, b := range p.boxes {
		if b.floored && b.link.Open && !b.doubts && !b.unsticky {
			b.link.Open = false
			floors = append(floors, b.floor())
		}
	}
	if len(floors) == 0 {
		return nil
	}
	return state(p.e.books.SetFloors(ctx, floors))
}

// refuseBox books a mailbox that could not be worked through; the others go
// on.
func (p *pass) refuseBox(b *box, err error) {
	p.log.Warn("mailbox not completed", "mailbox", b.source.Name, "err", err)
	p.note(err)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count.MailboxesRefused++
}

func (p *pass) note(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mild == nil {
		p.mild = err
	}
}

// planned notes what the source lists in a mailbox. What is there because this
// pass has brought it, before the mailbox was begun again, stays copied.
func (p *pass) planned(b *box, plan *plan, seen imapconn.Selected) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var known int64 // to the meter
	if b.plan != nil {
		known = b.plan.count[alreadyThere]
		plan.keep(b.plan.are(copied))
	}
	b.plan, b.seen = plan, seen
	p.meter.AlreadyThere(max(plan.count[alreadyThere]-known, 0))
}

// settled notes what became of a message that was not copied.
func (p *pass) settled(b *box, uid uint32, became fate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b.plan.set(uid, became)
}

// leftOut tells the meter how many messages of a mailbox the user's rules leave
// out: once, also when the mailbox is begun again.
func (p *pass) leftOut(b *box) {
	n := b.plan.filtered()
	p.meter.Filtered(max(n-b.filtered, 0))
	b.filtered = max(n, b.filtered)
}

// stored notes that the destination has a message: so it takes some.
func (p *pass) stored(b *box, uid uint32, octets int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b.plan.set(uid, copied)
	p.count.Octets += octets
	p.rejects = 0
	p.stores++
	p.meter.Copied(1, octets)
}

// storedSoFar returns how many messages were stored in this pass.
func (p *pass) storedSoFar() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stores
}

// tooManyRejects counts one more reject in a row.
func (p *pass) tooManyRejects() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rejects++
	return p.rejects >= p.e.opt.MaxRejects
}

// unlasting notes that the UIDs of a destination mailbox do not outlive the
// session, though something was stored there before that could be seen.
func (p *pass) unlasting(b *box) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b.unsticky = true
}

// unclear notes that something was sent to a mailbox and not answered.
func (p *pass) unclear(b *box, doubts bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b.doubts = b.doubts || doubts
}

// splitOne counts a mailbox that several lanes have moved.
func (p *pass) splitOne() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count.MailboxesSplit++
}

// updated counts messages whose flags have followed those of the source.
func (p *pass) updated(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count.FlagsUpdated += int64(n)
}

// repaired counts a message that went over changed.
func (p *pass) repaired() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count.Repaired++
}

// would counts octets that a real run would copy.
func (p *pass) would(octets int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count.Octets += octets
}

// stillAccepted counts the messages that were left behind because a human has
// accepted that.
func (b *box) stillAccepted() (n int64) {
	for u, r := range b.rejects {
		if f, ok := b.plan.fate(u); r.Accepted && ok && f == rejected {
			n++
		}
	}
	return n
}

// wouldMove counts the messages that a real run would have moved here, and that
// are therefore listed as being there.
func (b *box) wouldMove() (n int64) {
	for _, u := range b.moved {
		if f, ok := b.plan.fate(u); ok && f == alreadyThere {
			n++
		}
	}
	return n
}

// total adds up what became of every message that the source listed.
func (p *pass) total() throughput.Count {
	c := p.count
	for _, b := range p.boxes {
		c.Mailboxes++
		if p.rules.JustFolders {
			continue // their messages were not asked for
		}
		if b.plan == nil {
			n := int64(b.before.Messages)
			c.Listed += n
			if b.unchanged {
				b.addUnchanged(&c)
				continue
			}
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
		c.GoneKept += b.plan.vanished
		c.Moved += b.wouldMove()
		c.FilteredDate += n[filteredDate]
		c.FilteredSize += n[filteredSize]
		c.FilteredSearch += n[filteredSearch]
		c.FilteredDuplicate += n[filteredDuplicate]
		c.Accepted += b.stillAccepted()
	}
	c.Filtered = c.FilteredDate + c.FilteredSize + c.FilteredSearch + c.FilteredDuplicate
	return c
}
