package imapconn

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/wire"
)

// Items says what to fetch of each message; the UID always comes along.
type Items uint8

// The items, to be joined by |.
const (
	ItemFlags  Items = 1 << iota
	ItemDate         // INTERNALDATE
	ItemSize         // RFC822.SIZE
	ItemHeader       // BODY.PEEK[HEADER]
	ItemBody         // BODY.PEEK[]
	ItemSent         // the Date header field alone, as octets of a body; with neither of the two above
)

// Message is what one FETCH response said. The zero value is a response that
// said nothing.
type Message struct {
	UID      uint32 // 0: not said
	Flags    []string
	HasFlags bool      // FLAGS came, `\Recent` included as sent
	Date     time.Time // INTERNALDATE with its zone
	HasDate  bool      // it came and exists
	RawDate  string    // as sent, also when it cannot be
	Size     int64     // RFC822.SIZE in octets, -1 when not said
	ModSeq   uint64    // mod-sequence (RFC 7162 section 3.1.4.2), 0 when not said
	HasBody  bool      // octets of a body, of a header or of a part of it came, if only none; NIL: false
	Body     []byte    // for the caller: imapconn leaves it alone
}

// FetchHandler receives FETCH responses on the connection's reading
// goroutine: while it works nothing else is read. It must not send commands
// and wait for them on the same connection. After Fetching.Wait has returned it
// does not work any more, so that what it has written can be read.
type FetchHandler struct {
	// Body is called when the octets of a body or a header begin. m has
	// what came before them (UID 0 when it has not come yet); r gives n
	// octets, of which the rest that is not read is skipped. It may block.
	// An error aborts the connection. Nil: the octets are skipped.
	Body func(m *Message, n int64, r io.Reader) error
	// Message is called when a response is complete, also for unasked ones
	// without a body. An error aborts the connection. Nil: not called.
	Message func(m *Message) error
}

// Fetching is a FETCH in flight.
type Fetching struct {
	c *Conn
	p *wire.Pending

	mu   sync.Mutex // held by the handler while it works
	over bool       // nobody waits for it any more
}

// errOver ends the reading of a connection that died while its handler worked.
var errOver = errors.New("the command was given up")

// Fetch sends one UID FETCH for set, whose length on the wire (SetLen) the
// caller keeps well below MaxLine. Several may be in flight: responses go to
// the handler of the oldest. ctx is for sending only, and for the handlers
// while Wait has not been called.
func (c *Conn) Fetch(ctx context.Context, set []Range, items Items, h FetchHandler) (*Fetching, error) {
	return c.FetchSince(ctx, set, items, 0, h)
}

// FetchSince is Fetch of those messages only whose mod-sequence is higher than
// since: those added and those whose flags changed after the mailbox had that
// HighestModSeq (CHANGEDSINCE, RFC 7162 section 3.1.4.1). Each comes with its
// ModSeq. To be used where Caps.Condstore is set and the mailbox is not
// NoModSeq. A since of 0 asks for all.
func (c *Conn) FetchSince(ctx context.Context, set []Range, items Items, since uint64, h FetchHandler) (*Fetching, error) {
	line := "UID FETCH " + formatSet(set) + " " + items.list()
	if since > 0 {
		line += " (CHANGEDSINCE " + strconv.FormatUint(since, 10) + ")"
	}
	if len(set) == 0 || len(line) > MaxLine {
		return nil, c.longSet("fetch")
	}
	f := &Fetching{c: c}
	p, err := c.start(ctx, "fetch", wire.Request{
		Line:  line,
		Wants: func(kind string) bool { return kind == "FETCH" },
		Handle: func(r *wire.Reader) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			if f.over {
				return errOver
			}
			return h.response(r)
		},
	})
	if err != nil {
		f.end()
		return nil, err
	}
	f.p = p
	return f, nil
}

// end keeps the handler from working any more, once what it is at has ended:
// soon, since whoever calls it has seen the connection die.
func (f *Fetching) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.over = true
}

// longSet refuses a UID set that is empty or too long to be sent.
func (c *Conn) longSet(op string) *fault.Error {
	return c.protocol(op, "", "a UID set that no command line can hold")
}

// Done is closed when the tagged answer is here or the connection is lost.
func (f *Fetching) Done() <-chan struct{} { return f.p.Done() }

// Wait waits for the tagged answer. When it returns nil every response has
// been handled; whether each UID asked for came is for the caller to compare.
// After an error the handler is not called any more.
func (f *Fetching) Wait(ctx context.Context) error {
	_, err := f.c.awaitOK(ctx, "fetch", "", f.p)
	if err != nil {
		f.end()
	}
	return err
}

func (i Items) list() string {
	names := []string{"UID"}
	for _, n := range [...]struct {
		item Items
		name string
	}{
		{ItemFlags, "FLAGS"}, {ItemDate, "INTERNALDATE"}, {ItemSize, "RFC822.SIZE"},
		{ItemHeader, "BODY.PEEK[HEADER]"}, {ItemBody, "BODY.PEEK[]"},
		{ItemSent, "BODY.PEEK[HEADER.FIELDS (DATE)]"},
	} {
		if i&n.item != 0 {
			names = append(names, n.name)
		}
	}
	return "(" + strings.Join(names, " ") + ")"
}
