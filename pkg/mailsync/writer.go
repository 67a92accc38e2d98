package mailsync

import (
	"context"
	"time"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// writer empties a lane's window into the destination. It alone uses the
// destination's connection. A message is in exactly one place: in queue (to be
// sent), in open or flying (sent, or being sent), in doubt (its command broke),
// or done. It stays in memory until it is done.
type writer struct {
	p   *pass
	l   *lane
	win *window

	clock, ahead *clock          // the lane's, which is the writer's own now; the fetcher's
	hard         context.Context // pass.hard, with clock

	*stint // at the part at hand; nil before the first and between two

	next   *item // taken from the window and not dealt with yet
	queue  []*item
	one    [1]*item // what queue is made of, but after trouble
	open   *command
	flying []*command // sent whole, not answered, oldest first
	doubt  []*item
	quiet  bool // a command of those in doubt may have left us whole

	unrested int64     // octets sent since the connection could be compressed
	told     time.Time // when the last answer came
}

// stint is what a writer keeps of its work at one part.
type stint struct {
	pt  *part
	b   *box
	dst *opened

	acked   []acked          // stored, but the server did not say under which UIDs
	aside   []*item          // set aside until the others are done with
	asideAt map[uint32]int64 // pass.stores when a message was set aside
	breaks  map[uint32]int   // connections that broke while the message was under way alone
	broke   error            // the last of them
	dropped map[string]bool  // flags that were left out of messages
	changed map[string]int   // messages that went over changed, by kind of repair

	mending      map[uint32]*mending // messages that come again because they were refused
	late         []late              // stored, with something still to be done
	refusedFlags map[string]bool     // keywords that the destination has refused, in lower case
}

// command is one APPEND and the messages in it.
type command struct {
	mode   imapconn.AppendMode
	app    *imapconn.Append
	answer *imapconn.Appending
	items  []*item
	octets int64
	begun  time.Time
	end    time.Time // when its end was sent, or may have been; zero: not yet
}

// run returns nil when the fetcher has closed the window and every message is
// accounted for. A fault that costs a mailbox ends the work there only.
func (w *writer) run(ctx context.Context) error {
	for {
		done, err := w.step(ctx)
		if err != nil {
			err = w.mend(ctx, err)
		}
		if err != nil {
			w.giveUp()
			if w.stint == nil || !mild(ctx, err) {
				return err
			}
			w.p.work.fail(w.b, err)
		}
		if done {
			return nil
		}
	}
}

// step does the next single thing there is to do, so that after trouble the
// loop simply goes on from whatever state mend left.
func (w *writer) step(ctx context.Context) (done bool, err error) {
	switch {
	case ctx.Err() != nil:
		return false, w.stop(ctx)
	case w.stint != nil && w.b.gate.busy():
		return false, w.makeWay(ctx)
	case w.stint != nil && (len(w.acked) >= maxAcked || len(w.late) >= maxLate):
		_, err = w.end(ctx, false)
		return false, err
	case len(w.queue) == 0 && w.next != nil:
		return false, w.turn(ctx)
	case len(w.queue) == 0:
		more, err := w.receive(ctx)
		if err != nil || more {
			return false, err
		}
		return w.end(ctx, true)
	}
	it := w.queue[0]
	switch {
	case it.verdict != notTried:
		w.queue = w.queue[1:]
		return false, w.book(it)
	case it.stream != nil || it.single:
		return false, w.alone(ctx, it)
	case w.open != nil && w.full(it):
		return false, w.finish()
	case w.open == nil:
		return false, w.begin(ctx)
	}
	w.queue = w.queue[1:]
	w.open.items = append(w.open.items, it)
	w.open.octets += it.size
	return false, w.add(it)
}

// receive waits for an item, and meanwhile takes the answers that come and
// ends an open command that has lingered long enough, or that keeps the memory
// which the next message needs. more is false when the window is closed and
// empty.
func (w *writer) receive(ctx context.Context) (more bool, err error) {
	select {
	case it, ok := <-w.win.items:
		return w.received(it, ok), nil
	default:
	}
	var answered, full, moved, come <-chan struct{}
	if w.stint == nil {
		w.selectAhead(ctx, nil)
		come = w.l.come
	}
	if len(w.flying) > 0 {
		answered = w.flying[0].answer.Done()
	} else if w.open == nil {
		w.win.starve()
	}
	var late <-chan time.Time
	if w.open != nil {
		t := time.NewTimer(linger)
		defer t.Stop()
		late, full = t.C, w.win.full
	}
	if w.stint != nil {
		var busy bool
		if busy, moved = w.b.gate.wanted(); busy {
			return true, nil
		}
	}
	more = true
	var then func(*writer) error // what comes of it
	was := w.clock.follow(w.ahead)
	select {
	case it, ok := <-w.win.items:
		more = w.received(it, ok)
	case <-answered:
		then = (*writer).collect
	case <-late:
		then = (*writer).finish
	case <-full:
		then = (*writer).finish
	case <-moved:
	case <-come:
	case <-ctx.Done():
	}
	w.clock.in(was)
	if then == nil {
		return more, nil
	}
	return true, then(w)
}

// received takes an item from the window; false when that is closed and empty.
func (w *writer) received(it *item, ok bool) bool {
	if w.next = it; ok {
		w.win.received()
	}
	return ok
}

// drop lets go of a message that is not to be sent after all. One that is lent is
// given back: a panic has met the writer while it had it.
func (w *writer) drop(it *item) {
	if it.stream != nil {
		w.lentBack(it)
		it.stream.refuse()
	}
	w.free(it)
}

// full reports whether it must not join the open command.
func (w *writer) full(it *item) bool {
	c := w.open
	return c.mode != imapconn.AppendMulti && len(c.items) > 0 ||
		len(c.items) >= w.l.tempo.batch() ||
		len(c.items) > 0 && c.octets+it.size > w.l.tempo.octets(w.p.e.share/4)
}

// enough reports whether an answer must come before another command begins.
func (w *writer) enough() bool {
	if len(w.flying) == 0 {
		return false
	}
	mode := w.flying[0].mode
	if len(w.flying) >= w.l.tempo.flying(mode) {
		return true
	}
	return mode != imapconn.AppendMulti && w.underWay() >= w.l.tempo.octets(w.p.e.share/4)
}

// underWay returns the octets of all commands without an answer.
func (w *writer) underWay() (octets int64) {
	for _, c := range w.flying {
		octets += c.octets
	}
	return octets
}

// begin opens a command, or takes an answer where too many are outstanding.
func (w *writer) begin(ctx context.Context) error {
	if w.enough() {
		return w.collect()
	}
	if w.unrested >= restOctets {
		return w.rest(ctx)
	}
	start := func(c *imapconn.Conn) error {
		app, err := c.Append(w.hard, w.dst.wire)
		if err == nil {
			w.open = &command{mode: c.AppendMode(), app: app, begun: time.Now()}
		}
		return err
	}
	if len(w.flying) > 0 { // no other connection while answers are owed on this one
		return start(w.l.dst.conn)
	}
	return w.dst.do(ctx, start)
}

// add writes the newest item of the open command.
func (w *writer) add(it *item) error {
	head, err := w.fit(it)
	if err != nil {
		w.withdraw(it)
		return w.reject(it, err)
	}
	head.Sync = it.single || it.stream != nil
	if it.stream != nil {
		defer w.clock.in(w.clock.in(doing{kind: streams}))
	}
	err = w.open.app.Add(w.hard, head, it.size, it.reader())
	if err != nil && it.stream != nil && it.stream.cut {
		// The source broke off: half a literal ends the connection, and the
		// destination is not to blame.
		w.open = nil
		w.l.dst.drop()
		w.lentBack(it)
		return nil
	}
	if err == nil {
		w.p.meter.Sent(1, it.size)
		return nil
	}
	if unanswered(err) {
		return err
	}
	// Refused where the server would have taken the literal: the command is
	// over, and what it held before is answered with it.
	c := w.open
	w.open = nil
	return w.refused(c, err)
}

// finish ends the open command; one that was just begun has nothing to end.
func (w *writer) finish() error {
	if len(w.open.items) == 0 {
		w.open.app.Cancel()
		w.open = nil
		return nil
	}
	w.open.end = time.Now()
	w.unrested += w.open.octets
	answer, err := w.open.app.Finish(w.hard)
	if err != nil {
		return err
	}
	w.open.answer = answer
	w.flying = append(w.flying, w.open)
	w.open = nil
	return nil
}

// collect waits for the oldest answer.
func (w *writer) collect() error {
	c, octets := w.flying[0], w.underWay()
	got, err := w.answer(c)
	if unanswered(err) {
		return err
	}
	took := time.Since(c.end)
	w.flying = w.flying[1:]
	if err != nil {
		return w.refused(c, err)
	}
	w.l.tempo.grow()
	w.p.meter.Answered(took)
	w.l.tempo.answered(took, octets, w.p.e.share/4, w.way(c))
	w.win.stretch(w.l.tempo.octets(w.p.e.share / 4))
	w.p.e.tempos.learn(w.p.pair.Dest.Host, w.l.tempo)
	w.l.dst.moved()
	return w.stored(c, got)
}

// way is how many octets the way to the destination and back holds at the rate
// at which it takes them: a command that holds less is answered when the next
// one has been sent for some time.
func (w *writer) way(c *command) int64 {
	now := time.Now()
	took := now.Sub(c.begun)
	if w.told.After(c.begun) {
		took = now.Sub(w.told)
	}
	w.told = now
	if w.l.dst.conn == nil || took <= 0 {
		return 0
	}
	return int64(float64(c.octets) * float64(w.l.dst.conn.RoundTrip()) / float64(took))
}

// alone sends the head of the queue in a command of its own, when nothing else
// is under way.
func (w *writer) alone(ctx context.Context, it *item) error {
	switch {
	case w.open != nil:
		return w.finish()
	case len(w.flying) > 0:
		return w.collect()
	case w.unrested >= restOctets: // begin would, and open nothing
		return w.rest(ctx)
	}
	if it.stream != nil && !it.stream.take() {
		w.queue = w.queue[1:] // the source has given it up: it comes again
		return nil
	}
	w.takeUp(it)
	if err := w.begin(ctx); err != nil {
		w.lentBack(it)
		return err
	}
	w.open.items, w.queue = []*item{it}, w.queue[1:]
	if err := w.add(it); err != nil || w.open == nil {
		return err
	}
	if err := w.finish(); err != nil {
		return err
	}
	return w.collect()
}

// end leaves nothing under way; done when nothing is left to send either. With
// last, what was set aside has its turn too.
func (w *writer) end(ctx context.Context, last bool) (done bool, err error) {
	switch {
	case w.open != nil:
		return false, w.finish()
	case len(w.flying) > 0:
		return false, w.collect()
	case w.stint == nil:
		return true, nil
	case len(w.acked) > 0:
		return false, w.resolve(ctx)
	case len(w.late) > 0:
		return false, w.followUp(ctx)
	case last && len(w.queue) == 0 && len(w.aside) > 0:
		w.queue, w.aside = w.aside, nil
	}
	return len(w.queue) == 0, nil
}

// stop ends the pass at a message border: the open command is ended and the
// answers are awaited for as long as the grace lasts. Floors stay open.
func (w *writer) stop(ctx context.Context) error {
	for w.open != nil || len(w.flying) > 0 {
		if _, err := w.end(ctx, false); err != nil {
			break
		}
	}
	return ctx.Err()
}
