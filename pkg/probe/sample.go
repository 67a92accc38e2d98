package probe

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

const (
	mostBoxes  = 16     // mailboxes that are sampled
	mostPieces = 8      // of one mailbox
	unknownBox = 20_000 // messages of one that is read whole, for want of UIDNEXT
)

// sample is the messages of one source account that a probe reads, spread over
// its mailboxes. Lanes of the row share it: each message is read once before
// any is read again.
type sample struct {
	leftOut int // messages that are too large
	boxes   int // mailboxes with mail that the account has

	mu     sync.Mutex // guards what follows
	pieces []piece
	at     int // of pieces: where the next run is taken from
	from   int // in that piece
	turns  int // times that all were read
	// passed is how many mailboxes were gone through since take last told of one,
	// as parts of those that they really are: of a large one only some messages are
	// sampled.
	passed float64
}

// piece is messages of one mailbox in the order of their UIDs.
type piece struct {
	box    string // as on the wire
	uids   []uint32
	octets []int64
	part   float64 // of the messages of its mailbox
	bad    bool    // the server does not give them
}

// newSample reads the sizes of about most messages; those above limit octets
// are left out.
func newSample(ctx context.Context, c *imapconn.Conn, most int, limit int64) (*sample, error) {
	boxes, states, err := c.ListStatus(ctx)
	if err != nil {
		return nil, err
	}
	s := &sample{}
	asked := s.choose(boxes, states, most)
	for i := range asked {
		if err := asked[i].start(ctx, c); err != nil {
			return nil, err
		}
	}
	for i := range asked {
		if err := asked[i].wait(ctx); err != nil {
			return nil, err
		}
		s.add(asked[i].box, asked[i].got, asked[i].messages, limit)
	}
	return s, nil
}

// asking is a mailbox whose sizes are asked for.
type asking struct {
	box      string
	messages int // that the mailbox holds
	set      []imapconn.Range
	opening  *imapconn.Opening
	fetch    *imapconn.Fetching
	got      []piece // one for each range
}

// choose picks mailboxes, the largest first, and ranges of UIDs in them.
func (s *sample) choose(boxes []imapconn.Mailbox, states []imapconn.Status, most int) []asking {
	var at []int
	for i, b := range boxes {
		view := b.Use == `\All` || b.Use == `\Flagged` || b.Use == `\Important`
		if !b.NoSelect && states[i].OK && states[i].Messages > 0 && !view {
			at = append(at, i)
		}
	}
	slices.SortStableFunc(at, func(a, b int) int { return cmp.Compare(states[b].Messages, states[a].Messages) })
	s.boxes = len(at)
	at = at[:min(len(at), mostBoxes)]
	var total float64
	for _, i := range at {
		total += float64(states[i].Messages)
	}
	var out []asking
	for _, i := range at {
		want := max(1, float64(most)*float64(states[i].Messages)/max(total, float64(most)))
		set := spans(states[i], int(want))
		if len(set) > 0 {
			out = append(out, asking{box: boxes[i].Wire, messages: int(states[i].Messages), set: set, got: make([]piece, len(set))})
		}
	}
	return out
}

// spans are ranges of UIDs that hold about want messages, at equal distances.
func spans(st imapconn.Status, want int) []imapconn.Range {
	n, next := int(st.Messages), float64(st.UIDNext)
	switch {
	case want >= n*4/5 || next == 0 && n <= unknownBox:
		return []imapconn.Range{{First: 1, Last: math.MaxUint32}}
	case next == 0:
		return nil
	}
	pieces := min(mostPieces, want/20+1)
	width := math.Ceil(float64(want) / float64(pieces) * next / float64(n))
	var out []imapconn.Range
	for i := range pieces {
		first := max(1, next*float64(2*i+1)/float64(2*pieces)-width/2)
		last := min(first+width, next)
		if k := len(out); k > 0 && out[k-1].Last >= uint32(first) {
			out[k-1].Last = uint32(last)
			continue
		}
		out = append(out, imapconn.Range{First: uint32(first), Last: uint32(last)})
	}
	return out
}

