//go:build linux && !race

package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// -peak.full has TestPeakMemory move as much as the promise names.
var peakFull = flag.Bool("peak.full", false, "TestPeakMemory with 500,000 messages, one of 1 GiB, and large accounts")

func init() { programs["measured"] = measured }

// measured is imapfleet, and tells how much of it was in memory at most.
func measured() {
	code := run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s\n", status)
	os.Exit(code)
}

var highWater = regexp.MustCompile(`VmHWM:\s*(\d+) kB`)

// peak runs the program on a list and returns its peak of resident memory in
// octets. All rows must be done.
func peak(t *testing.T, list string, args ...string) int64 {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "accounts.csv"), []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := program(t, dir, append([]string{"run", "accounts.csv", "--quiet"}, args...)...)
	cmd.Args[0] = "measured"
	cmd.Env = append(os.Environ(), "GOMEMLIMIT=")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s%s", err, &out, &errs)
	}
	m := highWater.FindStringSubmatch(out.String())
	if m == nil {
		t.Fatalf("no VmHWM in\n%s", &out)
	}
	kb, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kb << 10
}

// TestPeakMemory holds the program to what --memory promises: 60 MiB more than
// it, whatever there is to move.
func TestPeakMemory(t *testing.T) {
	small := func(small, full int) int {
		if *peakFull {
			return full
		}
		return small
	}
	huge := imaptest.FakeMailbox{Name: "INBOX", Count: small(50_000, 500_000), Message: func(i int) imaptest.FakeMessage {
		return imaptest.FakeMessage{Flags: `\Seen`, Body: fmt.Appendf(nil, "Message-ID: <%d@example.org>\r\nSubject: %d\r\n\r\nbody of %d\r\n", i, i, i)}
	}}
	one := bytes.Repeat([]byte("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n"), small(64<<20, 1<<30)/64)
	tests := []struct {
		name   string
		memory int64 // MiB
		lanes  int
		list   func(t *testing.T) string
	}{
		{"a mailbox of many messages", 16, 4, func(t *testing.T) string { return oneAccount(t, huge) }},
		{"the same, and they are there", int64(small(8, 256)), 4, func(t *testing.T) string { return oneAccount(t, huge, huge) }},
		{"a large message", 8, 4, func(t *testing.T) string {
			return oneAccount(t, imaptest.FakeMailbox{Name: "INBOX", Count: 1, Message: func(int) imaptest.FakeMessage {
				return imaptest.FakeMessage{Body: one}
			}})
		}},
		{"a hundred lanes", int64(small(128, 256)), 100, func(t *testing.T) string { return hundredAccounts(t, small(10, 100)) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list := tt.list(t)
			got := peak(t, list, "--memory", fmt.Sprintf("%dMiB", tt.memory), "--parallel", fmt.Sprint(tt.lanes))
			t.Logf("peak %d MiB with --memory %dMiB", got>>20, tt.memory)
			if most := (tt.memory + 60) << 20; got > most {
				t.Errorf("peak %d octets, promised are %d", got, most)
			}
		})
	}
}

// oneAccount starts a source with a mailbox, and a destination that may hold
// one, and returns the list of that pair.
func oneAccount(t *testing.T, source imaptest.FakeMailbox, dest ...imaptest.FakeMailbox) string {
	t.Helper()
	src := imaptest.NewFake(t, imaptest.FakeOptions{}, source)
	dst := imaptest.NewFake(t, imaptest.FakeOptions{}, dest...)
	return fmt.Sprintf("imap+insecure://%s;u;p;imap+insecure://%s;u;p\n", src.Addr(), dst.Addr())
}

// hundredAccounts starts two servers with accounts of so many messages of
// realistic sizes.
func hundredAccounts(t *testing.T, messages int) string {
	t.Helper()
	servers := twoServers(t)
	var list strings.Builder
	spec := imaptest.Spec{Median: 12 << 10, Mean: 75 << 10, Max: 8 << 20}
	for i := range 100 {
		user := fmt.Sprintf("user%d", i)
		for _, s := range servers {
			if err := s.AddUser(user, "x"); err != nil {
				t.Fatal(err)
			}
		}
		if err := servers[0].Fill(user, imaptest.NewGenerator(uint64(i), spec).Mailbox("INBOX", messages)); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&list, "imap+insecure://%s;%s;x;imap+insecure://%s;%s;x\n", servers[0].Addr(), user, servers[1].Addr(), user)
	}
	return list.String()
}
