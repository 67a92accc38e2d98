package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// Ten thousand rows through the whole program: never more of them at a time
// than asked for, memory that does not grow with their number, a summary that
// adds up.
func TestTenThousandRows(t *testing.T) {
	rows, parallel := 10_000, 8
	if testing.Short() {
		rows = 500
	}
	servers := twoServers(t)
	var list strings.Builder
	message := demoMailbox(0, "INBOX", 1)
	for i := range rows {
		user := fmt.Sprintf("user%d", i)
		for _, s := range servers {
			if err := s.AddUser(user, "x"); err != nil {
				t.Fatal(err)
			}
		}
		if err := servers[0].Fill(user, message); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&list, "imap+insecure://%s;%s;x;imap+insecure://%s;%s;x\n", servers[0].Addr(), user, servers[1].Addr(), user)
	}
	dir := t.TempDir()
	name := filepath.Join(dir, "accounts.csv")
	if err := os.WriteFile(name, []byte(list.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	before := heap()
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"run", name, "--parallel", fmt.Sprint(parallel), "--quiet", "--login-rate", "off"}, nil, &out, &errs); code != exitDone {
		t.Fatalf("exit code %d\n%s%s", code, &out, &errs)
	}
	if n := peakOf(t, filepath.Join(dir, "accounts.imapfleet", logName)); n != parallel {
		t.Errorf("at most %d rows went on at a time, want %d", n, parallel)
	}
	for i, s := range servers { // they see the end of a connection a little after its row has ended
		if n := s.Stats().Peak; n > 2*parallel {
			t.Errorf("server %d had %d connections at a time", i+1, n)
		}
	}
	// The copies are in this process too: about 2 KB each, and the server's
	// account of them.
	if grown := (heap() - before) / int64(rows); grown > 16<<10 {
		t.Errorf("memory grew by %d octets a row", grown)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "accounts.imapfleet", "summary.json"))
	if err != nil {
		t.Fatal(err)
	}
	var rep throughput.Report
	if err := json.Unmarshal(raw, &rep); err != nil {
		t.Fatal(err)
	}
	n := int64(rows)
	if c := rep.Run.Total; rep.Run.Rows.Done != rows || c.Listed != n || c.Copied != n || c.Octets != n*int64(len(message.Messages[0].Body)) {
		t.Errorf("summary %+v of %d rows", c, rep.Run.Rows.Done)
	}
	again(t, name, *thousandsAgain)
}

var thousandsAgain = flag.Int("thousands.again", 500, "rows that TestTenThousandRows passes over once more")

// again makes a pass over the first rows of a list that has not changed, beside
// a check of them, which only logs in and looks.
func again(t *testing.T, list string, rows int) {
	t.Helper()
	took := map[string]time.Duration{}
	for _, command := range []string{"check", "run", "check", "run"} {
		args := []string{command, list, "--rows", fmt.Sprintf("1-%d", rows), "--parallel", "8", "--login-rate", "off"}
		if command == "run" {
			args = append(args, "--quiet")
		}
		var out, errs bytes.Buffer
		start := time.Now()
		if code := run(t.Context(), args, nil, &out, &errs); code != exitDone {
			t.Fatalf("%s: exit code %d\n%s%s", command, code, &out, &errs)
		}
		took[command] = time.Since(start)
		if command == "run" && !strings.Contains(out.String(), " listed: 0 copied,") {
			t.Errorf("something was copied:\n%s", &out)
		}
	}
	t.Logf("%d unchanged accounts: %.3f ms each; to log in and look, as check does: %.3f ms each", rows,
		took["run"].Seconds()*1e3/float64(rows), took["check"].Seconds()*1e3/float64(rows))
}

// twoServers starts a source and a destination in this process.
func twoServers(t *testing.T) (servers [2]*imaptest.Memory) {
	t.Helper()
	for i := range servers {
		s, err := imaptest.NewMemory(imaptest.MemoryOptions{LiteralPlus: true})
		if err != nil {
			t.Fatal(err)
		}
		imaptest.CloseAfter(t, s)
		servers[i] = s
	}
	return servers
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// peakOf reads from the log how many rows went on at a time.
func peakOf(t *testing.T, log string) int {
	t.Helper()
	raw, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	now, peak := 0, 0
	for line := range strings.Lines(string(raw)) {
		switch {
		case strings.Contains(line, `msg="row starts"`):
			now++
			peak = max(peak, now)
		case strings.Contains(line, `msg="row `):
			now--
		}
	}
	if now != 0 {
		t.Errorf("%d rows never ended", now)
	}
	return peak
}
