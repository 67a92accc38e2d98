//go:build !race

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/diagnosis"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

var (
	diagnosisFull = flag.Bool("diagnosis.full", false, "TestDiagnosis: 11 things made slow on purpose, in 3 sizes; 6 minutes on a machine that does nothing else")
	diagnosisSeed = flag.Uint64("diagnosis.seed", 0, "seed of TestDiagnosis, which swaps hosts; 0: from the clock")
)

// sizeOf is one of the three sizes: what the messages are like, how many there
// are, and the rate that a slow link is held to, in octets per second.
type sizeOf struct {
	name     string
	spec     imaptest.Spec
	messages int // of each of trialAccounts
	slow     int64
}

func diagnosisSizes() []sizeOf {
	return []sizeOf{
		{"small", imaptest.Spec{Median: 4 << 10, Flags: 0.8}, 900, 3 << 20},
		{"mixed", imaptest.Spec{Median: 12 << 10, Mean: 40 << 10, Max: 2 << 20, Flags: 0.8}, 250, 8 << 20},
		{"large", imaptest.Spec{Median: 400 << 10, Flags: 0.8}, 50, 16 << 20},
	}
}

const trialAccounts = 8

// trial is one run of the program: with what makes it slow, or without.
type trial struct {
	size     sizeOf
	servers  [2]string // kinds of the source and the destination
	links    [2]imaptest.ProxyOptions
	accounts func(s sizeOf) [][]imaptest.Mailbox
	tls      bool
	args     []string
	env      []string
	before   []string // a program that runs it
}

// plant is one thing that makes a run slow. What counts as naming it was written
// down before the first run.
type plant struct {
	name  string
	right []string // verdicts
	why   string   // where there is more than one
	host  int      // whose host must be named: 1 source, 2 destination, 3 either of them, 0 none
	base  func(t *trial)
	slow  func(t *trial, dice *rand.Rand)
}

const near, away = 2 * time.Millisecond, 60 * time.Millisecond // one way

// plants are the eleven. A server's own slowness must be told from that of the
// way to it, and the other way round: no plant accepts both.
func plants() []plant {
	rate := func(side int) func(t *trial, _ *rand.Rand) {
		return func(t *trial, _ *rand.Rand) {
			if side == 0 {
				t.links[0].DownRate = t.size.slow
			} else {
				t.links[1].UpRate = t.size.slow
			}
		}
	}
	delay := func(side int) func(t *trial, _ *rand.Rand) {
		return func(t *trial, _ *rand.Rand) { t.links[side].Delay = away }
	}
	oneLane := func(t *trial) { // a lane waits for round trips, so that more of them help
		t.links[0].Delay, t.links[1].Delay = 10*time.Millisecond, 10*time.Millisecond
		t.args = append(t.args, "--parallel", "8")
	}
	return []plant{
		{name: "source rate", right: []string{diagnosis.SourceLink}, host: 1, slow: rate(0)},
		{name: "destination rate", right: []string{diagnosis.DestLink}, host: 2, slow: rate(1)},
		{name: "source delay", right: []string{diagnosis.SourceLink}, host: 1, slow: delay(0)},
		{name: "destination delay", right: []string{diagnosis.DestLink}, host: 2, slow: delay(1)},
		{name: "server CPU", right: []string{diagnosis.SourceServer, diagnosis.DestServer}, host: 3,
			why:  "by the side that it is planted at",
			slow: func(t *trial, dice *rand.Rand) { t.servers[dice.IntN(2)] = "narrow" }},
		{name: "own CPU", right: []string{diagnosis.CPU},
			slow: func(t *trial, dice *rand.Rand) { t.env, t.tls = []string{"GOMAXPROCS=1"}, true }},
		{name: "throttle", right: []string{diagnosis.ThrottledBy}, host: 3,
			slow: func(t *trial, dice *rand.Rand) { t.links[dice.IntN(2)].Rewrite = throttling() }},
		{name: "connection limit", right: []string{diagnosis.ConnectionLimit}, host: 3,
			base: func(t *trial) {
				oneLane(t)
				t.accounts, t.args = oneAccountOf, append(t.args, "--lanes-per-account", "8")
			},
			slow: func(t *trial, dice *rand.Rand) { t.servers[dice.IntN(2)] = "few" }},
		{name: "one huge account", right: []string{diagnosis.TheTail},
			base: func(t *trial) { oneLane(t); t.args = append(t.args, "--lanes-per-account", "1") },
			slow: func(t *trial, dice *rand.Rand) { t.accounts = oneHugeOf }},
		{name: "own limit", right: []string{diagnosis.OwnLimit},
			slow: func(t *trial, dice *rand.Rand) { t.args = append(t.args, "--limit", fmt.Sprint(t.size.slow)) }},
		{name: "slow ledger disk", right: []string{diagnosis.Disk},
			base: func(t *trial) { t.accounts = manyMailboxesOf },
			slow: func(t *trial, dice *rand.Rand) {
				t.before = []string{"strace", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=fsync,fdatasync",
					"-e", "inject=fsync,fdatasync:delay_enter=100000"}
			}},
	}
}

