package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/plan"
)

// planningList makes a list of two rows between two servers, the source with 20
// messages in each INBOX and 10 in each Sent.
func planningList(t *testing.T) (name string, servers [2]*imaptest.Memory) {
	t.Helper()
	servers = twoServers(t)
	var list strings.Builder
	for i := range 2 {
		user := fmt.Sprintf("user%d", i)
		for _, s := range servers {
			if err := s.AddUser(user, "x"); err != nil {
				t.Fatal(err)
			}
		}
		if err := servers[0].Fill(user, demoMailbox(i, "INBOX", 20), demoMailbox(i, "Sent", 10)); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&list, "imap+insecure://%s;%s;x;imap+insecure://%s;%s;x\n", servers[0].Addr(), user, servers[1].Addr(), user)
	}
	name = filepath.Join(t.TempDir(), "accounts.csv")
	if err := os.WriteFile(name, []byte(list.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return name, servers
}

// planOf makes a plan and returns its report.
func planOf(t *testing.T, name string, args ...string) (rep plan.Report) {
	t.Helper()
	out, _ := planned(t, exitDone, append([]string{"plan", name, "--rate", "1MiB/s", "--json", "--quiet"}, args...)...)
	if err := json.Unmarshal([]byte(out), &rep); err != nil {
		t.Fatal(err)
	}
	return rep
}

// outcomes are the plans of a list that something came of.
func outcomes(t *testing.T, name string) (out []ledger.Prediction) {
	t.Helper()
	l, err := ledger.OpenReader(t.Context(), stateDir(name, ""))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	all, err := l.Predictions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if p.Took > 0 || !p.Ended.IsZero() {
			out = append(out, p)
		}
	}
	return out
}

// A run that makes mailboxes alone is not the one that was planned, and its rows
// are not done.
func TestPlanThenFolders(t *testing.T) {
	name, _ := planningList(t)
	before := planOf(t, name)
	out, _ := planned(t, exitDone, "run", name, "--quiet", "--parallel", "4", "--justfolders")
	if strings.Contains(out, "\nplanned ") {
		t.Errorf("a run without mail is told to have been planned\n%s", out)
	}
	if got := outcomes(t, name); len(got) > 0 {
		t.Errorf("it is the outcome of a plan: %+v", got)
	}
	if after := planOf(t, name); after.Sizes != before.Sizes || after.Sizes.Done != 0 {
		t.Errorf("sizes %+v, before it %+v", after.Sizes, before.Sizes)
	}
	out, _ = planned(t, exitDone, "run", name, "--quiet", "--parallel", "4")
	if got := outcomes(t, name); !strings.Contains(out, "\nplanned ") || len(got) != 1 || got[0].Ended.IsZero() {
		t.Errorf("the run that was planned has no outcome: %+v\n%s", got, out)
	}
}

// A run that was slowed down, or had other lanes, says nothing of how good a plan
// was. Neither does the next run, which finds little left to do.
func TestPlanThenAnotherRun(t *testing.T) {
	for _, flags := range []string{"--limit 1GiB --parallel 4", "--parallel 3"} {
		t.Run(flags, func(t *testing.T) {
			name, _ := planningList(t)
			planOf(t, name)
			out, _ := planned(t, exitDone, append([]string{"run", name, "--quiet"}, strings.Fields(flags)...)...)
			if !strings.Contains(out, "\nplanned ") {
				t.Errorf("it says nothing of the plan\n%s", out)
			}
			planned(t, exitDone, "run", name, "--quiet", "--parallel", "4")
			if got := outcomes(t, name); len(got) > 0 {
				t.Errorf("outcomes %+v", got)
			}
			if rep := planOf(t, name); rep.Rates.Past != 0 {
				t.Errorf("the next plan is corrected: %+v", rep.Rates)
			}
		})
	}
}
