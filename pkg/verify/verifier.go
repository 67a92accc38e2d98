package verify

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
)

// Options are a Verifier's settings. Engine and Logger must be given.
type Options struct {
	Engine *mailsync.Engine // opens the connections
	Logger *slog.Logger
	// Ledger explains what is found; nil: there is none, as after another
	// program's migration.
	Ledger *ledger.Ledger
	// Deep reads every body on both sides; else bodies are read only where
	// header, octets and date leave a doubt.
	Deep bool
	// Strict takes what was changed at the destination after the run for a
	// difference too.
	Strict bool
	// Subjects adds subjects to the Findings that have a Message-ID.
	Subjects bool
	// Memory is what all lanes together may take, in octets; 0: 256 MiB. A
	// mailbox that needs more is read in several rounds.
	Memory int64
	// Lanes is how many pairs of connections there are at a time; 0: 4. One
	// account may have LanesPerAccount of them (0: 4) when no row waits.
	Lanes, LanesPerAccount int
}

// Verifier compares accounts. Its methods are safe for concurrent use.
type Verifier struct {
	opt    Options
	lanes  *semaphore.Weighted
	memory *budget
}

// minMemory is what records may take however little memory there is.
const minMemory = 64 << 10

// New returns a Verifier.
func New(opt Options) *Verifier {
	if opt.Memory <= 0 {
		opt.Memory = 256 << 20
	}
	if opt.Lanes <= 0 {
		opt.Lanes = 4
	}
	if opt.LanesPerAccount <= 0 {
		opt.LanesPerAccount = 4
	}
	room := max(opt.Memory-2*imapconn.Memory*int64(opt.Lanes), minMemory)
	return &Verifier{opt: opt, lanes: semaphore.NewWeighted(int64(opt.Lanes)),
		memory: &budget{total: room, left: semaphore.NewWeighted(room)}}
}

// budget is memory that all lanes share.
type budget struct {
	total int64
	left  *semaphore.Weighted
}

// take waits for so many octets, or for all that there is where they are more.
func (b *budget) take(ctx context.Context, n int64) (got int64, err error) {
	got = min(max(n, 1), b.total)
	return got, b.left.Acquire(ctx, got)
}

func (b *budget) give(n int64) { b.left.Release(n) }

// Wait waits until a lane is free for a row, which Row then has; the rows that
// wait come in the order of their calls. The error is ctx's.
func (v *Verifier) Wait(ctx context.Context) error { return v.lanes.Acquire(ctx, 1) }

// Row compares the two accounts of pair; row is what the ledger calls it, 0
// where it does not know it. It needs the lane that Wait gave, and gives it
// back. A Report that is Failed says why. The error is ctx's, or a *fault.Error
// of scope Run: no row can be verified. Then nothing is known.
func (v *Verifier) Row(ctx context.Context, pair account.Pair, id ledger.RowID) (rep Report, err error) {
	start := time.Now()
	r := &row{v: v, pair: pair, id: id, log: v.opt.Logger.With("account", pair.Source.User, "line", pair.Line)}
	defer v.lanes.Release(1)
	defer func() {
		if p := recover(); p != nil {
			rep.State, rep.Fault, err = Failed, panicked(p), nil
		}
		rep.Elapsed = time.Since(start)
	}()
	err = r.run(ctx)
	switch {
	case fault.Of(err) != nil && fault.ScopeOf(err) == fault.Run:
		return Report{}, err
	case ctx.Err() != nil:
		return Report{}, ctx.Err()
	}
	rep = r.report
	switch {
	case err != nil:
		rep.State, rep.Fault = Failed, asFault(err)
	case rep.State != "": // said already
	case rep.Differences > 0:
		rep.State = Incomplete
	default:
		rep.State = Verified
	}
	return rep, nil
}

// panicked makes a defect of ours the row's fault, with its stack.
func panicked(p any) *fault.Error {
	return &fault.Error{Code: fault.Panic, Text: fmt.Sprint(p), Err: fmt.Errorf("%v\n%s", p, debug.Stack()),
		Hint: "this is a defect of imapfleet: report it"}
}

func asFault(err error) *fault.Error {
	if f := fault.Of(err); f != nil {
		return f
	}
	return &fault.Error{Err: err}
}
