package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/batch"
	"github.com/imapfleet/imapfleet/pkg/console"
	"github.com/imapfleet/imapfleet/pkg/control"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

func TestParseOrder(t *testing.T) {
	tests := []struct {
		words string
		want  order // but for the schedule
		rate  string
		err   string
	}{
		{words: "status", want: order{}},
		{words: "status x", err: "too many arguments"},
		{words: "parallel 40", want: order{parallel: parallelValue{n: 40}}},
		{words: "parallel", err: "an argument is missing: write parallel N|auto"},
		{words: "parallel -1", err: "parallel: must be "},
		{words: "parallel 99999999999999999999", err: "parallel: must be "},
		{words: "parallel auto", want: order{}},
		{words: "parallel auto:4-64", want: order{parallel: parallelValue{bounds: batch.Bounds{Min: 4, Max: 64}}}},
		{words: "parallel auto:64-4", err: "the second bound is below the first: write parallel N|auto"},
		{words: "parallel auto4-64", err: "must be a number of lanes, auto"},
		{words: "pause", want: order{}},
		{words: "pause old.example", want: order{host: "old.example"}},
		{words: "resume a b", err: "too many arguments"},
		{words: "drain", want: order{}},
		{words: "drain now", err: "too many arguments"},
		{words: "skip 17", want: order{line: 17}},
		{words: "skip anna", err: "no line of the list"},
		{words: "limit 20MiB/s", rate: "20MiB/s"},
		{words: "limit 08:00,2M 19:00,off", rate: "08:00,2M 19:00,off"},
		{words: "limit off", rate: "off"},
		{words: "limit 1MiB old.example", err: "a rate is a number"},
		{words: "limit", err: "a rate is a number"},
		{words: "limit1 1MiB old.example", want: order{side: 1, host: "old.example"}, rate: "1MiB"},
		{words: "limit2 08:00,2M 19:00,off old.example", want: order{side: 2, host: "old.example"}, rate: "08:00,2M 19:00,off"},
		{words: "limit2 08:00,2M 19:00,of", err: "a rate is a number"},
		{words: "limit3 1MiB", err: "nothing that a run can be told"},
	}
	for _, tt := range tests {
		words := strings.Fields(tt.words)
		got, err := parseOrder(words[0], words[1:])
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: error %v, want %q", tt.words, err, tt.err)
			}
			continue
		}
		tt.want.verb = words[0]
		if err != nil || got.schedule.String() != tt.rate {
			t.Errorf("%s: rate %q, error %v", tt.words, got.schedule, err)
		}
		got.schedule = tt.want.schedule
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, want %+v", tt.words, got, tt.want)
		}
	}
}

// still is a Syncer that ends when it is told to.
type still struct{}

func (still) Sync(ctx context.Context, _ account.Pair, _ ledger.RowID, _ batch.Lanes, _ *throughput.Meter) (throughput.Count, error) {
	<-ctx.Done()
	return throughput.Count{}, ctx.Err()
}

// steeredJob is a run of a list that somebody is in the midst of.
func steeredJob(t *testing.T, events *bytes.Buffer) *steering {
	t.Helper()
	var list []throughput.Result
	for line := range 6 {
		list = append(list, throughput.Result{Line: line + 1, Host1: "old", User1: "user", Host2: "new", Count: throughput.Count{SourceOctets: 1 << 20}})
	}
	j := &job{tracker: newTracker(list, []int{0, 1, 2, 3, 4, 5}, time.Now()), meter: throughput.NewRun(), events: newEvents(events), limits: new(limitFlags).start()}
	j.fileLog, j.log = slog.New(slog.DiscardHandler), slog.New(slog.DiscardHandler)
	j.watch = throughput.NewWatch(j.meter, j.tracker)
	runner, err := batch.New(batch.Options{Syncer: still{}, Parallel: 2})
	if err != nil {
		t.Fatal(err)
	}
	j.tracker.setLanes(func() int { n, _ := runner.Parallel(); return n }, 4)
	return &steering{job: j, runner: runner, memory: 256 << 20}
}

