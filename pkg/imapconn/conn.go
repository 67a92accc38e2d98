package imapconn

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
	"github.com/imapfleet/imapfleet/pkg/wire"
)

// Config says where and how to connect. Side and Endpoint are needed, the
// zero value of everything else is a sound default.
type Config struct {
	Side     fault.Side
	Endpoint account.Endpoint
	RootCAs  *x509.CertPool // nil: the system's

	Timeout      time.Duration // without an octet while an answer is owed; zero: 60 s
	FinalTimeout time.Duration // the same for APPEND, SELECT, SEARCH, STATUS; zero: 10 min
	DialTimeout  time.Duration // TCP and TLS, for each port tried; zero: 30 s

	// DialContext replaces net.Dialer; nil: net.Dialer.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
	Faults      *fault.Rules // the user's own reading of refusals; nil: none
	Compress    *Compressor  // of all connections of a run; nil: no compression
	ClientID    string       // our version, told with ID (RFC 2971)
	Logger      *slog.Logger // nil: silent
	Waits       *Waits       // is told of what commands wait for; nil: nobody wants to know
}

// Waits is what the commands of the connections that were given it wait for,
// beside answers, octets and the network. The zero value has seen none; it is
// safe for concurrent use.
type Waits struct {
	Braked throughput.Stopwatch // the server has asked to go slower ([THROTTLED])
	Asked  throughput.Stopwatch // an APPEND waits for the server's "+"
}

func (cfg Config) withDefaults() Config {
	if cfg.Timeout <= 0 {
		cfg.Timeout = time.Minute
	}
	if cfg.FinalTimeout <= 0 {
		cfg.FinalTimeout = 10 * time.Minute
	}
	if cfg.DialTimeout <= 0 {
		cfg.DialTimeout = 30 * time.Second
	}
	if cfg.DialContext == nil {
		cfg.DialContext = new(net.Dialer).DialContext
	}
	if cfg.Compress == nil {
		cfg.Compress = NewCompressor(CompressOff)
	}
	if cfg.Waits == nil {
		cfg.Waits = new(Waits)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg
}

// Memory is what a Conn takes for itself, in octets, at most: the buffers below
// it, those of go-imap, TLS and compression, and its goroutines.
const Memory = wire.Buffers + 128<<10

// Conn is a logged-in session. Methods that send commands are for one
// goroutine at a time, but an Opening, a Searching, a Fetching and an
// Appending may be waited for by others; Abort, Octets and Bye may be called by anybody. A method whose
// context ends aborts the whole connection and returns ctx.Err().
type Conn struct {
	cfg    Config
	w      *wire.Conn
	client *imapclient.Client
	filter *loginFilter
	took   Took

	caps       Caps
	namespaces namespaces
	serverID   string
	called     string   // by ID: name and vendor; "" when it was not asked
	opening    *Opening // the last one sent

	pressing pressing
	brake    brake

	mu       sync.Mutex
	accepted forms        // what APPEND heads the server has taken so far
	unread   []*Appending // sent, oldest first; their answers have not been looked at
}

// Caps returns the capabilities as of after login.
func (c *Conn) Caps() Caps { return c.caps }

// ServerID names the server's software for a person: what it says to ID (RFC
// 2971), else its greeting. Never empty, never with control characters.
func (c *Conn) ServerID() string { return c.serverID }

// Braked returns for how long commands have waited so far because the server
// asked to go slower ([THROTTLED]), on all connections that share its Waits;
// zero: it did not.
func (c *Conn) Braked() time.Duration { return c.cfg.Waits.Braked.So(time.Now()) }

// Octets returns the octets read from and written to the socket so far.
func (c *Conn) Octets() (in, out int64) { return c.w.Octets() }

// RoundTrip returns the least time that a command of this session has taken
// from its sending to its answer; zero: none was sent alone so far.
func (c *Conn) RoundTrip() time.Duration { return c.w.RoundTrip() }

// Bye returns the text of the server's BYE; "" while it has not said one.
func (c *Conn) Bye() string { return c.w.Bye() }

// Err returns why the connection is dead; nil while it is alive.
func (c *Conn) Err() error { return c.w.Err() }

// Abort closes the socket at once. Whatever waits on the connection returns
// with an error; an APPEND whose final CRLF has not left is void. It may be
// called more than once and from any goroutine.
func (c *Conn) Abort() { c.w.Abort(net.ErrClosed) }

// Dead is closed as soon as the connection is lost; a FetchHandler that may
// block for long must watch it.
func (c *Conn) Dead() <-chan struct{} { return c.w.Dead() }

// Done is closed when the connection's reading goroutine has ended: after
// Logout, Abort or a loss.
func (c *Conn) Done() <-chan struct{} { return c.client.Closed() }

// guard aborts the connection when ctx ends before stop is called.
func (c *Conn) guard(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { c.w.Abort(ctx.Err()) })
}

