//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// probed is an account on two servers, the destination's over a slow link, and
// a list with it.
type probed struct {
	t   *testing.T
	dir string
	dst *imaptest.Fake
}

func newProbed(t *testing.T, opt imaptest.FakeOptions) *probed {
	t.Helper()
	src, dst := imaptest.NewFake(t, imaptest.FakeOptions{}, sized(slices.Repeat([]int{20_000}, 200)...)), imaptest.NewFake(t, opt)
	link := imaptest.StartProxy(t, dst.Addr(), imaptest.ProxyOptions{UpRate: 400 << 10})
	p := &probed{t: t, dir: t.TempDir(), dst: dst}
	row := fmt.Sprintf("imap+insecure://%s;user;s3cret-one;imap+insecure://%s;user;s3cret-two\n", src.Addr(), link.Addr())
	if err := os.WriteFile(filepath.Join(p.dir, "accounts.csv"), []byte(row), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// clean fails the test where a mailbox is left.
func (p *probed) clean() {
	p.t.Helper()
	if got := p.dst.Mailboxes(); !slices.Equal(got, []string{"INBOX"}) {
		p.t.Errorf("the destination has %q", got)
	}
}

// again probes once more and returns what is said.
func (p *probed) again(code int, args ...string) (stdout, stderr string) {
	p.t.Helper()
	var out, errs bytes.Buffer
	args = append([]string{"probe", filepath.Join(p.dir, "accounts.csv"), "--for", "60s", "--volume", "1MiB", "--lanes", "1", "--quiet"}, args...)
	if got := run(context.WithoutCancel(p.t.Context()), args, nil, &out, &errs); got != code {
		p.t.Errorf("exit code %d, want %d\n%s%s", got, code, &out, &errs)
	}
	if text := out.String() + errs.String(); strings.Contains(text, "s3cret") {
		p.t.Errorf("a password is shown: %s", text)
	}
	return out.String(), errs.String()
}

// A signal has the probe remove what it has made, and say what it has found.
func TestProbeSignals(t *testing.T) {
	for _, tt := range []struct {
		signal syscall.Signal
		code   int
	}{{syscall.SIGINT, exitInterrupted}, {syscall.SIGTERM, exitTerminated}} {
		t.Run(tt.signal.String(), func(t *testing.T) {
			t.Parallel()
			p := newProbed(t, imaptest.FakeOptions{})
			cmd := program(t, p.dir, "probe", "accounts.csv", "--for", "60s")
			var out bytes.Buffer
			var errs said
			cmd.Stdout, cmd.Stderr = &out, &errs
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			errs.await(t, "destination, 1 lane: ")
			signalTo(t, cmd, tt.signal)
			endsWith(t, cmd, &errs, tt.code)
			p.clean()
			for _, want := range []string{" source ", " destination ", "removed\n", "verdict: "} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q in %s", want, &out)
				}
			}
			if !strings.Contains(errs.String(), "stopping: the mailboxes of the probe are removed") {
				t.Errorf("it does not say that it stops: %s", &errs)
			}
		})
	}
}

// A probe that was killed leaves its mailbox, and the next one removes it.
func TestProbeKilled(t *testing.T) {
	t.Parallel()
	p := newProbed(t, imaptest.FakeOptions{})
	cmd := program(t, p.dir, "probe", "accounts.csv", "--for", "60s")
	var errs said
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	errs.await(t, "destination, 1 lane: ")
	signalTo(t, cmd, syscall.SIGKILL)
	_ = cmd.Wait()
	if len(p.dst.Mailboxes()) < 2 {
		t.Fatal("it has left nothing")
	}
	out, _ := p.again(exitDone, "--read-only")
	if !strings.Contains(out, "an earlier probe has left imapfleet-probe-") || len(p.dst.Mailboxes()) < 2 {
		t.Errorf("%s", out)
	}
	out, _ = p.again(exitDone)
	if !strings.Contains(out, "removed too, for an earlier probe had left it: imapfleet-probe-") {
		t.Errorf("%s", out)
	}
	p.clean()
}

// What cannot be removed is named, with what to do.
func TestProbeLeaves(t *testing.T) {
	t.Parallel()
	p := newProbed(t, imaptest.FakeOptions{Intercept: func(c imaptest.FakeCommand) imaptest.FakeReply {
		if c.Name == "DELETE" {
			return imaptest.FakeReply{Lines: []string{"TAG NO [NOPERM] not by you"}}
		}
		return imaptest.FakeReply{}
	}})
	out, errs := p.again(exitRun)
	left := p.dst.Mailboxes()[1]
	for _, want := range []string{"mailbox " + left + " of user (line 1) was left at 127.0.0.1: ", "not by you", "remove it with a mail program"} {
		if !strings.Contains(errs, want) {
			t.Errorf("no %q in %s", want, errs)
		}
	}
	if !strings.Contains(out, "1 made, 0 removed") || !strings.Contains(out, "verdict: ") {
		t.Errorf("%s", out)
	}
}
