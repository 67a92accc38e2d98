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
	q := &queue{ctx: ctx, items: make(chan message, 256), room: semaphore.NewWeighted(ahead), idle: make(chan []byte, 256)}
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

// queue takes messages from the source's reading goroutine to the lane.
type queue struct {
	ctx   context.Context
	items chan message
	room  *semaphore.Weighted // octets
	idle  chan []byte         // memory that was used before

	now message // the one that is being read; the reading goroutine's
}

// body reads a message into memory. It waits for room, which stops the reading.
func (q *queue) body(st *step) func(m *imapconn.Message, n int64, r io.Reader) error {
	return func(_ *imapconn.Message, n int64, r io.Reader) error {
		if n > ahead { // larger than the server has said
			q.now = message{}
			return nil
		}
		if err := q.room.Acquire(q.ctx, n); err != nil {
			return err
		}
		buf := q.memory(n)
		if _, err := io.ReadFull(r, buf); err != nil {
			return err
		}
		st.came(n)
		q.now = message{octets: n, body: bytes.NewReader(buf), free: func() {
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
		return nil
	case <-q.ctx.Done():
		return q.ctx.Err()
	}
}

// end says that nothing more comes. Nobody puts any more.
func (q *queue) end() { close(q.items) }

func (q *queue) next(wait <-chan time.Time, stop <-chan struct{}) (m message, ok, over bool) {
	select {
	case m, ok = <-q.items:
		return m, ok, !ok
	default:
	}
	select {
	case m, ok = <-q.items:
		return m, ok, !ok
	case <-wait:
	case <-stop:
	}
	return message{}, false, false
}