// start sends one raw command, which takes a while where the server wants to
// go slower. ctx is for sending only.
func (c *Conn) start(ctx context.Context, op string, req wire.Request) (*wire.Pending, error) {
	stop := c.guard(ctx)
	defer stop()
	c.slowDown(ctx)
	req.Op = op
	p, err := c.w.Start(ctx, req)
	if err != nil {
		return nil, c.lost(ctx, op, err)
	}
	return p, nil
}

// await waits for the tagged answer. NO and BAD are answers, not errors.
func (c *Conn) await(ctx context.Context, op string, p *wire.Pending) (wire.Reply, error) {
	stop := c.guard(ctx)
	defer stop()
	r, err := p.Wait(ctx)
	if err != nil {
		return wire.Reply{}, c.lost(ctx, op, err)
	}
	return r, nil
}

// awaitOK is await where anything but OK is an error. mailbox is the name on
// the wire, "" when the command is about none.
func (c *Conn) awaitOK(ctx context.Context, op, mailbox string, p *wire.Pending) (wire.Reply, error) {
	r, err := c.await(ctx, op, p)
	if err == nil && r.Status != "OK" {
		err = c.refused(op, mailbox, r)
	}
	return r, err
}

// do is start and await.
func (c *Conn) do(ctx context.Context, op string, req wire.Request) (wire.Reply, error) {
	p, err := c.start(ctx, op, req)
	if err != nil {
		return wire.Reply{}, err
	}
	return c.await(ctx, op, p)
}

// must is start and awaitOK.
func (c *Conn) must(ctx context.Context, op, mailbox string, req wire.Request) (wire.Reply, error) {
	p, err := c.start(ctx, op, req)
	if err != nil {
		return wire.Reply{}, err
	}
	return c.awaitOK(ctx, op, mailbox, p)
}

// refused classifies a tagged NO or BAD.
func (c *Conn) refused(op, mailbox string, r wire.Reply) *fault.Error {
	name, _ := DecodeMailbox(mailbox)
	a := c.answer(op)
	a.Mailbox, a.Status, a.Code, a.Text = name, r.Status, r.Code, r.Text
	return c.cfg.Faults.Classify(a)
}

// answer is what is known of an answer to a step before it is read.
func (c *Conn) answer(op string) fault.Answer {
	return fault.Answer{Side: c.cfg.Side, Host: c.cfg.Endpoint.Host, Op: op, Software: c.software(), Bye: c.w.Bye()}
}

// lost classifies the end of the connection during op; a cancelled context
// stays what it is.
func (c *Conn) lost(ctx context.Context, op string, err error) error {
	if ctx.Err() != nil {
		c.w.Abort(ctx.Err()) // guard is about to, or has
		return ctx.Err()
	}
	c.damaged(c.w.Err())
	e := fault.Of(err)
	if own := fault.Of(c.w.Err()); e == nil && own != nil {
		e = own // go-imap flattens what it passes on
	}
	if e == nil {
		return c.cfg.Faults.Lost(c.answer(op), err)
	}
	return c.cfg.Faults.Reread(e, c.answer(op)) // another one: the connection hands e to all who wait
}

// protocol is an answer that makes no sense.
func (c *Conn) protocol(op, mailbox, text string) *fault.Error {
	name, _ := DecodeMailbox(mailbox)
	return &fault.Error{
		Side: c.cfg.Side, Code: fault.Protocol, Op: op, Host: c.cfg.Endpoint.Host, Mailbox: name,
		Text: text, Hint: "the server's answer makes no sense: see run.log, and ask its administrator",
	}
}
