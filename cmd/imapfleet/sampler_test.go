package main

import (
	"bytes"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/batch"
	"github.com/imapfleet/imapfleet/pkg/diagnosis"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/lockfile"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// A verdict on the last while is shown once it has been the same three times,
// and not any more when another comes.
func TestSamplerShowsWhatLasts(t *testing.T) {
	meter := throughput.NewRun()
	row := throughput.Result{Line: 7, Host1: "old.example", Host2: "new.example", User1: "ann"}
	s := newSampler(meter, []throughput.Result{row})
	use := batch.Use{Lanes: 4, Used: 4}
	s.use = func() batch.Use { return use }
	now := time.Now()
	s.looked = now
	s.past = append(s.past, s.totals(now))
	a := meter.Account("ann", 7)
	pass := func(on throughput.Activity) string {
		now = now.Add(judgeEvery)
		a.Spend(on, 4*judgeEvery)
		s.look(now)
		s.judge(now)
		if b := s.now(); b != nil {
			return b.Line()
		}
		return ""
	}
	for i := range 3 {
		line := pass(throughput.DestBraked)
		if want := i == 2; strings.HasPrefix(line, "bottleneck: throttled by new.example (") != want {
			t.Errorf("after %d: %q", i+1, line)
		}
	}
	for range 3 * judgeSpan {
		pass(throughput.LedgerWait)
	}
	if b := s.now(); b == nil || b.Verdict != diagnosis.Disk {
		t.Errorf("in the end: %+v", b)
	}
	if n := len(s.past); n > judgeSpan+1 {
		t.Errorf("%d totals are kept", n)
	}
}

// Idle lanes have a reason, and what a server said of a row is heard.
func TestSamplerIdle(t *testing.T) {
	row := throughput.Result{Line: 7, Host1: "old.example", Host2: "new.example", State: throughput.Parked,
		Fault: &throughput.Fault{Side: "destination", Code: string(fault.Throttled)}}
	s := newSampler(throughput.NewRun(), []throughput.Result{row})
	check := func(u batch.Use, why diagnosis.Why, host string) {
		t.Helper()
		if w, h := s.idle(u); w != why || h != host {
			t.Errorf("%+v: %v %q, want %v %q", u, w, h, why, host)
		}
	}
	check(batch.Use{}, diagnosis.NoRow, "")
	check(batch.Use{Rests: "a", Full: "b"}, diagnosis.HostRest, "a")
	check(batch.Use{Full: "b", Capped: "c"}, diagnosis.HostCap, "b")
	check(batch.Use{Capped: "c"}, diagnosis.OwnCap, "c")
	check(batch.Use{Narrow: true}, diagnosis.NoRow, "")
	s.watch.Refused(fault.Source, "old.example")
	check(batch.Use{Narrow: true}, diagnosis.HostCap, "old.example")
	s.result(row)
	check(batch.Use{}, diagnosis.HostRest, "new.example")
	s.started(row)
	row.Fault.Side, row.Fault.Code = "source", string(fault.TooManySessions)
	s.result(row)
	check(batch.Use{}, diagnosis.HostCap, "old.example")
	s.started(row)
	check(batch.Use{}, diagnosis.NoRow, "")
	s.result(row)
	row.State, row.Fault = throughput.Pending, &throughput.Fault{Code: string(fault.Skipped)}
	s.result(row) // taken out while it waited
	check(batch.Use{}, diagnosis.NoRow, "")
}

// A run that never came to its rows has no verdict, and its end no trouble.
func TestSamplerThatNeverBegan(t *testing.T) {
	b := newSampler(throughput.NewRun(), nil).end(slog.New(slog.NewTextHandler(io.Discard, nil)))
	if b.Verdict != "" || b.Evidence == "" {
		t.Errorf("%+v", b)
	}
}

// What keeps a run from being faster is in its progress, and so in status.
func TestProgressNamesTheBottleneck(t *testing.T) {
	w := throughput.NewWatch(throughput.NewRun(), nil)
	w.Judge(func() *throughput.Bottleneck {
		return &throughput.Bottleneck{Verdict: diagnosis.DestServer, Host: "new.example", Evidence: "83 %"}
	})
	p := w.At(time.Now()).Progress()
	var out bytes.Buffer
	if err := statusText(&out, nil, throughput.Summary{}, lockfile.Owner{}, false, &p); err != nil || !strings.Contains(out.String(), "\nbottleneck: destination server new.example (83 %)\n") {
		t.Errorf("%v: %s", err, &out)
	}
}
