//go:build !race

package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// inOwnNetwork says in the environment that this process has a network of its
// own.
const inOwnNetwork = "IMAPFLEET_TEST_OWN_NETWORK"

// ownNetwork reports whether the test runs in a network of its own, nothing but
// a loopback interface, whose links may be made slow. If not it runs the test
// again in one, as another process, whose end is the test's.
func ownNetwork(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inOwnNetwork) != "" {
		tool(t, "ip", "link", "set", "lo", "up", "mtu", "1500") // what TCP sends at a time, as on a real link
		return true
	}
	for _, name := range []string{"ip", "tc"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip("no links can be made: ", err)
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("no links can be made: not root")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), inOwnNetwork+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Run(); err != nil {
		t.Error("in a network of its own: ", err)
	}
	return false
}

// shapeLinks bounds what comes from the first port and what goes to the second,
// in octets per second; 0: no bound. It is what the system does with a real link:
// packets queue before it.
func shapeLinks(t *testing.T, ports [2]int, rates [2]int64) {
	t.Helper()
	_ = exec.CommandContext(t.Context(), "tc", "qdisc", "del", "dev", "lo", "root").Run() // there may be none
	if rates == [2]int64{} {
		return
	}
	tool(t, "tc", strings.Fields("qdisc add dev lo root handle 1: htb default 1")...)
	tool(t, "tc", strings.Fields("class add dev lo parent 1: classid 1:1 htb rate 100gbit quantum 60000")...)
	for i, rate := range rates {
		if rate == 0 {
			continue
		}
		class, end := fmt.Sprintf("1:1%d", i), [...]string{"sport", "dport"}[i]
		tool(t, "tc", strings.Fields("class add dev lo parent 1: classid "+class+" htb rate 100gbit quantum 60000")...)
		tool(t, "tc", strings.Fields(fmt.Sprintf("qdisc add dev lo parent %s tbf rate %dbit burst %d limit %d", class, 8*rate, 12_000+rate/1000, rate/10))...)
		tool(t, "tc", strings.Fields(fmt.Sprintf("filter add dev lo parent 1: protocol ip u32 match ip %s %d 0xffff flowid %s", end, ports[i], class))...)
	}
}

// tool runs a program of the system.
func tool(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
}
