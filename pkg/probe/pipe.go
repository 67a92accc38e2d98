package probe

import (
	"bytes"
	"context"
	"io"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// ahead is how many octets of messages a lane holds at most between its two
// connections; the largest message fits.
const ahead = mostLimit

// mostIdle is the most octets of a piece of memory that is kept for others.
const mostIdle = 128 << 10

// pipe is the work of a lane on both sides.
func pipe(soft, hard context.Context, l *lane, st *step) error {
	ctx, cancel := context.WithCancel(hard)
	defer cancel()
	wanted, enough := context.WithCancel(ctx)
	defer enough()
	q := &queue{soft: soft, wanted: wanted, enough: enough, items: make(chan message, 256), room: semaphore.NewWeighted(ahead), idle: make(chan []byte, 256)}
	r := &reader{l: l, st: st, from: []*budget{st.budget, l.row.room}, body: q.body(st), done: q.put}
	read := make(chan error, 1)
	go func() {
		err := safely(func() error { return r.run(soft, ctx) })
		q.end()
		read <- err
	}()
	w := &writer{l: l, st: st, feed: q}
	err := w.run(hard)
	if err != nil {
		cancel() // the reader may wait for room
	}
	if rerr := <-read; err == nil {
		err = rerr
	}
	return err
}

// queue takes messages from the source's reading goroutine to the lane. When the
// step's time is over what is still on its way is dropped: a fast source may
// have sent what a slow destination would take long for.
type queue struct {
	soft   context.Context // the step's time
	wanted context.Context // ends when nothing more is taken
	enough func()          // ends it
	begun  bool            // a message was taken; the lane's

	items chan message
	room  *semaphore.Weighted // octets
	idle  chan []byte         // memory that was used before

	now message // the one that is being read; the reading goroutine's
}

// body reads a message into memory. It waits for room, which stops the reading.
func (q *queue) body(st *step) func(n int64, r io.Reader, border bool) error {
	return func(n int64, r io.Reader, border bool) error {
		q.now = message{}
		st.came(n)
		if n > ahead || q.room.Acquire(q.wanted, n) != nil { // larger than the server has said, or too late
			return nil
		}
		buf := q.memory(n)
		if _, err := io.ReadFull(r, buf); err != nil {
			return err
		}
		q.now = message{octets: n, border: border, body: bytes.NewReader(buf), free: func() {
			q.room.Release(n)
			if cap(buf) > mostIdle {
				return
			}
			select {
			case q.idle <- buf:
			default:
			}
		}}
		return nil
	}
}

// memory returns n octets.
func (q *queue) memory(n int64) []byte {
	select {
	case buf := <-q.idle:
		if int64(cap(buf)) >= n {
			return buf[:n]
		}
	default:
	}
	return make([]byte, n, max(n, mostIdle/2))
}

// put hands over the message that has been read.
func (q *queue) put(m *imapconn.Message) error {
	item := q.now
	q.now = message{}
	if item.body == nil {
		return nil
	}
	item.date, item.hasDate = m.Date, m.HasDate
	select {
	case q.items <- item:
	case <-q.wanted.Done():
	}
	return nil
}

// end says that nothing more comes. Nobody puts any more.
func (q *queue) end() { close(q.items) }

func (q *queue) next(wait <-chan time.Time, stop <-chan struct{}) (m message, ok, over bool) {
	var ended <-chan struct{}
	if q.begun {
		ended = q.soft.Done()
	}
	select {
	case <-ended:
		q.enough()
		return message{}, false, true
	default:
	}
	select {
	case m, ok = <-q.items:
		q.begun = q.begun || ok
		return m, ok, !ok
	case <-wait:
	case <-stop:
	case <-ended:
	}
	return message{}, false, false
}
