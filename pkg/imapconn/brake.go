package imapconn

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/imapfleet/imapfleet/pkg/wire"
)

const (
	firstBrake = 50 * time.Millisecond
	mostBrake  = 16 * time.Second
)

// brake delays the commands of one connection while its server says OK with
// [THROTTLED], as Gmail does before it refuses: by 50 ms, twice as much with
// each further one, up to 16 s; half as much with each OK that does not say it.
// What is in flight is not held up. The zero value does not brake. Methods are
// safe for concurrent use.
type brake struct {
	mu    sync.Mutex
	delay time.Duration
	next  time.Time // not before this may the next command leave
	told  bool
}

// hear takes a tagged answer to a command.
func (b *brake) hear(r wire.Reply) {
	if r.Status != "OK" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case saysThrottled(r):
		b.delay = min(max(2*b.delay, firstBrake), mostBrake)
	case b.delay <= firstBrake:
		b.delay = 0
	default:
		b.delay /= 2
	}
}

// saysThrottled reports whether an answer holds the code, at the beginning or,
// as Gmail has it, at the end of the text.
func saysThrottled(r wire.Reply) bool {
	name, _, _ := strings.Cut(r.Code, " ")
	return strings.EqualFold(name, "THROTTLED") || strings.HasSuffix(strings.ToUpper(strings.TrimSpace(r.Text)), "[THROTTLED]")
}

// reserve returns how long the next command has to wait; commands that come at
// once leave one after the other. first is true for the first that waits at
// all.
func (b *brake) reserve(now time.Time) (wait time.Duration, first bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.delay == 0 {
		return 0, false
	}
	if b.next.Before(now) {
		b.next = now
	}
	b.next = b.next.Add(b.delay)
	first, b.told = !b.told, true
	return b.next.Sub(now), first
}

// slowDown waits before a command as the server wants it. It returns early when
// ctx ends or the connection is lost, which whoever sends then finds out.
func (c *Conn) slowDown(ctx context.Context) {
	start := time.Now()
	d, first := c.brake.reserve(start)
	if d <= 0 {
		return
	}
	if first {
		c.cfg.Logger.Info("the server asks to go slower: commands on this connection wait", "side", c.cfg.Side.String(),
			"host", c.cfg.Endpoint.Host, "user", c.cfg.Endpoint.User, "wait", d)
	}
	c.cfg.Waits.Braked.Start(start)
	defer func() { c.cfg.Waits.Braked.Stop(time.Now(), 0) }()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	case <-c.w.Dead():
	}
}
