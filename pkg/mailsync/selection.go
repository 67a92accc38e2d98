package mailsync

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"net/mail"
	"slices"
	"sync"
	"time"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/rules"
)

// selection finds out which messages of one mailbox the user's rules leave
// out. Dates and sizes are read and judged here, of those messages only that
// are not copied yet: what a server's SEARCH makes of a date depends on its
// zone, and on the server. Only what the user's own SEARCH keys mean is for the
// source to say. A message whose date or size the source does not tell is not
// left out for it; 0 octets, which some servers say of every message, tell
// nothing.
type selection struct {
	rules rules.Messages
	items imapconn.Items   // what is read of each message; 0: nothing
	set   []imapconn.Range // to be read together with the list; nil: nothing is
	found []uint32         // by the keys, ascending

	mu    sync.Mutex // handlers run on the connection's reading goroutine
	uids  []uint32   // that were judged, in the order they came until they are sorted
	fates []fate     // of them: notTried is selected
}

// newSelection returns nil when all messages are selected.
func newSelection(m rules.Messages) *selection {
	if m == (rules.Messages{}) {
		return nil
	}
	s := &selection{rules: m}
	if m.ByDate() {
		s.items |= imapconn.ItemDate
		if m.ByDateHeader {
			s.items |= imapconn.ItemSent
		}
	}
	if m.BySize() {
		s.items |= imapconn.ItemSize
	}
	return s
}

// ahead prepares to read what is needed before the list is here: of all UIDs
// that the mailbox can have and that are not mapped.
func (s *selection) ahead(ctx context.Context, p *pass, b *box) error {
	if s == nil || s.items == 0 || b.before.Messages == 0 || b.before.UIDNext <= 1 {
		return nil
	}
	var runs []ledger.Run
	if b.link.SourceValidity != 0 && b.link.SourceValidity == b.before.UIDValidity {
		var err error
		if runs, err = p.e.books.Runs(ctx, b.link.ID); err != nil {
			return state(err)
		}
	}
	if set := gaps(runs, b.before.UIDNext); imapconn.SetLen(set) < imapconn.MaxLine-200 {
		s.set = set
	}
	return nil
}

// gaps returns the source UIDs below next that runs, ascending, do not map.
func gaps(runs []ledger.Run, next uint32) (set []imapconn.Range) {
	from := uint32(1)
	for _, r := range runs {
		if r.Source >= next {
			break
		}
		if r.Source > from {
			set = append(set, imapconn.Range{First: from, Last: r.Source - 1})
		}
		from = r.Source + r.Count
	}
	if from < next && from > 0 {
		set = append(set, imapconn.Range{First: from, Last: next - 1})
	}
	return set
}

// ask sends what ahead prepared; nil when it has not, or when a connection
// broke over it: then it is read in small pieces, as from a server that answers
// for some messages at a time only.
func (s *selection) ask(ctx context.Context, conn *imapconn.Conn, h imapconn.FetchHandler) (*imapconn.Fetching, error) {
	if s == nil || s.set == nil || conn.Caps().MessageLimit > 0 {
		return nil, nil
	}
	set := s.set
	s.set = nil
	return conn.Fetch(ctx, set, s.items, h)
}

// answered takes the answer to ask. What could not be read is asked for again
// where it counts.
func (s *selection) answered(ctx context.Context, read *imapconn.Fetching) error {
	if read == nil {
		return nil
	}
	if err := read.Wait(ctx); err != nil && !mild(ctx, err) {
		return err
	}
	return nil
}

// handler takes what is read of messages.
func (s *selection) handler() imapconn.FetchHandler {
	var sent time.Time
	return imapconn.FetchHandler{
		Body: func(_ *imapconn.Message, _ int64, r io.Reader) error {
			octets, err := io.ReadAll(io.LimitReader(r, maxHeader))
			sent = sentDate(octets)
			return err
		},
		Message: func(m *imapconn.Message) error {
			s.judge(m, sent)
			sent = time.Time{}
			return nil
		},
	}
}

// sentDate reads the Date header field (RFC 5322 section 3.6.1); zero when
// there is none that makes sense.
func sentDate(header []byte) time.Time {
	m, err := mail.ReadMessage(bytes.NewReader(append(bytes.TrimRight(header, "\r\n"), "\r\n\r\n"...)))
	if err != nil {
		return time.Time{}
	}
	t, err := m.Header.Date()
	if err != nil {
		return time.Time{}
	}
	return t
}

// judge notes what the rules about dates and sizes say of a message, once all
// that they need is known. The date is sent, or INTERNALDATE where that is zero.
func (s *selection) judge(m *imapconn.Message, sent time.Time) {
	date, dated := m.Date, m.HasDate
	if !sent.IsZero() {
		date, dated = sent, true
	}
	dated = dated && s.rules.ByDate()
	f := notTried
	switch {
	case m.UID == 0:
		return
	case dated && !s.rules.WantsDate(date):
		f = filteredDate
	case m.Size > 0 && !s.rules.WantsSize(m.Size):
		f = filteredSize
	case s.rules.ByDate() && !dated, s.rules.BySize() && m.Size < 0:
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uids, s.fates = append(s.uids, m.UID), append(s.fates, f)
}

// settle sorts what was said: of one message the first word counts. s.mu is
// held.
func (s *selection) settle() {
	if slices.IsSorted(s.uids) { // as servers answer
		return
	}
	order := make([]int, len(s.uids))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(s.uids[a], s.uids[b]) })
	uids, fates := make([]uint32, 0, len(order)), make([]fate, 0, len(order))
	for _, i := range order {
		if n := len(uids); n == 0 || uids[n-1] != s.uids[i] {
			uids, fates = append(uids, s.uids[i]), append(fates, s.fates[i])
		}
	}
	s.uids, s.fates = uids, fates
}

func (s *selection) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.uids)
}

// missing returns those of uids of which nothing was said.
func (s *selection) missing(uids []uint32) (out []uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	for _, u := range uids {
		if _, known := slices.BinarySearch(s.uids, u); !known {
			out = append(out, u)
		}
	}
	return out
}

// leftOut calls leave for those of uids that a rule leaves out. A message counts
// for the first of: date, size, search.
func (s *selection) leftOut(uids []uint32, leave func(uid uint32, f fate)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	for _, u := range uids {
		if i, ok := slices.BinarySearch(s.uids, u); ok && s.fates[i] != notTried {
			leave(u, s.fates[i])
			continue
		}
		if _, ok := slices.BinarySearch(s.found, u); !ok && s.rules.Search != "" {
			leave(u, filteredSearch)
		}
	}
}

// choose leaves out what the rules about dates and sizes, or the user's keys,
// do not select of the messages that are not copied yet.
func (f *fetcher) choose(ctx context.Context, pt *part, s *selection) error {
	if s == nil {
		return nil
	}
	todo := pt.b.plan.todo()
	if err := s.read(ctx, pt.src, todo); err != nil {
		return err
	}
	s.leftOut(todo, func(u uint32, by fate) { f.p.settled(pt.b, u, by) })
	return nil
}

// read reads what the rules about dates and sizes need of uids.
func (s *selection) read(ctx context.Context, o *opened, uids []uint32) error {
	if s.items == 0 {
		return nil
	}
	return gather(ctx, o, uids, s, identChunk, func(ctx context.Context, c *imapconn.Conn, set []imapconn.Range) error {
		return fetchAll(ctx, c, set, s.items, s.handler())
	})
}
