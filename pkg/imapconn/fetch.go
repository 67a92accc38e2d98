package imapconn

import (
	"context"
	"io"
	"strings"
	"time"

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
	HasBody  bool      // octets of BODY[] or BODY[HEADER] came, if only none; NIL: false
	Body     []byte    // for the caller: imapconn leaves it alone
}

// FetchHandler receives FETCH responses on the connection's reading
// goroutine: while it works nothing else is read. It must not send commands
// and wait for them on the same connection.
type FetchHandler struct {
	// Body is called when the octets of BODY[] or BODY[HEADER] begin. m has
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
}

// Fetch sends one UID FETCH for set, whose length on the wire (SetLen) the
// caller keeps well below MaxLine. Several may be in flight: responses go to
// the handler of the oldest. ctx is for sending only, and for the handlers
// while Wait has not been called.
func (c *Conn) Fetch(ctx context.Context, set []Range, items Items, h FetchHandler) (*Fetching, error) {
	stop := c.guard(ctx)
	defer stop()
	line := "UID FETCH " + formatSet(set) + " " + items.list()
	if len(set) == 0 || len(line) > MaxLine {
		return nil, c.protocol("fetch", "", "a UID set that no command line can hold")
	}
	p, err := c.w.Start(ctx, wire.Request{
		Line:   line,
		Wants:  func(kind string) bool { return kind == "FETCH" },
		Handle: func(r *wire.Reader) error { return h.response(r) },
	})
	if err != nil {
		return nil, c.lost(ctx, "fetch", err)
	}
	return &Fetching{c: c, p: p}, nil
}

// Done is closed when the tagged answer is here or the connection is lost.
func (f *Fetching) Done() <-chan struct{} { return f.p.Done() }

// Wait waits for the tagged answer. When it returns nil every response has
// been handled; whether each UID asked for came is for the caller to compare.
func (f *Fetching) Wait(ctx context.Context) error {
	stop := f.c.guard(ctx)
	defer stop()
	r, err := f.p.Wait(ctx)
	if err != nil {
		return f.c.lost(ctx, "fetch", err)
	}
	if r.Status != "OK" {
		return f.c.refused("fetch", "", r)
	}
	return nil
}

func (i Items) list() string {
	names := []string{"UID"}
	for _, n := range [...]struct {
		item Items
		name string
	}{
		{ItemFlags, "FLAGS"}, {ItemDate, "INTERNALDATE"}, {ItemSize, "RFC822.SIZE"},
		{ItemHeader, "BODY.PEEK[HEADER]"}, {ItemBody, "BODY.PEEK[]"},
	} {
		if i&n.item != 0 {
			names = append(names, n.name)
		}
	}
	return "(" + strings.Join(names, " ") + ")"
}
