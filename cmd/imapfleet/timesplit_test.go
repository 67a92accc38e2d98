package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// timeColumns reads what results.csv says of the lane time of each row, by line.
func timeColumns(t *testing.T, dir string) (lanes map[int]float64, spent map[int]map[string]float64) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "results.csv"))
	if err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(bytes.NewReader(raw))
	r.Comma = ';'
	all, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	lanes, spent = map[int]float64{}, map[int]map[string]float64{}
	number := func(rec []string, column string) float64 {
		f, err := strconv.ParseFloat(rec[slices.Index(all[0], column)], 64)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for _, rec := range all[1:] {
		line := int(number(rec, "line"))
		lanes[line], spent[line] = number(rec, "lane_seconds"), map[string]float64{}
		for _, a := range throughput.Activities() {
			spent[line][a.String()] = number(rec, a.String()+"_seconds")
		}
	}
	return lanes, spent
}

// TestTimeAgrees: summary, status, summary.json, results.csv and --json tell the
// same of where the time went; the rows' add up to the run's, and each row's
// to its lane time. What a row's last run took stays when another row runs.
func TestTimeAgrees(t *testing.T) {
	servers := twoServers(t)
	var list strings.Builder
	for i := range 3 {
		user := fmt.Sprintf("u%d", i)
		for _, s := range servers {
			if err := s.AddUser(user, "x"); err != nil {
				t.Fatal(err)
			}
		}
		if err := servers[0].Fill(user, demoMailbox(i, "INBOX", 300)); err != nil {
			t.Fatal(err)
		}
		source := servers[0].Addr()
		if i == 2 { // a second host, as a list sees it
			source = strings.Replace(source, "127.0.0.1", "localhost", 1)
		}
		fmt.Fprintf(&list, "imap+insecure://%s;%s;x;imap+insecure://%s;%s;x\n", source, user, servers[1].Addr(), user)
	}
	name := filepath.Join(t.TempDir(), "accounts.csv")
	if err := os.WriteFile(name, []byte(list.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	do := func(args ...string) string {
		var out, errs bytes.Buffer
		if code := run(t.Context(), args, nil, &out, &errs); code != exitDone {
			t.Fatalf("%v: exit code %d\n%s%s", args, code, &out, &errs)
		}
		return out.String()
	}
	dir := stateDir(name, "")
	text := do("run", name, "--quiet", "--parallel", "2")
	first, firstSpent := timeColumns(t, dir)
	timesAgree(t, dir, text, do("status", name), do("status", name, "--json"))

	do("run", name, "--quiet", "--rows", "1", "--json")
	second, secondSpent := timeColumns(t, dir)
	if second[2] != first[2] || fmt.Sprint(secondSpent[2]) != fmt.Sprint(firstSpent[2]) || second[1] == first[1] {
		t.Errorf("lane time of the rows was %v, is %v", first, second)
	}
}

func timesAgree(t *testing.T, dir, text, status, statusJSON string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "summary.json"))
	if err != nil {
		t.Fatal(err)
	}
	var rep throughput.Report
	if err := json.Unmarshal(raw, &rep); err != nil {
		t.Fatal(err)
	}
	lanes, spent := timeColumns(t, dir)
	var sum float64
	byActivity := map[string]float64{}
	for line, seconds := range lanes {
		sum += seconds
		var row float64
		for a, s := range spent[line] {
			byActivity[a] += s
			row += s
		}
		if math.Abs(row-seconds) > 0.02*seconds+0.005 {
			t.Errorf("line %d had lanes for %.3f s, and spent %.3f s: %v", line, seconds, row, spent[line])
		}
	}
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 0.004 { // each of the rows' is rounded
			t.Errorf("%s: %.3f, the rows add up to %.3f", what, got, want)
		}
	}
	near("lane time", rep.Run.LaneSeconds, sum)
	for _, a := range throughput.Activities() {
		near(a.String(), rep.Run.Spent[a].Seconds(), byActivity[a.String()])
	}
	var block strings.Builder
	if err := rep.Run.WriteTime(&block); err != nil {
		t.Fatal(err)
	}
	if strings.Count(block.String(), "\n") != 3 {
		t.Errorf("two names of servers:\n%s", &block)
	}
	for what, got := range map[string]string{"the summary": text, "status": status} {
		if !strings.Contains(got, block.String()) {
			t.Errorf("%s:\n%s\nsummary.json:\n%s", what, got, &block)
		}
	}
	lines := strings.Split(strings.TrimSpace(statusJSON), "\n")
	var last struct{ Summary throughput.Report }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		t.Fatal(err)
	}
	if last.Summary.List.Spent != rep.List.Spent || last.Summary.List.LaneSeconds != rep.List.LaneSeconds {
		t.Errorf("status --json: %v, summary.json: %v", last.Summary.List.Spent, rep.List.Spent)
	}
}
