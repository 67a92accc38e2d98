package imapconn

import (
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/wire"
)

// spareUIDs is how many more UIDs than the mailbox had at SELECT a search may
// give: more is a set like 1:4294967295 that must not be spread out.
const spareUIDs = 1 << 20

// ErrShort is in the chain of an error that says that a search named fewer
// messages than the mailbox had when it was opened: messages went away since,
// which another SELECT shows, or the server does not tell them all.
var ErrShort = errors.New("the server lists fewer messages than the mailbox has")

// UIDs returns the UIDs of the selected mailbox that are from or above,
// ascending. `n:*` always names the last message (RFC 3501 section 6.4.8): it
// is left out when it is below from.
func (c *Conn) UIDs(ctx context.Context, from uint32) ([]uint32, error) {
	s, err := c.StartUIDs(ctx, from)
	if err != nil {
		return nil, err
	}
	return s.Wait(ctx)
}

// Searching is a UID SEARCH in flight.
type Searching struct {
	c       *Conn
	p       *wire.Pending
	opening *Opening // of the mailbox that is searched
	found   search
	some    bool // not every message can be meant
}

// StartUIDs is UIDs that does not wait for the answer. It is about the mailbox
// of the last Select, Examine, StartSelect or StartExamine, whose answer may
// still be on its way. ctx is for sending only.
func (c *Conn) StartUIDs(ctx context.Context, from uint32) (*Searching, error) {
	key := "ALL"
	if from > 1 {
		key = "UID " + strconv.FormatUint(uint64(from), 10) + ":*"
	}
	return c.startSearch(ctx, key, &Searching{found: search{from: from}})
}

// StartLarger searches the mailbox for the messages that are larger than so
// many octets; else it is StartUIDs.
func (c *Conn) StartLarger(ctx context.Context, octets int64) (*Searching, error) {
	// RFC 9051 section 9: a number has 32 bits.
	key := "LARGER " + strconv.FormatInt(min(octets, math.MaxUint32), 10)
	return c.startSearch(ctx, key, &Searching{some: true})
}

func (c *Conn) startSearch(ctx context.Context, key string, s *Searching) (*Searching, error) {
	command := "UID SEARCH "
	if c.caps.ESearch {
		command = "UID SEARCH RETURN (ALL) "
	}
	s.c, s.opening = c, c.opening
	p, err := c.start(ctx, "search", wire.Request{
		Line: command + key, Slow: true,
		Wants:  func(kind string) bool { return kind == "SEARCH" || kind == "ESEARCH" },
		Handle: s.read,
	})
	if err != nil {
		return nil, err
	}
	s.p = p
	return s, nil
}

// read takes one response. The mailbox has been opened by now.
func (s *Searching) read(r *wire.Reader) error {
	s.found.limit = int(min(s.opening.exists(), 1<<26)) + spareUIDs
	return s.found.read(r)
}

// Wait waits for the answer and returns what UIDs does. It is to be called
// once, by any goroutine.
func (s *Searching) Wait(ctx context.Context) ([]uint32, error) {
	c := s.c
	if _, err := c.awaitOK(ctx, "search", "", s.p); err != nil {
		return nil, err
	}
	if s.found.err != nil {
		e := c.protocol("search", "", s.found.err.Error())
		e.Scope = fault.Mailbox // the other mailboxes may do better
		return nil, e
	}
	slices.Sort(s.found.uids)
	uids := slices.Compact(s.found.uids)
	exists := s.opening.exists()
	if !s.some && (exists > 0 && s.found.named == 0 || s.found.from <= 1 && len(uids) < int(exists)) {
		e := c.protocol("search", "", ErrShort.Error())
		e.Scope, e.Err = fault.Mailbox, ErrShort
		return nil, e
	}
	return uids, nil
}

// search gathers UIDs from SEARCH and ESEARCH responses.
type search struct {
	from  uint32
	limit int
	uids  []uint32
	named int   // sets that the server gave, also of UIDs below from
	err   error // the first set that made no sense
}

func (s *search) read(r *wire.Reader) error {
	if r.Kind == "ESEARCH" {
		return s.readExtended(r)
	}
	for {
		t, err := r.Next()
		if err != nil || t.Kind != wire.Atom {
			return err // the end, or "(MODSEQ n)"
		}
		s.set(string(t.Text))
	}
}

// readExtended reads `(TAG "x") UID ALL 1:5,7` (RFC 4731): correlator and
// other results are skipped.
func (s *search) readExtended(r *wire.Reader) error {
	depth, all := 0, false
	for {
		t, err := r.Next()
		if err != nil || t.Kind == wire.End {
			return err
		}
		switch {
		case t.Kind == wire.Open:
			depth++
		case t.Kind == wire.Close:
			depth--
		case depth > 0 || t.Kind != wire.Atom:
		case all:
			s.set(string(t.Text))
			all = false
		default:
			all = strings.EqualFold(string(t.Text), "ALL")
		}
	}
}

var errSet = errors.New("a UID set that cannot be")

// set spreads out a sequence-set.
func (s *search) set(text string) {
	s.named++
	for part := range strings.SplitSeq(text, ",") {
		a, b, isRange := strings.Cut(part, ":")
		first, ok1 := uid(a)
		last, ok2 := first, true
		if isRange {
			last, ok2 = uid(b)
		}
		if !ok1 || !ok2 {
			s.err = errSet
			return
		}
		if first > last {
			first, last = last, first
		}
		first = max(first, s.from)
		if first > last {
			continue
		}
		if int64(last)-int64(first) >= int64(s.limit-len(s.uids)) {
			s.err = errSet
			return
		}
		for u := first; ; u++ {
			s.uids = append(s.uids, u)
			if u == last {
				break
			}
		}
	}
}

func uid(s string) (uint32, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err == nil && n > 0
}
