package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/imapfleet/imapfleet/pkg/batch"
	"github.com/imapfleet/imapfleet/pkg/control"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// steering does what ctl tells a run to do.
type steering struct {
	job    *job
	runner *batch.Runner
	memory sizeValue
}

// orderTime is how long an order may wait for the runner, which is busy for
// moments only.
const orderTime = 10 * time.Second

// listen takes orders until the function that it returns is called. A run that
// cannot be steered is a run all the same.
func (s *steering) listen() (end func()) {
	j := s.job
	if kind := networkDisk(j.dir); kind != "" {
		j.log.Warn("'imapfleet ctl' cannot reach this run: the state directory is on a network file system", slog.String("kind", kind))
		return func() {}
	}
	server, err := control.Listen(j.dir, s.handle)
	if err != nil {
		j.log.Warn("'imapfleet ctl' cannot reach this run", slog.Any("err", err))
		return func() {}
	}
	return func() {
		if err := server.Close(); err != nil {
			j.log.Warn("what 'imapfleet ctl' has used is still there", slog.Any("err", err))
		}
	}
}

// handle is control.Handler.
func (s *steering) handle(ctx context.Context, q control.Request) control.Answer {
	ctx, cancel := context.WithTimeout(ctx, orderTime)
	defer cancel()
	o, err := parseOrder(q.Verb, q.Args)
	if err != nil {
		return control.Answer{Kind: control.Usage, Said: fault.Clean(err.Error())}
	}
	if o.verb == "status" {
		body, err := json.Marshal(s.live(time.Now()))
		if err != nil {
			return refused(err)
		}
		return control.Answer{Kind: control.Done, Body: body}
	}
	said, err := s.do(ctx, o)
	said = fault.Clean(said)
	if err != nil {
		s.job.fileLog.Info("order refused", slog.String("verb", q.Verb), slog.Any("arguments", q.Args), slog.String("err", fault.Clean(err.Error())))
		return refused(err)
	}
	s.job.fileLog.Info("order", slog.String("verb", q.Verb), slog.Any("arguments", q.Args), slog.String("done", said))
	if s.job.screen != nil {
		fmt.Fprintf(s.job.screen, "ctl: %s\n", said) // who watches may be gone
	}
	s.job.events.steered(throughput.Steered{Verb: q.Verb, Args: q.Args, Said: said})
	return control.Answer{Kind: control.Done, Said: said}
}

func refused(err error) control.Answer {
	a := control.Answer{Kind: control.Refused, Said: fault.Clean(err.Error())}
	var unknown *batch.UnknownError
	switch {
	case errors.As(err, &unknown):
		a.Kind = control.Usage
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		a.Said = "the run is just beginning or coming to its end: nothing was changed"
	}
	return a
}

// do carries out an order and says in a sentence what it did.
func (s *steering) do(ctx context.Context, o order) (string, error) {
	switch o.verb {
	case "parallel":
		return s.parallel(o)
	case "pause":
		reach, err := s.runner.Pause(ctx, o.host)
		return fmt.Sprintf("paused %s; rows brought to a message border: %d, rows that wait to start: %d",
			whole(o.host), reach.Running, reach.Waiting), err
	case "resume":
		return s.resume(ctx, o)
	case "drain":
		reach, err := s.runner.Drain(ctx)
		return fmt.Sprintf("draining: no row starts any more, and the run ends with those at work; rows at work: %d, rows left for the next run: %d",
			reach.Running, reach.Waiting), err
	case "skip":
		return s.skip(ctx, o)
	}
	return s.limit(o)
}

// whole names a host, or all of them.
func whole(host string) string {
	if host == "" {
		return "the whole run"
	}
	return host
}

func (s *steering) parallel(o order) (string, error) {
	if err := s.memory.atLeast(o.parallel.most(s.memory)); err != nil {
		return "", err
	}
	before, auto := s.runner.Parallel()
	if o.parallel.n == 0 {
		b := o.parallel.auto(s.memory)
		if err := s.runner.SetAuto(b.Min, b.Max); err != nil {
			return "", err
		}
		if auto != (batch.Bounds{}) {
			return fmt.Sprintf("parallel auto, now %d: the best number is looked for anew, from %d to %d", before, b.Min, b.Max), nil
		}
		return fmt.Sprintf("parallel %d -> auto: the best number is looked for, from %d to %d", before, b.Min, b.Max), nil
	}
	if err := s.runner.SetParallel(o.parallel.n); err != nil {
		return "", err
	}
	said := fmt.Sprintf("parallel %d -> %d", before, o.parallel.n)
	if auto != (batch.Bounds{}) {
		said += ", and no longer auto"
	}
	if o.parallel.n < before {
		said += ": rows at work go on to their end, further lanes of accounts are given back"
	}
	return said, nil
}

