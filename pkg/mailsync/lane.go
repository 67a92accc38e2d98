package mailsync

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// lane is one pair of connections that works for a pass. Its first one is the
// pass's own; further ones are taken while no row waits for them.
type lane struct {
	p        *pass
	src, dst *session
	tempo    tempo
	further  bool // it is to be given back when a row waits

	// coming are the parts whose messages come after those of the writer's own,
	// in this order. The fetcher adds to them and tells so by come, the writer
	// selects the mailbox of the first ahead.
	coming struct {
		sync.Mutex
		parts []*part
	}
	come chan struct{} // holds one token
}

// expect makes known of which part the next messages are that the source sends.
func (l *lane) expect(pt *part) {
	l.coming.Lock()
	defer l.coming.Unlock()
	if n := len(l.coming.parts); n > 0 && l.coming.parts[n-1] == pt {
		return
	}
	l.coming.parts = append(l.coming.parts, pt)
	select {
	case l.come <- struct{}{}:
	default: // a token is there
	}
}

// reached notes that the writer has come to a part, or past it.
func (l *lane) reached(pt *part) {
	l.coming.Lock()
	defer l.coming.Unlock()
	if i := slices.Index(l.coming.parts, pt); i >= 0 {
		l.coming.parts = slices.Delete(l.coming.parts, 0, i+1)
	}
}

// next is the part that comes after the writer's own; nil: none is known.
func (l *lane) next() *part {
	l.coming.Lock()
	defer l.coming.Unlock()
	if len(l.coming.parts) == 0 {
		return nil
	}
	return l.coming.parts[0]
}

// open logs in on both sides at once.
func (l *lane) open(ctx context.Context) error {
	var errs [2]error
	l.apart(ctx, func(ctx context.Context, s *session) {
		errs[s.side-fault.Source] = guard("login", func() error { return l.p.login(ctx, s, l.further) })
	})
	return both(errs[0], errs[1])
}

// apart runs do for both sides at once.
func (l *lane) apart(ctx context.Context, do func(ctx context.Context, s *session)) {
	clockOf(ctx).apart(ctx, func(ctx context.Context) { do(ctx, l.src) }, func(ctx context.Context) { do(ctx, l.dst) })
}

// clock measures the lane from now on; meter is told.
func (l *lane) clock(meter *throughput.Meter) *clock {
	return newClock(meter, l.src.gauge, l.dst.gauge)
}

// login opens a session, and says so where it is of the pass's first lane.
func (p *pass) login(ctx context.Context, s *session, further bool) error {
	_, err := s.get(ctx)
	if err == nil && !further && p.lanes != nil {
		p.lanes.LoggedIn(s.side)
	}
	return err
}

// close ends both sessions.
func (l *lane) close(ctx context.Context) {
	l.apart(ctx, func(ctx context.Context, s *session) {
		if err := guard("logout", func() error { s.close(ctx); return nil }); err != nil {
			l.p.log.Error("a defect", "err", err)
		}
	})
}

// run moves whatever there is to move: the fetcher fills the window on a
// goroutine of its own, the writer empties it on the caller's.
func (l *lane) run(ctx context.Context) error {
	win := newWindow(l.p.e.share)
	win.high, win.room = l.p.e.opt.held, &l.src.gauge.room
	f := newFetcher(l, win)
	clock, ahead := clockOf(ctx), newClock(nil, l.src.gauge, nil)
	defer clock.in(clock.in(doing{kind: works})) // whatever a panic leaves
	fctx, cancel := context.WithCancel(withClock(ctx, ahead))
	defer cancel()
	done := make(chan struct{})
	var ferr error
	go func() {
		defer close(done)
		defer close(win.items)
		defer ahead.stop()
		ferr = guard("fetch", func() error { return f.run(fctx) })
	}()
	w := &writer{p: l.p, l: l, win: win, clock: clock, ahead: ahead, hard: withClock(l.p.hard, clock)}
	werr := w.guarded(ctx)
	if werr != nil {
		win.stop()
		cancel() // the source may be in the middle of a literal: its connection ends
	}
	clock.follow(ahead)
	<-done
	if werr != nil {
		l.src.drop()
		return werr
	}
	return ferr
}

// panicked makes a defect of ours the account's fault, with its stack.
func panicked(op string, r any) error {
	return &fault.Error{Code: fault.Panic, Op: op, Text: fault.Clean(fmt.Sprint(r)), Err: fmt.Errorf("%v\n%s", r, debug.Stack()),
		Hint: "this is a defect of imapfleet: run.log has the stack; the other rows went on"}
}

// guard is do, whose panic becomes an error: on a goroutine of its own it would
// end the process, and with it all rows.
func guard(op string, do func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = panicked(op, r)
		}
	}()
	return do()
}

// guarded is run, and lets go of everything when it panics, so that whoever
// waits for the writer ends too.
func (w *writer) guarded(ctx context.Context) (err error) {
	defer func() {
		if w.stint != nil { // whoever waits to settle need not wait for us
			w.b.gate.exit()
			w.stint = nil
		}
	}()
	defer func() {
		if r := recover(); r != nil {
			err = panicked("append", r)
			w.abandon()
			w.l.dst.drop()
		}
	}()
	return w.run(ctx)
}
