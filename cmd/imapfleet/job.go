package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/imapfleet/imapfleet/pkg/batch"
	"github.com/imapfleet/imapfleet/pkg/console"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// job is one run with all that it works on.
type job struct {
	work
	dir     string // the state directory, or a dry run's copy of it
	std     streams
	bound   *bound
	scratch *ledger.Ledger // a copy for rows that are only looked at; nil without such rows
	locks   *cacheLocks    // nil in a dry run

	runID    string // names this process in the ledger
	tracker  *tracker
	meter    *throughput.Meter
	watch    *throughput.Watch
	sampler  *sampler
	limits   *limits
	screen   io.Writer                    // above the progress; nil: nothing is said there
	runner   atomic.Pointer[batch.Runner] // nil until rows run
	events   *events                      // nil without --json
	mappings mappings                     // of rows that are only looked at
	log      *slog.Logger                 // to the file and the screen
	fileLog  *slog.Logger                 // for what the screen is told in other words
}

// someOnlyLook reports whether a row is only looked at, in a run that copies.
func (j *job) someOnlyLook() bool {
	return slices.ContainsFunc(j.selected, func(i int) bool {
		r := j.pairs[i].Rules
		return r != nil && r.Dry
	})
}

// selectNotDone leaves out the rows that are done.
func (j *job) selectNotDone() {
	var out []int
	for _, i := range j.selected {
		if resultOf(j.pairs[i], j.bound.rows[i]).State != throughput.Done {
			out = append(out, i)
		}
	}
	j.selected = out
}

// results is the list as the ledger knows it before the run.
func (j *job) results() []throughput.Result {
	out := make([]throughput.Result, len(j.pairs))
	for i, p := range j.pairs {
		out[i] = abandoned(resultOf(p, j.bound.rows[i]))
	}
	return out
}

// run migrates the selected rows; logFile is nil in a dry run, which writes no
// files either.
func (j *job) run(ctx context.Context, o runOptions, logFile io.Writer) error {
	j.runID = runID(time.Now())
	j.tracker = newTracker(j.results(), j.selected, time.Now())
	j.meter = throughput.NewRun()
	j.watch = throughput.NewWatch(j.meter, j.tracker)
	j.sampler = newSampler(j.meter, j.tracker.run)
	j.watch.Judge(j.sampler.now)
	j.limits = o.limits.start()
	if o.json {
		j.events = newEvents(j.std.out)
		j.mappings.events = j.events
	}
	con := console.New(console.Options{Out: j.std.err, Quiet: o.quiet, Watch: j.watch})
	if !o.quiet {
		j.screen = con
	}
	j.log = newLogger(logFile, con, slog.Level(o.logLevel), o.quiet)
	j.fileLog = newLogger(logFile, nil, slog.Level(o.logLevel), true)
	j.fileLog.Info("run starts", slog.Int("rows", len(j.selected)), slog.String("parallel", o.net.parallel.String()), slog.String("version", programVersion()), o.limits.attr())

	k := &keeper{tracker: j.tracker, files: newResultFiles(j.dir), log: j.log, rejects: func(ctx context.Context) ([]ledger.RejectRow, error) {
		return j.bound.ledger.AllRejects(ctx, j.bound.ids)
	}, repairs: func(ctx context.Context, take func(ledger.RepairRow)) error {
		return j.bound.ledger.Repairs(ctx, j.bound.ids, take)
	}}
	k.knee = j.knee
	k.files.warn = func(held *heldError) { j.log.Warn("a result file is held", slog.Any("err", held)) }
	if o.json {
		k.progress = func(now time.Time) { j.events.progress(j.watch.At(now).Progress()) }
	}
	ctx, lose := context.WithCancelCause(ctx)
	defer lose(nil)
	k.present = j.bound.ledger.Present
	k.lost = func(err error) {
		lose(&fault.Error{Scope: fault.Run, Code: fault.State, Op: "ledger", Err: err, Hint: ledger.Advice(err)})
	}
	if err := k.begin(ctx); err != nil {
		return runError(err)
	}
	defer j.tellStop(ctx)()
	defer onSignal(func() { j.tellStatus(con) }, statusSignals()...)()
	con.Start(context.WithoutCancel(ctx)) // a run that is being stopped is worth watching too
	err := j.rows(ctx, o)
	con.Stop()
	return j.end(ctx, o, k, err)
}

// warn says on stderr and in run.log, as far as they are there yet, that
// something is not as it should be.
func (j *job) warn(quiet bool, text string, err error) {
	switch {
	case j.log != nil:
		j.log.Warn(text, slog.Any("err", err))
	case !quiet:
		fmt.Fprintf(j.std.err, "warning: %s: %v\n", text, err)
	}
}

