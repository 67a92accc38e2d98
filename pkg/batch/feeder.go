package batch

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// task is a row with what this run knows of it. While its Sync runs the worker
// reads pair, known.ID, lanes, lent and meter; the feeder owns the rest, always.
type task struct {
	job    job
	pair   account.Pair
	known  ledger.Row
	result throughput.Result
	meter  *throughput.Meter // from the first attempt to the last
	lanes  *holder           // of the attempt that goes on
	lent   instant           // when it got the first of them
	ctx    context.Context   // of that attempt
	cancel func()            // ends it at a message border; nil: none goes on

	cut     bool // a person had the attempt ended
	skipped bool // a person took the row out of the run
	ended   bool // no other attempt comes in this run

	retries int       // attempts that count against Options.Retries
	parks   int       // how often it was parked since its last progress
	parked  time.Time // when that began; zero: it was not
	rested  rest
}

// feeder is one run. It alone hands out rows and closes jobs, when nothing is
// outstanding: rows that wait for another attempt come back through it.
type feeder struct {
	opt   Options
	gate  *gate
	tasks []*task
	waits waits

	jobs    chan int
	ended   chan outcome
	parked  map[string]*throughput.HostPause // hosts, as told last
	version int                              // of the hosts that are parked, as told last
	orders  chan func(*feeder)               // of people
	running int                              // rows with a worker
	workers int
	saving  throughput.Stopwatch // what calls of the Recorder take

	stopping bool   // no row starts any more
	fatal    error  // of scope Run: why it is stopping, when that is not ctx
	cancel   func() // cancels what the rows see
}

func newFeeder(opt Options, g *gate, rows []Row) *feeder {
	f := &feeder{
		opt: opt, gate: g, tasks: make([]*task, len(rows)),
		jobs: make(chan int), ended: make(chan outcome), version: -1, // what a killed run has left is not ours
	}
	for i, row := range rows {
		p := row.Pair
		t := &task{
			pair: p, known: row.Known,
			job: job{
				index: i, octets: row.Known.SourceOctets, most: g.share,
				proven:  row.Known.SourceOctets > 0 && row.Known.State != "",
				refused: row.Known.FaultCode == string(fault.AuthRefused),
				hosts:   [2]string{p.Source.Host, p.Dest.Host}, dest: p.DestID(),
			},
			result: throughput.Result{
				Line: p.Line, State: throughput.Pending,
				Host1: p.Source.Host, User1: p.Source.User, Host2: p.Dest.Host, User2: p.Dest.User,
			},
		}
		f.tasks[i] = t
		g.push(&t.job)
	}
	return f
}