func (a *asking) start(ctx context.Context, c *imapconn.Conn) (err error) {
	if a.opening, err = c.StartExamine(ctx, a.box); err != nil {
		return err
	}
	seen := map[uint32]bool{}
	a.fetch, err = c.Fetch(ctx, a.set, imapconn.ItemSize, imapconn.FetchHandler{Message: func(m *imapconn.Message) error {
		if m.UID == 0 || m.Size < 0 || seen[m.UID] {
			return nil
		}
		for i, r := range a.set {
			if m.UID >= r.First && m.UID <= r.Last {
				seen[m.UID] = true
				a.got[i].uids = append(a.got[i].uids, m.UID)
				a.got[i].octets = append(a.got[i].octets, m.Size)
				break
			}
		}
		return nil
	}})
	return err
}

// wait takes the answers. A mailbox that is refused has no messages.
func (a *asking) wait(ctx context.Context) error {
	_, err := a.opening.Wait(ctx)
	if ferr := a.fetch.Wait(ctx); err == nil {
		err = ferr
	}
	if err == nil {
		return nil
	}
	a.got = nil
	if mild(err) {
		return nil
	}
	return err
}

// mild reports whether an error is about one mailbox or message and leaves the
// connection alone.
func mild(err error) bool {
	f := fault.Of(err)
	return f != nil && !f.Temporary && (f.Scope == fault.Mailbox || f.Scope == fault.Message || f.Code == fault.Refused)
}

// add takes pieces of a mailbox of so many messages in, by rising UID, without
// messages above limit.
func (s *sample) add(box string, got []piece, messages int, limit int64) {
	for _, g := range got {
		order := make([]int, len(g.uids))
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(a, b int) int { return cmp.Compare(g.uids[a], g.uids[b]) })
		p := piece{box: box, part: float64(len(order)) / float64(max(messages, len(order), 1))}
		for _, i := range order {
			if g.octets[i] > limit {
				s.leftOut++
				continue
			}
			p.uids, p.octets = append(p.uids, g.uids[i]), append(p.octets, g.octets[i])
		}
		if len(p.uids) > 0 {
			s.pieces = append(s.pieces, p)
		}
	}
}

// sizes are those of all messages.
func (s *sample) sizes() (out []int64) {
	for _, p := range s.pieces {
		out = append(out, p.octets...)
	}
	return out
}

// run is messages of one mailbox that are asked for in one command.
type run struct {
	box    string
	uids   []uint32
	octets int64
	border bool // a run would come to another mailbox here
}

// mostMessages are asked for in one command.
const mostMessages = 500

// take returns what comes next, about max octets of it, as far as the budgets
// allow; false: nothing.
func (s *sample) take(max int64, from ...*budget) (run, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.next() {
		return run{}, false
	}
	p := s.pieces[s.at]
	r := run{box: p.box}
	if s.from == 0 && s.passed >= 1 {
		s.passed, r.border = s.passed-1, true
	}
	for _, n := range p.octets[s.from:] {
		if len(r.uids) > 0 && (r.octets+n > max || len(r.uids) >= mostMessages) || !takeAll(n, 1, from...) {
			break
		}
		r.uids, r.octets = append(r.uids, p.uids[s.from+len(r.uids)]), r.octets+n
	}
	s.from += len(r.uids)
	return r, len(r.uids) > 0
}

// next goes on to a piece that has something left; false: there is none. s.mu is
// held.
func (s *sample) next() bool {
	for range 2 * len(s.pieces) {
		if p := s.pieces[s.at]; !p.bad && s.from < len(p.uids) {
			return true
		}
		if !s.pieces[s.at].bad {
			s.passed += s.pieces[s.at].part
		}
		s.from = 0
		if s.at++; s.at == len(s.pieces) {
			s.at = 0
			s.turns++
		}
	}
	return false
}

// spoil leaves a mailbox out from now on: the server does not give it.
func (s *sample) spoil(box string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.pieces {
		if s.pieces[i].box == box {
			s.pieces[i].bad = true
		}
	}
}

// repeated reports whether messages were read more than once.
func (s *sample) repeated() bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.turns > 1 || s.turns == 1 && (s.at > 0 || s.from > 0)
}