// throttling has every other answer say [THROTTLED].
func throttling() func([]byte) []byte {
	var mu sync.Mutex
	n := 0
	return func(line []byte) []byte {
		_, rest, _ := bytes.Cut(line, []byte(" "))
		if line[0] != 'X' || !bytes.HasPrefix(rest, []byte("OK")) {
			return line
		}
		mu.Lock()
		defer mu.Unlock()
		if n++; n%2 == 0 {
			return line
		}
		return append(bytes.Clone(line), " [THROTTLED]"...)
	}
}

// evenAccounts are accounts of one size, each with four mailboxes.
func evenAccounts(s sizeOf) [][]imaptest.Mailbox {
	return accountsOf(s, trialAccounts, 4, func(int) int { return s.messages })
}

func oneAccountOf(s sizeOf) [][]imaptest.Mailbox {
	return accountsOf(s, 1, 16, func(int) int { return s.messages * trialAccounts })
}

// oneHugeOf is the messages of evenAccounts, nine in ten of them in one account.
func oneHugeOf(s sizeOf) [][]imaptest.Mailbox {
	return accountsOf(s, trialAccounts, 4, func(i int) int {
		if all := s.messages * trialAccounts; i == 0 {
			return all * 9 / 10
		}
		return s.messages * trialAccounts / 10 / (trialAccounts - 1)
	})
}

func manyMailboxesOf(s sizeOf) [][]imaptest.Mailbox {
	return accountsOf(s, trialAccounts, 15, func(int) int { return s.messages })
}

func accountsOf(s sizeOf, accounts, boxes int, messages func(i int) int) [][]imaptest.Mailbox {
	out := make([][]imaptest.Mailbox, accounts)
	for i := range out {
		g := imaptest.NewGenerator(uint64(1000*len(s.name)+i), s.spec)
		for b := range boxes {
			out[i] = append(out[i], g.Mailbox(fmt.Sprintf("Box%02d", b), max(1, messages(i)/boxes)))
		}
	}
	return out
}

// lab is the servers of TestDiagnosis, each started and filled when it is
// needed.
type lab struct {
	t       *testing.T                   // whose end is theirs
	servers map[string]*imaptest.Dovecot // by place, 1 or 2, and kind
	filled  map[string]bool
	dice    *rand.Rand
}

func (l *lab) server(place int, kind string) *imaptest.Dovecot {
	key := fmt.Sprint(place, kind)
	if d := l.servers[key]; d != nil {
		return d
	}
	opt := imaptest.DovecotOptions{Format: "sdbox"}
	if _, err := os.Stat("/dev/shm"); err == nil {
		opt.Dir = "/dev/shm" // a RAM disk: else the disk is the bottleneck of everything
	}
	switch kind {
	case "narrow": // one process serves all connections, and compresses what it keeps
		opt.Extra = "service imap {\n  process_limit = 1\n  client_limit = 200\n  service_count = 0\n}\n" +
			"protocol imap {\n  mail_plugins = zlib\n}\nplugin {\n  zlib_save = bz2\n  zlib_save_level = 9\n}\n"
	case "few":
		opt.MaxConns = 3
	}
	l.servers[key] = imaptest.NewDovecot(l.t, opt)
	return l.servers[key]
}

