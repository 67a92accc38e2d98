package mailsync

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/imapfleet/imapfleet/pkg/identity"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// item is what the fetcher hands to the writer: one message on its way, or one
// of the two other things that must keep their place between messages.
//
// The body of a message is in memory, or stream gives it once: a message above
// the lane's share of memory goes straight from one socket to the other.
type item struct {
	part   *part
	uid    uint32
	head   imapconn.Head
	size   int64 // octets of the literal
	body   body
	stream *stream
	digest *identity.Digester // of what has been sent of a stream, or of body once it was needed
	single bool               // was refused before: goes alone, with a synchronising literal
	tried  bool               // was refused alone once in this pass
	prior  bool               // a reject of an earlier pass

	rawDate string    // INTERNALDATE as the source sent it; "" none
	peeked  []byte    // the first octets of a stream; nil: not looked at
	mend    *mending  // nil: it was not refused
	survey  *survey   // of the octets of a stream; nil: no other form may be sent
	out     *outgoing // what is not as it is when it is sent; nil: nothing

	lentAgain bool // the writer could not use the stream up: fetch it again

	// verdict is set instead of a body when the source has none to give: gone
	// or rejected, with cause.
	verdict fate
	cause   error

	// end says instead that nothing more comes of part.
	end bool

	// call is instead something to do with the destination's connection while
	// nothing is under way there; answer gets its error.
	call   func(context.Context) error
	answer chan error
}

// stream lends the source's literal to the writer. The reading goroutine of
// the source waits until the writer gives it back, unless the writer never
// took it.
type stream struct {
	r     io.Reader
	owner atomic.Int32  // 0 nobody, 1 the writer, 2 given up by the reader, 3 given back
	done  chan struct{} // closed by the writer that took it
	again bool          // set before done is closed: fetch the message once more

	left int64 // octets that the writer has still to read; the writer's
	cut  bool  // the source broke off ahead of the last of them; the writer's
}

func newStream(r io.Reader, n int64) *stream {
	return &stream{r: r, left: n, done: make(chan struct{})}
}

// Read gives the octets to the writer and notes whose fault it is when there
// are too few.
func (s *stream) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.left -= int64(n)
	s.cut = s.cut || err != nil && s.left > 0
	return n, err
}

// take makes the literal the writer's; false when the reader has given up.
func (s *stream) take() bool { return s.owner.CompareAndSwap(0, 1) }

// mine reports whether the writer holds the literal and has not given it back.
func (s *stream) mine() bool { return s.owner.Load() == 1 }

// finish gives a taken literal back.
func (s *stream) finish(again bool) {
	s.again = again
	s.owner.Store(3)
	close(s.done)
}

// refuse gives back a literal that was not taken: it is not wanted any more.
func (s *stream) refuse() {
	if s.take() {
		s.finish(false)
	}
}

// wait returns when the writer has finished, or when it never took the literal
// before stop or ctx ended. It reports whether the message must be fetched
// again.
func (s *stream) wait(ctx context.Context, stop <-chan struct{}) bool {
	select {
	case <-s.done:
		return s.again
	case <-stop:
	case <-ctx.Done():
	}
	if s.owner.CompareAndSwap(0, 2) {
		return true
	}
	<-s.done
	return s.again
}

// itemOverhead is what a message costs in the window beside its octets, so
// that empty ones are bounded too.
const itemOverhead = 512

// window is the octet-bounded queue between the source's reader and the
// destination's writer. Memory is taken before a literal is read and given
// back when the destination has answered for the message; then it holds the
// next one. One reader, one writer; close may be called by either.
//
// The limit is what there is. What the reader takes beyond ahead would only be
// memory: a destination that is slower than the source does not become faster
// by a longer queue, and memory that was not used before costs more to fill
// than the message costs to copy.
type window struct {
	limit int64
	most  int64 // octets of the largest message that may be held
	items chan *item

	mu     sync.Mutex
	ahead  int64
	used   int64
	store  arena         // with what is used otherwise never above limit
	handed int           // items put and not received
	hungry bool          // the writer waits and has nothing under way
	high   *atomic.Int64 // the most that was held; nil: not watched
	closed chan struct{} // nothing more is taken: the reader must stop
	wake   chan struct{} // memory was given back
	full   chan struct{} // the reader waits for memory

	room *throughput.Stopwatch // runs while the reader waits for memory; nil: nobody wants to know
}

// leastAhead is how much of messages the reader may always take, in octets, if
// there is so much: what is under way to the destination and not answered, and
// some to come.
const leastAhead = 8 << 20

