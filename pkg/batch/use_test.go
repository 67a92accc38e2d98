package batch

import (
	"testing"

	"github.com/imapfleet/imapfleet/pkg/fault"
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
