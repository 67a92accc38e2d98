package batch

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// tellHosts says which hosts are parked, when that has changed. The rows that
// wait for them are not written one by one: there may be very many.
func (f *feeder) tellHosts(ctx context.Context) {
	parked, version := f.gate.parkedHosts()
	if version != f.version {
		f.version = version
		f.saveHosts(ctx, parked)
	}
}

// forgetHosts says at the end of a run that nobody waits for a host any more.
func (f *feeder) forgetHosts(ctx context.Context) {
	if len(f.parked) > 0 {
		f.saveHosts(ctx, nil)
	}
}

func (f *feeder) saveHosts(ctx context.Context, parked []throughput.HostPause) {
	first := f.parked == nil
	f.logHosts(parked)
	if f.opt.Recorder != nil {
		rows := make([]ledger.HostPause, len(parked))
		for i, p := range parked {
			rows[i] = hostRow(p)
		}
		f.save(func() error { return f.opt.Recorder.SaveHosts(context.WithoutCancel(ctx), rows) })
	}
	if f.opt.OnHosts != nil && !(first && len(parked) == 0) {
		f.opt.OnHosts(parked)
	}
}

// logHosts logs which hosts were parked and which are tried again.
func (f *feeder) logHosts(parked []throughput.HostPause) {
	now := throughput.ByHost(parked)
	for _, p := range parked {
		if was, ok := f.parked[p.Host]; !p.Until.IsZero() && (!ok || !was.Until.Equal(p.Until)) {
			f.opt.Logger.Warn("host is "+throughput.ParkedText(p.Host, p.Until, time.Now(), &p.Fault),
				slog.String("host", p.Host), slog.Time("until", p.Until), slog.String("code", p.Fault.Code))
		}
	}
	for host := range f.parked {
		if _, ok := now[host]; !ok {
			f.opt.Logger.Info("host is no longer parked", slog.String("host", host))
		}
	}
	f.parked = now
}

func (g *gate) parkedHosts() (parked []throughput.HostPause, version int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, o := range g.hosts.paused() {
		parked = append(parked, throughput.HostPause{Host: o.name, Until: o.pause.until, Fault: *describe(o.pause.why)})
	}
	return parked, g.hosts.version
}

// endDeserted ends the rows of hosts that are given up in this run.
func (f *feeder) endDeserted(ctx context.Context) {
	if f.stopping {
		return
	}
	f.weighFuses()
	for o, jobs := range f.gate.deserted() {
		p := o.pause // nobody changes one that is over
		jobs = append(jobs, f.waits.remove(func(j *job) bool { return j.touches(o.name) })...)
		if len(jobs) == 0 {
			continue
		}
		why := *p.why
		switch {
		case !p.fuse || p.n < 2:
		case p.n == 2:
			why.Text = p.why.Text + ", the last one after a pause; all rows that are left were refused in the last run too"
		default:
			why.Text = fmt.Sprintf("%s, the last %d of them after pauses", p.why.Text, p.n-1)
		}
		f.opt.Logger.Error("host given up in this run", slog.String("host", o.name), slog.Int("rows", len(jobs)),
			slog.String("code", string(why.Code)), slog.String("err", fault.Clean(why.Error())))
		for _, j := range jobs {
			r := f.tasks[j.index].result
			r.Fault, r.ParkedUntil = describe(j.blame(o.name, why)), time.Time{}
			if r.State = throughput.Parked; why.Code != fault.AuthFuse {
				r.State = endState(r.Count, &why)
			}
			f.endRow(ctx, j, r)
		}
	}
}

// weighFuses gives up a host whose fuse has outlasted a pause where all rows that
// it has left are ones whose password was wrong in the last run too: it is they
// that are wrong, and not a ban that passes. Whoever has mended some begins with
// the one that goes first after the pause.
func (f *feeder) weighFuses() {
	for _, o := range f.gate.fuses() {
		if !slices.ContainsFunc(f.tasks, func(t *task) bool { return !t.ended && !t.job.refused && t.job.touches(o.name) }) {
			f.gate.giveUp(o)
		}
	}
}

// endWaiting ends the run where nothing is left but rows that have to wait and
// nobody is to wait for them.
func (f *feeder) endWaiting(ctx context.Context) {
	if !f.opt.NoWait || f.stopping || f.running > 0 || f.gate.held() { // what a person has stopped, a person lets go on
		return
	}
	next, ok := f.nextTime()
	if ok && time.Until(next) <= f.opt.Retry.longest(f.opt.Retries) {
		return
	}
	for _, j := range f.waits.remove(func(*job) bool { return true }) {
		f.endRow(ctx, j, f.tasks[j.index].result)
	}
	jobs, parked := f.gate.rest()
	for i, j := range jobs {
		r := f.tasks[j.index].result
		if o := parked[i]; o != nil { // nobody is at work who could change it
			r.State, r.Fault, r.ParkedUntil = throughput.Parked, describe(j.blame(o.name, *o.pause.why)), o.pause.until
		}
		f.endRow(ctx, j, r)
	}
}

// endRow ends a row that is not at work, for this run.
func (f *feeder) endRow(ctx context.Context, j *job, r throughput.Result) {
	t := f.tasks[j.index]
	f.rouse(t, &r, time.Now())
	t.result, t.ended = r, true
	t.meter.End()
	t.meter = nil
	f.record(ctx, t, r, time.Now())
	if f.opt.OnResult != nil {
		f.opt.OnResult(j.index, r)
	}
}

// hostRow is a parked host as the ledger keeps it.
func hostRow(p throughput.HostPause) ledger.HostPause {
	f := p.Fault
	return ledger.HostPause{
		Host: p.Host, Until: p.Until, FaultSide: f.Side, FaultScope: f.Scope, FaultCode: f.Code, FaultOp: f.Op,
		FaultText: f.Text, FaultHint: f.Hint,
	}
}
