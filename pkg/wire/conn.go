package wire

import (
	"bufio"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// Buffers is what a Conn holds to read and write, in octets, once it has sent an
// APPEND.
const Buffers = readBuffer + appendBuffer

const (
	defaultTimeout      = time.Minute
	defaultFinalTimeout = 10 * time.Minute

	readBuffer = 64 << 10
	// maxResponse bounds what a raw command's handler may be given of one
	// response without its literals, in octets: an ESEARCH set of a million
	// messages fits.
	maxResponse = 16 << 20
	// maxLine bounds a line that is held whole: what goes to go-imap, tagged
	// and status responses. In octets.
	maxLine = 1 << 20
	// maxBye bounds what is kept of a BYE, in octets.
	maxBye = 4 << 10
)

// Options tune a Conn. The zero value is a sound default.
type Options struct {
	// Timeout is how long the server may be silent while an answer is owed,
	// and how long one chunk of up to 256 KiB may take to leave; zero: 60 s.
	Timeout time.Duration
	// FinalTimeout takes the place of Timeout while the oldest answer owed
	// is that of a Slow command; zero: 10 min.
	FinalTimeout time.Duration
	// Linger0 makes the system discard what it has not yet sent when the
	// socket is closed by whatever means, the death of this process included
	// (SO_LINGER 0), so that no server goes on storing for a dead client.
	// Conn.Soften ends it.
	Linger0 bool
	// Filter sees each line on its way to go-imap, with its line end: the
	// first line of every untagged response, and tagged ones; continuation
	// requests ("+") never. It returns the line to hand on, or nil to drop
	// the response with its literals. The line is valid during the call. It
	// runs on the reading goroutine. Nil: everything passes.
	Filter func(line []byte) []byte
	// Tagged is told of each tagged answer to a raw command, before whoever
	// waits for it. It runs on the reading goroutine and must be quick. Nil:
	// nobody is told.
	Tagged func(r Reply)
	// Asked runs while an APPEND waits for the server's "+". Nil: nobody wants
	// to know.
	Asked *throughput.Stopwatch
}

func (o Options) withDefaults() Options {
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.FinalTimeout <= 0 {
		o.FinalTimeout = defaultFinalTimeout
	}
	return o
}

// Conn is one IMAP connection. It is the net.Conn of an imapclient.Client,
// whose reading goroutine must be there for anything to be answered; raw
// commands are sent with Start and Append. All methods but Read are safe for
// concurrent use, Read belongs to one goroutine.
//
// When the connection is lost, by whatever cause, everyone who waits on it
// returns with the first cause.
type Conn struct {
	nc     net.Conn
	opt    Options
	in     atomic.Int64
	out    atomic.Int64
	soft   atomic.Bool // Soften was called
	zipped atomic.Bool // both directions are deflated

	plainIn, plainOut atomic.Int64
	taster            taster

	writer chan struct{} // one token: who holds it writes
	dead   chan struct{} // closed with err set

	// Of the reading goroutine.
	br      *bufio.Reader
	head    []byte // what has been read of the line so far
	line    []byte // a whole line
	pass    []byte // octets for go-imap, then passLit octets of literal
	passLit int64
	more    bool // the response that goes to go-imap goes on after pass
	reader  Reader

	// Of whoever holds the writer.
	bw   *bufio.Writer
	wbuf []byte
	zw   *bufio.Writer // takes deflated octets; nil: not compressed

	mu      sync.Mutex // guards what follows
	err     error
	bye     string
	refusal fault.Answer // the last answer to a raw command, unless that was OK
	greeted bool
	tag     uint64
	cmds    []*Pending // in flight, in the order sent; go-imap's too
	waits   *Pending   // waits for "+"
	client  outbound
	reading bool // a Read of the socket is under way
	armed   bool // it has a deadline
	wait    throughput.Stopwatch
	trip    time.Duration // see RoundTrip
	awaits  bool          // the Read under way is on the stopwatch
}

var _ net.Conn = (*Conn)(nil)

// New wraps nc, whose next octets are the server's greeting. It owns nc from
// then on.
func New(nc net.Conn, opt Options) *Conn {
	c := &Conn{
		nc:     nc,
		opt:    opt.withDefaults(),
		writer: make(chan struct{}, 1),
		dead:   make(chan struct{}),
	}
	c.br = bufio.NewReaderSize(socket{c}, readBuffer)
	c.reader.c = c
	if opt.Linger0 {
		c.linger(0)
	}
	return c
}

// Octets returns what was read from and written to the connection handed to
// New: after compression. What TLS adds is not in it.
func (c *Conn) Octets() (in, out int64) { return c.in.Load(), c.out.Load() }

// Bye returns what the server said with BYE, response code included; "" when
// it has not said it. It is foreign text.
func (c *Conn) Bye() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bye
}

// Err returns why the connection is dead; nil while it is alive.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Dead is closed when the connection is dead; Err has the reason then. A
// handler that may block for long must watch it.
func (c *Conn) Dead() <-chan struct{} { return c.dead }

// LocalAddr returns the address of this end.
func (c *Conn) LocalAddr() net.Addr { return c.nc.LocalAddr() }

// RemoteAddr returns the address of the server.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// SetDeadline does nothing: go-imap's own deadlines are absolute and take a
// paused consumer for a silent server.
func (c *Conn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing, as SetDeadline.
func (c *Conn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing, as SetDeadline.
func (c *Conn) SetWriteDeadline(time.Time) error { return nil }
