package mailsync

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/mapping"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// Options are an Engine's settings. Zero values mean the defaults named; the
// Ledger and the Logger must be given.
type Options struct {
	Ledger  *ledger.Ledger
	Logger  *slog.Logger
	RootCAs *x509.CertPool // nil: the system's
	Faults  *fault.Rules   // the user's own reading of refusals; nil: none

	Memory     int64         // octets that all lanes together hold: message bodies and the buffers of connections; 0: 256 MiB
	Lanes      int           // how many Syncs may run at once; 0: 4
	Patience   time.Duration // how long a side may be without progress; 0: 2 minutes
	MaxRejects int           // rejects in a row that end an account; 0: 50
	Grace      time.Duration // how long an answer is awaited after cancellation; 0: 5 seconds
	LookEvery  time.Duration // time between two looks for a session that may still be storing; 0: 2 seconds

	// Daily says how many octets of messages a server lets one account take or
	// give in 24 hours; 0: as many as it likes. nil: every server. A pass whose
	// budget is spent ends with a fault that says how long to wait.
	Daily func(side fault.Side, host string) int64

	// FlagsOff leaves flags as they are that have changed at the source after
	// their message was copied.
	FlagsOff bool

	DryRun bool // read only: nothing is created, subscribed or appended
	// Scratch is for rows whose Rules say Dry: a ledger with the rows of Ledger,
	// of which nothing is kept. nil: such a row fails.
	Scratch *ledger.Ledger
	Version string // told to the servers by ID
	// OnMapping is told where the mailboxes of a pair go, once in each pass and
	// before anything is made; nil: nobody is. It is called by the goroutine of
	// Sync, and m is valid until it returns.
	OnMapping func(pair account.Pair, m *mapping.Map)
	// Compress says when connections are compressed; zero: where that helps.
	Compress imapconn.CompressMode

	Timeout, FinalTimeout time.Duration // see imapconn.Config
	// DialContext replaces the net.Dialer of both sides.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
	// AwaitLogin returns when the next connection to a host may be opened; nil:
	// at once. It is asked for each, on both sides; its error is ctx's. What it
	// takes is charged to no timeout.
	AwaitLogin func(ctx context.Context, host string) error
	// WrapConn is given each connection when it is dialled, before TLS, and
	// returns what is used in its place; nil: the connection itself.
	WrapConn func(side fault.Side, host string, nc net.Conn) net.Conn

	// WatchConn is WrapConn for who only looks on, nearest to the network: what
	// it returns must hold nothing up.
	WatchConn func(side fault.Side, host string, nc net.Conn) net.Conn
	// OnRoundTrip is told how long a command to a host has taken at least on one
	// connection, once it has logged in and once it ends; OnRefused, that a host
	// refused a further connection for their number. nil: nobody is. Both are
	// called by many goroutines.
	OnRoundTrip func(side fault.Side, host string, d time.Duration)
	OnRefused   func(side fault.Side, host string)

	held *atomic.Int64 // for tests: the most octets that a window held; nil: not watched
}

// Engine migrates pairs. Its methods are safe for concurrent use.
type Engine struct {
	opt    Options
	books  books
	press  *imapconn.Compressor
	share  int64   // octets of bodies that one lane may hold
	looker *Engine // for rows that are only looked at; nil: there can be none

	tempos tempos
}

const (
	// laneBuffers is what the two connections of a lane take.
	laneBuffers = 2 * imapconn.Memory
	// minShare is what a lane has for bodies however little memory there is:
	// larger messages are streamed.
	minShare = 64 << 10
)

// shareOf is what one of so many lanes may hold of messages.
func shareOf(memory int64, lanes int) int64 { return max(memory/int64(lanes)-laneBuffers, minShare) }

// New returns an Engine.
func New(opt Options) *Engine {
	def := func(p *time.Duration, d time.Duration) {
		if *p == 0 {
			*p = d
		}
	}
	def(&opt.Patience, 2*time.Minute)
	def(&opt.Grace, 5*time.Second)
	def(&opt.LookEvery, 2*time.Second)
	if opt.Memory <= 0 {
		opt.Memory = 256 << 20
	}
	if opt.Lanes <= 0 {
		opt.Lanes = 4
	}
	if opt.MaxRejects <= 0 {
		opt.MaxRejects = 50
	}
	e := &Engine{opt: opt, books: books{opt.Ledger}, press: imapconn.NewCompressor(opt.Compress), share: shareOf(opt.Memory, opt.Lanes)}
	e.looker = scratch(e)
	return e
}

