// Package batch runs the rows of a list: as many at a time as the gate lets
// through, at most so many per host, never two into one destination account,
// each again after a while when its trouble is temporary.
//
// Runner is its main type. One goroutine, the feeder, owns every decision and
// all that is counted; workers only call Syncer.Sync. The package opens no
// connection, knows no IMAP, and holds no opinion on the health of a host.
package batch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

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
type Syncer interface {
	Sync(ctx context.Context, pair account.Pair, row ledger.RowID, m *throughput.Meter) (throughput.Count, error)
}

// Recorder keeps what became of the rows; *ledger.Ledger is one. An error
// from it ends the run.
type Recorder interface {
	SaveRow(ctx context.Context, r ledger.Row) error
	AddAttempt(ctx context.Context, a ledger.Attempt) error
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
	Syncer     Syncer
	Recorder   Recorder          // nil: nothing is recorded (a dry run)
	Meter      *throughput.Meter // the run's; nil: none
	RunID      string            // names this process in the ledger's attempts
	Parallel   int               // rows at a time, at least 1
	MaxPerHost int               // rows at a time that touch one host, on either side; 0: no limit
	Retries    int               // attempts after the first one; 0: none
	Retry      RetryPolicy       // the pauses between attempts
	Logger     *slog.Logger      // nil: nothing is logged

	// OnStart is called when an attempt of rows[i] begins, OnResult when it has
	// ended: State is parked or pending when there will be another one, or would
	// be if the run were not being stopped. Both are called by one goroutine,
	// which starts no row meanwhile: they should be quick.
	OnStart  func(i int, r throughput.Result)
	OnResult func(i int, r throughput.Result)
}

// Runner runs lists. Run may be called once at a time; SetParallel at any
// time.
type Runner struct {
	opt  Options
	gate *gate
}

// New checks the options.
func New(opt Options) (*Runner, error) {
	switch {
	case opt.Syncer == nil:
		return nil, errors.New("batch: no syncer")
	case opt.Parallel < 1:
		return nil, fmt.Errorf("batch: parallel is %d, must be at least 1", opt.Parallel)
	case opt.MaxPerHost < 0:
		return nil, fmt.Errorf("batch: at most %d rows per host, must not be negative", opt.MaxPerHost)
	case opt.Retries < 0:
		return nil, fmt.Errorf("batch: %d retries, must not be negative", opt.Retries)
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	opt.Retry = opt.Retry.withDefaults()
	return &Runner{opt: opt, gate: newGate(opt.Parallel)}, nil
}

// SetParallel changes how many rows may run at a time. More rows start at
// once; with fewer the running ones end first.
func (r *Runner) SetParallel(n int) error {
	if n < 1 {
		return fmt.Errorf("batch: parallel is %d, must be at least 1", n)
	}
	r.gate.setLimit(n)
	return nil
}

// Run brings every row to an end and returns one Result per row, in the order
// given; a row that was never started is pending. The error is the fault of
// scope Run that stopped it, or ctx.Err() when ctx was canceled: then no new
// row starts, and Run returns when the running ones have. One row's own
// trouble is in its Result only.
func (r *Runner) Run(ctx context.Context, rows []Row) ([]throughput.Result, error) {
	f := newFeeder(r, rows)
	return f.run(ctx)
}