func newWindow(limit int64) *window {
	size := blockFor(limit)
	return &window{limit: limit, most: (limit - itemOverhead) / size * size, ahead: leastAhead, store: arena{size: size},
		items:  make(chan *item, min(1024, max(1, limit/itemOverhead))),
		closed: make(chan struct{}), wake: make(chan struct{}, 1), full: make(chan struct{}, 1)}
}

// fits reports whether a message of n octets may be held in memory at all.
func (w *window) fits(n int64) bool { return n <= w.most }

// take waits until there is memory for a message of n octets, which fits. It
// returns nil when the window was closed, ctx ended or the connection that they
// come from is dead.
func (w *window) take(ctx context.Context, dead <-chan struct{}, n int64) body {
	b := w.tryTake(n)
	if b != nil {
		return b
	}
	w.room.Start(time.Now())
	defer func() { w.room.Stop(time.Now(), 0) }()
	for ; b == nil; b = w.tryTake(n) {
		select {
		case w.full <- struct{}{}:
		default:
		}
		select {
		case <-w.wake:
		case <-w.closed:
			return nil
		case <-dead:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
	return b
}

// tryTake returns nil when there is no memory for n octets. A writer that has
// nothing else to do gets its message whatever is held: it is what was set
// aside, and nothing that may come back before.
func (w *window) tryTake(n int64) body {
	w.mu.Lock()
	defer w.mu.Unlock()
	cost := w.store.blocks(n)*w.store.size + itemOverhead
	if starved := w.hungry && w.handed == 0; !starved && (w.used >= w.ahead || w.used+cost > w.limit) {
		return nil
	}
	w.used += cost
	b := w.store.take(n)
	w.trim()
	if w.high != nil {
		w.high.Store(max(w.high.Load(), w.used+int64(len(w.store.idle))*w.store.size))
	}
	return b
}

// trim lets go of idle memory that there is no room for. w.mu is held.
func (w *window) trim() { w.store.shrink(w.limit - w.used) }

// give returns what take gave: nobody may look at it any more.
func (w *window) give(b body) {
	w.mu.Lock()
	busy := w.store.busy
	w.store.give(b)
	w.used -= (busy-w.store.busy)*w.store.size + itemOverhead
	w.mu.Unlock()
	w.woken()
}

// stretch has the reader go further ahead of a writer that has so many octets
// in one command.
func (w *window) stretch(command int64) {
	w.mu.Lock()
	w.ahead = max(leastAhead, 4*command)
	w.mu.Unlock()
	w.woken()
}

// starve notes that the writer waits for a message and has nothing under way.
func (w *window) starve() {
	w.mu.Lock()
	w.hungry = true
	w.mu.Unlock()
	w.woken()
}

// received notes that the writer has taken an item.
func (w *window) received() {
	w.mu.Lock()
	w.handed--
	w.hungry = false
	w.mu.Unlock()
}

// leastReserve is what reserve gives at least, in octets, for without it
// nothing would ever move.
const leastReserve = 32 << 10

// reserve takes up to want octets for something else than messages, as much as
// is free; restore gives them back. It does not wait: what holds the rest may
// be waiting for the caller.
func (w *window) reserve(want int64) (got int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	got = max(min(want, w.limit-w.used), leastReserve)
	w.used += got
	w.trim()
	return got
}

func (w *window) restore(n int64) {
	w.mu.Lock()
	w.used -= n
	w.mu.Unlock()
	w.woken()
}

// woken has the reader look again whether there is memory.
func (w *window) woken() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// put hands an item to the writer.
func (w *window) put(ctx context.Context, it *item) bool {
	w.mu.Lock()
	w.handed++
	w.mu.Unlock()
	select {
	case w.items <- it:
		return true
	case <-w.closed:
		return false
	case <-ctx.Done():
		return false
	}
}

// call has the writer do something with the destination's connection in its
// turn, while the caller waits. What do uses of the caller's is the writer's
// meanwhile.
func (w *window) call(ctx context.Context, do func(context.Context) error) error {
	it := &item{call: do, answer: make(chan error, 1)}
	if !w.put(ctx, it) {
		return context.Canceled
	}
	select { // not ctx: the writer sees its end too, and may be in the middle
	case err := <-it.answer:
		return err
	case <-w.closed:
		return context.Canceled
	}
}

// stop makes take and put return false from now on. It may be called once.
func (w *window) stop() { close(w.closed) }

// linger is how long an open APPEND waits for the next message before it is
// ended: long enough not to end batches for nothing, short enough that a
// source that stalls costs no destination connection.
const linger = 20 * time.Millisecond
