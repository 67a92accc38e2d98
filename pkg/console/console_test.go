package console

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// output is a buffer that is read while others write.
type output struct {
	mu     sync.Mutex
	b      bytes.Buffer
	writes int
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writes++
	return o.b.Write(p)
}

func (o *output) text() (string, int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String(), o.writes
}

func noEnv(string) string { return "" }

func fixed(c throughput.Standing) throughput.Rows {
	return throughput.RowsFunc(func() throughput.Standing { return c })
}

func TestPlainLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out output
		run := throughput.NewRun()
		c := New(Options{Out: &out, Getenv: noEnv, Watch: throughput.NewWatch(run, fixed(rows(throughput.RowCounts{Done: 1, Pending: 1})))})
		c.Start(t.Context())
		synctest.Wait()
		run.Account("x", 1).Copied(50, 100<<20)
		time.Sleep(25 * time.Second)
		fmt.Fprintln(c, "level=WARN msg=\x1bhm")
		c.Stop()
		c.Stop()
		got, _ := out.text()
		const want = `progress 50%, 100.0 MiB copied, 10.0 MiB/s, 5.00 messages/s, rows 1 of 2 done, 0 failed, 0 parked, 0 running
progress 50%, 100.0 MiB copied, 0.00 MiB/s, 0.00 messages/s, rows 1 of 2 done, 0 failed, 0 parked, 0 running
level=WARN msg= hm
progress 50%, 100.0 MiB copied, 0.00 MiB/s, 0.00 messages/s, rows 1 of 2 done, 0 failed, 0 parked, 0 running
`
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("output (-want +got):\n%s", d)
		}
	})
}

func TestPlainShortRunSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out output
		c := New(Options{Out: &out, Getenv: noEnv})
		c.Start(t.Context())
		time.Sleep(9 * time.Second)
		c.Stop()
		if got, _ := out.text(); got != "" {
			t.Errorf("output = %q, want none", got)
		}
	})
}

// TestFrameWhileLogging runs the whole for ten seconds with workers that
// count and log all the time.
func TestFrameWhileLogging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term := newTerminal(100, 12)
		run := throughput.NewRun()
		c := New(Options{Out: term, Mode: Frame, Size: func() (int, int) { return 100, 12 },
			Watch: throughput.NewWatch(run, fixed(rows(throughput.RowCounts{Running: 4})))})
		c.Start(t.Context())
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				a := run.Account(fmt.Sprint("user", i), i+1)
				defer a.End()
				a.Expect(1000, 1000)
				for n := range 1000 {
					a.Copied(1, 1)
					if n%10 == 0 {
						fmt.Fprintf(c, "user%d %d\n", i, n)
					}
					time.Sleep(10 * time.Millisecond)
				}
			})
		}
		wg.Wait()
		c.Stop()
		fmt.Fprintln(c, "after")
		lines := strings.Split(term.text(), "\n")
		if len(lines) != 403 {
			t.Errorf("%d lines, want 400 log lines, two of the frame and one after", len(lines))
		}
		tail := lines[len(lines)-3:]
		if !strings.HasPrefix(tail[0], "100% [=====") {
			t.Errorf("bar = %q", tail[0])
		}
		want := []string{"rows 0 of 4 done, 0 failed, 0 parked, 4 running", "after"}
		if d := cmp.Diff(want, tail[1:]); d != "" {
			t.Errorf("the end (-want +got):\n%s", d)
		}
		if term.frames > 102 {
			t.Errorf("%d drawings in ten seconds, want at most the first, 10 a second and the last", term.frames)
		}
		for _, f := range term.faults {
			t.Errorf("the terminal got a %s", f)
		}
	})
}

