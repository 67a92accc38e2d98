package mailsync

import (
	"context"
	"sync"
)

// gate keeps the lanes that send to one destination mailbox apart from the one
// that settles it: while a lane finds out what is stored of what it sent,
// nobody else may have a message under way there (DESIGN invariant 6). The
// zero gate is open.
type gate struct {
	mu      sync.Mutex
	inside  int           // lanes that may have something under way
	settler bool          // one waits for the others to leave, or settles
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
	if err := g.await(ctx, func() bool { return !g.settler }); err != nil {
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
func (g *gate) settle(ctx context.Context, f func() error) error {
	g.mu.Lock()
	g.inside--
	g.change()
	err := g.await(ctx, func() bool { return !g.settler })
	if err != nil {
		g.inside++
		g.mu.Unlock()
		return err
	}
	g.settler = true
	g.change()
	err = g.await(ctx, func() bool { return g.inside == 0 })
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.settler = false
		g.inside++
		g.change()
	}()
	if err != nil {
		return err
	}
	return f()
}

// busy reports whether a settler waits for the lanes inside to leave.
func (g *gate) busy() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.settler
}

// wanted is busy, and gives a channel that is closed when that may have
// changed.
func (g *gate) wanted() (bool, <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.changed == nil {
		g.changed = make(chan struct{})
	}
	return g.settler, g.changed
}