// TestOneSource: the screen, events, SIGUSR1 and ctl say the same of one time.
func TestOneSource(t *testing.T) {
	var events bytes.Buffer
	s := steeredJob(t, &events)
	now := time.Now()
	a := s.job.meter.Account("user", 1)
	s.job.tracker.set(0, throughput.Result{Line: 1, Host1: "old", User1: "user", State: throughput.Running, Attempts: 1})
	a.Expect(100, 1<<20)
	for range 30 {
		s.job.watch.At(now)
		now = now.Add(time.Second)
		a.Copied(1, 10<<10)
	}
	answer := s.handle(t.Context(), control.Request{Verb: "status"})
	if answer.Kind != control.Done {
		t.Fatalf("%+v", answer)
	}
	told := s.live(now)
	s.job.events.progress(s.job.watch.At(now).Progress())
	var e throughput.Event
	if err := json.Unmarshal(events.Bytes(), &e); err != nil {
		t.Fatal(err)
	}
	var back live
	b, err := json.Marshal(told)
	if err != nil || json.Unmarshal(b, &back) != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(*e.Progress, back.Progress); d != "" || back.Progress.End == nil || back.Progress.MessagesPerSecond != 1 {
		t.Errorf("event and ctl (-event +ctl):\n%s\n%+v", d, back.Progress)
	}
	end := back.Progress.End.Text(now)
	var text, screen bytes.Buffer
	if err := told.write(&text, now); err != nil {
		t.Fatal(err)
	}
	c := console.New(console.Options{Out: &screen, Mode: console.Frame, Watch: s.job.watch, Size: func() (int, int) { return 200, 20 }, Now: func() time.Time { return now }})
	c.Start(t.Context())
	c.Stop()
	for what, said := range map[string]string{"ctl": text.String(), "screen": screen.String()} {
		if !strings.HasPrefix(end, "ends about ") || !strings.Contains(said, end) || !strings.Contains(said, "1.00 messages/s") {
			t.Errorf("%s does not say %q and 1.00 messages/s:\n%s", what, end, said)
		}
	}
	if r := back.Running; len(r) != 1 || r[0].OctetsLeft != 1<<20-300<<10 || r[0].Messages != 30 {
		t.Errorf("%+v", r)
	}
}

