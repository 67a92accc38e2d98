package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// UnknownError is about something that the run does not have.
type UnknownError struct {
	What string   // "host old.example" or "line 9"
	Have []string // what there is
}

// mostNamed is how many of the things that there are an UnknownError names.
const mostNamed = 20

func (e *UnknownError) Error() string {
	have := e.Have[:min(len(e.Have), mostNamed)]
	text := fmt.Sprintf("%s is not in this run; there is %s", fault.Clean(e.What), fault.Clean(strings.Join(have, ", ")))
	if more := len(e.Have) - len(have); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// ErrDraining says that a run is coming to its end, which is not taken back.
var ErrDraining = errors.New("the run is being drained: what it does not begin any more the next run does")

// Reach is how many rows an order was about. Running rows that are stopped are
// brought to a message border, which may take seconds, and use no retry up.
type Reach struct {
	Running int
	Waiting int // not begun, or between two attempts
}

// Pause stops the rows of a host, on either side, or all rows where host is
// empty: those at work end at a message border and are pending again, and none
// starts until Resume. Errors: *UnknownError, ErrDraining, and ctx's when no
// run goes on.
func (r *Runner) Pause(ctx context.Context, host string) (reach Reach, err error) {
	if err := r.order(ctx, func(f *feeder) { reach, err = f.pause(host) }); err != nil {
		return Reach{}, err
	}
	return reach, err
}

// Resume lets rows go on that Pause has stopped: those of a host, or all, those
// of hosts that were named included. Reach has those that nothing else stops, as
// the pause of the whole run or of their other host; Running is 0. changed is
// false where nothing was stopped. Errors are those of Pause.
func (r *Runner) Resume(ctx context.Context, host string) (reach Reach, changed bool, err error) {
	if err := r.order(ctx, func(f *feeder) { reach, changed, err = f.resume(host) }); err != nil {
		return Reach{}, false, err
	}
	return reach, changed, err
}

// Drain starts no row any more; the run ends when those at work have. Waiting
// are those that stay behind. The error is ctx's when no run goes on.
func (r *Runner) Drain(ctx context.Context) (reach Reach, err error) {
	err = r.order(ctx, func(f *feeder) { reach = f.drain() })
	return reach, err
}

// Skip takes the row of a line out of the run: it ends as pending, at a message
// border if it is at work. Both of Reach are 0 when it has ended already, or was
// skipped before; state says how it stands. Errors: *UnknownError, and ctx's
// when no run goes on.
func (r *Runner) Skip(ctx context.Context, line int) (reach Reach, state throughput.State, err error) {
	if err := r.order(ctx, func(f *feeder) { reach, state, err = f.skip(ctx, line) }); err != nil {
		return Reach{}, "", err
	}
	return reach, state, err
}

// order has the feeder do something, and waits until it is done.
func (r *Runner) order(ctx context.Context, do func(*feeder)) error {
	done := make(chan struct{})
	select {
	case r.orders <- func(f *feeder) { defer close(done); do(f) }:
		<-done
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// known is a host's name as the run has it.
func (f *feeder) known(host string) (string, error) {
	names := make(map[string]bool)
	for _, t := range f.tasks {
		for _, name := range t.job.hosts {
			if strings.EqualFold(name, host) {
				return name, nil
			}
			names[name] = true
		}
	}
	have := make([]string, 0, len(names))
	for name := range names {
		have = append(have, name)
	}
	slices.Sort(have)
	return "", &UnknownError{What: "host " + host, Have: have}
}

func (f *feeder) pause(host string) (Reach, error) {
	if f.stopping {
		return Reach{}, ErrDraining
	}
	if host != "" {
		name, err := f.known(host)
		if err != nil {
			return Reach{}, err
		}
		host = name
	}
	f.gate.hold(host, true)
	reach := Reach{}
	for _, t := range f.tasks {
		switch {
		case host != "" && !t.job.touches(host):
		case t.cancel != nil:
			f.cut(t)
			reach.Running++
		case t.outstanding():
			reach.Waiting++
		}
	}
	f.tellHolds()
	return reach, nil
}

func (f *feeder) resume(host string) (reach Reach, changed bool, err error) {
	if f.stopping {
		return reach, false, ErrDraining
	}
	if host != "" {
		if host, err = f.known(host); err != nil {
			return reach, false, err
		}
	}
	if !f.gate.hold(host, false) {
		return reach, false, nil
	}
	left := f.gate.holds()
	for _, t := range f.tasks {
		freed := (host == "" || t.job.touches(host)) && !left.Of(t.job.hosts[0], t.job.hosts[1])
		if freed && (t.outstanding() || t.cut && t.cancel != nil) {
			reach.Waiting++
		}
	}
	f.tellHolds()
	return reach, true, nil
}

func (f *feeder) drain() (reach Reach) {
	f.stopping = true
	f.gate.drain()
	for _, t := range f.tasks {
		switch {
		case t.cancel != nil:
			reach.Running++
		case t.outstanding():
			reach.Waiting++
		}
	}
	f.tellHolds()
	return reach
}

func (f *feeder) skip(ctx context.Context, line int) (reach Reach, state throughput.State, err error) {
	at := slices.IndexFunc(f.tasks, func(t *task) bool { return t.pair.Line == line })
	if at < 0 {
		lines := make([]int, len(f.tasks))
		for i, t := range f.tasks {
			lines[i] = t.pair.Line
		}
		all := throughput.FormatLines(lines)
		return reach, "", &UnknownError{What: fmt.Sprintf("line %d", line), Have: strings.Split(all, ",")}
	}
	t := f.tasks[at]
	switch {
	case t.skipped:
	case t.cancel != nil:
		t.skipped = true
		f.cut(t)
		reach.Running = 1
	case t.outstanding():
		t.skipped = true
		reach.Waiting = 1
		f.waits.remove(func(j *job) bool { return j == &t.job })
		f.gate.remove(&t.job)
		f.endRow(ctx, &t.job, leave(t.result))
		f.opt.Logger.Info("row skipped", f.attrs(t)...)
	}
	return reach, t.result.State.Known(), nil
}

// leave is the result of a row that is taken out of the run.
func leave(r throughput.Result) throughput.Result {
	r.State, r.ParkedUntil, r.Fault = throughput.Pending, time.Time{}, describe(&fault.Error{
		Scope: fault.Account, Code: fault.Skipped, Text: "taken out of the run by 'imapfleet ctl FILE skip'",
		Hint: "run again with --failed when its time has come",
	})
	return r
}

// cut has an attempt end at a message border.
func (f *feeder) cut(t *task) {
	t.cut = true
	t.cancel()
}

// outstanding reports whether a row is not at work and may be later.
func (t *task) outstanding() bool { return t.cancel == nil && !t.ended }

// tellHolds says what people have stopped.
func (f *feeder) tellHolds() {
	if f.opt.OnHolds != nil {
		f.opt.OnHolds(f.gate.holds())
	}
}

// hold stops a host or lets it go on; an empty name is the whole run, and to let
// that go on lets every host go on. It reports whether that changed anything.
func (g *gate) hold(host string, held bool) (changed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	defer func() { g.time(time.Now()) }()
	if host != "" {
		o := g.hosts.of(host)
		changed, o.held = o.held != held, held
		return changed
	}
	changed, g.paused = g.paused != held, held
	for _, o := range g.hosts.byName {
		if !held && o.held {
			changed, o.held = true, false
		}
	}
	return changed
}

func (g *gate) drain() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drained = true
	g.time(time.Now())
}

// held reports whether people have stopped something that may go on.
func (g *gate) held() bool {
	h := g.holds()
	return h.Paused || len(h.Hosts) > 0
}

// holds is what people have stopped.
func (g *gate) holds() throughput.Holds {
	g.mu.Lock()
	defer g.mu.Unlock()
	h := throughput.Holds{Paused: g.paused, Draining: g.drained}
	for name, o := range g.hosts.byName {
		if o.held {
			h.Hosts = append(h.Hosts, name)
		}
	}
	slices.Sort(h.Hosts)
	return h
}

// remove takes a row out of the queue.
func (g *gate) remove(j *job) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ready.remove(func(o *job) bool { return o == j })
}
