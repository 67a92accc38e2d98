package probe

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

const (
	namePrefix = "imapfleet-probe-"
	idOctets   = 6 // random ones in a name
	mostTries  = 3 // to delete a mailbox that the server says no to
	firstPause = 100 * time.Millisecond
	mostPause  = 5 * time.Second
)

// ours is a name that only a probe gives, after whatever prefix the server has.
var ours = regexp.MustCompile(`^(.*[^0-9A-Za-z_-])?imapfleet-probe-([0-9a-f]{12})-[0-9]{1,2}$`)

// mailboxes are those that a probe has made in one account. Its methods are safe
// for concurrent use.
type mailboxes struct {
	id string

	mu    sync.Mutex
	names []string // that are there, or may be; in UTF-8
	used  map[string]bool
	why   map[string]error // a name could not be removed
	lost  bool             // a connection was: what it had sent may still be done
}

func newMailboxes(id string) *mailboxes {
	return &mailboxes{id: id, used: map[string]bool{}, why: map[string]error{}}
}

// intend notes a name before the server is asked for it; first is true when it
// was not asked before.
func (m *mailboxes) intend(name string) (first bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if slices.Contains(m.names, name) {
		return false
	}
	m.names = append(m.names, name)
	return true
}

// forget takes a name out: it was not made, or is not ours.
func (m *mailboxes) forget(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.names = slices.DeleteFunc(m.names, func(o string) bool { return o == name })
}

// enter notes that a mailbox was opened; first is true when that is the first
// time.
func (m *mailboxes) enter(name string) (first bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	first = !m.used[name]
	m.used[name] = true
	return first
}

// lose notes that a connection was lost.
func (m *mailboxes) lose() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lost = true
}

// stays notes why a mailbox could not be removed.
func (m *mailboxes) stays(name string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.why[name] = err
}

// all are in alphabetical order.
func (m *mailboxes) all() (names []string, doubt bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(slices.Values(m.names)), m.lost
}

// make makes a lane's mailbox, unless it is there.
func (p *prober) make(ctx context.Context, l *lane) error {
	if l.box != "" {
		return nil
	}
	c, mine := l.conn[1], l.row.mine
	prefix, _ := imapconn.DecodeMailbox(c.Namespaces()[0].Prefix)
	name := fmt.Sprintf("%s%s%s-%d", prefix, namePrefix, p.id, l.n)
	first := mine.intend(name)
	refusals, err := c.Create(ctx, []imapconn.NewMailbox{{Name: name}})
	if err != nil {
		return err
	}
	if refusals[0] != nil {
		if first { // else one that was not answered may have made it, and is why this one is refused
			mine.forget(name)
		}
		return refusals[0]
	}
	l.name, l.box = name, imapconn.EncodeMailbox(name)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rep.Mailboxes.Made++
	return nil
}

// remove takes the probe's mailboxes away, whatever has become of ctx.
func (p *prober) remove(ctx context.Context) {
	var g errgroup.Group
	for _, r := range p.rows {
		names, _ := r.mine.all()
		if len(names) == 0 {
			continue
		}
		g.Go(func() error {
			err := safely(func() error { return p.removeOf(ctx, r) })
			p.removed(r, len(names), err)
			return nil
		})
	}
	_ = g.Wait() // no row returns an error
}

// removed books how the removal of a row's mailboxes has ended.
func (p *prober) removed(r *row, n int, err error) {
	left, _ := r.mine.all()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rep.Mailboxes.Removed += n - len(left)
	for _, name := range left {
		why := r.mine.why[name]
		if why == nil {
			why = err
		}
		p.rep.Mailboxes.Left = append(p.rep.Mailboxes.Left, r.left(name, why))
	}
}

// left is a mailbox of a row as the report has it.
func (r *row) left(name string, err error) Left {
	l := Left{Line: r.pair.Line, User: fault.Clean(r.pair.Dest.User), Mailbox: fault.Clean(name)}
	if err != nil {
		l.Why, _ = said(err)
	}
	return l
}