// fill makes an account at a source, unless it is there.
func (l *lab) fill(t *testing.T, d *imaptest.Dovecot, user string, boxes []imaptest.Mailbox) {
	t.Helper()
	key := d.Addr() + user
	if l.filled[key] {
		return
	}
	l.filled[key] = true
	if err := d.AddUser(user, "x"); err != nil {
		t.Fatal(err)
	}
	if err := imaptest.Fill(t.Context(), d.Access(user, "x"), boxes...); err != nil {
		t.Fatal(err)
	}
}

// tried is what came of a trial.
type tried struct {
	rate  float64 // messages per second
	wall  float64
	found throughput.Bottleneck
	hosts [2]string
	all   string
}

// try runs the program. Which server is the source, and which of the two names
// of this machine it has, is swapped.
func (l *lab) try(t *testing.T, c trial, swap [2]bool) tried {
	t.Helper()
	names := [2]string{"localhost", "127.0.0.1"}
	places := [2]int{1, 2}
	if swap[0] {
		names[0], names[1] = names[1], names[0]
	}
	if swap[1] {
		places[0], places[1] = places[1], places[0]
	}
	var servers [2]*imaptest.Dovecot
	var urls [2]string
	for i := range servers {
		servers[i] = l.server(places[i], c.servers[i])
		target, scheme := servers[i].Addr(), "imap+insecure"
		if c.tls {
			target, scheme = servers[i].TLSAddr(), "imaps"
		}
		p := imaptest.StartProxy(t, target, c.links[i])
		urls[i] = fmt.Sprintf("%s://%s:%d", scheme, names[i], p.Port())
	}
	var list strings.Builder
	for i, boxes := range c.accounts(c.size) {
		user := fmt.Sprintf("%s%dx%dx%d", c.size.name, i, len(boxes), boxes[0].Count)
		l.fill(t, servers[0], user, boxes)
		to := fmt.Sprintf("to%d", len(l.filled))
		l.filled[to] = true
		if err := servers[1].AddUser(to, "x"); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&list, "%s;%s;x;%s;%s;x;\n", urls[0], user, urls[1], to)
		defer func() { _ = servers[1].WipeUser(to) }() // else the disk fills
	}
	out := c.run(t, list.String())
	out.hosts = names
	return out
}

// run is the program's work, with what it says of it.
func (c trial) run(t *testing.T, list string) (out tried) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "accounts.csv"), []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"run", "accounts.csv", "--quiet", "--compress", "off", "--log-level", "debug", "--patience", "5s", "--retries", "0"}
	if c.tls {
		args = append(args, "--insecure-skip-verify1", "--insecure-skip-verify2")
	}
	cmd := program(t, dir, append(args, c.args...)...)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd = exec.CommandContext(ctx, cmd.Path, cmd.Args[1:]...)
	cmd.Args[0], cmd.Dir = "imapfleet", dir
	if len(c.before) > 0 {
		exe := filepath.Join(dir, "imapfleet") // by its name: the one that runs it gives no other
		if err := os.Symlink(cmd.Path, exe); err != nil {
			t.Fatal(err)
		}
		again := exec.CommandContext(ctx, c.before[0], slices.Concat(c.before[1:], []string{exe}, cmd.Args[1:])...)
		again.Dir = dir
		cmd = again
	}
	cmd.Env = append(os.Environ(), c.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // it must not outlive a test that is killed
	var errs bytes.Buffer
	cmd.Stderr = &errs
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, text, &errs)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "accounts.imapfleet", "summary.json"))
	if err != nil {
		t.Fatal(err)
	}
	var rep throughput.Report
	if err := json.Unmarshal(raw, &rep); err != nil {
		t.Fatal(err)
	}
	out.rate, out.wall, out.all = rep.Run.MessagesPerSecond, rep.Run.Seconds, string(text)
	log, err := os.ReadFile(filepath.Join(dir, "accounts.imapfleet", "run.log"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, "msg=evidence") {
			out.all += line
		}
	}
	if b := rep.Run.Bottleneck; b != nil {
		out.found = *b
	}
	return out
}

