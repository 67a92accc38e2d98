//go:build !race

package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/imapfleet/imapfleet/pkg/diagnosis"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
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
		{"small", imaptest.Spec{Median: 4 << 10, Flags: 0.8}, 1800, 6 << 20},
		{"mixed", imaptest.Spec{Median: 12 << 10, Mean: 40 << 10, Max: 2 << 20, Flags: 0.8}, 250, 8 << 20},
		{"large", imaptest.Spec{Median: 400 << 10, Flags: 0.8}, 50, 16 << 20},
	}
}

const trialAccounts = 8

// trial is one run of the program: with what makes it slow, or without.
type trial struct {
	size     sizeOf
	servers  [2]string // kinds of the source and the destination
	rates    [2]int64  // of the links, from the source and to the destination, octets per second; 0: no bound
	links    [2]imaptest.ProxyOptions
	bears    [2]int // connections that a server bears; 0: any number
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

const away = 60 * time.Millisecond // one way

// plants are the eleven. A server's own slowness must be told from that of the
// way to it, and the other way round: no plant accepts both.
func plants() []plant {
	rate := func(side int) func(t *trial, _ *rand.Rand) {
		return func(t *trial, _ *rand.Rand) {
			t.rates[side] = t.size.slow
		}
	}
	delay := func(side int) func(t *trial, _ *rand.Rand) {
		return func(t *trial, _ *rand.Rand) { t.links[side].Delay = away }
	}
	oneLane := func(t *trial) { // a lane waits for round trips, so that more of them help
		t.links[0].Delay, t.links[1].Delay = 20*time.Millisecond, 20*time.Millisecond
		t.args = append(t.args, "--parallel", "8")
	}
	return []plant{
		{name: "source rate", right: []string{diagnosis.SourceLink}, host: 1, slow: rate(0)},
		{name: "destination rate", right: []string{diagnosis.DestLink}, host: 2, slow: rate(1)},
		{name: "source delay", right: []string{diagnosis.SourceLink}, host: 1, slow: delay(0)},
		{name: "destination delay", right: []string{diagnosis.DestLink}, host: 2, slow: delay(1)},
		{name: "server CPU", right: []string{diagnosis.SourceServer, diagnosis.DestServer}, host: 3,
			why:  "by the side that it is planted at",
			base: func(t *trial) { t.size.messages /= 3 },
			slow: func(t *trial, dice *rand.Rand) { t.servers[dice.IntN(2)] = "narrow" }},
		{name: "own CPU", right: []string{diagnosis.CPU},
			slow: func(t *trial, dice *rand.Rand) { t.env, t.tls = []string{"GOMAXPROCS=1"}, true }},
		{name: "throttle", right: []string{diagnosis.ThrottledBy}, host: 3,
			slow: func(t *trial, dice *rand.Rand) { t.links[dice.IntN(2)].Rewrite = throttling() }},
		{name: "connection limit", right: []string{diagnosis.ConnectionLimit}, host: 3,
			base: oneLane,
			slow: func(t *trial, dice *rand.Rand) { t.bears[dice.IntN(2)] = 2 }},
		{name: "one huge account", right: []string{diagnosis.TheTail},
			base: func(t *trial) { oneLane(t); t.args = append(t.args, "--lanes-per-account", "1") },
			slow: func(t *trial, dice *rand.Rand) { t.accounts = oneHugeOf }},
		{name: "own limit", right: []string{diagnosis.OwnLimit},
			slow: func(t *trial, dice *rand.Rand) { t.args = append(t.args, "--limit", fmt.Sprint(t.size.slow)) }},
		{name: "slow ledger disk", right: []string{diagnosis.Disk},
			base: func(t *trial) { t.accounts = manyMailboxesOf },
			slow: func(t *trial, dice *rand.Rand) {
				t.before = []string{"strace", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=fsync,fdatasync",
					"-e", "inject=fsync,fdatasync:delay_enter=800000"}
			}},
	}
}

// throttling has five answers of a connection in ten say [THROTTLED], one after
// the other.
func throttling() func([]byte) []byte {
	return func(line []byte) []byte {
		tag, rest, _ := bytes.Cut(line, []byte(" "))
		if tag[0] != 'X' || !bytes.HasPrefix(rest, []byte("OK")) || tag[len(tag)-1] >= '5' {
			return line
		}
		return append(bytes.Clone(line), " [THROTTLED]"...)
	}
}

// evenAccounts are accounts of one size, each with four mailboxes.
func evenAccounts(s sizeOf) [][]imaptest.Mailbox {
	return accountsOf(s, trialAccounts, 4, func(int) int { return s.messages })
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
