//go:build unix

package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// fullFaults makes the suite as long as `make faults` wants it.
var fullFaults = flag.Bool("faults.full", false, "break connections and servers as often as the full suite does")

// moreOf chooses between the short form of the suite and the full one.
func moreOf(short, full int) int {
	if *fullFaults {
		return full
	}
	return short
}

// fleet makes n accounts, each of a few dozen messages, and lists them.
func (s *site) fleet(name string, n int) (users []string) {
	s.t.Helper()
	var rows []string
	for i := range n {
		user := fmt.Sprintf("%s%d", name, i)
		g := imaptest.NewGenerator(uint64(1000+i), imaptest.Spec{Median: 2500, Mean: 4000, Max: 40_000, Duplicate: 0.1, NoMessageID: 0.1, Flags: 0.5})
		s.add(user, g.Mailbox("INBOX", 15+i%7), g.Mailbox("Sent", 8), g.Mailbox("Work/2025", i%5))
		users, rows = append(users, user), append(rows, s.row(user))
	}
	s.list(rows...)
	return users
}

// mishaps gives every connection a fault by chance: one in many is reset after
// a random number of octets, and fewer fall silent.
func mishaps(seed uint64, resets, stalls float64) func(int) imaptest.Fault {
	var mu sync.Mutex
	dice := rand.New(rand.NewPCG(seed, 5))
	return func(int) imaptest.Fault {
		mu.Lock()
		defer mu.Unlock()
		switch chance, at := dice.Float64(), 1+dice.Int64N(60_000); {
		case chance < resets:
			return imaptest.Fault{CutAfter: at}
		case chance < resets+stalls:
			return imaptest.Fault{StallAfter: at + 1000} // after the greeting
		}
		return imaptest.Fault{}
	}
}

// One connection in twenty of either side is reset somewhere. No row needs to
// be run again, and every message is there once.
func TestConnectionsResetReal(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.via = [2]string{
		imaptest.StartProxy(t, s.old.Addr(), imaptest.ProxyOptions{Faults: mishaps(1, 0.05, 0)}).Addr(),
		imaptest.StartProxy(t, s.new.Addr(), imaptest.ProxyOptions{Faults: mishaps(2, 0.05, 0)}).Addr(),
	}
	users := s.fleet("reset", moreOf(30, 200))
	s.mustRun("--parallel", "8")
	for _, user := range users {
		s.once(user)
	}
	s.mustRun("--parallel", "8")
}

// A server is stopped in the middle of a run and started again after a while,
// as by its administrator: the run goes on by itself.
func TestServerRestartReal(t *testing.T) {
	t.Parallel()
	outages := []time.Duration{6 * time.Second}
	if *fullFaults {
		outages = append(outages, time.Minute)
	}
	for _, outage := range outages {
		for side, name := range []string{"old", "new"} {
			t.Run(fmt.Sprintf("%s server, %v", name, outage), func(t *testing.T) {
				t.Parallel()
				s := newSite(t)
				link := s.slow(128 << 10)
				users := s.fleet("restart", 8)
				g := s.start("run", "accounts.csv", "--parallel", "4", "--quiet")
				s.passed(link, 200<<10)
				server := []*imaptest.Dovecot{s.old, s.new}[side]
				server.Stop()
				<-time.After(outage) // what is tested is that much time
				if err := server.Start(); err != nil {
					t.Fatal(err)
				}
				e := s.wait(g)
				if e.code != exitDone {
					t.Fatalf("%v\n%s", e, s.tail(logName))
				}
				if c := e.summary.Run.Total; !c.Balanced() || c.NotTried != 0 {
					t.Errorf("the count does not add up: %+v", c)
				}
				for _, user := range users {
					s.once(user)
				}
			})
		}
	}
}

// One account in twenty has more mail than its destination may hold: the
// others are done, and it says how much is missing.
func TestQuotaReal(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, imaptest.DovecotOptions{Format: "sdbox", Separator: "/", Quota: "5M"})
	users := s.fleet("quota", 20)
	full := users[7]
	g := imaptest.NewGenerator(7, imaptest.Spec{Median: 100_000, Mean: 100_000, Max: 100_000})
	if err := s.fill(t.Context(), full, g.Mailbox("Archive", 90)); err != nil {
		t.Fatal(err)
	}
	e := s.run("run", "accounts.csv", "--parallel", "4", "--quiet")
	if r := e.summary.Run.Rows; e.code != exitNotDone || r.Done != 19 || r.Incomplete != 1 {
		t.Fatalf("rows %+v\n%v", r, e)
	}
	row := s.records("results.csv")["8"]
	if row["state"] != "incomplete" || row["code"] != "quota" || row["side"] != "destination" || row["hint"] == "" {
		t.Errorf("the row says %v", row)
	}
	c := e.summary.Run.Total
	if c.OctetsNotTried == 0 || row["octets_not_tried"] != fmt.Sprint(c.OctetsNotTried) ||
		c.Octets+c.OctetsNotTried != c.SourceOctets || !c.Balanced() {
		t.Errorf("octets that are missing: %q in results.csv, %+v", row["octets_not_tried"], c)
	}
	if there, all := s.count(full), s.messages(full); there+int(c.NotTried)+int(c.Rejected) != all || there == 0 {
		t.Errorf("%d of %d messages are there, %d were not tried, %d rejected", there, all, c.NotTried, c.Rejected)
	}
	for i, user := range users {
		if i != 7 {
			s.once(user)
		}
	}
}

// messages returns how many messages a user has at the old server.
func (s *site) messages(user string) int {
	s.t.Helper()
	old, err := imaptest.Dump(s.t.Context(), s.old.Access(user, secret(1, user)))
	if err != nil {
		s.t.Fatal(err)
	}
	return old.Messages()
}
