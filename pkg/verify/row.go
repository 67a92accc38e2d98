package verify

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
)

// row is one account while it is verified. Its lanes share it.
type row struct {
	v       *Verifier
	pair    account.Pair
	id      ledger.RowID
	log     *slog.Logger
	history *history
	dest    *mailsync.Listing
	groups  []*group
	sets    flagSets
	report  Report // of the first lane's goroutine

	mu    sync.Mutex // guards what follows
	queue []*group   // largest first
	lanes int
	read  int64
}

func (r *row) run(ctx context.Context) (err error) {
	if r.history, err = readHistory(ctx, r.v.opt.Ledger, r.id); err != nil {
		return err
	}
	first := r.newLane(false)
	defer func() {
		r.end(ctx, first)
		r.report.Read = r.read
	}()
	if err := first.open(ctx); err != nil {
		return err
	}
	if r.pair.Rules.Value().JustLogin {
		r.report.State = NotVerified
		r.report.Notes = append(r.report.Notes, "--justlogin: both logins work, and nothing was compared")
		return nil
	}
	if err := r.route(ctx, first); err != nil {
		return err
	}
	r.noteRules()
	for len(r.queue) > 0 {
		if err := r.round(ctx, first); err != nil {
			return err
		}
	}
	for _, g := range r.groups {
		r.report.Messages += g.messages
		r.report.DestMessages += g.destCount
		r.report.Octets += g.octets
		r.report.Same += g.same
	}
	return r.finish(ctx, first)
}

func (r *row) newLane(further bool) *lane {
	r.mu.Lock()
	r.lanes++
	r.mu.Unlock()
	return &lane{r: r, src: r.v.opt.Engine.Reader(r.pair, fault.Source, further), dst: r.v.opt.Engine.Reader(r.pair, fault.Dest, further)}
}

func (r *row) end(ctx context.Context, l *lane) {
	r.mu.Lock()
	r.lanes--
	r.read += l.src.Octets() + l.dst.Octets()
	r.mu.Unlock()
	l.close(ctx)
}

// route lists both sides and finds out what belongs where.
func (r *row) route(ctx context.Context, l *lane) error {
	var source *mailsync.Listing
	err := both(ctx, func(ctx context.Context) (err error) {
		source, err = l.src.List(ctx)
		return err
	}, func(ctx context.Context) (err error) {
		r.dest, err = l.dst.List(ctx)
		return err
	})
	if err != nil {
		return err
	}
	routes, err := mailsync.Routes(r.pair, source, r.dest, r.history.links)
	if err != nil {
		return err
	}
	byDest := map[string]*group{}
	add := func(dest string, b *sourceBox, size int64) {
		g := byDest[dest]
		if g == nil {
			g = &group{dest: dest, exists: r.destHas(dest), size: int64(r.dest.Status(dest).Messages)}
			byDest[dest] = g
			r.groups = append(r.groups, g)
		}
		g.boxes, g.size = append(g.boxes, b), g.size+size
	}
	listed := map[string]bool{}
	for _, route := range routes {
		listed[route.Source.Wire] = true
		if route.LeftOut != "" {
			r.leftOut(route, source.Status(route.Source.Wire))
			continue
		}
		add(route.Dest, &sourceBox{name: route.Source.Name, wire: route.Source.Wire, listed: true}, int64(source.Status(route.Source.Wire).Messages))
		r.report.Mailboxes++
	}
	for _, link := range r.history.links { // mailboxes that the source has no more
		if !listed[link.Source] {
			add(link.Dest, &sourceBox{name: nameOf(link.Source), wire: link.Source}, 0)
		}
	}
	r.queue = slices.SortedStableFunc(slices.Values(r.groups), func(a, b *group) int { return cmp.Compare(b.size, a.size) })
	return nil
}

// noteRules notes that the last pass over some mailboxes was made by other rules
// about messages than those that explain what is missing now.
func (r *row) noteRules() {
	n, now := 0, r.pair.Rules.Value().Messages.Fingerprint()
	for _, g := range r.groups {
		for _, b := range g.boxes {
			if link := r.history.link(b.wire); b.listed && link.SourceUIDNext != 0 && link.Rules != now {
				n++
			}
		}
	}
	if n > 0 {
		r.report.Notes = append(r.report.Notes, fmt.Sprintf("the last run had other rules about messages (--since, --max-size ...) in %d of %d mailboxes: "+
			"what it left out may be called missing here, and what it missed left out by rule", n, r.report.Mailboxes))
	}
}

// destHas reports whether the destination has a mailbox that holds messages.
func (r *row) destHas(name string) bool {
	return slices.ContainsFunc(r.dest.Mailboxes(), func(b imapconn.Mailbox) bool {
		return b.Name == name && !b.NoSelect && !b.NonExistent
	})
}

// nameOf is a mailbox's name in UTF-8; as on the wire where that is no name.
func nameOf(wire string) string {
	name, _ := imapconn.DecodeMailbox(wire)
	return name
}

// round works through the queue with as many lanes as there are. What a lost
// lane leaves behind is back in the queue afterwards.
func (r *row) round(ctx context.Context, first *lane) error {
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		for {
			r.grow(gctx, g)
			next := r.next()
			if next == nil {
				return nil
			}
			if err := first.compare(gctx, next); err != nil {
				return err
			}
		}
	})
	return g.Wait()
}

// grow takes the lanes that no row waits for.
func (r *row) grow(ctx context.Context, g *errgroup.Group) {
	for r.wants() && r.v.lanes.TryAcquire(1) {
		l := r.newLane(true)
		g.Go(func() error {
			defer r.v.lanes.Release(1)
			defer r.end(ctx, l)
			err := r.help(ctx, l)
			if err != nil && fault.ScopeOf(err) == fault.Run {
				return err
			}
			if err != nil && ctx.Err() == nil {
				r.log.Info("a further lane has ended, its mailbox is read by another", "err", err)
			}
			return nil
		})
	}
}

// wants reports whether there is something for one more lane.
func (r *row) wants() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.queue) > 1 && r.lanes < r.v.opt.LanesPerAccount
}

// help is the life of a further lane.
func (r *row) help(ctx context.Context, l *lane) error {
	if err := l.open(ctx); err != nil {
		return err
	}
	for {
		g := r.next()
		if g == nil {
			return nil
		}
		if err := l.compare(ctx, g); err != nil {
			r.back(g)
			return err
		}
	}
}

func (r *row) next() *group {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 {
		return nil
	}
	g := r.queue[0]
	r.queue = r.queue[1:]
	return g
}

func (r *row) back(g *group) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = append(r.queue, g)
}
