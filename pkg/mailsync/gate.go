package mailsync

import (
	"context"
	"sync"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// gate keeps the lanes that send to one destination mailbox apart from the one
// that settles it: while a lane finds out what is stored of what it sent,
// nobody else may have a message under way there (DESIGN invariant 6). Of
// those that wait to settle, the ones whose messages are stored for certain
// come first: what they look up would else be adopted for an equal message
// that another lane doubts, and theirs never be sent again. The zero gate is
// open.
type gate struct {
	mu      sync.Mutex
	inside  int           // lanes that may have something under way
	waiting int           // those that are to settle and wait for the others to leave
	certain int           // of them, whose messages are stored for certain
	alone   bool          // one settles
	changed chan struct{} // closed at the next change; nil: nobody waits
}

// change wakes whoever waits. g.mu is held.
func (g *gate) change() {
	if g.changed != nil {
		close(g.changed)
		g.changed = nil
	}
}

// await waits until ok is true, with g.mu held before and after.
func (g *gate) await(ctx context.Context, ok func() bool) error {
	if !ok() { // what others find out there, or have under way
		clock := clockOf(ctx)
		defer clock.in(clock.in(waiting(throughput.DestWait)))
	}
	for !ok() {
		if g.changed == nil {
			g.changed = make(chan struct{})
		}
		changed := g.changed
		g.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		g.mu.Lock()
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// enter lets a lane in once nobody settles.
func (g *gate) enter(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.await(ctx, func() bool { return !g.settles() }); err != nil {
		return err
	}
	g.inside++
	return nil
}

// exit lets a lane out that has nothing under way.
func (g *gate) exit() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	g.change()
}

// settle runs f for a lane that is inside while no other one is. The lane is
// inside again afterwards, whatever the error.
func (g *gate) settle(ctx context.Context, certain bool, f func() error) error {
	if err := g.aside(ctx, certain); err != nil {
		return err
	}
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.alone = false
		g.inside++
		g.change()
	}()
	return f()
}

// aside waits for a lane that is inside until it alone may settle.
func (g *gate) aside(ctx context.Context, certain bool) error {
	n := 0
	if certain {
		n = 1
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	g.waiting++
	g.certain += n
	g.change()
	err := g.await(ctx, func() bool { return !g.alone && g.inside == 0 && (certain || g.certain == 0) })
	g.waiting--
	g.certain -= n
	g.alone = g.alone || err == nil
	if err != nil {
		g.inside++
	}
	g.change()
	return err
}

// settles reports whether a lane settles or waits for that. g.mu is held.
func (g *gate) settles() bool { return g.alone || g.waiting > 0 }

// busy reports whether a settler waits for the lanes inside to leave.
func (g *gate) busy() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.settles()
}

// wanted is busy, and gives a channel that is closed when that may have
// changed.
func (g *gate) wanted() (bool, <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.changed == nil {
		g.changed = make(chan struct{})
	}
	return g.settles(), g.changed
}
