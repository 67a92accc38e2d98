//go:build unix

package main

import (
	"flag"
	"fmt"
	"math"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

var (
	mainJobAccounts = flag.Int("mainjob.accounts", 12, "accounts of TestMainJobReal")
	mainJobMax      = flag.Int("mainjob.max", 200, "messages of the largest account of TestMainJobReal")
)

// mainJobMin is how many messages the smallest account has.
const mainJobMin = 60

// TestMainJobReal is the main job: many accounts from one Dovecot to another
// of a different kind, eight at a time, and once more.
func TestMainJobReal(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	users, want := s.populate(*mainJobAccounts, *mainJobMax)
	rows := make([]string, len(users))
	for i, u := range users {
		rows[i] = s.row(u)
	}
	s.list(rows...)

	first := s.mustRun("--parallel", "8")
	s.copied(first, want, 0)
	s.report("first run", first)
	if n := s.equal(users...); n != want {
		t.Errorf("%d messages at the old server, want %d", n, want)
	}
	second := s.mustRun("--parallel", "8")
	s.copied(second, 0, want)
	s.report("second run", second)
	if n := len(s.records("results.csv")); n != len(users) {
		t.Errorf("results.csv has %d rows, want %d", n, len(users))
	}
	if n := len(s.records("failed.csv")); n != 0 {
		t.Errorf("failed.csv has %d rows, want none", n)
	}
	s.equal(users...)
}

// populate makes accounts of mainJobMin to most messages, more small ones than
// large ones, and returns their names and how many messages there are in all.
func (s *site) populate(accounts, most int) (users []string, messages int64) {
	s.t.Helper()
	start := time.Now()
	var g errgroup.Group
	g.SetLimit(8)
	for i := range accounts {
		user := fmt.Sprintf("user%04d", i+1)
		for j, d := range []*imaptest.Dovecot{s.old, s.new} {
			if err := d.AddUser(user, secret(j+1, user)); err != nil {
				s.t.Fatal(err)
			}
		}
		// Large accounts stand anywhere in the list.
		share := float64(i*37%accounts) / float64(max(1, accounts-1))
		n := int(mainJobMin * math.Pow(float64(most)/mainJobMin, share))
		users = append(users, user)
		messages += int64(n)
		g.Go(func() error {
			return s.fill(s.t.Context(), user, mailboxes(imaptest.NewGenerator(uint64(i), imaptest.RealSpec()), n)...)
		})
	}
	if err := g.Wait(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Logf("%d accounts with %d messages filled in %.1f s", accounts, messages, time.Since(start).Seconds())
	return users, messages
}

// mailboxes spreads n messages over an account as people do.
func mailboxes(g *imaptest.Generator, n int) []imaptest.Mailbox {
	parts := []struct {
		name  string
		share int // in percent
	}{
		{"Sent", 20}, {"Drafts", 1}, {"Trash", 5}, {"Work/2024/Ümläute & Co", 15}, {"Work/2025", 10}, {"sp ace (1)", 3}, {"empty", 0},
	}
	left := n
	var boxes []imaptest.Mailbox
	for _, p := range parts {
		boxes = append(boxes, g.Mailbox(p.name, n*p.share/100))
		left -= n * p.share / 100
	}
	boxes[len(boxes)-1].Subscribed = false
	return append(boxes, g.Mailbox("INBOX", left))
}

// report says how fast a run was, from outside and in the program's own words.
func (s *site) report(name string, e ending) {
	r := e.summary.Run
	secs := e.wall.Seconds()
	s.t.Logf("%s: %.2f s wall time, %d rows, %d messages listed, %d copied, %.1f MiB: %.1f MiB/s, %.0f messages/s copied, %.0f messages/s listed",
		name, secs, r.Rows.Total(), r.Total.Listed, r.Total.Copied, float64(r.Total.Octets)/(1<<20),
		float64(r.Total.Octets)/(1<<20)/secs, float64(r.Total.Copied)/secs, float64(r.Total.Listed)/secs)
}
