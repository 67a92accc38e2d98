package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spf13/pflag"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// limitsOf are the limits of a command line.
func limitsOf(t *testing.T, args ...string) *limitFlags {
	t.Helper()
	var f limitFlags
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.register(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	return &f
}

// way is one direction of connections to some hosts.
type way struct {
	side  fault.Side
	hosts []string
	read  bool
}

// Which octets each flag holds to its rate, and which share it.
func TestLimits(t *testing.T) {
	const octets, fast = 1 << 20, 0
	source, dest := []string{"a"}, []string{"b"}
	tests := []struct {
		name, flags string
		way         way
		want        int // seconds for 1 MiB per connection, less the burst
	}{
		{"run, mail read", "--limit 64KiB", way{fault.Source, source, true}, 15},
		{"run, commands written", "--limit 64KiB", way{fault.Source, source, false}, fast},
		{"run, mail written", "--limit 64KiB", way{fault.Dest, dest, false}, 15},
		{"run, answers read", "--limit 64KiB", way{fault.Dest, dest, true}, fast},
		{"run, all hosts together", "--limit 64KiB", way{fault.Dest, []string{"a", "b", "c"}, false}, 47},
		{"sources, mail read", "--limit1 64KiB", way{fault.Source, source, true}, 15},
		{"sources, each host", "--limit1 64KiB", way{fault.Source, []string{"a", "b", "c"}, true}, 15},
		{"sources, one host", "--limit1 64KiB", way{fault.Source, []string{"a", "A", "a"}, true}, 47},
		{"sources, not destinations", "--limit1 64KiB", way{fault.Dest, source, false}, fast},
		{"destinations, mail written", "--limit2 64KiB", way{fault.Dest, dest, false}, 15},
		{"destinations, each host", "--limit2 64KiB", way{fault.Dest, []string{"a", "b"}, false}, 15},
		{"destinations, not sources", "--limit2 64KiB", way{fault.Source, dest, true}, fast},
		{"the lower of both", "--limit 1MiB --limit1 64KiB", way{fault.Source, source, true}, 15},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				wrap := limitsOf(t, strings.Fields(tt.flags)...).start().wrap
				began := time.Now()
				tt.way.move(t, wrap, octets)
				synctest.Wait()
				if got := time.Since(began); got.Round(time.Second) != time.Duration(tt.want)*time.Second {
					t.Errorf("took %v, want %d s", got, tt.want)
				}
			})
		})
	}
}

// move moves octets over a connection to each host at the same time.
func (w way) move(t *testing.T, wrap func(fault.Side, string, net.Conn) net.Conn, octets int64) {
	done := make(chan error)
	for _, host := range w.hosts {
		inner, far := net.Pipe()
		near := wrap(w.side, host, inner)
		from, to := near, far
		if w.read {
			from, to = far, near
		}
		go func() {
			_, _ = from.Write(make([]byte, octets))
			_ = from.Close()
		}()
		go func() {
			n, err := io.Copy(io.Discard, to)
			if n != octets {
				err = fmt.Errorf("%d octets, %w", n, err)
			}
			done <- err
		}()
	}
	for range w.hosts {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// Without a limit nothing is said of one.
func TestNoLimits(t *testing.T) {
	for _, flags := range []string{"", "--limit off --limit1 off"} {
		f := limitsOf(t, strings.Fields(flags)...)
		if now := f.start().now(); len(now) > 0 || len(f.attr().Value.Group()) > 0 {
			t.Errorf("%q: limits %v", flags, f.attr())
		}
	}
}

// TestLimitedOnce: rates that ctl has limited for a while are no more the servers'
// than those of --limit.
func TestLimitedOnce(t *testing.T) {
	rate, off := new(limitFlags), new(limitFlags)
	for text, f := range map[string]*limitFlags{"1MiB": rate, "off": off} {
		if err := f.host[1].Set(text); err != nil {
			t.Fatal(err)
		}
	}
	if !rate.start().limited() || off.start().limited() {
		t.Error("what the flags say is not known")
	}
	l := new(limitFlags).start()
	for i, s := range []scheduleValue{off.host[1], rate.host[1], off.host[1]} {
		l.set(2, "new.example", s.Schedule)
		if l.limited() != (i > 0) {
			t.Errorf("after %d: %v", i+1, l.limited())
		}
	}
}

// A run with a limit takes at least as long as its octets must.
func TestRunLimited(t *testing.T) {
	const messages, size, rate = 8, 60_000, 256 << 10
	for _, flag := range []string{"--limit", "--limit1", "--limit2"} {
		t.Run(flag, func(t *testing.T) {
			t.Parallel()
			servers := twoServers(t)
			for _, s := range servers {
				if err := s.AddUser("u", "x"); err != nil {
					t.Fatal(err)
				}
			}
			box := imaptest.Mailbox{Name: "INBOX"}
			for i := range messages {
				body := fmt.Sprintf("Subject: %d\r\n\r\n", i)
				box.Messages = append(box.Messages, imaptest.Message{Date: time.Unix(1e9, 0), Body: []byte(body + strings.Repeat("x", size-len(body)))})
			}
			if err := servers[0].Fill("u", box); err != nil {
				t.Fatal(err)
			}
			name := filepath.Join(t.TempDir(), "accounts.csv")
			list := fmt.Sprintf("imap+insecure://%s;u;x;imap+insecure://%s;u;x\n", servers[0].Addr(), servers[1].Addr())
			if err := os.WriteFile(name, []byte(list), 0o600); err != nil {
				t.Fatal(err)
			}
			var out, errs bytes.Buffer
			began := time.Now()
			if code := run(t.Context(), []string{"run", name, flag, "256KiB/s", "--quiet"}, nil, &out, &errs); code != exitDone {
				t.Fatalf("exit code %d\n%s%s", code, &out, &errs)
			}
			took := time.Since(began)
			octets := copiedOctets(t, stateDir(name, ""))
			if octets != messages*size {
				t.Errorf("%d octets copied", octets)
			}
			// Two bursts of 64 KiB may have passed at once.
			if least := time.Duration(octets-128<<10) * time.Second / rate; took < least {
				t.Errorf("took %v, want %v at least", took, least)
			}
			log, err := os.ReadFile(filepath.Join(stateDir(name, ""), logName))
			if want := "rates." + strings.TrimPrefix(flag, "--") + "=256KiB/s"; err != nil || !bytes.Contains(log, []byte(want)) {
				t.Errorf("the log does not say %s: %v\n%s", want, err, log)
			}
		})
	}
}

func copiedOctets(t *testing.T, dir string) int64 {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "summary.json"))
	if err != nil {
		t.Fatal(err)
	}
	var rep throughput.Report
	if err := json.Unmarshal(raw, &rep); err != nil {
		t.Fatal(err)
	}
	return rep.Run.Total.Octets
}
