//go:build unix

package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/plan"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

var (
	planFull  = flag.Bool("plan.full", false, "TestPlanAccuracy: plan against outcome between two Dovecots, on a machine that does nothing else")
	planLanes = flag.Int("plan.parallel", 4, "lanes of TestPlanAccuracy")
	planScale = flag.Float64("plan.scale", 1, "of the messages of TestPlanAccuracy: 1 is 2,000 an account, eight of them with 150 MB")
	planProbe = flag.Bool("plan.probe", false, "TestPlanAccuracy takes its rates from imapfleet probe, not from a run of five rows")
)

// planMiss is how far off a plan may be.
const planMiss = 0.25

// planRows are the rows that are probed, each choice for a plan of its own: three
// accounts of real mail and two of small messages, as in the whole list about;
// real mail alone; one of real mail and four of small messages.
var planRows = []string{"1-5", "7-11", "13-17"}

// TestPlanAccuracy: from the rates of five rows, the wall time of the run of all
// accounts, which are those of cmd/imapbench: eight of 2,000 messages as real mail
// is, and four of as many of 2 KB.
func TestPlanAccuracy(t *testing.T) {
	if !*planFull {
		t.Skip("it measures: -plan.full")
	}
	name, users := planList(t)
	lanes := []string{"--parallel", fmt.Sprint(*planLanes), "--quiet"}
	rest := append(lanes, "--rows", fmt.Sprintf("6-%d", 5+users))
	said := make(map[string]plan.Range)
	predict := func(from string, rates ...string) {
		out, _ := planned(t, exitDone, append(append([]string{"plan", name}, rates...), rest...)...)
		t.Logf("from %s:\n%s", from, out)
		out, _ = planned(t, exitDone, append(append([]string{"plan", name, "--json"}, rates...), rest...)...)
		var rep plan.Report
		if err := json.Unmarshal([]byte(out), &rep); err != nil {
			t.Fatal(err)
		}
		said[from] = rep.First.Work
	}
	if *planProbe {
		for _, rows := range planRows {
			file := filepath.Join(t.TempDir(), "probe.json")
			out, _ := planned(t, exitDone, "probe", name, "--rows", rows, "--out", file, "--quiet")
			t.Log(out)
			predict("a probe of "+rows, "--probe", file)
		}
	} else {
		planned(t, exitDone, append([]string{"run", name, "--rows", "1-5"}, lanes...)...)
		predict("a run of 1-5")
	}
	out, _ := planned(t, exitDone, append([]string{"run", name}, rest...)...)
	t.Log(out)
	var sum throughput.Report
	raw, err := os.ReadFile(filepath.Join(stateDir(name, ""), "summary.json"))
	if err == nil {
		err = json.Unmarshal(raw, &sum)
	}
	if err != nil {
		t.Fatal(err)
	}
	took := sum.Run.Planned.Took
	for from, work := range said {
		miss := work.Likely/took - 1
		t.Logf("from %s: planned %.1f s (%.1f to %.1f), took %.1f s: off by %+.0f %%", from, work.Likely, work.Low, work.High, took, 100*miss)
		if math.Abs(miss) > planMiss {
			t.Errorf("from %s: off by more than %.0f %%", from, 100*planMiss)
		}
	}
}

// planList makes servers, accounts and a list. The first five rows are of accounts
// that follow, and go to accounts of their own, so that all is left for the run.
func planList(t *testing.T) (name string, n int) {
	t.Helper()
	var servers [2]*imaptest.Dovecot
	for i := range servers {
		servers[i] = imaptest.NewDovecot(t, imaptest.DovecotOptions{Format: "maildir", Fsync: "optimized", Dir: ramDisk()})
	}
	users := planAccounts(t, servers[0])
	var list strings.Builder
	row := func(user, dest string) {
		if err := servers[1].AddUser(dest, "secret"); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&list, "imap+insecure://%s;%s;secret;imap+insecure://%s;%s;secret\n", servers[0].Addr(), user, servers[1].Addr(), dest)
	}
	for _, i := range []int{0, 1, 2, 8, 9} {
		row(users[i], "probe-"+users[i])
	}
	for _, u := range users {
		row(u, u)
	}
	name = filepath.Join(t.TempDir(), "accounts.csv")
	if err := os.WriteFile(name, []byte(list.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return name, len(users)
}

// ramDisk is a directory in memory, "" where there is none. Servers that a
// measurement is about keep their mail there: on this machine's disk they would
// wait for what imapfleet brings to disk, which is another one's elsewhere.
func ramDisk() string {
	if _, err := os.Stat("/dev/shm"); err != nil {
		return ""
	}
	return "/dev/shm"
}

// planAccounts fills the accounts at the source.
func planAccounts(t *testing.T, d *imaptest.Dovecot) (users []string) {
	t.Helper()
	var g errgroup.Group
	g.SetLimit(2)
	for i := range 12 {
		spec := imaptest.Spec{Median: 12 << 10, Mean: 75 << 10, Max: 25 << 20, EightBit: 0.15, Duplicate: 0.02, NoMessageID: 0.02, Flags: 0.8}
		if i >= 8 {
			spec = imaptest.Spec{Median: 2 << 10, Flags: 0.8}
		}
		user := fmt.Sprintf("user%02d", i)
		users = append(users, user)
		if err := d.AddUser(user, "secret"); err != nil {
			t.Fatal(err)
		}
		g.Go(func() error {
			boxes := mailboxes(imaptest.NewGenerator(20260101+uint64(i), spec), max(1, int(2000**planScale)))
			return imaptest.Fill(t.Context(), d.Access(user, "secret"), boxes...)
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	return users
}
