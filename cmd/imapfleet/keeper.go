package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// keeper keeps the result files current while a run goes on, and gives the
// progress events of --json. Start it once, end it once.
type keeper struct {
	tracker *tracker
	files   *resultFiles
	rejects func(ctx context.Context) ([]ledger.RejectRow, error)
	repairs func(ctx context.Context, take func(ledger.RepairRow)) error
	log     *slog.Logger
	knee    func() []throughput.Step // what the run did with how many lanes; nil: nobody looks
	// progress is called every few seconds; nil: never.
	progress func(now time.Time)
	// present says why the state directory is not there any more, and lost is
	// told so, once; nil: nobody looks.
	present func() error
	lost    func(error)

	verdicts verdicts

	report  throughput.Report // as written last
	written int               // the tracker's version that the files show
	failing bool
	stop    chan struct{}
	ended   sync.WaitGroup
}

const (
	// keepEvery is how often the files are written at most.
	keepEvery = time.Second
	// keepShare is how many times longer than the last writing took it then
	// takes a rest: with 100,000 rows the files are some 20 MB.
	keepShare = 20
	// progressEvery is the time between two progress events.
	progressEvery = 5 * time.Second
)

// begin writes the files for the first time, so that a directory that cannot
// be written is known before anything is copied, and goes on until end.
func (k *keeper) begin(ctx context.Context) error {
	k.files.hasty = true
	if err := k.files.sweep(); err != nil { // they are in nobody's way
		k.log.Warn("what an earlier run left half written is still there", slog.Any("err", err))
	}
	if err := k.write(ctx); err != nil {
		return err
	}
	k.stop = make(chan struct{})
	k.ended.Go(func() { k.loop(context.WithoutCancel(ctx)) })
	return nil
}

// verdicts are what can be said of a run once it has ended: what a plan said of
// it, and what kept it from being faster; nil: nothing.
type verdicts struct {
	planned    *throughput.Planned
	bottleneck *throughput.Bottleneck
}

// end stops the loop, writes the files for the last time, with v, and returns
// what summary.json says.
func (k *keeper) end(ctx context.Context, v verdicts) (throughput.Report, error) {
	close(k.stop)
	k.ended.Wait()
	k.verdicts = v
	k.files.hasty = false
	err := k.write(context.WithoutCancel(ctx))
	return k.report, err
}

func (k *keeper) loop(ctx context.Context) {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	var rest, progress time.Time
	for {
		select {
		case <-k.stop:
			return
		case now := <-tick.C:
			k.look()
			if k.progress != nil && now.Sub(progress) >= progressEvery {
				progress = now
				k.progress(now)
			}
			if k.tracker.version() == k.written || now.Before(rest) {
				continue
			}
			k.again(ctx)
			rest = time.Now().Add(keepShare * time.Since(now))
		}
	}
}

// look sees whether the state directory is still there. A run that waits for
// its servers writes nothing that would notice.
func (k *keeper) look() {
	if k.present == nil {
		return
	}
	if err := k.present(); err != nil {
		k.present = nil
		k.lost(err)
	}
}

// again writes the files in the middle of the run. What goes wrong is said
// once, and tried again: the ledger is what the run depends on, not these.
func (k *keeper) again(ctx context.Context) {
	err := k.write(ctx)
	if err != nil && !k.failing {
		k.log.Warn("result files are not current", slog.Any("err", err))
	}
	k.failing = err != nil
}

func (k *keeper) write(ctx context.Context) error {
	run, list, version := k.tracker.view()
	k.report = throughput.Report{
		Run:  throughput.Summarize(run, time.Since(k.tracker.start)),
		List: throughput.Summarize(list, 0),
	}
	r := &k.report.Run
	r.Hosts, r.Planned, r.Bottleneck = k.tracker.pausedHosts(), k.verdicts.planned, k.verdicts.bottleneck
	if k.knee != nil {
		r.Knee = k.knee()
	}
	rows, err := k.rejects(ctx)
	if err != nil {
		return err
	}
	repairs := func(take func(throughput.Repair)) error {
		return k.repairs(ctx, func(r ledger.RepairRow) { take(repairOf(r)) })
	}
	if err := k.files.write(k.report, list, rejectsOf(rows), repairs); err != nil {
		return err
	}
	k.written = version
	return nil
}