// run is the whole life of a run: the feeder and its workers are one errgroup,
// and it returns after all of them.
func (f *feeder) run(ctx context.Context) ([]throughput.Result, error) {
	rows, cancel := context.WithCancel(ctx) // what the rows see: ctx, or the end by a fault of scope Run
	defer cancel()
	f.cancel = cancel
	var g errgroup.Group
	g.Go(func() error {
		defer close(f.jobs)
		f.feed(ctx, rows, func() { g.Go(func() error { return f.work() }) })
		return nil
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	results := make([]throughput.Result, len(f.tasks))
	for i, t := range f.tasks {
		results[i] = t.result
	}
	if f.fatal != nil {
		return results, f.fatal
	}
	return results, ctx.Err()
}

// feed hands out rows until nothing is outstanding or, once the run is being
// stopped, until nothing runs.
func (f *feeder) feed(ctx, rows context.Context, spawn func()) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	stop := ctx.Done()
	for {
		f.wake(time.Now())
		f.tuneLanes(time.Now())
		f.start(ctx, rows, spawn)
		f.endDeserted(ctx)
		f.endWaiting(ctx)
		f.tellHosts(ctx)
		if f.running == 0 && (f.stopping || f.idle()) {
			f.forgetHosts(ctx)
			return
		}
		var alarm <-chan time.Time
		if until, ok := f.nextAlarm(); ok && !f.stopping {
			timer.Reset(time.Until(until))
			alarm = timer.C
		}
		select {
		case o := <-f.ended:
			f.end(ctx, rows, o)
		case <-alarm:
		case <-f.gate.changed:
		case order := <-f.orders:
			order(f)
		case <-stop:
			stop = nil
			f.stop() // the running rows see it too, and end by themselves
		}
	}
}

func (f *feeder) idle() bool { return f.waits.Len() == 0 && f.gate.idle() }

func (f *feeder) stop() {
	f.stopping = true
	f.gate.stop()
}

// nextTime is when something changes by itself; false: nothing does.
func (f *feeder) nextTime() (time.Time, bool) {
	row, rows := f.waits.next()
	host, hosts := f.gate.alarm()
	if !rows || hosts && host.Before(row) {
		return host, hosts
	}
	return row, true
}

// nextAlarm is nextTime, or when the tuners look again.
func (f *feeder) nextAlarm() (time.Time, bool) {
	at, ok := f.nextTime()
	if look, looks := f.gate.nextLook(); looks && (!ok || look.Before(at)) {
		return look, true
	}
	return at, ok
}

// wake moves the rows whose time has come to the ready ones.
func (f *feeder) wake(now time.Time) {
	f.gate.wake(now)
	for j := f.waits.due(now); j != nil; j = f.waits.due(now) {
		f.push(j, now)
	}
}

// push makes a row ready that has waited for its time.
func (f *feeder) push(j *job, now time.Time) {
	t := f.tasks[j.index]
	t.wakes(&t.result, now)
	f.gate.push(j)
}

// start gives out rows while there is room. A worker is started when every one
// is busy, so there are never more than the gate ever let through at once.
func (f *feeder) start(ctx, rows context.Context, spawn func()) {
	if ctx.Err() != nil {
		f.stop()
	}
	for h := f.gate.next(); h != nil; h = f.gate.next() {
		t := f.tasks[h.job.index]
		t.lanes, t.lent = h, f.instant()
		f.begin(ctx, t)
		if f.fatal != nil { // not recorded, so not begun
			f.gate.end(h)
			return
		}
		t.ctx, t.cancel = context.WithCancel(rows)
		t.cut = false
		if f.running == f.workers {
			f.workers++
			spawn()
		}
		f.running++
		f.jobs <- h.job.index // at once: a worker is idle
	}
}

// begin notes that an attempt begins.
func (f *feeder) begin(ctx context.Context, t *task) {
	now := time.Now()
	r := t.result
	f.rouse(t, &r, now)
	r.State, r.Fault, r.ParkedUntil = throughput.Running, nil, time.Time{}
	if r.Attempts == 0 {
		r.Start = now
	}
	r.Attempts++
	if !f.record(ctx, t, r, now) {
		return
	}
	t.result = r
	if t.meter == nil {
		t.meter = f.opt.Meter.Account(label(t.pair), t.pair.Line)
	} else {
		t.meter.Restart()
	}
	t.lanes.work(t.meter)
	f.opt.Logger.Info("row starts", f.attrs(t)...)
	if f.opt.OnStart != nil {
		f.opt.OnStart(t.job.index, r)
	}
}

// end notes how an attempt ended, and whether there is another one.
func (f *feeder) end(ctx, rows context.Context, o outcome) {
	t := f.tasks[o.index]
	f.running--
	t.cancel()
	t.ctx, t.cancel = nil, nil
	held := f.gate.end(t.lanes)
	f.charge(t, o.ended)
	f.learn(t, o.err)

	now := time.Now()
	heard := o.err
	if e := classify(o.err); t.cut && e != nil && cutShort(e, o.err) {
		heard = context.Canceled // our own doing: it says nothing of the hosts
	}
	v := f.gate.heed(t.lanes, heard, now)
	r := &t.result
	r.Elapsed += o.elapsed
	r.LaneTime += held
	r.Spent = t.meter.Spent()
	r.Count = join(r.Count, o.count)
	for _, i := range v.others {
		for _, j := range f.waits.remove(func(j *job) bool { return j.index == i }) {
			f.push(j, now)
		}
	}
	until, again := f.judge(rows, t, o, v, now)
	if again && t.skipped {
		*r, again = leave(*r), false
	}
	t.rests(now)
	f.log(t, o)
	if f.record(ctx, t, *r, now) {
		f.save(func() error { return f.addAttempt(ctx, t, o) })
	}
	switch {
	case !again:
		t.ended = true
		t.meter.End()
		t.meter = nil
	case until.IsZero():
		t.meter.Pause()
		f.gate.push(&t.job)
	default:
		t.meter.Pause()
		f.waits.add(until, &t.job)
	}
	if f.opt.OnResult != nil {
		f.opt.OnResult(o.index, *r)
	}
}

// record tells the ledger where the row stands. A result is worth keeping
// after a stop too, so a canceled ctx does not keep it from being written.
func (f *feeder) record(ctx context.Context, t *task, r throughput.Result, now time.Time) bool {
	if f.opt.Recorder == nil {
		return true
	}
	t.known = ledgerRow(t.known, about{t.pair.Rules.Only(), t.pair.Rules.MailboxFingerprint()}, r, now)
	return f.save(func() error { return f.opt.Recorder.SaveRow(context.WithoutCancel(ctx), t.known) })
}

func (f *feeder) addAttempt(ctx context.Context, t *task, o outcome) error {
	if f.opt.Recorder == nil {
		return nil
	}
	return f.opt.Recorder.AddAttempt(context.WithoutCancel(ctx), attempt(f.opt.RunID, t.known.ID, t.result, o))
}

// check keeps the first error that ends the run and reports whether there was
// none in err.
func (f *feeder) check(err error) bool {
	if err == nil {
		return true
	}
	if fault.ScopeOf(err) != fault.Run {
		err = &fault.Error{
			Scope: fault.Run, Code: fault.State, Op: "record", Err: err, Hint: ledger.Advice(err),
		}
	}
	if f.fatal == nil {
		f.fatal = err
	}
	f.stop()
	f.cancel()
	return false
}
