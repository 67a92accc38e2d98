package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/plan"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// planned runs the program and returns what it says.
func planned(t *testing.T, code int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	if got := run(t.Context(), args, nil, &out, &errs); got != code {
		t.Fatalf("%q: exit code %d, want %d\n%s%s", args, got, code, &out, &errs)
	}
	return out.String(), errs.String()
}

// probeOf writes the report of a probe in which lanes had such a rate.
func probeOf(t *testing.T, mib float64) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "probe.json")
	b := fmt.Appendf(nil, `{"both":[{"lanes":1,"seconds":5,"mib_per_second":%g,"messages_per_second":%g}]}`, mib, mib*20)
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// The whole way: sizes are asked once and remembered, the run says how far off
// the plan was, and the next plan has rates and a history.
func TestPlanAndRun(t *testing.T) {
	servers := twoServers(t)
	var list strings.Builder
	const rows = 6
	for i := range rows {
		user := fmt.Sprintf("user%d", i)
		for _, s := range servers {
			if err := s.AddUser(user, "x"); err != nil {
				t.Fatal(err)
			}
		}
		if err := servers[0].Fill(user, demoMailbox(i, "INBOX", 10*i), demoMailbox(i, "Sent", 5)); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&list, "imap+insecure://%s;%s;x;imap+insecure://%s;%s;x\n", servers[0].Addr(), user, servers[1].Addr(), user)
	}
	name := filepath.Join(t.TempDir(), "accounts.csv")
	if err := os.WriteFile(name, []byte(list.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := stateDir(name, "")
	probe := probeOf(t, 1)

	// What is wrong changes nothing, and what must not be kept is not.
	planned(t, exitUsage, "plan", name, "--probe", name)
	planned(t, exitDone, "plan", name, "--probe", probe, "--no-keep", "--quiet")
	if _, err := os.Stat(dir); err == nil {
		t.Error("a plan that is to keep nothing made the state directory")
	}
	out, _ := planned(t, exitDone, "plan", name, "--probe", probe, "--json", "--quiet")
	var rep plan.Report
	if err := json.Unmarshal([]byte(out), &rep); err != nil {
		t.Fatal(err)
	}
	if rep.Sizes.Accounts != rows || rep.Sizes.Unknown != 0 || rep.Sizes.Messages != 150+5*rows || rep.Rates.Origin != plan.Probe || rep.First.Seconds.Likely <= 0 {
		t.Fatalf("%+v", rep)
	}
	if n := servers[1].Stats().Total; n != 0 {
		t.Errorf("the destination was asked: %d connections", n)
	}
	asked := servers[0].Stats().Total
	again, _ := planned(t, exitDone, "plan", name, "--probe", probe, "--json", "--quiet")
	if n := servers[0].Stats().Total; n != asked {
		t.Errorf("the source was asked again: %d connections more", n-asked)
	}
	var second plan.Report
	if err := json.Unmarshal([]byte(again), &second); err != nil || second.Sizes != rep.Sizes || second.First.Seconds != rep.First.Seconds {
		t.Errorf("%v: another plan\n%s%s", err, out, again)
	}

	out, _ = planned(t, exitDone, "run", name, "--quiet", "--parallel", "4")
	m := regexp.MustCompile(`(?m)^planned     [\d.]+s \([\d.]+s to [\d.]+s\), took [\d.]+s$`)
	if !m.MatchString(out) {
		t.Errorf("the run says nothing of the plan:\n%s", out)
	}
	var sum throughput.Report
	raw, err := os.ReadFile(filepath.Join(dir, "summary.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &sum); err != nil {
		t.Fatal(err)
	}
	if p := sum.Run.Planned; p == nil || !p.Ended || p.Likely != rep.First.Work.Likely || p.Took <= 0 || p.Lanes != 4 {
		t.Errorf("summary.json: %+v", sum.Run.Planned)
	}
	out, _ = planned(t, exitDone, "plan", name, "--probe", probe, "--json", "--quiet")
	if err := json.Unmarshal([]byte(out), &second); err != nil || second.Rates.Past != 1 || second.Rates.Slower == 1 || second.Sizes.Done != rows || second.Sizes.Left != 0 {
		t.Errorf("%v: the next plan has learnt nothing: %+v", err, second)
	}
	// A run that is not of the same rows is no outcome.
	out, _ = planned(t, exitDone, "run", name, "--quiet", "--rows", "1-2")
	if strings.Contains(out, "\nplanned ") {
		t.Errorf("a run of two rows has a plan\n%s", out)
	}
}

// An account without mail is known to have none, and not taken to be like the
// others.
func TestPlanEmptyAccounts(t *testing.T) {
	servers := twoServers(t)
	var list strings.Builder
	for _, user := range []string{"full", "empty1", "empty2"} {
		for _, s := range servers {
			if err := s.AddUser(user, "x"); err != nil {
				t.Fatal(err)
			}
		}
		fmt.Fprintf(&list, "imap+insecure://%s;%s;x;imap+insecure://%s;%s;x\n", servers[0].Addr(), user, servers[1].Addr(), user)
	}
	if err := servers[0].Fill("full", demoMailbox(1, "INBOX", 20)); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "accounts.csv")
	if err := os.WriteFile(name, []byte(list.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second one reads what the first one has kept
		out, _ := planned(t, exitDone, "plan", name, "--rate", "1MiB/s", "--json", "--quiet")
		var rep plan.Report
		if err := json.Unmarshal([]byte(out), &rep); err != nil {
			t.Fatal(err)
		}
		if s := rep.Sizes; s.Accounts != 3 || s.Unknown != 0 || s.Messages != 20 || s.Octets != s.Largest || s.Smallest != 0 || s.Error != 0 {
			t.Errorf("%+v", s)
		}
	}
}

// Rates come from a run that has copied enough.
func TestPlanFromRun(t *testing.T) {
	name := filepath.Join(t.TempDir(), "accounts.csv")
	if err := os.WriteFile(name, []byte("imap+insecure://127.0.0.1:1;a;x;imap+insecure://127.0.0.1:2;a;x\nimap+insecure://127.0.0.1:1;b;x;imap+insecure://127.0.0.1:2;b;x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, errs := planned(t, exitUsage, "plan", name, "--no-login")
	if !strings.Contains(errs, "no rates: no earlier run of this list copied enough") || !strings.Contains(errs, "--rows 2-6") {
		t.Error(errs)
	}
	_, errs = planned(t, exitRun, "plan", name, "--no-login", "--rate", "1MiB/s")
	if !strings.Contains(errs, "the size of no account is known") {
		t.Error(errs)
	}
	if _, err := os.Stat(stateDir(name, "")); err == nil {
		t.Error("plans of nothing known made the state directory")
	}
	b, err := bind(t.Context(), stateDir(name, ""), mustList(t, name), false)
	if err != nil {
		t.Fatal(err)
	}
	l, rows := b.ledger, b.ids
	err = l.SavePace(t.Context(), ledger.Pace{Run: "r", Seconds: 100, Parallel: 2, LaneSeconds: 200, Rows: 2, Messages: 10_000, Octets: 200 << 20, PerOctet: 200.0 / (200 << 20)})
	if err == nil {
		err = l.SaveSize(t.Context(), rows[0], ledger.Size{Messages: 50_000, Octets: 1000 << 20, Error: 10 << 20})
	}
	if err == nil {
		err = l.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	out, _ := planned(t, exitDone, "plan", name, "--no-login", "--quiet", "--parallel", "2")
	// 1000 MiB of one, as much of the other, 1 MiB/s of each of two lanes.
	for _, want := range []string{"accounts    2, 1 of unknown size\n", "rates       of earlier runs: 2 lanes 2.00 MiB/s", "first pass  16m 40s ("} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	// Both servers are gone: what cannot be asked is said, and taken for like the other.
	_, errs = planned(t, exitDone, "plan", name, "--patience", "10ms")
	if !strings.Contains(errs, "warning: not sized: line 2, b: ") {
		t.Error(errs)
	}
}

// While a run has the state, a plan only reads.
func TestPlanBesideRun(t *testing.T) {
	src, dst := fakes(t, sized(1000, 2000), `"" (STORAGE 0 100)`, "5000")
	p := &preflight{t: t}
	p.row(src, "anna", dst, "anna")
	name := filepath.Join(t.TempDir(), "accounts.csv")
	if err := os.WriteFile(name, []byte(p.rows[0]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(t.Context(), stateDir(name, ""))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	out, errs := planned(t, exitDone, "plan", name, "--rate", "1MiB/s")
	if !strings.Contains(errs, "note: a run goes on") || !strings.Contains(out, "mail        2.9 KiB in 2 messages") {
		t.Errorf("%s%s", out, errs)
	}
	all, err := l.Predictions(t.Context())
	if err != nil || len(all) != 0 {
		t.Errorf("%v: %+v", err, all)
	}
}

// Each flag that is wrong is an error of usage that names it, and writes nothing.
func TestPlanUsage(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "accounts.csv")
	if err := os.WriteFile(name, []byte("imap+insecure://127.0.0.1:1;a;x;imap+insecure://127.0.0.1:2;a;x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(dir, "bad.json")
	if err := os.WriteFile(bad, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		args string
		want string
	}{
		{"", "give one list"},
		{"LIST --parallel 0", "--parallel"},
		{"LIST --max-per-host -1", "--max-per-host"},
		{"LIST --lanes-per-account 0", "--lanes-per-account"},
		{"LIST --machines 0", "--machines"},
		{"LIST --machines 1000 --parallel 1000", "--machines"},
		{"LIST --patience 0s", "--patience"},
		{"LIST --rate fast", "--rate"},
		{"LIST --rate off", "--rate"},
		{"LIST --rate 08:00,2MiB", "--rate"},
		{"LIST --rate-per-lane 0", "--rate-per-lane"},
		{"LIST --rate 1MiB --probe BAD", "probe"},
		{"LIST --probe BAD", "--probe"},
		{"LIST --probe nowhere.json", "--probe"},
		{"LIST --hours 20-6", "--hours"},
		{"LIST --start tomorrow", "--start"},
		{"LIST --change 120%", "--change"},
		{"LIST --change -1", "--change"},
		{"LIST --change NaN", "--change"},
		{"LIST --cost-hour -1", "--cost-hour"},
		{"LIST --cost-gb NaN", "--cost-gb"},
		{"LIST --cost-gb Inf", "--cost-gb"},
		{"LIST --limit slow", "--limit"},
		{"LIST --daily1 0", "--daily1"},
		{"LIST --rows 9", "--rows"},
		{"LIST", "no rates"},
		{"LIST --no-login", "no rates"},
		{"LIST --mean 800MB", "--mean goes with --accounts"},
		{"LIST --accounts 5 --mean 1MB", "not both"},
		{"--accounts 5", "--mean"},
		{"--accounts 0 --mean 1MB", "--accounts"},
		{"--accounts -5 --mean 1MB", "--accounts"},
		{"--accounts 5 --mean 1MB --median 2MB", "--median"},
		{"--accounts 5 --mean 1MB --largest 1KB", "--largest"},
		{"--accounts 5 --mean 1MB", "--rate"},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			args := []string{"plan"}
			for _, a := range strings.Fields(tt.args) {
				args = append(args, strings.NewReplacer("LIST", name, "BAD", bad).Replace(a))
			}
			out, errs := planned(t, exitUsage, args...)
			if !strings.Contains(errs, tt.want) || out != "" {
				t.Errorf("stdout %q, stderr %q", out, errs)
			}
		})
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 2 {
		t.Errorf("%v: something was written: %v", err, files)
	}
}

// Without a list.
func TestPlanImagined(t *testing.T) {
	t.Chdir(t.TempDir())
	args := strings.Fields("plan --accounts 20000 --quiet --mean 800MB --rate 300MiB/s --parallel 64 --hours 20:00-06:00 --cost-hour 0.40 --cost-gb 0.05")
	out, _ := planned(t, exitDone, append(args, "--start", "2026-12-01 20:00")...)
	for _, want := range []string{"accounts    20,000\n", "mail        14.6 TiB in ", "64 lanes 300 MiB/s", "first pass  ", "within the hours", "costs ", "2 times the machines", "account 20000"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if again, _ := planned(t, exitDone, append(args, "--start", "2026-12-01 20:00")...); again != out {
		t.Errorf("another plan:\n%s%s", out, again)
	}
	if files, err := os.ReadDir("."); err != nil || len(files) > 0 {
		t.Errorf("%v: something was written: %v", err, files)
	}
}

func mustList(t *testing.T, name string) []account.Pair {
	t.Helper()
	list, err := account.LoadFile(name, account.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return list.Pairs
}

// TestPlanDocuments makes the plans again that the documents show: without a list
// they are always the same. Those of 500,000 accounts take long with the race
// detector.
func TestPlanDocuments(t *testing.T) {
	names := []string{"README.md"}
	if *planDocuments {
		names = append(names, examplePlan)
	}
	for _, name := range names {
		shown := 0
		for _, b := range blocks(document(t, name)) {
			command, want, _ := strings.Cut(b, "\n")
			args, ok := strings.CutPrefix(command, "$ imapfleet plan --accounts ")
			if !ok {
				continue
			}
			shown++
			out, _ := planned(t, exitDone, append([]string{"plan", "--accounts"}, strings.Fields(args)...)...)
			if got := strings.TrimSuffix(out, "\n"); got != want {
				t.Errorf("%s shows of %s\n%s\nthe program says\n%s", name, command, want, got)
			}
		}
		if shown == 0 {
			t.Errorf("%s shows no plan", name)
		}
	}
}

var planDocuments = flag.Bool("plan.documents", false, "TestPlanDocuments makes the plans of examples/plan-500k too")
