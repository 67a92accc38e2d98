package mailsync

import (
	"slices"
	"sync"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

const (
	// A lane takes small mailboxes in groups of at most so many messages and
	// mailboxes, so that they are listed in one round trip.
	groupMessages = 2000
	groupBoxes    = 16

	// A mailbox is split when at least so much of it was not asked for yet: less
	// would not be worth a login, or the order of its messages.
	splitMessages = 1000
	splitOctets   = 16 << 20
)

// part is a stretch of one mailbox that one lane moves: all of the mailbox,
// unless it was split.
type part struct {
	b     *box
	fresh bool // the mailbox is not opened yet

	src, dst *opened // of the lane that has it
	stint    *stint  // its writer's; nil before the first message

	rest  []uint32 // not asked for yet, ascending; work.mu guards it
	begun bool     // some of it was asked for; work.mu guards it
	last  []uint32 // rejects of earlier passes, to be asked for last and singly

	asked int      // commands in flight; the fetcher's, as is odd
	odd   []uint32 // to be asked for one by one
}

// work is what a round of a pass has to do: which lane moves what. Its methods
// are safe for concurrent use.
type work struct {
	mu    sync.Mutex
	boxes []*box  // not begun, in the source's order
	parts []*part // begun; those with something left to ask for
	loose []*part // what a lane gave back
	again []*box  // to be begun again in another round
}

// claim gives a lane what it is to move next: what another lane gave back,
// mailboxes that nobody has begun, or the second half of the largest stretch.
// None means that there is nothing left that is worth another lane.
func (w *work) claim() []*part {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.loose); n > 0 {
		pt := w.loose[n-1]
		w.loose = w.loose[:n-1]
		w.list(pt)
		return []*part{pt}
	}
	if group := w.group(); len(group) > 0 {
		return group
	}
	if pt := w.largest(); pt != nil {
		return []*part{w.split(pt)}
	}
	return nil
}

// group takes the next mailboxes: one, or several small ones. w.mu is held, as
// for all that have no comment about it.
func (w *work) group() (group []*part) {
	var messages int64
	for len(w.boxes) > 0 && len(group) < groupBoxes {
		b := w.boxes[0]
		messages += int64(b.before.Messages)
		if len(group) > 0 && (messages > groupMessages || !b.before.OK) {
			break
		}
		w.boxes = w.boxes[1:]
		b.parts = 1
		group = append(group, &part{b: b, fresh: true})
	}
	return group
}

// largest finds the stretch that is most worth splitting; nil when none is.
func (w *work) largest() *part {
	var best *part
	var most int64
	for _, pt := range w.parts {
		if n := int64(len(pt.rest)); pt.b.divisible && (n >= splitMessages || n > 1 && n*pt.b.average() >= splitOctets) {
			if left := n * pt.b.average(); best == nil || left > most {
				best, most = pt, left
			}
		}
	}
	return best
}

// split takes the second half off a stretch.
func (w *work) split(pt *part) *part {
	half := len(pt.rest) / 2
	other := &part{b: pt.b, rest: slices.Clone(pt.rest[half:])}
	pt.rest = pt.rest[:half]
	pt.b.parts++
	pt.b.split = true
	w.list(other)
	return other
}

// list makes what is left of a stretch known to those who look for work.
func (w *work) list(pt *part) {
	if len(pt.rest) > 0 && !slices.Contains(w.parts, pt) {
		w.parts = append(w.parts, pt)
	}
}

// unlist takes it back.
func (w *work) unlist(pt *part) {
	w.parts = slices.DeleteFunc(w.parts, func(o *part) bool { return o == pt })
}

// divisible reports whether another lane would find something to move.
func (w *work) divisible() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.loose) > 0 || len(w.boxes) > 0 || w.largest() != nil
}

// opened makes what a mailbox was found to lack known: from now on it may be
// split.
func (w *work) opened(pt *part, rest, last []uint32, divisible bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	pt.fresh, pt.rest, pt.last, pt.b.divisible = false, rest, last, divisible
	w.list(pt)
}

// chunk takes up to most messages from the front of a stretch, in one set that
// a command line can hold.
func (w *work) chunk(pt *part, most int) (set []imapconn.Range, uids []uint32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if pt.b.err != nil {
		pt.rest, pt.last = nil, nil
	}
	set, n := chunk(pt.rest, most)
	uids, pt.rest = pt.rest[:n:n], pt.rest[n:]
	pt.begun = pt.begun || n > 0
	if len(pt.rest) == 0 {
		w.unlist(pt)
	}
	return set, uids
}

// back gives uids, which were asked for and did not come, back to the front of
// a stretch.
func (w *work) back(pt *part, uids []uint32) {
	if len(uids) == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	pt.rest = slices.Concat(uids, pt.rest)
	w.list(pt)
}

// release gives what a lane has not asked for yet to the others.
func (w *work) release(pt *part) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(pt.rest) == 0 && len(pt.last) == 0 {
		return
	}
	other := &part{b: pt.b, rest: pt.rest, last: pt.last}
	pt.rest, pt.last = nil, nil
	pt.b.parts++
	pt.b.split = pt.b.split || pt.begun && len(other.rest) > 0
	w.unlist(pt)
	w.loose = append(w.loose, other)
}

// front returns the first message that a stretch has still to ask for; 0 when
// there is none.
func (w *work) front(pt *part) uint32 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(pt.rest) == 0 {
		return 0
	}
	return pt.rest[0]
}

// fail ends the work at a mailbox for all lanes: the first cause counts.
func (w *work) fail(b *box, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if b.err == nil {
		b.err = err
	}
}

// failed returns why the work at a mailbox has ended early; nil: it has not.
func (w *work) failed(b *box) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return b.err
}

// leave ends a lane's work at a stretch and reports whether it was the
// mailbox's last, with the first cause of its failure.
func (w *work) leave(b *box) (last bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b.parts--
	return b.parts == 0, b.err
}

// unfinished returns those of boxes that the round has not come to the end of.
// No lane is at work.
func (w *work) unfinished(boxes []*box) []*box {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(boxes), func(b *box) bool { return b.parts == 0 && !slices.Contains(w.boxes, b) })
}

// repeat puts a mailbox into another round.
func (w *work) repeat(b *box) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b.err, b.parts = nil, 0
	w.again = append(w.again, b)
}
