// Package batch runs the rows of a list: as many at a time as there are lanes,
// at most so many per host, never two into one destination account, each again
// after a while when its trouble is temporary. Lanes that no row can use go to
// the accounts that are at work.
//
// Where a server says "later" the row is parked, or the whole host, until that
// time: then one row goes first.
//
// Runner is its main type. One goroutine, the feeder, starts rows and counts
// what became of them; workers only call Syncer.Sync. The gate has the lanes,
// under a lock, for accounts ask for more of them from anywhere. The package
// opens no connection and knows no IMAP: what a server means is fault's word.
package batch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// Syncer makes one pass over one pair. Sync is called from several goroutines
// at once, for one row never twice at a time; a later call for the same row
// goes on where the earlier one ended.
//
// The Count is valid with an error too. A nil error means that the pass came
// to its end. An error of scope Message or Mailbox means the same and names
// the first thing that was refused; of scope Account or Host: the pass did not
// get to its end; of scope Run: no row can go on. A canceled ctx is answered
// with ctx.Err(), soon. What it adds to m stays added over attempts.
//
// Sync begins with one lane and may ask lanes for more, once its first login
// has succeeded on both sides; what it still has when it returns is taken back.
type Syncer interface {
	Sync(ctx context.Context, pair account.Pair, row ledger.RowID, lanes Lanes, m *throughput.Meter) (throughput.Count, error)
}

// Recorder keeps what became of the rows; *ledger.Ledger is one. An error
// from it ends the run.
type Recorder interface {
	SaveRow(ctx context.Context, r ledger.Row) error
	AddAttempt(ctx context.Context, a ledger.Attempt) error
	// SaveHosts keeps which hosts are parked now, in the place of those before.
	SaveHosts(ctx context.Context, parked []ledger.HostPause) error
}

// Row is a pair and what the ledger knows of it. Known may be zero but for its
// ID; its SourceOctets decides who goes first, and the rest is written back.
type Row struct {
	Pair  account.Pair
	Known ledger.Row
}

// Options says how to run. Syncer is required; of the rest the zero value is
// usable unless said.
type Options struct {
	Syncer          Syncer
	Recorder        Recorder          // nil: nothing is recorded (a dry run)
	Meter           *throughput.Meter // the run's; nil: none
	RunID           string            // names this process in the ledger's attempts
	Parallel        int               // lanes at a time, and so rows, at least 1; with Auto those it begins with, 0: 8
	Auto            Bounds            // the run finds its number of lanes within these; zero: Parallel is fixed
	MaxPerHost      int               // lanes at a time that touch one host, on either side; 0: no limit
	LanesPerAccount int               // lanes at a time for one row; 0: 1
	Retries         int               // attempts after the first one; 0: none. A row that is parked uses none up
	MaxParked       time.Duration     // how long a row, or a host, is parked without progress before it fails; 0: 48 hours
	AuthFuse        int               // logins refused in a row on one host that park it; 0: any number
	NoWait          bool              // the run ends when the next row would have to wait for longer than a retry does
	Retry           RetryPolicy       // the pauses between attempts
	Logger          *slog.Logger      // nil: nothing is logged

	// OnStart is called when an attempt of rows[i] begins, OnResult when it has
	// ended: State is parked or pending when there will be another one, or would
	// be if the run were not being stopped. Both are called by one goroutine,
	// which starts no row meanwhile: they should be quick.
	OnStart  func(i int, r throughput.Result)
	OnResult func(i int, r throughput.Result)
	// OnHosts is called by the same goroutine when hosts were parked or are not
	// parked any more, with all that are: no row starts there, and those that
	// wait for them count as parked too, without a word to OnResult.
	OnHosts func(parked []throughput.HostPause)
	// OnTune is called by the same goroutine with each decision about the number
	// of lanes.
	OnTune func(throughput.Tuning)
	// OnHolds is called by the same goroutine when a person has stopped something
	// or let it go on, with all that is stopped now.
	OnHolds func(throughput.Holds)
}

// Runner runs lists. Run may be called once at a time; SetParallel, SetAuto and
// Knee at any time, and so Pause, Resume, Drain and Skip, but these not by what
// Options names: the feeder carries them out.
type Runner struct {
	opt    Options
	orders chan func(*feeder)

	mu       sync.Mutex
	parallel int
	auto     Bounds
	gate     *gate // of the last run; nil: there was none
}

// New checks the options.
func New(opt Options) (*Runner, error) {
	switch {
	case opt.Syncer == nil:
		return nil, errors.New("batch: no syncer")
	case opt.Parallel < 1 && (opt.Auto == Bounds{} || opt.Parallel < 0):
		return nil, fmt.Errorf("batch: parallel is %d, must be at least 1", opt.Parallel)
	case opt.MaxPerHost < 0:
		return nil, fmt.Errorf("batch: at most %d lanes per host, must not be negative", opt.MaxPerHost)
	case opt.LanesPerAccount < 0:
		return nil, fmt.Errorf("batch: at most %d lanes per account, must not be negative", opt.LanesPerAccount)
	case opt.Retries < 0:
		return nil, fmt.Errorf("batch: %d retries, must not be negative", opt.Retries)
	case opt.MaxParked < 0:
		return nil, fmt.Errorf("batch: parked for %v, must not be negative", opt.MaxParked)
	case opt.AuthFuse < 0:
		return nil, fmt.Errorf("batch: a fuse of %d logins, must not be negative", opt.AuthFuse)
	}
	if err := opt.Auto.check(); err != nil {
		return nil, err
	}
	if opt.Parallel == 0 {
		opt.Parallel = startLanes
	}
	if opt.Meter == nil {
		opt.Meter = throughput.NewRun() // the tuners read it
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	opt.Retry = opt.Retry.withDefaults()
	if opt.MaxParked == 0 {
		opt.MaxParked = 48 * time.Hour
	}
	opt.LanesPerAccount = max(1, opt.LanesPerAccount)
	return &Runner{opt: opt, orders: make(chan func(*feeder)), parallel: opt.Parallel, auto: opt.Auto}, nil
}

// Parallel is how many lanes there may be now, and within which bounds the run
// looks for their best number; zero: it does not.
func (r *Runner) Parallel() (lanes int, auto Bounds) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gate == nil {
		return r.parallel, r.auto
	}
	return r.gate.total(), r.auto
}

// newGate makes the gate of a run, of which SetParallel knows from then on.
func (r *Runner) newGate(rows []Row) *gate {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gate = newGate(r.parallel, r.opt.LanesPerAccount, r.opt.MaxPerHost)
	r.gate.policy = policy{retry: r.opt.Retry, rounds: max(1, r.opt.Retries), maxParked: r.opt.MaxParked, fuse: r.opt.AuthFuse}
	r.gate.routes, r.gate.hosts.routes = newRoutes(rows)
	if r.auto != (Bounds{}) {
		r.gate.tune(r.auto, r.parallel)
	}
	return r.gate
}

// Run brings every row to an end and returns one Result per row, in the order
// given; a row that was never started is pending. The error is the fault of
// scope Run that stopped it, or ctx.Err() when ctx was canceled: then no new
// row starts, and Run returns when the running ones have. One row's own
// trouble is in its Result only.
func (r *Runner) Run(ctx context.Context, rows []Row) ([]throughput.Result, error) {
	f := newFeeder(r.opt, r.newGate(rows), rows)
	f.orders = r.orders
	return f.run(ctx)
}
