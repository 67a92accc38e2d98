package probe

import (
	"context"
	"io"
	"time"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// Octets of one command. It begins with few, as the engine does, and grows
// where answers come soon.
const (
	firstCommand = 64 << 10
	leastCommand = 64 << 10
	mostCommand  = 4 << 20
	soon         = 200 * time.Millisecond
	late         = time.Second
)

// tempo is how many octets the next command of a lane has, after one was
// answered in so long.
func tempo(now int64, took time.Duration, most int64) int64 {
	switch {
	case took < soon:
		now *= 4
	case took > late:
		now /= 2
	}
	return min(max(now, leastCommand), most)
}

// asked is one UID FETCH in flight.
type asked struct {
	run
	cmd    *imapconn.Fetching
	opened *imapconn.Opening // the EXAMINE that was sent ahead of it; nil: none was needed
	sent   time.Time
	alone  bool // nothing was in flight when it was sent

	last chan struct{} // closed when its last message has begun to come
	come int           // messages that have begun; the reading goroutine's
}

// reader has a lane's source send messages, a command ahead of the one that is
// being answered: it is sent once the last message of that one has begun to
// come, as the engine does.
type reader struct {
	l      *lane
	st     *step
	from   []*budget
	body   func(n int64, r io.Reader, border bool) error
	done   func(m *imapconn.Message) error // a message that came with a body is complete; nil: nothing
	flight []*asked
	begun  bool // a command was sent: a step is that long at least
}

// run reads until soft ends, or there is nothing more to read. When it has
// returned no handler works any more.
func (r *reader) run(soft, hard context.Context) (err error) {
	defer func() {
		if err == nil {
			return
		}
		r.l.conn[0].Abort()
		for _, a := range r.flight {
			_ = a.cmd.Wait(hard) // the first error says it
		}
	}()
	for {
		for (soft.Err() == nil || !r.begun) && r.mayAsk() {
			more, err := r.ask(hard)
			if err != nil {
				return err
			}
			if !more {
				break
			}
		}
		if len(r.flight) == 0 {
			return nil
		}
		if err := r.wait(soft, hard); err != nil {
			return err
		}
	}
}

func (r *reader) mayAsk() bool {
	switch len(r.flight) {
	case 0:
		return true
	case 1:
		select {
		case <-r.flight[0].last:
			return true
		default:
		}
	}
	return false
}

// ask sends one command; false: there is nothing to ask for.
func (r *reader) ask(ctx context.Context) (bool, error) {
	next, ok := r.l.row.list.take(min(r.l.size[0], r.st.command), r.from...)
	if !ok {
		return false, nil
	}
	c := r.l.conn[0]
	a := &asked{run: next, last: make(chan struct{}), alone: len(r.flight) == 0}
	if r.l.at != next.box {
		o, err := c.StartExamine(ctx, next.box)
		if err != nil {
			return false, err
		}
		a.opened, r.l.at = o, next.box
	}
	a.sent = time.Now()
	cmd, err := c.Fetch(ctx, imapconn.Ranges(next.uids), imapconn.ItemFlags|imapconn.ItemDate|imapconn.ItemSize|imapconn.ItemBody, r.handler(a))
	if err != nil {
		return false, err
	}
	a.cmd, r.begun = cmd, true
	r.flight = append(r.flight, a)
	return true, nil
}

func (r *reader) handler(a *asked) imapconn.FetchHandler {
	return imapconn.FetchHandler{
		Body: func(_ *imapconn.Message, n int64, body io.Reader) error {
			if a.come++; a.come == 1 && a.alone && r.st.phase == Source {
				r.st.answered(time.Since(a.sent))
			}
			if a.come == len(a.uids) {
				close(a.last)
			}
			return r.body(n, body, a.border && a.come == 1)
		},
		Message: func(m *imapconn.Message) error {
			if !m.HasBody || r.done == nil {
				return nil
			}
			return r.done(m)
		},
	}
}

// wait waits for the oldest command, or until another may be sent.
func (r *reader) wait(soft, hard context.Context) error {
	oldest := r.flight[0]
	var last chan struct{}
	if len(r.flight) == 1 && soft.Err() == nil {
		last = oldest.last
		select {
		case <-last: // known already
			last = nil
		default:
		}
	}
	select {
	case <-last:
		return nil
	case <-oldest.cmd.Done():
	case <-hard.Done(): // Wait ends the connection
	}
	err := oldest.cmd.Wait(hard)
	r.flight = r.flight[1:]
	if oldest.opened != nil && (err == nil || mild(err)) {
		if _, oerr := oldest.opened.Wait(hard); oerr != nil {
			err = oerr
		}
	}
	switch {
	case err == nil:
		r.l.size[0] = tempo(r.l.size[0], time.Since(oldest.sent), r.st.command)
	case mild(err):
		r.l.row.list.spoil(oldest.box)
		r.l.at = ""
		err = nil
	}
	return err
}

// drain is the work of a lane at the source alone.
func drain(soft, hard context.Context, l *lane, st *step) error {
	r := &reader{l: l, st: st, from: []*budget{st.budget}, body: func(_ int64, body io.Reader, _ bool) error {
		n, err := io.Copy(io.Discard, body)
		l.flow.passed(n, 1)
		st.came(n)
		return err
	}}
	return r.run(soft, hard)
}
