package mailsync

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

const fetchItems = imapconn.ItemFlags | imapconn.ItemDate | imapconn.ItemBody

// fetcher reads what its lane moves into the window. Whatever the source does,
// each UID that it takes on ends as one item: a message, or the verdict that
// there is none.
//
// It asks ahead: for the next mailbox while the last one still comes, and for
// more of the same mailbox as soon as the last message asked for has begun to
// come. Not sooner: a server may answer two commands about one mailbox with
// their messages mixed (Dovecot does so when its output is full), which would
// lose their order. Between two mailboxes EXAMINE keeps them apart.
type fetcher struct {
	p   *pass
	l   *lane
	win *window

	parts  []*part    // with something to ask for, or not ended yet, in order
	flight []*request // sent, oldest first
	slow   []*part    // all asked for; some messages have to be fetched one by one
	pace   pace

	suspect suspect
	still   map[*box][]uint32 // what the source listed when a message was missed

	mu    sync.Mutex // handlers run on the connection's reading goroutine
	moved bool       // something was handed over since the last look
	spent error      // why nothing more is to be fetched today
}

func newFetcher(l *lane, win *window) *fetcher {
	return &fetcher{p: l.p, l: l, win: win, still: map[*box][]uint32{}}
}

// run returns nil when there is nothing left for this lane and all it took on
// has been handed over; the context's error when the writer stopped.
func (f *fetcher) run(ctx context.Context) error {
	err := f.all(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.spent != nil && err != nil {
		return f.spent // not what it looks like to the connection
	}
	return err
}

func (f *fetcher) all(ctx context.Context) error {
	for {
		group := f.claim()
		if len(group) == 0 {
			return nil
		}
		ready, err := f.prepare(ctx, group)
		if err != nil {
			return err
		}
		f.parts = ready
		for len(f.parts) > 0 {
			if err := f.l.src.do(ctx, func(c *imapconn.Conn) error { return f.stream(ctx, c) }); err != nil {
				return err
			}
			if err := f.oneByOne(ctx); err != nil {
				return err
			}
		}
	}
}

// claim takes what comes next, unless the lane is to be given back.
func (f *fetcher) claim() []*part {
	if f.p.crew.ends(f.l) {
		return nil
	}
	return f.p.work.claim()
}

// request is one UID FETCH in flight.
type request struct {
	part   *part
	uids   []uint32          // asked for, ascending
	opened *imapconn.Opening // the EXAMINE that was sent ahead of it; nil: none was needed
	cmd    *imapconn.Fetching

	// Of the reading goroutine until cmd is done, under fetcher.mu.
	got     []bool // by index in uids: handed over
	begun   []bool // a response to it has begun
	waiting int    // of uids that have not begun
	last    chan struct{}
	usable  bool // the mailbox is the right one
	checked bool // usable is known
}

// stream asks for all that the parts have and waits for it. What a broken
// connection leaves open goes back to its part. It returns early when messages
// have to be fetched one by one.
func (f *fetcher) stream(ctx context.Context, c *imapconn.Conn) error {
	u := &use{c: c}
	defer f.retake()
	defer f.leave(u)
	f.setSuspectAside()
	for {
		if len(f.flight) == 0 {
			if err := c.MaybeCompress(ctx); err != nil {
				return err
			}
		}
		if err := f.askAhead(ctx, u); err != nil {
			return err
		}
		if len(f.flight) == 0 {
			return nil
		}
		if err := f.await(ctx); err != nil {
			return err
		}
	}
}

// askAhead sends as many commands as may be in flight.
func (f *fetcher) askAhead(ctx context.Context, u *use) error {
	if f.p.crew.ends(f.l) {
		for _, pt := range f.parts {
			f.p.work.release(pt)
		}
	}
	for at := 0; at < len(f.parts) && len(f.slow) == 0; {
		pt := f.parts[at]
		if f.p.work.front(pt) == 0 {
			if pt.asked > 0 {
				at++
				continue
			}
			if err := f.finished(ctx, pt); err != nil {
				return err
			}
			continue
		}
		if !f.mayAsk(pt) {
			return nil
		}
		if err := f.ask(ctx, u, pt); err != nil {
			return err
		}
		f.p.crew.grow()
	}
	return nil
}

// mayAsk reports whether a command for part may be sent now. A connection that
// may yet be compressed comes to rest after each command.
func (f *fetcher) mayAsk(pt *part) bool {
	switch {
	case len(f.flight) == 0:
		return true
	case f.compressible():
		return false
	}
	newest := f.flight[len(f.flight)-1]
	if newest.part == pt {
		select {
		case <-newest.last:
			return true
		default:
			return false
		}
	}
	owed := 0
	for _, r := range f.flight {
		owed += len(r.uids)
	}
	return owed < f.pace.messages() && len(f.flight) < maxFlight
}

// maxFlight is how many commands are in flight at most.
const maxFlight = 32

// ask sends one UID FETCH, and ahead of it the EXAMINE that it needs.
func (f *fetcher) ask(ctx context.Context, u *use, pt *part) error {
	set, uids := f.p.work.chunk(pt, f.most(u.c))
	if len(uids) == 0 {
		return nil
	}
	r := &request{part: pt, uids: uids, got: make([]bool, len(uids)), begun: make([]bool, len(uids)),
		waiting: len(uids), last: make(chan struct{})}
	f.flight = append(f.flight, r)
	pt.asked++
	f.l.expect(f.flight[0].part)
	if f.l.src.at != pt.src {
		if err := pt.src.ask(ctx, u.c); err != nil {
			return err
		}
		r.opened = pt.src.pending
	}
	cmd, err := u.c.Fetch(ctx, set, fetchItems, f.handler(ctx, u, r))
	if err != nil {
		return err
	}
	r.cmd = cmd
	f.pace.sent()
	return nil
}

// most is how many messages the next command may ask for.
func (f *fetcher) most(c *imapconn.Conn) int {
	if limit := c.Caps().MessageLimit; limit > 0 {
		return min(limit, f.pace.messages())
	}
	return f.pace.messages()
}

// await waits until the oldest command is answered, or until the newest allows
// another one.
func (f *fetcher) await(ctx context.Context) error {
	oldest, newest := f.flight[0], f.flight[len(f.flight)-1]
	var last chan struct{}
	if len(f.slow) == 0 && f.p.work.front(newest.part) != 0 && !f.compressible() {
		last = newest.last
		select {
		case <-last: // known already: wait for the answer
			last = nil
		default:
		}
	}
	select {
	case <-last:
		return nil
	case <-oldest.cmd.Done():
	case <-ctx.Done(): // Wait ends the connection
	}
	if err := f.completed(ctx, oldest); err != nil {
		return err // it stays in flight: its handler may be at work still
	}
	f.flight = f.flight[1:]
	oldest.part.asked--
	if len(f.flight) > 0 {
		f.l.expect(f.flight[0].part)
	}
	return nil
}

// compressible reports whether the connection may yet be compressed.
func (f *fetcher) compressible() bool { return f.l.src.conn != nil && f.l.src.conn.Compressible() }

// completed closes one command. What it was asked for and is not here was
// refused, expunged meanwhile, or came oddly: it is fetched one by one.
func (f *fetcher) completed(ctx context.Context, r *request) error {
	pt := r.part
	err := r.cmd.Wait(ctx)
	if r.opened != nil && !isLost(err) && ctx.Err() == nil {
		if sel, oerr := r.opened.Wait(ctx); oerr != nil {
			err = oerr
		} else if oerr := pt.src.same(sel); oerr != nil {
			err = oerr
		}
		pt.src.pending = nil
	}
	refused := err != nil && fault.ScopeOf(err) == fault.Message
	switch {
	case err == nil || refused:
	case mild(ctx, err):
		f.l.src.at = nil
		f.p.work.fail(pt.b, err)
		return nil
	default:
		return err
	}
	missing := r.missing()
	f.pace.answered(len(r.uids))
	if refused && len(missing) > fewMissing && f.pace.refused(len(r.uids)) {
		f.p.work.back(pt, missing)
		return nil
	}
	pt.odd = append(pt.odd, missing...)
	return nil
}

// fewMissing is how many messages of a refused command are fetched one by one
// at once; of more it is asked again in smaller commands.
const fewMissing = 16

// finished ends a part that has nothing more to ask for, or leaves it for the
// messages that have to be fetched one by one.
func (f *fetcher) finished(ctx context.Context, pt *part) error {
	if len(pt.odd) > 0 || len(pt.last) > 0 {
		if !slices.Contains(f.slow, pt) {
			f.slow = append(f.slow, pt)
		}
		return nil
	}
	return f.end(ctx, pt)
}

// end tells the writer that nothing more comes of a part.
func (f *fetcher) end(ctx context.Context, pt *part) error {
	f.parts = slices.DeleteFunc(f.parts, func(o *part) bool { return o == pt })
	if !f.win.put(ctx, &item{part: pt, end: true}) {
		return context.Canceled
	}
	return nil
}

// oneByOne fetches what needs that, with nothing else in flight.
func (f *fetcher) oneByOne(ctx context.Context) error {
	for _, pt := range f.slow {
		odd, last := pt.odd, pt.last
		pt.odd, pt.last = nil, nil
		slices.Sort(odd)
		for i, u := range slices.Concat(odd, last) {
			if f.p.work.failed(pt.b) != nil {
				break
			}
			switch err := f.one(ctx, pt, u, i >= len(odd)); {
			case err == nil:
			case mild(ctx, err):
				f.p.work.fail(pt.b, err)
			default:
				return err
			}
		}
	}
	f.slow = nil
	return nil
}

// retake gives what is in flight on a connection that is not used any more back
// to the parts. No handler is at work.
func (f *fetcher) retake() {
	for _, r := range slices.Backward(f.flight) {
		r.part.asked--
		f.p.work.back(r.part, r.missing())
	}
	f.flight = nil
}

// missing returns the UIDs that were not handed over. No handler is at work.
func (r *request) missing() (out []uint32) {
	for i, u := range r.uids {
		if !r.got[i] {
			out = append(out, u)
		}
	}
	return out
}

// suspect is the message at which connections keep breaking.
type suspect struct {
	part   *part
	uid    uint32 // the first message asked for on the last connection
	breaks int    // on how many before it
}

// maxBreaks is how many connections in a row may break at one message before
// the message is what breaks them.
const maxBreaks = 3

// setSuspectAside keeps a message for the end when connections keep breaking
// with it as the next one to come, for the sake of the others.
func (f *fetcher) setSuspectAside() {
	for _, pt := range f.parts {
		uid := f.p.work.front(pt)
		if uid == 0 {
			continue
		}
		s := &f.suspect
		if s.part != pt || s.uid != uid {
			*s = suspect{part: pt, uid: uid}
			return
		}
		if s.breaks++; s.breaks >= maxBreaks {
			_, uids := f.p.work.chunk(pt, 1)
			pt.odd = append(pt.odd, uids...)
		}
		return
	}
}

// errOver ends a connection that still sends what nobody waits for.
var errOver = errors.New("the answer came after its use")