// TestDiagnosis makes one thing slow and looks at what the program says is. A
// case counts if the run is half as fast again without it: else something else
// was the bottleneck, or the machine was busy with other things.
func TestDiagnosis(t *testing.T) {
	if !*diagnosisFull {
		t.Skip("-diagnosis.full: it measures, for minutes")
	}
	seed := *diagnosisSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("to repeat: -diagnosis.seed=%d", seed)
	l := &lab{t: t, servers: map[string]*imaptest.Dovecot{}, filled: map[string]bool{}, dice: rand.New(rand.NewPCG(seed, 0))}
	var table strings.Builder
	counted, named, wrong := 0, 0, 0
	for _, p := range plants() {
		t.Run(p.name, func(t *testing.T) {
			for _, s := range diagnosisSizes() {
				t.Run(s.name, func(t *testing.T) {
					c := l.judge(t, p, s)
					counted += c.counts
					named += c.named
					wrong += c.wrong
					fmt.Fprintln(&table, c.line)
					t.Log(c.line)
				})
			}
		})
	}
	t.Logf("\n%s%d cases count, %d named, %d name a wrong server", &table, counted, named, wrong)
	if counted-named > 3 || wrong > 0 {
		t.Errorf("named %d of %d, a wrong server %d times", named, counted, wrong)
	}
}

// judged is one case of the table.
type judged struct {
	counts, named, wrong int // 0 or 1 each
	line                 string
}

// judge is one case: a plant in one size.
func (l *lab) judge(t *testing.T, p plant, s sizeOf) (j judged) {
	swap := [2]bool{l.dice.IntN(2) == 0, l.dice.IntN(2) == 0}
	c := trial{size: s, servers: [2]string{"", ""}, accounts: evenAccounts}
	c.links[0].Delay, c.links[1].Delay = near, near
	if p.base != nil {
		p.base(&c)
	}
	lifted := c
	p.slow(&c, l.dice)
	slow, fast := l.try(t, c, swap), l.try(t, lifted, swap)
	gain := fast.rate / slow.rate

	at := p.host // the side that it was planted at
	if at == 3 {
		at = 2
		if c.servers[0] != lifted.servers[0] || c.links[0].Rewrite != nil {
			at = 1
		}
	}
	right := p.right
	if p.name == "server CPU" {
		right = p.right[at-1 : at]
	}
	host := ""
	if at > 0 {
		host = slow.hosts[at-1]
	}
	verdict := slow.found
	ok := slices.Contains(right, verdict.Verdict) && verdict.Host == host
	switch {
	case gain < 1.5:
	case ok:
		j.counts, j.named = 1, 1
	default:
		j.counts = 1
		if verdict.Host != "" && verdict.Host != host {
			j.wrong = 1
		}
	}
	if !ok {
		t.Logf("%s", slow.all)
	}
	mark := map[bool]string{true: "right", false: "WRONG"}[ok]
	if !ok && verdict.Verdict == "" {
		mark = "silent"
	}
	if gain < 1.5 {
		mark += ", does not count"
	}
	j.line = fmt.Sprintf("%-18s %-6s lifted x%-5.1f (%4.1f s, %4.1f s)  %-8s planted at %-10q %s %s (%s)", p.name, s.name, gain, slow.wall, fast.wall,
		mark, host, verdict.Verdict, verdict.Host, verdict.Evidence)
	return j
}
