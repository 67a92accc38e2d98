//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A state directory that is moved away ends its run, and until it has ended no
// other run begins in its place.
func TestStateDirectoryMovedAway(t *testing.T) {
	dir := t.TempDir()
	cmd := program(t, dir, "run", "accounts.csv", "--quiet")
	errs := goes(t, cmd, stuck(t, dir))
	signalTo(t, cmd, syscall.SIGSTOP)
	state := filepath.Join(dir, "accounts.imapfleet")
	if err := os.Rename(state, state+".moved"); err != nil {
		t.Fatal(err)
	}
	second := program(t, dir, "run", "accounts.csv", "--quiet")
	out, _ := second.CombinedOutput()
	if code := second.ProcessState.ExitCode(); code != exitRun || !strings.Contains(string(out), "is in use by process") {
		t.Errorf("a second run: exit code %d\n%s", code, out)
	}
	if _, err := os.Stat(state); err == nil {
		t.Error("the second run has made a state directory")
	}
	signalTo(t, cmd, syscall.SIGCONT)
	endsWith(t, cmd, errs, exitRun)
	if s := errs.String(); !strings.Contains(s, "the state directory was moved or removed") || !strings.Contains(s, "put the state directory back") {
		t.Errorf("said: %s", s)
	}
}