// tellStop says at once that the run is being stopped: the end may take seconds. What
// it returns ends it.
func (j *job) tellStop(ctx context.Context) (end func()) {
	told := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(told)
		j.log.Warn("stopping: what is under way is brought to its end; a second signal ends it at once",
			slog.String("cause", context.Cause(ctx).Error()))
	})
	return func() {
		if !stop() {
			<-told
		}
	}
}

// rows runs the runner.
func (j *job) rows(ctx context.Context, o runOptions) error {
	var syncer batch.Syncer = mailsync.New(o.engineOptions(j))
	if j.locks != nil {
		syncer = &accountLocker{next: syncer, locks: j.locks}
	}
	opt := o.runnerOptions(j, syncer)
	opt.OnStart = func(i int, r throughput.Result) { j.note(throughput.EventStarted, i, r) }
	opt.OnResult = func(i int, r throughput.Result) { j.note(throughput.EventEnded, i, r) }
	opt.OnHosts = func(parked []throughput.HostPause) {
		j.tracker.setHosts(parked)
		j.events.hosts(parked)
	}
	opt.OnTune = j.tuned
	opt.OnHolds = j.tracker.setHolds
	runner, err := batch.New(opt)
	if err != nil {
		return err
	}
	j.runner.Store(runner)
	j.sampler.begin(runner.Use, j.knee)
	rows := make([]batch.Row, len(j.selected))
	for i, at := range j.selected {
		rows[i] = batch.Row{Pair: j.pairs[at], Known: j.bound.rows[at]}
	}
	j.tracker.setLanes(func() int { n, _ := runner.Parallel(); return n }, o.lanesPerAccount)
	if !o.dryRun {
		s := &steering{job: j, runner: runner, memory: o.memory}
		defer s.listen()()
	}
	_, err = runner.Run(ctx, rows)
	return err
}

// tuned tells of a decision about the number of lanes; run.log has it already.
func (j *job) tuned(d throughput.Tuning) {
	j.events.tuned(d)
	if j.screen != nil {
		fmt.Fprintln(j.screen, d.Line()) // who watches may be gone
	}
}

// knee is what was done so far with how many lanes.
func (j *job) knee() []throughput.Step {
	if r := j.runner.Load(); r != nil {
		return r.Knee()
	}
	return nil
}

func (j *job) note(what throughput.EventType, i int, r throughput.Result) {
	j.tracker.set(i, r)
	if what == throughput.EventStarted {
		j.sampler.started(r)
	} else {
		j.sampler.result(r)
	}
	j.events.row(what, r)
}

// end closes the books: files, summary, exit code.
func (j *job) end(ctx context.Context, o runOptions, k *keeper, err error) error {
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		cause := context.Cause(ctx)
		j.log.Warn("run stopped", slog.String("cause", cause.Error()))
		err = nil // the exit code says it
		if fault.Of(cause) != nil {
			err = cause
		}
	}
	v := verdicts{bottleneck: j.sampler.end(j.fileLog)}
	if err == nil {
		v.planned, err = j.remember(context.WithoutCancel(ctx), o, ctx.Err() == nil)
	}
	rep, fileErr := k.end(ctx, v)
	j.fileLog.Info("run ends", slog.Int("rows", rep.Run.Rows.Total()), slog.Int("done", rep.Run.Rows.Done))
	switch err := errors.Join(err, fileErr, j.summary(o, rep)); {
	case err != nil:
		j.fileLog.Error("run failed", slog.Any("err", err))
		return runError(err)
	case rep.Run.Rows.Done < rep.Run.Rows.Total():
		return errNotDone()
	}
	return nil
}

// summary is what stands on stdout at the end.
func (j *job) summary(o runOptions, rep throughput.Report) error {
	if j.events != nil {
		return j.events.summary(rep)
	}
	if o.justLogin {
		fmt.Fprintln(j.std.out, "Logins only: nothing was looked at or changed; 'imapfleet check' says more.")
		return rep.Run.WriteText(j.std.out)
	}
	if o.dryRun {
		fmt.Fprintln(j.std.out, "Dry run: nothing was changed; \"copied\" is what a run would copy.")
	}
	if err := rep.Run.WriteText(j.std.out); err != nil {
		return err
	}
	j.mappings.write(j.std.out)
	if o.dryRun {
		return nil
	}
	_, err := fmt.Fprintf(j.std.out, "\nresults in %s\n", j.dir)
	return err
}
