package batch

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// Idle lanes are named with the host that keeps them so.
func TestUse(t *testing.T) {
	pair := [2]string{"old.example", "new.example"}
	g := newGate(8, 2, 3)
	for i := range 3 {
		g.push(&job{index: i, most: 2, hosts: pair, dest: string(rune('a' + i))})
	}
	see := func(what string, want Use) {
		t.Helper()
		if got := g.use(); got != want {
			t.Errorf("%s: %+v, want %+v", what, got, want)
		}
	}
	see("at first", Use{Lanes: 8, Ready: true})
	h := g.next()
	see("one of three", Use{Lanes: 8, Used: 1, Ready: true})
	g.next()
	g.next()
	see("all that --max-per-host allows", Use{Lanes: 8, Used: 3, Capped: "new.example"})
	g.learn(h.job, &fault.Error{Side: fault.Source, MaxPerHost: 2})
	g.end(h)
	see("all that the source bears", Use{Lanes: 8, Used: 2, Full: "old.example"})
	g.fix(2)
	see("all", Use{Lanes: 2, Used: 2})
	g.fix(8)
	g.hosts.of("old.example").told = 0
	g.holders[0].Refused(1)
	g.holders[1].Refused(1)
	see("accounts of one connection", Use{Lanes: 8, Used: 2, Narrow: true})
	g.hold("", true)
	see("paused", Use{Lanes: 2, Used: 2})
	g.hold("", false)
	g.push(&job{index: 9, most: 2, hosts: [2]string{"other.example", "new.example"}, dest: "z"})
	g.hold("other.example", true)
	see("a host that is paused", Use{Lanes: 2, Used: 2, Ready: true, Narrow: true})
	g.drain()
	see("drained", Use{Lanes: 2, Used: 2, Ready: true})
}

// A plan is not wrong by the night in which a person had the run stand still,
// nor by the hours in which a server did.
func TestTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := false
		s := &syncFunc{f: func(ctx context.Context, p account.Pair) (throughput.Count, error) {
			if !asked {
				asked = true
				return throughput.Count{}, &fault.Error{Scope: fault.Host, Side: fault.Source, Temporary: true, Code: fault.Throttled, Wait: time.Hour}
			}
			return bordered(ctx, p)
		}}
		var r *Runner
		_, err := steered(t, Options{Syncer: s, Parallel: 1, Retry: steady}, []Row{row(1, "a", "b")}, time.Hour+30*time.Second,
			func(r *Runner) { _, _ = r.Pause(t.Context(), "a") },
			after(9*time.Hour),
			func(run *Runner) { r = run; _, _, _ = r.Resume(t.Context(), "") })
		want := Times{Working: 34*time.Second + time.Minute, Stopped: 9*time.Hour + time.Second - 4*time.Second}
		if got := r.Times(); err != nil || got != want {
			t.Errorf("%+v, want %+v (%v)", got, want, err)
		}
	})
}

// Whoever looks at a run holds up nobody, and is not held up.
func TestUseOfARun(t *testing.T) {
	r, err := New(Options{Syncer: &syncFunc{}, Parallel: 3})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Use(); got != (Use{}) {
		t.Errorf("before the run: %+v", got)
	}
	if _, err := r.Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got := r.Use(); got != (Use{Lanes: 3}) {
		t.Errorf("after it: %+v", got)
	}
}
