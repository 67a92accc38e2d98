//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// slow puts a slow link before the new server.
func (s *site) slow(rate int64) *imaptest.Proxy {
	s.t.Helper()
	p := imaptest.StartProxy(s.t, s.new.Addr(), imaptest.ProxyOptions{UpRate: rate, Delay: 10 * time.Millisecond})
	s.via[1] = p.Addr()
	return p
}

// trio makes three accounts of some 250 KB and lists them.
func (s *site) trio(name string, seed uint64) (users []string) {
	s.t.Helper()
	var rows []string
	for i := range 3 {
		user := name + string(rune('a'+i))
		g := imaptest.NewGenerator(seed+uint64(i), imaptest.Spec{Median: 2500, Mean: 4000, Max: 40_000, Flags: 0.5})
		s.add(user, g.Mailbox("INBOX", 40), g.Mailbox("Sent", 20))
		users, rows = append(users, user), append(rows, s.row(user))
	}
	s.list(rows...)
	return users
}

// passed waits until so many octets have reached the destination.
func (s *site) passed(p *imaptest.Proxy, octets int64) {
	s.t.Helper()
	s.await(p, func(at imaptest.ProxyStats) bool { return at.Up >= octets })
}

// await waits until enough holds for what went through a proxy.
func (s *site) await(p *imaptest.Proxy, enough func(imaptest.ProxyStats) bool) {
	s.t.Helper()
	ctx, stop := context.WithTimeout(s.t.Context(), time.Minute)
	defer stop()
	if err := p.Await(ctx, enough); err != nil {
		s.t.Fatalf("after a minute: %+v", p.Stats())
	}
}

// A signal in the middle of a run stops it at a message border, well within
// the time that a person waits; a rerun completes it exactly. A second signal
// ends it at once, and even then.
func TestSignalsReal(t *testing.T) {
	t.Parallel()
	servers := newSite(t)
	tests := []struct {
		name    string
		signals []os.Signal
		code    int
	}{
		{"SIGINT", []os.Signal{syscall.SIGINT}, exitInterrupted},
		{"SIGTERM", []os.Signal{syscall.SIGTERM}, exitTerminated},
		{"SIGINT twice", []os.Signal{syscall.SIGINT, syscall.SIGINT}, -1},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := servers.child(t)
			link := s.slow(256 << 10)
			users := s.trio(fmt.Sprintf("signal%d", i), uint64(500+10*i))

			g := s.start("run", "accounts.csv", "--parallel", "2")
			s.passed(link, 150<<10)
			at := time.Now()
			for i, sig := range tt.signals {
				if err := g.cmd.Process.Signal(sig); err != nil {
					t.Fatal(err)
				}
				if i < len(tt.signals)-1 { // two at once may be seen as one
					g.errs.await(t, "a second signal ends it at once")
				}
			}
			e := s.wait(g)
			if e.code != tt.code {
				t.Fatalf("want exit code %d: %v", tt.code, e)
			}
			if took := time.Since(at); took > 10*time.Second {
				t.Errorf("it took %v to stop", took)
			}
			if tt.code > 0 {
				s.stopped(e)
			}
			status := s.run("status", "accounts.csv")
			if status.code != exitNotDone || !strings.Contains(status.out, " 0 running,") || strings.Contains(status.out, "A run goes on") {
				t.Errorf("status: %v", status)
			}
			e = s.mustRun("--parallel", "2")
			if c := e.summary.List; c.Rows.Done != 3 {
				t.Errorf("after the rerun: %+v", c.Rows)
			}
			for _, user := range users {
				s.once(user)
			}
			s.copied(s.mustRun(), 0, 180)
		})
	}
}

// stopped holds the files against what a signal leaves: rows that are done or
// pending, none failed.
func (s *site) stopped(e ending) {
	s.t.Helper()
	r := e.summary.Run.Rows
	if r.Pending == 0 || r.Done+r.Pending != 3 {
		s.t.Errorf("rows after the signal: %+v", r)
	}
	for line, row := range s.records("failed.csv") {
		if row["state"] != "pending" || row["code"] != "" {
			s.t.Errorf("row %s after the signal: %v", line, row)
		}
	}
	if !strings.Contains(e.out, "pending") {
		s.t.Errorf("no summary: %v", e)
	}
}

// A destination that stores and no longer answers: the run waits for it only
// so long, and the rerun finds what was stored.
func TestSignalWithoutAnswerReal(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var mute atomic.Bool
	unheard := make(chan struct{}, 1) // holds one as soon as something is stored and its answer is lost
	link := imaptest.StartProxy(t, s.new.Addr(), imaptest.ProxyOptions{UpRate: 256 << 10, Rewrite: func(line []byte) []byte {
		if !mute.Load() {
			return line
		}
		if bytes.Contains(line, []byte("[APPENDUID ")) {
			select {
			case unheard <- struct{}{}:
			default:
			}
		}
		return nil
	}})
	s.via[1] = link.Addr()
	users := s.trio("mute", 550)
	g := s.start("run", "accounts.csv", "--parallel", "3", "--quiet")
	s.passed(link, 100<<10)
	mute.Store(true)
	select {
	case <-unheard:
	case <-time.After(time.Minute):
		t.Fatalf("nothing was stored without an answer: %+v", link.Stats())
	}
	at := time.Now()
	if err := g.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	e := s.wait(g)
	if e.code != exitTerminated {
		t.Fatalf("want exit code %d: %v", exitTerminated, e)
	}
	if took := time.Since(at); took > 10*time.Second {
		t.Errorf("it took %v to stop", took)
	}
	s.stopped(e)
	mute.Store(false)
	again := s.mustRun("--parallel", "3")
	if c := again.summary.Run.Total; c.AlreadyThere <= e.summary.Run.Total.Copied {
		t.Errorf("nothing was stored without an answer: first %+v, then %+v", e.summary.Run.Total, c)
	}
	for _, user := range users {
		s.once(user)
	}
}
