//go:build unix

package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

var (
	soakAccounts = flag.Int("soak.accounts", 20, "accounts of TestSoak")
	soakFor      = flag.Duration("soak.for", 10*time.Second, "how long the servers and the network of TestSoak misbehave")
	soakSeed     = flag.Uint64("soak.seed", 0, "seed of TestSoak; 0: from the clock")
)

// Users keep working while run follows run, connections break and servers go
// away; then it is quiet. One last pass, and everything is as at the old
// server, nothing is left open in the process, and verify has no objection.
func TestSoak(t *testing.T) { // not beside others: it counts what the process has open
	seed := *soakSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("to repeat: -soak.seed=%d", seed)
	s := newSite(t)
	users := s.fleet("soak", *soakAccounts)
	links := [2]*imaptest.Proxy{
		imaptest.StartProxy(t, s.old.Addr(), imaptest.ProxyOptions{}),
		imaptest.StartProxy(t, s.new.Addr(), imaptest.ProxyOptions{}),
	}
	s.via = [2]string{links[0].Addr(), links[1].Addr()}
	rows := make([]string, len(users))
	for i, user := range users {
		rows[i] = s.row(user)
	}
	s.list(rows...)

	before := s.opened(links)
	c := churn{site: s, users: users, links: links, dice: rand.New(rand.NewPCG(seed, 1)), seed: seed}
	ctx, calm := context.WithTimeout(t.Context(), *soakFor)
	defer calm()
	c.run(ctx)
	if c.mail.Load() == 0 || c.flags.Load() == 0 || c.outages.Load() == 0 || links[0].Stats().Cuts+links[1].Stats().Cuts == 0 {
		t.Errorf("too quiet: %d messages, %d changes of flags, %d outages", c.mail.Load(), c.flags.Load(), c.outages.Load())
	}
	t.Logf("%d passes, %d not done with all rows; %d new messages, %d changes of flags, %d outages, connections cut: %d and %d",
		c.passes, c.short, c.mail.Load(), c.flags.Load(), c.outages.Load(), links[0].Stats().Cuts, links[1].Stats().Cuts)

	s.inProcess(t.Context(), exitDone, "run", s.path("accounts.csv"), "--parallel", "8", "--quiet")
	s.inProcess(t.Context(), exitDone, "verify", s.path("accounts.csv"), "--parallel", "8", "--deep", "--quiet")
	for _, user := range users {
		s.once(user)
	}
	if after := s.opened(links); after.goroutines > before.goroutines+2 || after.files > before.files+2 || after.heap > before.heap+32<<20 {
		t.Errorf("open before: %+v, after: %+v", before, after)
	}
}

// inProcess runs the program in this process.
func (s *site) inProcess(ctx context.Context, want int, args ...string) int {
	s.t.Helper()
	var out, errs bytes.Buffer
	code := run(ctx, args, nil, &out, &errs)
	if want >= 0 && code != want {
		s.t.Fatalf("%v: exit code %d\n%s%s\n%s", args, code, &out, &errs, s.tail(logName))
	}
	return code
}

// open is what a process has open.
type open struct {
	goroutines, files int
	heap              int64
}

// opened counts what is open once no connection goes through the links.
func (s *site) opened(links [2]*imaptest.Proxy) open {
	s.t.Helper()
	for _, p := range links {
		s.await(p, func(at imaptest.ProxyStats) bool { return at.Open == 0 })
	}
	files, err := os.ReadDir("/dev/fd")
	if err != nil {
		s.t.Fatal(err)
	}
	return open{heap: heap(), goroutines: runtime.NumGoroutine(), files: len(files)}
}

// churn is users at work, and a network and servers that misbehave.
type churn struct {
	*site
	users []string
	links [2]*imaptest.Proxy
	dice  *rand.Rand // of the one goroutine that makes users work
	seed  uint64

	mail, flags, outages atomic.Int64
	passes, short        int
}

// run makes pass after pass until ctx ends, which no pass sees.
func (c *churn) run(ctx context.Context) {
	c.t.Helper()
	for i, p := range c.links {
		p.Set(imaptest.ProxyOptions{Faults: mishaps(c.seed+uint64(i), 0.1, 0)})
	}
	var g errgroup.Group
	g.Go(func() error { return c.work(ctx) })
	g.Go(func() error { return c.away(ctx) })
	for ctx.Err() == nil {
		code := c.inProcess(c.t.Context(), -1, "run", c.path("accounts.csv"), "--parallel", "8", "--quiet")
		if c.passes++; code == exitNotDone {
			c.short++
		} else if code != exitDone {
			c.t.Fatalf("exit code %d\n%s", code, c.tail(logName))
		}
	}
	if err := g.Wait(); err != nil {
		c.t.Fatal(err)
	}
	for _, p := range c.links {
		p.Set(imaptest.ProxyOptions{})
	}
}

// work lets users get mail and change flags at the old server.
func (c *churn) work(ctx context.Context) error {
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(20 * time.Millisecond): // users have their own time
		}
		user := c.users[c.dice.IntN(len(c.users))]
		access := c.old.Access(user, secret(1, user))
		if n%2 == 0 {
			g := imaptest.NewGenerator(c.seed+uint64(n), imaptest.Spec{Median: 2500, Mean: 4000, Max: 40_000, Duplicate: 0.1})
			box := g.Mailbox([]string{"INBOX", "INBOX.Sent", "INBOX.New." + fmt.Sprint(n%7)}[c.dice.IntN(3)], 1+c.dice.IntN(3))
			if err := imaptest.Fill(c.t.Context(), access, box); err != nil {
				return err
			}
			c.mail.Add(int64(box.Count))
			continue
		}
		uid := 1 + c.dice.IntN(15) // each account has that many
		change := []string{`+FLAGS (\Seen)`, `+FLAGS (\Answered $Forwarded)`, `-FLAGS (\Seen \Flagged)`}[c.dice.IntN(3)]
		if err := imaptest.Do(c.t.Context(), access, "SELECT INBOX", fmt.Sprintf("UID STORE %d %s", uid, change)); err != nil {
			return err
		}
		c.flags.Add(1)
	}
}

// away takes one of the servers away, now and then.
func (c *churn) away(ctx context.Context) error {
	dice := rand.New(rand.NewPCG(c.seed, 2))
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(*soakFor / 4):
		}
		p := c.links[dice.IntN(2)]
		if err := p.Stop(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(*soakFor / 40):
		}
		if err := p.Start(); err != nil {
			return err
		}
		c.outages.Add(1)
	}
}