// TestFrameLeavesTotals: a run that was stopped has workers still.
func TestFrameLeavesTotals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term := newTerminal(80, 12)
		run := throughput.NewRun()
		run.Account("anna", 1)
		c := New(Options{Out: term, Mode: Frame, Size: func() (int, int) { return 80, 12 }, Watch: throughput.NewWatch(run, nil)})
		c.Start(t.Context())
		synctest.Wait()
		if !strings.Contains(term.text(), "anna") {
			t.Errorf("no worker in\n%s", term.text())
		}
		c.Stop()
		see(t, term, "  0% [                               ]  0 B copied  0.00 MiB/s  0.00 messages/s\nrows 0 of 0 done, 0 failed, 0 parked, 0 running")
	})
}

func TestFrameEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term := newTerminal(100, 12)
		ctx, cancel := context.WithCancel(t.Context())
		c := New(Options{Out: term, Mode: Frame, Size: func() (int, int) { return 0, 0 }})
		c.Start(ctx)
		c.Start(ctx)
		time.Sleep(time.Second)
		cancel()
		synctest.Wait()
		before := term.writes
		time.Sleep(time.Second)
		if term.writes != before {
			t.Error("drawn after the end of the context")
		}
		c.Stop()
		c.Start(t.Context())
		time.Sleep(time.Second)
		if term.writes != before {
			t.Error("drawn after Stop")
		}
	})
}

func TestQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out output
		c := New(Options{Out: &out, Mode: Frame, Quiet: true})
		c.Start(t.Context())
		time.Sleep(time.Minute)
		fmt.Fprint(c, "an error")
		c.Stop()
		if got, _ := out.text(); got != "an error\n" {
			t.Errorf("output = %q, want the log line alone", got)
		}
	})
}

func TestStopWithoutStart(t *testing.T) {
	var out output
	c := New(Options{Out: &out, Getenv: noEnv})
	c.Stop()
	if _, n := out.text(); n != 0 {
		t.Errorf("%d writes", n)
	}
	New(Options{}).Stop()
}

func TestChoose(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	env := func(pairs ...string) func(string) string {
		return func(k string) string {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == k {
					return pairs[i+1]
				}
			}
			return ""
		}
	}
	tests := []struct {
		name  string
		opt   Options
		plain bool
	}{
		{"a buffer", Options{Out: &bytes.Buffer{}, Getenv: env()}, true},
		{"a file", Options{Out: file, Getenv: env("TERM", "xterm")}, true},
		{"forced", Options{Out: file, Mode: Frame, Getenv: env("NO_COLOR", "1")}, false},
		{"forced plain", Options{Out: file, Mode: Plain, Getenv: env()}, true},
		{"forced but quiet", Options{Out: file, Mode: Frame, Quiet: true, Getenv: env()}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			plain, restore := choose(tt.opt)
			restore()
			if plain != tt.plain {
				t.Errorf("plain = %v, want %v", plain, tt.plain)
			}
		})
	}
	if w, h := sizeOf(file)(); w != 0 || h != 0 {
		t.Errorf("size of a file = %d x %d", w, h)
	}
}

// TestRowsMayLog: who answers for the rows may hold a lock that a logging
// goroutine wants, and log itself.
func TestRowsMayLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term := newTerminal(100, 12)
		var c *Console
		c = New(Options{Out: term, Mode: Frame, Size: func() (int, int) { return 100, 12 }, Watch: throughput.NewWatch(nil, throughput.RowsFunc(func() throughput.Standing {
			fmt.Fprintln(c, "asked")
			return throughput.Standing{}
		}))})
		c.Start(t.Context())
		time.Sleep(time.Second)
		c.Stop()
		if n := strings.Count(term.text(), "asked"); n < 5 {
			t.Errorf("asked %d times", n)
		}
	})
}

func BenchmarkDraw(b *testing.B) {
	c := newClock()
	s := &screen{out: &bytes.Buffer{}, size: func() (int, int) { return 120, 40 }, now: c.now}
	f := sample()
	for b.Loop() {
		c.pass(time.Second)
		f.MiB++
		s.draw(f)
	}
}