// Lanes is how Sync comes by more lanes than its first; see batch.Lanes, which
// is the same type and has the contract. nil: one lane.
type Lanes = interface {
	TryAcquire() bool
	Release()
	Wanted() bool
	Refused(most int)
	LoggedIn(side fault.Side)
}

// Sync makes one pass over pair: every message that the source lists is copied
// unless it is at the destination already. The Count is valid with every
// error. A nil error means that both sides were opened and every mailbox was
// worked through; rejected or untried messages are then in the Count and the
// error is a *fault.Error of scope Message or Mailbox that names the first
// cause. When ctx ends, reading stops at once, an open APPEND is ended at a
// message border and its answer awaited for Options.Grace; then ctx.Err() is
// returned.
func (e *Engine) Sync(ctx context.Context, pair account.Pair, row ledger.RowID, lanes Lanes, m *throughput.Meter) (throughput.Count, error) {
	if e.onlyLooks(pair) {
		return e.look(ctx, pair, row, lanes, m)
	}
	p, err := e.pass(ctx, pair, row, lanes, m)
	return p.total(), err
}

// pass is Sync, and returns the pass that was made.
func (e *Engine) pass(ctx context.Context, pair account.Pair, row ledger.RowID, lanes Lanes, m *throughput.Meter) (*pass, error) {
	p := e.newPass(ctx, pair, row, lanes, m)
	clock := p.first.clock(m)
	defer clock.stop()
	ctx = withClock(ctx, clock)
	defer p.close(ctx)
	err := p.run(ctx)
	p.weigh(ctx, err)
	for _, end := range []func(context.Context) error{p.closeFloors, p.daily.close} {
		if cerr := end(context.WithoutCancel(ctx)); err == nil {
			err = cerr
		}
	}
	if ctx.Err() != nil && fault.ScopeOf(err) != fault.Run {
		err = ctx.Err()
	}
	return p, err
}

func (e *Engine) config(side fault.Side, ep account.Endpoint, g *gauge, log *slog.Logger) imapconn.Config {
	return imapconn.Config{Side: side, Endpoint: ep, RootCAs: e.opt.RootCAs, Faults: e.opt.Faults, Timeout: e.opt.Timeout,
		FinalTimeout: e.opt.FinalTimeout, DialContext: e.dialler(side, ep.Host, g), Waits: &g.Waits, ClientID: e.opt.Version, Compress: e.press, Logger: log}
}

func (e *Engine) logger(pair account.Pair) *slog.Logger {
	return e.opt.Logger.With("account", pair.Source.User, "line", pair.Line)
}

// newSession returns one side of a lane, not connected yet.
func (e *Engine) newSession(side fault.Side, ep account.Endpoint, further bool, log *slog.Logger) *session {
	g := new(gauge)
	cfg := e.config(side, ep, g, log)
	dial := func(ctx context.Context) (*imapconn.Conn, error) { return imapconn.Dial(ctx, cfg) }
	s := newSession(dial, e.opt.Patience, log.With("side", side.String()))
	s.side, s.gauge, s.spare = side, g, further
	if told := e.opt.OnRoundTrip; told != nil {
		s.trip = func(d time.Duration) { told(side, ep.Host, d) }
	}
	if await := e.opt.AwaitLogin; await != nil {
		s.await = func(ctx context.Context) error { return await(ctx, ep.Host) }
	}
	return s
}

// state makes a failure of the ledger end the run (Run scope): without it
// nothing may be sent. That a pass was canceled is no failure of the ledger, and
// what it refuses for one mailbox is the row's own trouble.
func state(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if errors.Is(err, ledger.ErrSettled) {
		return &fault.Error{Code: fault.Panic, Op: "map", Err: err,
			Hint: "this should not happen: please report it, with run.log; nothing is lost, and the other rows go on"}
	}
	return &fault.Error{Scope: fault.Run, Code: fault.State, Op: "ledger", Err: err, Hint: ledger.Advice(err)}
}
