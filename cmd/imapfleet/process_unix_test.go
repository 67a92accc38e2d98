//go:build unix

package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	_ "modernc.org/sqlite" // a ledger of a newer schema

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/ledger"
)

// program is this test binary as imapfleet, in dir.
func program(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	if signal.Ignored(syscall.SIGHUP) { // as under nohup, which a child would inherit
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Args[0] = "imapfleet"
	cmd.Dir = dir
	return cmd
}

// stuck writes a list whose only row waits for a server that says nothing, and
// returns a channel that is closed when it is asked.
func stuck(t *testing.T, dir string) <-chan struct{} {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	asked, served := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(served)
		c, err := l.Accept()
		close(asked)
		if err == nil {
			_, _ = c.Read(make([]byte, 1)) // until the other side goes
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-served
	})
	row := "imap+insecure://" + l.Addr().String() + ";user;x;imap+insecure://" + l.Addr().String() + ";other;x\n"
	if err := os.WriteFile(filepath.Join(dir, "accounts.csv"), []byte(row), 0o600); err != nil {
		t.Fatal(err)
	}
	return asked
}

func TestSignalsAndTheirExitCodes(t *testing.T) {
	tests := []struct {
		name   string
		args   []string
		signal syscall.Signal
		code   int
	}{
		{"run, SIGINT", []string{"run", "accounts.csv", "--quiet"}, syscall.SIGINT, 130},
		{"run, SIGTERM", []string{"run", "accounts.csv", "--quiet"}, syscall.SIGTERM, 143},
		{"check, SIGINT", []string{"check", "accounts.csv", "--quiet"}, syscall.SIGINT, 130},
		{"check, SIGTERM", []string{"check", "accounts.csv", "--json"}, syscall.SIGTERM, 143},
		{"run, SIGHUP", []string{"run", "accounts.csv", "--quiet"}, syscall.SIGHUP, 143},
		{"check, SIGHUP", []string{"check", "accounts.csv", "--quiet"}, syscall.SIGHUP, 143},
		{"dry run, SIGINT", []string{"run", "accounts.csv", "--dry-run", "--json"}, syscall.SIGINT, 130},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			asked := stuck(t, dir)
			cmd := program(t, dir, tt.args...)
			var out, errs bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &errs
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				_ = cmd.Wait()
			}()
			select {
			case <-asked:
				if err := cmd.Process.Signal(tt.signal); err != nil {
					t.Error(err)
				}
				<-ended
			case <-ended:
			}
			if code := cmd.ProcessState.ExitCode(); code != tt.code {
				t.Errorf("exit code %d, want %d\n%s%s", code, tt.code, &out, &errs)
			}
			if out.Len() == 0 {
				t.Error("no summary")
			}
		})
	}
}

func TestNotifyRemembersTheSignal(t *testing.T) {
	ctx, stop := notify(t.Context())
	defer stop()
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	if code, ok := signalCode(ctx); !ok || code != exitTerminated {
		t.Errorf("code %d, %v", code, ok)
	}
	quiet, cancel := context.WithCancel(t.Context())
	cancel()
	if _, ok := signalCode(quiet); ok {
		t.Error("a canceled context counts as a signal")
	}
}

// A ledger of a newer program is refused and stays as it was.
func TestNewerSchema(t *testing.T) {
	dir := t.TempDir()
	stuck(t, dir)
	state := filepath.Join(dir, "accounts.imapfleet")
	l, err := ledger.Open(t.Context(), state)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(state, ledger.Name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "PRAGMA user_version = 999"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(state, ledger.Name))
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"run"}, {"run", "--dry-run"}, {"status"}} {
		cmd := program(t, dir, append(args, "accounts.csv")...)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != exitRun || !strings.Contains(string(out), "schema 999") {
			t.Errorf("%v: exit code %d\n%s", args, code, out)
		}
	}
	after, err := os.ReadFile(filepath.Join(state, ledger.Name))
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the ledger has changed (%v)", err)
	}
}

// Result files that cannot be written are an error of the run, known before
// anything is copied.
func TestUnwritableResultFiles(t *testing.T) {
	dir := t.TempDir()
	asked := stuck(t, dir)
	if err := os.MkdirAll(filepath.Join(dir, "accounts.imapfleet", "results.csv"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := program(t, dir, "run", "accounts.csv", "--quiet")
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != exitRun || !strings.Contains(string(out), "results.csv") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	select {
	case <-asked:
		t.Error("a server was asked all the same")
	default:
	}
}

// A reader that goes away, as head and a crashing jq do, stops no migration.
func TestStdoutClosedEarly(t *testing.T) {
	for _, args := range [][]string{
		{"run", "accounts.csv"},
		{"run", "accounts.csv", "--json", "--quiet"},
		{"run", "accounts.csv", "--dry-run"},
		{"check", "accounts.csv"},
		{"check", "accounts.csv", "--json"},
		{"status", "accounts.csv"},
		{"status", "accounts.csv", "--json"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			dir := t.TempDir()
			broken(t, dir)
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			cmd := program(t, dir, args...)
			var errs bytes.Buffer
			cmd.Stdout, cmd.Stderr = w, &errs
			_ = cmd.Run()
			_ = w.Close()
			if code := cmd.ProcessState.ExitCode(); code != exitRun || strings.Count(errs.String(), "stdout could not be written") != 1 {
				t.Errorf("exit code %d (%v)\n%s", code, cmd.ProcessState, &errs)
			}
			if args[0] != "run" || slices.Contains(args, "--dry-run") {
				return
			}
			b, err := os.ReadFile(filepath.Join(dir, "accounts.imapfleet", "results.csv"))
			if err != nil || !strings.Contains(string(b), "failed") {
				t.Errorf("results.csv (%v):\n%s", err, b)
			}
		})
	}
}

// broken writes a list whose only row fails for good at once: the login is refused.
func broken(t *testing.T, dir string) {
	t.Helper()
	s, err := imaptest.NewMemory(imaptest.MemoryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	at := fmt.Sprintf("imap+insecure://127.0.0.1:%d", s.Port())
	if err := os.WriteFile(filepath.Join(dir, "accounts.csv"), []byte(at+";nobody;x;"+at+";other;x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}