// TestOrdersOutOfTime: a run that has not begun, or has ended, is not changed,
// and memory bounds the lanes.
func TestOrdersOutOfTime(t *testing.T) {
	s := steeredJob(t, &bytes.Buffer{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if a := s.handle(ctx, control.Request{Verb: "pause"}); a.Kind != control.Refused || !strings.Contains(a.Said, "nothing was changed") {
		t.Errorf("%+v", a)
	}
	if a := s.handle(t.Context(), control.Request{Verb: "parallel", Args: []string{"100000"}}); a.Kind != control.Refused || !strings.Contains(a.Said, "--memory") {
		t.Errorf("%+v", a)
	}
	if a := s.handle(t.Context(), control.Request{Verb: "\x1b[2J"}); a.Kind != control.Usage || strings.Contains(a.Said, "\x1b") {
		t.Errorf("%+v", a)
	}
}

// TestSkipTwice: a row at work that is taken out has not ended, whoever asks
// again.
func TestSkipTwice(t *testing.T) {
	at := bordered{began: make(chan struct{}), border: make(chan struct{})}
	s := steeredJob(t, &bytes.Buffer{})
	runner, err := batch.New(batch.Options{Parallel: 1, Syncer: at})
	if err != nil {
		t.Fatal(err)
	}
	s.runner = runner
	ended := make(chan error)
	go func() {
		_, err := runner.Run(t.Context(), []batch.Row{{Pair: account.Pair{Line: 3, Source: account.Endpoint{Host: "old"}, Dest: account.Endpoint{Host: "new"}}}})
		ended <- err
	}()
	<-at.began
	for _, want := range []string{"line 3 is taken out of the run: it stops at a message border", "line 3 is being taken out of the run already"} {
		a := s.handle(t.Context(), control.Request{Verb: "skip", Args: []string{"3"}})
		if a.Kind != control.Done || !strings.HasPrefix(a.Said, want) {
			t.Errorf("%+v, want %s", a, want)
		}
	}
	close(at.border)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestResumeHost: a host that goes on is no promise while the whole run, or the
// other host of its rows, is paused.
func TestResumeHost(t *testing.T) {
	s := steeredJob(t, &bytes.Buffer{})
	runner, err := batch.New(batch.Options{Parallel: 1, Syncer: still{}, OnHolds: s.job.tracker.setHolds})
	if err != nil {
		t.Fatal(err)
	}
	s.runner = runner
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = runner.Run(ctx, []batch.Row{{Pair: account.Pair{Line: 3, Source: account.Endpoint{Host: "old"}, Dest: account.Endpoint{Host: "new"}}}})
	}()
	for _, o := range []struct{ verb, host, want string }{
		{"pause", "", "paused the whole run; "},
		{"pause", "old", "paused old; "},
		{"resume", "old", "resumed old, but the whole run is paused: resume without a host; rows that may start: 0"},
		{"resume", "", "resumed the whole run; rows that may start: 1"},
		{"pause", "old", "paused old; "},
		{"pause", "new", "paused new; "},
		{"resume", "old", "resumed old; still paused: new; rows that may start: 0"},
		{"resume", "new", "resumed new; rows that may start: 1"},
	} {
		q := control.Request{Verb: o.verb}
		if o.host != "" {
			q.Args = []string{o.host}
		}
		if a := s.handle(t.Context(), q); a.Kind != control.Done || !strings.HasPrefix(a.Said, o.want) {
			t.Errorf("%s %s: %+v, want %s", o.verb, o.host, a, o.want)
		}
	}
	stop()
	<-ended
}

// bordered is a Syncer of one row that comes to a message border when border is
// closed.
type bordered struct{ began, border chan struct{} }

func (b bordered) Sync(ctx context.Context, _ account.Pair, _ ledger.RowID, _ batch.Lanes, _ *throughput.Meter) (throughput.Count, error) {
	close(b.began)
	<-ctx.Done()
	<-b.border
	return throughput.Count{}, ctx.Err()
}

// TestTrackerHeld: rows that a person has stopped, has skipped, or that are given
// up are not ahead of the run.
func TestTrackerHeld(t *testing.T) {
	s := steeredJob(t, &bytes.Buffer{})
	tr := s.job.tracker
	tr.set(0, throughput.Result{Line: 1, Host1: "old", Host2: "new", State: throughput.Running, Attempts: 1})
	tr.set(1, throughput.Result{Line: 2, Host1: "old", Host2: "new", State: throughput.Pending, Fault: &throughput.Fault{Code: "skipped"}})
	tr.setHolds(throughput.Holds{Hosts: []string{"new"}})
	if got := tr.Standing(); got.Held != 4 || got.NotBegun[0].Rows != 4 || got.Lanes != 2 || got.Share != 4 {
		t.Errorf("%+v", got)
	}
	tr.setHolds(throughput.Holds{})
	tr.setHosts([]throughput.HostPause{{Host: "old"}})
	if got := tr.Standing(); got.Held != 0 || len(got.NotBegun) != 0 || len(got.Begun) != 1 {
		t.Errorf("given up: %+v", got)
	}
}

func BenchmarkStanding(b *testing.B) {
	list := make([]throughput.Result, 100_000)
	selected := make([]int, len(list))
	for i := range list {
		list[i] = throughput.Result{Line: i + 1, Host1: "old", Host2: "new", Count: throughput.Count{SourceOctets: int64(i)}}
		selected[i] = i
	}
	tr := newTracker(list, selected, time.Now())
	w := throughput.NewWatch(throughput.NewRun(), tr)
	for b.Loop() {
		tr.changes++
		w.At(time.Now())
	}
}
