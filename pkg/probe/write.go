package probe

import (
	"context"
	"io"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

const (
	mostInCommand = 500                   // messages of one MULTIAPPEND
	mostSingles   = 64                    // single APPENDs without an answer
	linger        = 20 * time.Millisecond // an open command waits for the next message
	mostRefusals  = 5                     // messages that a destination refuses before it is left alone
)

// message is one to be appended.
type message struct {
	date    time.Time
	hasDate bool
	octets  int64
	border  bool // it is of another mailbox than the one before
	body    io.Reader
	free    func() // called once the body has been read; nil: nothing
}

// feed gives the messages of a lane.
type feed interface {
	// next returns the next message. Where none is there it waits until wait is
	// over or stop is closed, and returns ok false. over means that none will
	// come any more.
	next(wait <-chan time.Time, stop <-chan struct{}) (m message, ok, over bool)
}

// command is one APPEND and what is in it.
type command struct {
	app    *imapconn.Append
	answer *imapconn.Appending
	octets int64
	n      int
	ended  time.Time
}

// writer appends messages to a lane's mailbox.
type writer struct {
	l        *lane
	st       *step
	feed     feed
	open     *command
	flying   []*command // sent, not answered, oldest first
	refusals int
}

// run appends what comes until nothing more does, and takes all answers.
func (w *writer) run(ctx context.Context) (err error) {
	defer func() {
		if err == nil {
			return
		}
		if w.open != nil {
			w.open.app.Cancel()
		}
		for _, c := range w.flying {
			_, _ = c.answer.Wait(ctx) // the first error says it; the connection is to come to rest
		}
	}()
	for {
		if err := w.makeRoom(ctx); err != nil {
			return err
		}
		m, ok, over := w.next()
		switch {
		case ok:
			if m.border {
				err = w.turn(ctx)
			}
			if err == nil {
				err = w.add(ctx, m)
			}
		case over:
			return w.end(ctx)
		case w.open != nil:
			err = w.finish(ctx)
		case len(w.flying) > 0:
			err = w.collect(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// next waits for a message, for a short time where a command is open, and no
// longer than until the oldest answer is here.
func (w *writer) next() (m message, ok, over bool) {
	var wait <-chan time.Time
	if w.open != nil {
		t := time.NewTimer(linger)
		defer t.Stop()
		wait = t.C
	}
	var stop <-chan struct{}
	if w.open == nil && len(w.flying) > 0 {
		stop = w.flying[0].answer.Done()
	}
	return w.feed.next(wait, stop)
}

// makeRoom ends a command that is full, and takes answers while too many are
// owed.
func (w *writer) makeRoom(ctx context.Context) error {
	multi := w.l.conn[1].AppendMode() == imapconn.AppendMulti
	size := min(w.l.size[1], w.st.command)
	if w.open != nil {
		if multi && w.open.n < mostInCommand && w.open.octets < size {
			return nil
		}
		if err := w.finish(ctx); err != nil {
			return err
		}
	}
	for {
		var octets int64
		for _, c := range w.flying {
			octets += c.octets
		}
		if len(w.flying) == 0 || multi && len(w.flying) < 2 || !multi && len(w.flying) < mostSingles && octets < size {
			return nil
		}
		if err := w.collect(ctx); err != nil {
			return err
		}
	}
}

// turn does what a run does between two mailboxes: the next one is selected behind
// the last command, and all is answered before anything else is sent. Here it is
// the same mailbox again.
func (w *writer) turn(ctx context.Context) error {
	if w.open != nil {
		if err := w.finish(ctx); err != nil {
			return err
		}
	}
	opening, err := w.l.conn[1].StartSelect(ctx, w.l.box)
	if err != nil {
		return err
	}
	if err = w.end(ctx); err == nil {
		_, err = opening.Wait(ctx)
	}
	return err
}

// add writes a message into the open command, or begins one.
func (w *writer) add(ctx context.Context, m message) error {
	if m.free != nil {
		defer m.free()
	}
	if w.open == nil {
		app, err := w.l.conn[1].Append(ctx, w.l.box)
		if err != nil {
			return err
		}
		w.open = &command{app: app}
	}
	// \Seen: no program of the user's announces new mail.
	head := imapconn.Head{Flags: []string{`\Seen`}, Date: m.date, HasDate: m.hasDate}
	if err := w.open.app.Add(ctx, head, m.octets, m.body); err != nil {
		w.open = nil // what was in it is refused with it
		return w.refused(err)
	}
	w.open.octets += m.octets
	w.open.n++
	return nil
}

func (w *writer) finish(ctx context.Context) (err error) {
	c := w.open
	w.open = nil
	if c.n == 0 {
		c.app.Cancel()
		return nil
	}
	if c.answer, err = c.app.Finish(ctx); err != nil {
		return err
	}
	c.ended = time.Now()
	w.flying = append(w.flying, c)
	return nil
}

// collect waits for the oldest answer.
func (w *writer) collect(ctx context.Context) error {
	c := w.flying[0]
	w.flying = w.flying[1:]
	_, err := c.answer.Wait(ctx)
	if err != nil {
		return w.refused(err)
	}
	took := time.Since(c.ended)
	w.st.answered(took)
	w.l.flow.passed(c.octets, int64(c.n))
	w.st.went(c.octets)
	w.l.size[1] = tempo(w.l.size[1], took, mostCommand)
	return nil
}

// end ends what is open and takes all answers.
func (w *writer) end(ctx context.Context) error {
	if w.open != nil {
		if err := w.finish(ctx); err != nil {
			return err
		}
	}
	for len(w.flying) > 0 {
		if err := w.collect(ctx); err != nil {
			return err
		}
	}
	return nil
}

// refused judges an error: a few messages may be refused, anything else ends
// the lane.
func (w *writer) refused(err error) error {
	f := fault.Of(err)
	if f == nil || w.l.conn[1].Err() != nil || f.Scope != fault.Message || f.Code == fault.Quota {
		return err
	}
	if w.refusals++; w.refusals >= mostRefusals {
		return err
	}
	return nil
}

// fill is the work of a lane at the destination alone.
func fill(soft, hard context.Context, l *lane, st *step) error {
	w := &writer{l: l, st: st, feed: &madeUp{soft: soft, l: l, st: st}}
	return w.run(hard)
}

// madeUp is a feed of messages that are made here.
type madeUp struct {
	soft  context.Context
	l     *lane
	st    *step
	begun bool // one was made: a step is that long at least
}

func (f *madeUp) next(<-chan time.Time, <-chan struct{}) (m message, ok, over bool) {
	s := f.st.p.synth
	octets, body := s.message(f.l.rng, s.size())
	if f.soft.Err() != nil && f.begun || !takeAll(octets, 1, f.st.budget, f.l.row.room) {
		return message{}, false, true
	}
	f.begun = true
	return message{octets: octets, body: body}, true, false
}

// enter makes the lane's mailbox, once, and opens it: where a mailbox is open,
// servers are quicker to append to it.
func (l *lane) enter(ctx context.Context, p *prober) error {
	began := time.Now()
	if err := p.make(ctx, l); err != nil {
		return err
	}
	if l.in == l.conn[1] {
		return nil
	}
	sel, err := l.conn[1].Select(ctx, l.box)
	if err == nil {
		l.in = l.conn[1]
	}
	if err != nil || !l.row.mine.enter(l.name) {
		return err
	}
	if sel.Exists == 0 {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.made = append(p.made, time.Since(began))
		return nil
	}
	l.row.mine.forget(l.name)
	return &fault.Error{Side: fault.Dest, Host: l.row.pair.Dest.Host, Op: "select", Mailbox: l.name,
		Text: "the server says that it has just made this mailbox, and that it holds mail: it is left alone"}
}