func (s *steering) resume(ctx context.Context, o order) (string, error) {
	reach, changed, err := s.runner.Resume(ctx, o.host)
	if err != nil {
		return "", err
	}
	holds := s.job.tracker.Standing().Holds
	said := "resumed " + whole(o.host)
	switch {
	case !changed && holds.Paused:
		return whole(o.host) + " was not paused by itself, but the whole run is: resume without a host", nil
	case !changed:
		return whole(o.host) + " was not paused: nothing was changed", nil
	case holds.Paused:
		said += ", but the whole run is paused: resume without a host"
	case len(holds.Hosts) > 0:
		said += "; still paused: " + strings.Join(holds.Hosts, ", ")
	}
	return fmt.Sprintf("%s; rows that may start: %d", said, reach.Waiting), nil
}

func (s *steering) skip(ctx context.Context, o order) (string, error) {
	reach, state, err := s.runner.Skip(ctx, o.line)
	switch {
	case err != nil:
		return "", err
	case reach.Running > 0:
		return fmt.Sprintf("line %d is taken out of the run: it stops at a message border and ends as pending", o.line), nil
	case reach.Waiting > 0:
		return fmt.Sprintf("line %d is taken out of the run: it ends as pending", o.line), nil
	case state == throughput.Running: // it is on its way to a message border
		return fmt.Sprintf("line %d is being taken out of the run already", o.line), nil
	case state == throughput.Pending:
		return fmt.Sprintf("line %d was taken out of the run before", o.line), nil
	}
	return "", fmt.Errorf("line %d has ended already, as %s", o.line, state)
}

func (s *steering) limit(o order) (string, error) {
	what := "limit of the whole run"
	if o.side > 0 {
		what = "limit of each " + []string{"source", "destination"}[o.side-1] + " host"
		if o.host != "" {
			name, err := s.hostOf(o)
			if err != nil {
				return "", err
			}
			o.host, what = name, "limit of "+name+" as "+[]string{"source", "destination"}[o.side-1]
		}
	}
	before := s.job.limits.set(o.side, o.host, o.schedule)
	return fmt.Sprintf("%s: %s -> %s", what, before, o.schedule), nil
}

// hostOf is the host of an order as the run's rows have it on that side.
func (s *steering) hostOf(o order) (string, error) {
	var have []string
	for _, at := range s.job.selected {
		p := s.job.pairs[at]
		name := []string{p.Source.Host, p.Dest.Host}[o.side-1]
		if strings.EqualFold(name, o.host) {
			return name, nil
		}
		have = append(have, name)
	}
	slices.Sort(have)
	return "", &batch.UnknownError{What: fmt.Sprintf("%s host %s", []string{"source", "destination"}[o.side-1], o.host), Have: slices.Compact(have)}
}

// live is what a run says of itself. Its JSON is stable; fields are only ever
// added.
type live struct {
	Type     string              `json:"type"` // "status"
	Time     time.Time           `json:"time"`
	PID      int                 `json:"pid"`
	Started  time.Time           `json:"started"`
	Parallel int                 `json:"parallel"`
	Auto     bool                `json:"parallel_auto"` // the run looks for the best number
	Limits   map[string]string   `json:"limits"`
	Progress throughput.Progress `json:"progress"`
	Running  []liveRow           `json:"running"`
	Parked   []string            `json:"parked"`
}

// liveRow is a row at work.
type liveRow struct {
	Line       int     `json:"line"`
	Account    string  `json:"account"`
	Mailbox    string  `json:"mailbox,omitempty"`
	Lanes      int     `json:"lanes"`
	Messages   int64   `json:"messages"` // whose fate is known
	Expected   int64   `json:"expected_messages"`
	Octets     int64   `json:"octets"` // copied
	OctetsLeft int64   `json:"octets_left"`
	MiB        float64 `json:"mib_per_second"`
}

// live is the view that the screen and the events show.
func (s *steering) live(now time.Time) live {
	v := s.job.watch.At(now)
	lanes, auto := s.runner.Parallel()
	out := live{
		Type: "status", Time: now.UTC(), PID: os.Getpid(), Started: s.job.tracker.start.UTC(),
		Parallel: lanes, Auto: auto != batch.Bounds{}, Limits: s.job.limits.now(), Progress: v.Progress(),
		Running: []liveRow{}, Parked: append([]string{}, v.Reasons...),
	}
	for _, w := range v.Busy {
		out.Running = append(out.Running, liveRow{
			Line: w.Line, Account: w.Label, Mailbox: fault.Clean(w.Mailbox), Lanes: max(1, w.Lanes),
			Messages: w.Handled(), Expected: w.ExpectedMessages, Octets: w.Octets, OctetsLeft: w.LeftOctets(), MiB: w.MiB,
		})
	}
	return out
}
