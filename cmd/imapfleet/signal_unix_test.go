//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// goes starts the program on a list whose only row waits, and returns when it
// does.
func goes(t *testing.T, cmd *exec.Cmd, asked <-chan struct{}) *said {
	t.Helper()
	var errs said
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-asked
	return &errs
}

func signalTo(t *testing.T, cmd *exec.Cmd, s os.Signal) {
	t.Helper()
	if err := cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func endsWith(t *testing.T, cmd *exec.Cmd, errs *said, code int) {
	t.Helper()
	_ = cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("exit code %d, want %d\n%s", got, code, errs)
	}
}

// SIGUSR1 has a run say how far it is, as often as it comes, with --quiet too.
func TestStatusSignal(t *testing.T) {
	dir := t.TempDir()
	cmd := program(t, dir, "run", "accounts.csv", "--quiet")
	errs := goes(t, cmd, stuck(t, dir))
	const rows = "1 rows: 0 done, 0 incomplete, 0 failed, 0 parked, 1 running, 0 pending\n"
	for n := 1; n <= 2; n++ {
		signalTo(t, cmd, syscall.SIGUSR1)
		errs.awaitTimes(t, rows, n)
	}
	if s := errs.String(); !strings.Contains(s, "status after ") || !strings.Contains(s, "0 messages, 0 B copied") || !strings.Contains(s, "running  user at 127.0.0.1") {
		t.Errorf("status: %s", s)
	}
	signalTo(t, cmd, syscall.SIGTERM)
	endsWith(t, cmd, errs, exitTerminated)
}

// Other commands are not ended by a signal that only asks.
func TestStatusSignalElsewhere(t *testing.T) {
	dir := t.TempDir()
	cmd := program(t, dir, "check", "accounts.csv")
	errs := goes(t, cmd, stuck(t, dir))
	signalTo(t, cmd, syscall.SIGUSR1)
	signalTo(t, cmd, syscall.SIGINT)
	endsWith(t, cmd, errs, exitInterrupted)
}

// A terminal that is closed sends more than one hangup: the second one does
// not end at once what the first one stops in good order.
func TestSecondHangup(t *testing.T) {
	dir := t.TempDir()
	cmd := program(t, dir, "run", "accounts.csv")
	errs := goes(t, cmd, stuck(t, dir))
	signalTo(t, cmd, syscall.SIGHUP)
	errs.await(t, "stopping")
	_ = cmd.Process.Signal(syscall.SIGHUP) // it may have ended
	endsWith(t, cmd, errs, exitTerminated)
	if _, err := os.Stat(filepath.Join(dir, "accounts.imapfleet", "ledger.holder")); err == nil {
		t.Error("it did not come to its end")
	}
}

// Under nohup a run goes on when its terminal is closed.
func TestNohup(t *testing.T) {
	dir := t.TempDir()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "imapfleet")
	if err := os.Symlink(exe, link); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `trap "" HUP; exec "$0" run accounts.csv --quiet`, link)
	cmd.Dir = dir
	errs := goes(t, cmd, stuck(t, dir))
	signalTo(t, cmd, syscall.SIGHUP)
	signalTo(t, cmd, syscall.SIGUSR1)
	errs.await(t, "1 running")
	signalTo(t, cmd, syscall.SIGINT)
	endsWith(t, cmd, errs, exitInterrupted)
}
