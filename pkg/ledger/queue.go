package ledger

import (
	"context"
	"sync"
	"time"
)

const (
	// lazyDelay is how long a lazy write waits for others to share a commit.
	lazyDelay = 100 * time.Millisecond
	// lazyWrites is how many lazy writes are committed without waiting longer;
	// each run of a UID map counts as one.
	lazyWrites = 1000
	// maxWrites is how many may be queued; more wait for the writer.
	maxWrites = 10 * lazyWrites
)

// level is what a caller waits for.
type level uint8

const (
	lazy    level = iota // nothing
	visible              // readers see it
	durable              // it survives a loss of power
)

// topic is what a write changes and a read asks for, so that reads wait only
// for what concerns them.
type topic uint8

const (
	ofRows      topic = 1 << iota // where rows stand, and attempts
	ofMailboxes                   // mailboxes, their runs, flags and rejects
	ofAll       = ofRows | ofMailboxes
)

// op is one queued write. One without do only waits for those before it.
type op struct {
	do    func(context.Context, *session) error
	level level
	topic topic
	fence MailboxID  // runs of this mailbox that come later do not join earlier ones
	err   error      // the caller's own; set by the writer
	done  chan error // has room for one; nil when nobody waits
}

// queue is what stands between the callers and the writer.
type queue struct {
	mu     sync.Mutex
	ops    []*op
	writes int                     // in ops
	level  level                   // the highest in ops
	topics topic                   // of ops
	rows   map[RowID]*Row          // queued, by row: the last one wins
	runs   map[MailboxID]*runQueue // the last queued of a mailbox, while it may still grow
	inHand topic                   // of the batch that the writer has in hand
	closed bool
	err    error         // why writing ended; sticky
	wake   chan struct{} // has room for one
	room   chan struct{} // closed when the writer takes what is queued
}

func newQueue() *queue {
	q := &queue{wake: make(chan struct{}, 1)}
	q.reset()
	return q
}

// reset empties the queue and returns what was in it.
func (q *queue) reset() []*op {
	ops := q.ops
	q.ops, q.writes, q.level, q.topics = nil, 0, lazy, 0
	q.rows, q.runs = make(map[RowID]*Row), make(map[MailboxID]*runQueue)
	if q.room != nil {
		close(q.room)
	}
	q.room = make(chan struct{})
	return ops
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default: // it is awake already
	}
}

// refusal says why nothing can be queued.
func (q *queue) refusal() error {
	if q.err == nil && q.closed {
		return ErrClosed
	}
	return q.err
}

// push queues o; the caller holds mu.
func (q *queue) push(o *op) {
	q.ops = append(q.ops, o)
	delete(q.runs, o.fence)
	q.level = max(q.level, o.level)
	q.topics |= o.topic
	q.grow(1)
	if len(q.ops) == 1 || o.level > lazy {
		q.signal()
	}
}

// grow counts n more writes; the caller holds mu.
func (q *queue) grow(n int) {
	q.writes += n
	if q.writes >= lazyWrites {
		q.signal()
	}
}

// add runs f, which may push lazy writes, when there is room. It looks at ctx
// only while there is none: what is queued here has happened already.
func (q *queue) add(ctx context.Context, f func()) error {
	for {
		q.mu.Lock()
		if err := q.refusal(); err != nil {
			q.mu.Unlock()
			return err
		}
		if q.writes < maxWrites {
			f()
			q.mu.Unlock()
			return nil
		}
		room := q.room
		q.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// call queues o and waits for it. When ctx ends first, o may still be done.
func (q *queue) call(ctx context.Context, o *op) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	o.done = make(chan error, 1)
	q.mu.Lock()
	err := q.refusal()
	if err == nil {
		q.push(o)
	}
	q.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case err := <-o.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// see waits until readers see all of a topic that was queued before.
func (q *queue) see(ctx context.Context, t topic) error {
	q.mu.Lock()
	idle, err := (q.topics|q.inHand)&t == 0, q.refusal()
	q.mu.Unlock()
	if idle || err != nil {
		return err
	}
	return q.call(ctx, &op{level: visible})
}

// next waits for the next batch; ok is false when the queue is closed and
// empty. Lazy writes are given lazyDelay to be joined by others.
func (q *queue) next() (ops []*op, want level, ok bool) {
	var due <-chan time.Time
	late := false
	for {
		q.mu.Lock()
		n := len(q.ops)
		if n > 0 && (late || q.level > lazy || q.writes >= lazyWrites || q.closed) {
			want, q.inHand = q.level, q.topics
			ops = q.reset()
			q.mu.Unlock()
			return ops, want, true
		}
		closed := q.closed
		q.mu.Unlock()
		if closed {
			return nil, lazy, false
		}
		if n > 0 && due == nil {
			due = time.After(lazyDelay)
		}
		select {
		case <-q.wake:
		case <-due:
			late = true
		}
	}
}

// settle tells a batch's callers how it ended. After an error nothing more is
// written: a lazy write may be lost, and one that is queued behind it must not
// be kept without it.
func (q *queue) settle(ops []*op, err error) {
	q.mu.Lock()
	q.inHand = 0
	if err != nil {
		q.err = err
		ops = append(ops, q.reset()...)
	}
	q.mu.Unlock()
	for _, o := range ops {
		if o.done == nil {
			continue
		}
		if err != nil {
			o.err = err
		}
		o.done <- o.err
	}
}

// close lets what is queued be written and nothing more be queued. It says
// whether the queue was open.
func (q *queue) close() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.closed = true
	q.push(&op{level: durable})
	q.signal()
	return true
}

func (q *queue) failure() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.err
}
