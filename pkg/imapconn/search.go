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
	keys    string // of the user's own; "": every message from found.from on
}

// StartUIDs is UIDs that does not wait for the answer. It is about the mailbox
// of the last Select, Examine, StartSelect or StartExamine, whose answer may
// still be on its way. ctx is for sending only.
func (c *Conn) StartUIDs(ctx context.Context, from uint32) (*Searching, error) {
	key := "ALL"
	if from > 1 {
		key = "UID " + strconv.FormatUint(uint64(from), 10) + ":*"
	}
	return c.search(ctx, key, &Searching{found: search{from: from}})
}

// StartSearch is StartUIDs for those messages that the search keys given find
// (RFC 9051 section 6.4.4), as a user wrote them: printable ASCII on one line,
// without a literal. None may be found. Between it and another search in flight
// an EXAMINE must stand: a server may give the results of both before it ends
// the first.
func (c *Conn) StartSearch(ctx context.Context, keys string) (*Searching, error) {
	if !validKeys(keys) {
		return nil, &fault.Error{Side: c.cfg.Side, Code: fault.Refused, Op: "search", Host: c.cfg.Endpoint.Host,
			Text: "search keys that cannot be sent: they are printable ASCII, on one line, without a literal", Hint: hintKeys}
	}
	return c.search(ctx, keys, &Searching{keys: keys})
}

// StartLarger is StartSearch for the messages that are larger than so many
// octets.
func (c *Conn) StartLarger(ctx context.Context, octets int64) (*Searching, error) {
	// RFC 9051 section 9: a number has 32 bits.
	return c.StartSearch(ctx, "LARGER "+strconv.FormatInt(min(octets, math.MaxUint32), 10))
}

const hintKeys = "check the keys of --search: they are those of SEARCH in RFC 9051 section 6.4.4; nothing was left out because of them"

// validKeys reports whether keys cannot become anything else than the end of
// one command: a {n} at the end of a line announces a literal.
func validKeys(keys string) bool {
	for i := range len(keys) {
		if keys[i] < ' ' || keys[i] > '~' {
			return false
		}
	}
	return keys != "" && len(keys) < MaxLine-100 && !strings.HasSuffix(keys, "}")
}

func (c *Conn) search(ctx context.Context, keys string, s *Searching) (*Searching, error) {
	command := "UID SEARCH "
	if c.caps.ESearch {
		command = "UID SEARCH RETURN (ALL) "
	}
	s.c, s.opening = c, c.opening
	p, err := c.start(ctx, "search", wire.Request{
		Line: command + keys, Slow: true,
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

// Wait waits for the answer and returns what UIDs does, or the UIDs that the
// user's keys have found. Keys that are refused are a fault of the account when
// the server does not understand them (BAD), else of the mailbox. It is to be
// called once, by any goroutine.
func (s *Searching) Wait(ctx context.Context) ([]uint32, error) {
	c := s.c
	r, err := c.await(ctx, "search", s.p)
	if err != nil {
		return nil, err
	}
	if r.Status != "OK" {
		return nil, s.refused(r)
	}
	if s.found.err != nil {
		e := c.protocol("search", "", s.found.err.Error())
		e.Scope = fault.Mailbox // the other mailboxes may do better
		return nil, e
	}
	slices.Sort(s.found.uids)
	uids := slices.Compact(s.found.uids)
	if s.keys != "" {
		if s.found.answers == 0 { // REQUIRED by RFC 3501 section 6.4.4: nobody has said that there is none
			e := c.protocol("search", s.opening.name, "no SEARCH response to the keys that were sent")
			e.Scope = fault.Mailbox
			return nil, e
		}
		return uids, nil
	}
	exists := s.opening.exists()
	if exists > 0 && s.found.named == 0 || s.found.from <= 1 && len(uids) < int(exists) {
		e := c.protocol("search", "", ErrShort.Error())
		e.Scope, e.Err = fault.Mailbox, ErrShort
		return nil, e
	}
	return uids, nil
}

// refused classifies a NO or BAD.
func (s *Searching) refused(r wire.Reply) *fault.Error {
	if s.keys == "" {
		return s.c.refused("search", "", r)
	}
	name := ""
	if r.Status != "BAD" && s.opening != nil {
		name = s.opening.name
	}
	e := s.c.refused("search", name, r)
	if e.Code == fault.Refused {
		e.Hint = hintKeys
	}
	return e
}

// search gathers UIDs from SEARCH and ESEARCH responses.
type search struct {
	from  uint32
	limit int
	uids  []uint32
	named int // sets that the server gave, also of UIDs below from
	// answers is how many responses there were.
	answers int
	err     error // the first set that made no sense
}

func (s *search) read(r *wire.Reader) error {
	s.answers++
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
