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
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

var (
	diagnosisFull = flag.Bool("diagnosis.full", false, "TestDiagnosis: 11 things made slow on purpose, in 3 sizes; 6 minutes on a machine that does nothing else")
	diagnosisSeed = flag.Uint64("diagnosis.seed", 0, "seed of TestDiagnosis, which swaps hosts; 0: from the clock")
)

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
	opt := imaptest.DovecotOptions{Format: "sdbox", Dir: ramDisk()}
	switch kind {
	case "narrow": // one process serves all connections, and compresses what it keeps
		opt.Extra = "service imap {\n  process_limit = 1\n  client_limit = 200\n  service_count = 0\n}\n" +
			"protocol imap {\n  mail_plugins = zlib\n}\nplugin {\n  zlib_save = bz2\n  zlib_save_level = 9\n}\n"
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
	var ports [2]int
	for i := range servers {
		servers[i] = l.server(places[i], c.servers[i])
		port, scheme := servers[i].Port(), "imap+insecure"
		if c.tls {
			port, scheme = servers[i].TLSPort(), "imaps"
		}
		if p := c.between(t, i, fmt.Sprintf("127.0.0.1:%d", port)); p != nil {
			port = p.Port()
		}
		urls[i] = fmt.Sprintf("%s://%s:%d", scheme, names[i], port)
		ports[i] = port
	}
	shapeLinks(t, ports, c.rates)
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

// between is the proxy before a server, if something is to happen there; nil if
// not: a way that is only slow is made by the system, so that TCP sees it.
func (c trial) between(t *testing.T, i int, addr string) *imaptest.Proxy {
	t.Helper()
	opt := c.links[i]
	var p atomic.Pointer[imaptest.Proxy]
	if bears := c.bears[i]; bears > 0 {
		opt.Rewrite = func(line []byte) []byte {
			if bytes.HasPrefix(line, []byte("* OK [CAPABILITY")) && p.Load().Stats().Open > bears {
				return fmt.Appendf(nil, "* BYE Too many connections from your IP")
			}
			return line
		}
	}
	if opt.Delay == 0 && opt.Rewrite == nil {
		return nil
	}
	proxy, err := imaptest.NewProxy(addr, imaptest.ProxyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	imaptest.CloseAfter(t, proxy)
	p.Store(proxy)
	proxy.Set(opt)
	return proxy
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
	var rep struct {
		Run struct {
			Seconds           float64
			MessagesPerSecond float64 `json:"messages_per_second"`
			Bottleneck        *throughput.Bottleneck
		}
	}
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
	if !ownNetwork(t) {
		return
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
		if c.servers[0] != lifted.servers[0] || c.links[0].Rewrite != nil || c.bears[0] > 0 {
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
