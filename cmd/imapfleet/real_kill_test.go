//go:build unix

package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

var (
	killSeed     = flag.Uint64("kill9.seed", 0, "seed of the instants of TestKill9; 0: from the clock")
	killInstants = flag.Int("kill9.instants", 20, "how many runs TestKill9 kills")
)

// TestKill9 kills the program at random instants of a run, without a word, and
// starts it again at once. The link to the destination is slow, so the old
// session is still storing while the new run looks around. Then every message
// is there exactly once.
func TestKill9(t *testing.T) {
	t.Parallel()
	seed := *killSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("to repeat: -kill9.seed=%d", seed)
	rng := rand.New(rand.NewPCG(seed, 9))
	cases := *killInstants
	if testing.Short() {
		cases = min(5, cases)
	}
	servers := newSite(t)
	var users []string
	var middle, storing atomic.Int64
	t.Run("instants", func(t *testing.T) {
		for i := range cases {
			k := killed{user: fmt.Sprintf("kill%d", i), seed: seed + uint64(i), rate: killRate, share: rng.Float64(), middle: &middle, storing: &storing}
			if i%2 == 1 {
				k.hide = []string{"MULTIAPPEND"} // what is stored is seen message by message
			}
			if i%5 < 2 { // and what was sent takes seconds to arrive
				k.rate /= 4
			}
			users = append(users, k.user)
			t.Run(fmt.Sprintf("%d at %.0f%%", i, k.share*100), func(t *testing.T) {
				t.Parallel()
				k.run(servers.child(t))
			})
		}
	})
	if n := middle.Load(); n < int64(cases)/2 {
		t.Errorf("only %d of %d runs were killed in the middle", n, cases)
	}
	if storing.Load() == 0 {
		t.Error("no destination was still storing when the run was gone")
	}
	t.Logf("%d of %d runs killed in the middle, %d while the destination went on storing", middle.Load(), cases, storing.Load())
	// Whatever came late would be here by now.
	for _, user := range users {
		servers.once(user)
	}
}

// killed is one run that is killed when a share of its octets has crossed the
// link.
type killed struct {
	user            string
	seed            uint64
	rate            int64
	share           float64
	hide            []string
	middle, storing *atomic.Int64
}

const (
	killRate  = 256 << 10 // octets a second to the destination, or a quarter of it
	killDelay = 25 * time.Millisecond
)

func (k killed) run(s *site) {
	s.t.Helper()
	g := imaptest.NewGenerator(k.seed, imaptest.Spec{Median: 2500, Mean: 4000, Max: 40_000, Duplicate: 0.1, NoMessageID: 0.1, Flags: 0.5, Keywords: []string{"Work"}})
	s.add(k.user, g.Mailbox("INBOX", 60), g.Mailbox("Sent", 20), g.Mailbox("Work/2025", 20), g.Mailbox("empty", 0))
	old, err := imaptest.Dump(s.t.Context(), s.old.Access(k.user, secret(1, k.user)))
	if err != nil {
		s.t.Fatal(err)
	}
	p := imaptest.StartProxy(s.t, s.new.Addr(), imaptest.ProxyOptions{UpRate: k.rate, Delay: killDelay, Hide: k.hide})
	s.via[1] = p.Addr()
	s.list(s.row(k.user))

	first := s.start("run", "accounts.csv", "--quiet")
	ended := make(chan ending)
	go func() { ended <- s.wait(first) }()
	k.await(p, int64(k.share*float64(old.Octets())), first)
	e := <-ended
	if e.code == -1 {
		k.middle.Add(1)
	}
	at := p.Stats()
	again := s.mustRun()
	c := again.summary.Run.Total
	if c.SourceOctets-c.Octets > at.Up { // more was there than had arrived
		k.storing.Add(1)
	}
	if c.Listed != int64(old.Messages()) {
		s.t.Errorf("%d messages listed, want %d", c.Listed, old.Messages())
	}
	s.t.Logf("killed after %d of %d octets (%v): then %d copied, %d already there in %.1f s",
		at.Up, old.Octets(), e.code == -1, c.Copied, c.AlreadyThere, again.wall.Seconds())
	s.await(p, func(at imaptest.ProxyStats) bool { return at.Open == 0 }) // what is still under way arrives
	s.once(k.user)
}

// await kills the process once so many octets have reached the destination. A
// process that ends before has nothing to be killed for.
func (k killed) await(p *imaptest.Proxy, octets int64, g *going) {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	_ = p.Await(ctx, func(at imaptest.ProxyStats) bool { return at.Up >= octets })
	_ = g.cmd.Process.Kill() // it may have ended
}

// once holds both accounts against each other, in any order.
func (s *site) once(user string) {
	s.t.Helper()
	old, err := imaptest.Dump(s.t.Context(), s.old.Access(user, secret(1, user)))
	if err != nil {
		s.t.Fatal(err)
	}
	found, err := imaptest.Dump(s.t.Context(), s.new.Access(user, secret(2, user)))
	if err != nil {
		s.t.Fatal(err)
	}
	if diff := imaptest.Diff(old, found, imaptest.DiffOptions{Name: newName, Subscriptions: true}); len(diff) > 0 {
		s.t.Errorf("%s differs:\n%s", user, strings.Join(diff[:min(len(diff), 10)], "\n"))
	}
}

// count returns how many messages a user has at the new server.
func (s *site) count(user string) int {
	s.t.Helper()
	found, err := imaptest.Dump(s.t.Context(), s.new.Access(user, secret(2, user)))
	if err != nil {
		s.t.Fatal(err)
	}
	return found.Messages()
}
