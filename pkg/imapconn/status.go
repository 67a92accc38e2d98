package imapconn

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/imapfleet/imapfleet/pkg/wire"
)

// Status is what STATUS says of one mailbox. OK is false when the server
// refused or said nothing; Reply has its words. Size is in octets, -1 when
// unknown; the other numbers are 0 when unknown. HighestModSeq is that of RFC
// 7162 section 3.1.7: 0 also where the mailbox keeps no mod-sequences.
// AppendLimit is the largest message that the mailbox takes, in octets (RFC
// 7889 section 4), 0 when it has no limit of its own.
type Status struct {
	Messages, UIDNext, UIDValidity uint32
	HighestModSeq                  uint64
	Size, AppendLimit              int64
	OK                             bool
	Reply                          wire.Reply
}

// maxStatus is how many STATUS commands are in flight at a time.
const maxStatus = 50

// Status asks for each mailbox, named as on the wire, and answers in the same
// order. A mailbox that is refused is its own trouble: the error is only
// about the connection. The size is asked for where the server offers
// STATUS=SIZE (RFC 8438), HIGHESTMODSEQ where it offers CONDSTORE, APPENDLIMIT
// where that is a mailbox's.
func (c *Conn) Status(ctx context.Context, names []string) ([]Status, error) {
	stop := c.guard(ctx)
	defer stop()
	s := newStatusBatch(names)
	pending := make([]*wire.Pending, len(names))
	for i := range len(names) + maxStatus {
		if i >= maxStatus && i-maxStatus < len(names) && pending[i-maxStatus] != nil {
			r, err := pending[i-maxStatus].Wait(ctx)
			if err != nil {
				return nil, c.lost(ctx, "status", err)
			}
			s.done(i-maxStatus, r)
		}
		if i >= len(names) {
			continue
		}
		name, ok := c.astring(names[i])
		if !ok {
			continue
		}
		p, err := c.start(ctx, "status", wire.Request{
			Line: "STATUS " + name + " " + c.statusItems(), Slow: true,
			Wants:  func(kind string) bool { return kind == "STATUS" },
			Handle: func(r *wire.Reader) error { return s.read(r, i) },
		})
		if err != nil {
			return nil, err
		}
		pending[i] = p
	}
	return s.results(), nil
}

// statusItems are what STATUS is asked for.
func (c *Conn) statusItems() string {
	items := "(MESSAGES UIDNEXT UIDVALIDITY"
	if c.caps.Condstore {
		items += " HIGHESTMODSEQ"
	}
	if c.caps.StatusSize {
		items += " SIZE"
	}
	if c.caps.MailboxAppendLimit {
		items += " APPENDLIMIT"
	}
	return items + ")"
}

// statusBatch gathers the responses of several STATUS commands.
type statusBatch struct {
	mu    sync.Mutex
	all   []Status
	seen  []bool
	index map[string][]int // by decoded name
}

func newStatusBatch(names []string) *statusBatch {
	s := &statusBatch{all: make([]Status, len(names)), seen: make([]bool, len(names)), index: make(map[string][]int)}
	for i, n := range names {
		s.all[i].Size = -1
		s.index[statusKey(n)] = append(s.index[statusKey(n)], i)
	}
	return s
}

func statusKey(wireName string) string {
	name, _ := DecodeMailbox(foldInbox(wireName))
	return name
}

// read takes one STATUS response. A name that nobody asked for, because the
// server spells it in another way, is taken for the oldest command's.
func (s *statusBatch) read(r *wire.Reader, oldest int) error {
	name, st, err := readStatus(r)
	if err != nil || name == "" {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	where, known := s.index[statusKey(name)]
	if !known && !s.seen[oldest] || slices.Contains(where, oldest) {
		where = []int{oldest} // two names may decode to the same
	}
	for _, i := range where {
		s.all[i], s.seen[i] = st, true
	}
	return nil
}

// readStatus reads one STATUS response: `name (items)`. The name is as sent,
// "" when there is none.
func readStatus(r *wire.Reader) (name string, st Status, err error) {
	st = Status{Size: -1, OK: true}
	t, err := r.Next()
	if err != nil || t.Kind == wire.End {
		return "", st, err
	}
	name, ok, err := r.String(t, maxName)
	if err != nil {
		return "", st, err
	}
	if !ok {
		name = "NIL"
	}
	return name, st, st.readItems(r)
}

// readItems reads (name number ...), in any order and with any others.
func (s *Status) readItems(r *wire.Reader) error {
	key, depth := "", 0
	for {
		t, err := r.Next()
		if err != nil || t.Kind == wire.End {
			return err
		}
		switch t.Kind {
		case wire.Open:
			depth++
			continue
		case wire.Close:
			if depth--; depth <= 0 {
				return nil
			}
			key = "" // its value was a list
			continue
		}
		v, _, err := r.String(t, maxItem)
		if err != nil {
			return err
		}
		switch {
		case depth > 1:
		case key == "":
			key = strings.ToUpper(v)
		default:
			s.item(key, v)
			key = ""
		}
	}
}

func (s *Status) item(key, value string) {
	switch key {
	case "MESSAGES":
		s.Messages, _ = number32(value)
	case "UIDNEXT":
		s.UIDNext, _ = number32(value)
	case "UIDVALIDITY":
		s.UIDValidity, _ = number32(value)
	case "HIGHESTMODSEQ":
		s.HighestModSeq = modSeq(value)
	case "SIZE":
		s.Size = size64(value)
	case "APPENDLIMIT":
		s.AppendLimit = max(size64(value), 0) // NIL: none
	}
}

func (s *statusBatch) done(i int, r wire.Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[i].Reply = r
}

func (s *statusBatch) results() []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.all {
		s.all[i].OK = s.seen[i] && s.all[i].Reply.Status == "OK"
	}
	return s.all
}