// removeOf takes a row's mailboxes away, and is sure of it: it lists what there
// is, again after a while where a session that was lost may still be at work.
// It connects anew where that helps.
func (p *prober) removeOf(ctx context.Context, r *row) (err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.opt.RemoveFor)
	defer cancel()
	c := p.keeper(ctx, r)
	defer func() {
		if c != nil {
			bye(ctx, c)
		}
	}()
	for refused, pause := 0, firstPause; ; pause = min(2*pause, mostPause) {
		if c == nil {
			c, err = p.reach(ctx, r)
		}
		if c != nil {
			err = p.tryRemove(ctx, c, r)
		}
		if err == nil || ctx.Err() != nil {
			return err
		}
		if c != nil && c.Err() != nil {
			r.mine.lose()
			drop(c)
			c = nil
		}
		f := fault.Of(err)
		if f == nil || !f.Temporary {
			if refused++; c == nil || refused >= mostTries {
				return err
			}
		}
		if f != nil {
			pause = max(pause, f.Wait)
		}
		if sleep(ctx, pause) != nil {
			return err
		}
	}
}

// reach opens a connection to remove mailboxes. It waits for its turn among the
// logins, but for no more than half of the time that ctx has left: no mailbox is
// left behind for that.
func (p *prober) reach(ctx context.Context, r *row) (*imapconn.Conn, error) {
	if end, ok := ctx.Deadline(); ok {
		turn, cancel := context.WithTimeout(ctx, time.Until(end)/2)
		defer cancel()
		_ = p.awaitLogin(turn, p.sides[1], r) // it ends in any case
	}
	return p.connect(ctx, p.sides[1], r)
}

// keeper ends the lanes' connections to a row's destination but for one, on
// which no mailbox is open then; nil when none is sound.
func (p *prober) keeper(ctx context.Context, r *row) (keep *imapconn.Conn) {
	for _, l := range p.lanes {
		if l.row != r || l.conn[1] == nil {
			continue
		}
		c := l.conn[1]
		l.conn[1] = nil
		switch {
		case c.Err() != nil || leave(ctx, c) != nil:
			r.mine.lose()
			drop(c)
		case keep == nil:
			keep = c
		default:
			bye(ctx, c)
		}
	}
	return keep
}

// leave closes the mailbox that is open, in a short time.
func leave(ctx context.Context, c *imapconn.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	if c.Caps().Unselect {
		return c.Unselect(ctx)
	}
	_, err := c.Examine(ctx, "INBOX")
	return err
}

// tryRemove deletes a row's mailboxes; nil when none is there any more.
func (p *prober) tryRemove(ctx context.Context, c *imapconn.Conn, r *row) error {
	names, doubt := r.mine.all()
	refusals, err := c.Delete(ctx, names)
	if err != nil {
		return err
	}
	still, err := present(ctx, c, names)
	if err == nil && doubt && len(still) == 0 {
		if err = sleep(ctx, p.opt.LookEvery); err == nil {
			if still, err = present(ctx, c, names); len(still) > 0 {
				return &fault.Error{Side: fault.Dest, Host: r.pair.Dest.Host, Op: "delete", Mailbox: still[0], Temporary: true, Text: "it came back"}
			}
		}
	}
	if err != nil {
		return err
	}
	for i, name := range names {
		if !slices.Contains(still, name) {
			r.mine.forget(name)
			continue
		}
		why := refusals[i]
		if why == nil {
			why = &fault.Error{Side: fault.Dest, Host: r.pair.Dest.Host, Op: "delete", Mailbox: name,
				Text: "the server said OK, and still lists it"}
		}
		r.mine.stays(name, why)
		if err == nil {
			err = why
		}
	}
	return err
}

// present are those of names that the server lists.
func present(ctx context.Context, c *imapconn.Conn, names []string) (out []string, err error) {
	boxes, err := c.List(ctx)
	for _, b := range boxes {
		if slices.Contains(names, b.Name) && !b.NonExistent {
			out = append(out, b.Name)
		}
	}
	return out, err
}

// earlier removes what a killed probe has left in a row's destination account.
func (p *prober) earlier(ctx context.Context, r *row, c *imapconn.Conn) error {
	boxes, err := c.List(ctx)
	if err != nil {
		return err
	}
	var names []string
	for _, b := range boxes {
		if m := ours.FindStringSubmatch(b.Name); m != nil && m[2] != p.id && !b.NoSelect {
			names = append(names, b.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	all := &p.rep.Mailboxes.EarlierSeen
	var refusals []error
	if !p.opt.ReadOnly {
		all = &p.rep.Mailboxes.EarlierRemoved
		if refusals, err = c.Delete(ctx, names); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, name := range names {
		if refusals != nil && refusals[i] != nil {
			p.rep.Mailboxes.Left = append(p.rep.Mailboxes.Left, r.left(name, refusals[i]))
			continue
		}
		*all = append(*all, r.left(name, nil))
	}
	return nil
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
