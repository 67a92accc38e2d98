package console

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// clock is a time that the test moves.
type clock struct{ t time.Time }

func newClock() *clock { return &clock{time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time { return c.t }

func (c *clock) pass(d time.Duration) { c.t = c.t.Add(d) }

func newScreen(t *terminal, c *clock) *screen {
	return &screen{out: t, size: t.size, now: c.now}
}

func small(workers int) throughput.View {
	f := throughput.View{Standing: rows(throughput.RowCounts{Done: 1, Running: workers}), Fraction: 0.5}
	for i := range workers {
		f.Busy = append(f.Busy, at(fmt.Sprintf("user%d", i), "INBOX", 1, 2, 0))
	}
	return f
}

func see(t *testing.T, term *terminal, want string) {
	t.Helper()
	if d := cmp.Diff(strings.TrimPrefix(want, "\n"), term.text()); d != "" {
		t.Errorf("screen (-want +got):\n%s\n%s", d, term.text())
	}
	for _, f := range term.faults {
		t.Errorf("the terminal got a %s", f)
	}
}

func TestScreenRedraws(t *testing.T) {
	term, c := newTerminal(60, 10), newClock()
	s := newScreen(term, c)
	s.draw(small(3))
	see(t, term, `
 50% [====>      ]  0 B copied  0.00 MiB/s  0.00 messages/s
rows 1 of 4 done, 0 failed, 0 parked, 3 running
  user0  INBOX  1/2 messages  0.00 MiB/s
  user1  INBOX  1/2 messages  0.00 MiB/s
  user2  INBOX  1/2 messages  0.00 MiB/s`)
	c.pass(redraw)
	s.draw(small(1))
	see(t, term, `
 50% [====>      ]  0 B copied  0.00 MiB/s  0.00 messages/s
rows 1 of 2 done, 0 failed, 0 parked, 1 running
  user0  INBOX  1/2 messages  0.00 MiB/s`)
	c.pass(redraw)
	s.leave(small(0))
	if _, err := s.Write([]byte("the end\n")); err != nil {
		t.Fatal(err)
	}
	see(t, term, `
 50% [====>      ]  0 B copied  0.00 MiB/s  0.00 messages/s
rows 1 of 1 done, 0 failed, 0 parked, 0 running
the end`)
}

func TestScreenDrawsSeldom(t *testing.T) {
	term, c := newTerminal(60, 10), newClock()
	s := newScreen(term, c)
	for i := range 100 {
		s.draw(small(1 + i%2))
		c.pass(10 * time.Millisecond)
	}
	if term.writes != 10 {
		t.Errorf("%d drawings in a second, want 10", term.writes)
	}
	for range 10 {
		c.pass(time.Second)
		s.draw(small(2))
	}
	if term.writes > 11 {
		t.Errorf("%d drawings of what did not change", term.writes-10)
	}
}

// TestScreenLogs writes log lines of all lengths at all times: each must be
// there, whole and once, in its order, and the frame below the last one.
func TestScreenLogs(t *testing.T) {
	term, c := newTerminal(60, 8), newClock()
	s := newScreen(term, c)
	log := slog.New(slog.NewTextHandler(s, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
			return slog.Attr{}
		}
		return a
	}}))
	var want []string
	frames := 0
	for i := range 300 {
		if i%7 == 0 {
			s.draw(small(1 + i%5))
		}
		msg := fmt.Sprintf("line%d%s", i, strings.Repeat("x", i%150))
		log.Info(msg)
		want = append(want, "msg="+msg)
		c.pass(time.Duration(i%40) * time.Millisecond)
		if strings.Count(term.text(), "rows 1 of") > 1 {
			t.Fatalf("line %d: two frames\n%s", i, term.text())
		}
		frames += strings.Count(term.text(), "rows 1 of")
	}
	if frames < 30 {
		t.Errorf("the frame was there after %d lines of 300", frames)
	}
	c.pass(redraw)
	s.leave(small(0))
	got := strings.Split(strings.ReplaceAll(unwrap(term), "\r", ""), "\n")
	if d := cmp.Diff(want, got[:len(got)-2]); d != "" {
		t.Errorf("log lines (-want +got):\n%s", d)
	}
	if len(term.faults) > 0 {
		t.Errorf("faults: %v", term.faults)
	}
}

// TestScreenLogFlood: each line goes out at once, the frame follows seldom.
func TestScreenLogFlood(t *testing.T) {
	term, c := newTerminal(60, 10), newClock()
	s := newScreen(term, c)
	s.draw(small(2))
	for i := range 1000 {
		if _, err := fmt.Fprintf(s, "line %d\n", i); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(term.text(), fmt.Sprintf("line %d", i)) {
			t.Fatalf("line %d is not there yet", i)
		}
		c.pass(time.Millisecond)
	}
	if term.frames != 10 {
		t.Errorf("%d drawings in a second, want 10", term.frames)
	}
}

// unwrap joins rows that the terminal has broken.
func unwrap(t *terminal) string {
	var b strings.Builder
	for i, row := range t.rows {
		b.WriteString(string(row))
		if t.hard[i] {
			b.WriteString("\n")
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

// TestScreenResize makes a high terminal narrower or wider: what has scrolled
// off the screen of a low one could not be wiped.
func TestScreenResize(t *testing.T) {
	for width := 5; width < 120; width++ {
		term, c := newTerminal(80, 100), newClock()
		s := newScreen(term, c)
		if _, err := s.Write([]byte("above\n")); err != nil {
			t.Fatal(err)
		}
		s.draw(small(4))
		term.resize(width, 100)
		c.pass(redraw)
		s.draw(small(4))
		c.pass(redraw)
		s.draw(small(3))
		want := "above\n" + strings.Join(compose(small(3), width-1, 99), "\n")
		if d := cmp.Diff(want, term.text()); d != "" {
			t.Fatalf("%d columns (-want +got):\n%s\n%s", width, d, term.text())
		}
	}
}

// TestScreenResizeIsSeldom: a window that is dragged changes with each look.
func TestScreenResizeIsSeldom(t *testing.T) {
	term, c := newTerminal(80, 20), newClock()
	s := newScreen(term, c)
	for i := range 100 {
		term.resize(60+i%9, 20)
		s.draw(small(2))
		c.pass(10 * time.Millisecond)
	}
	if term.writes > 10 {
		t.Errorf("%d drawings in a second, want at most 10", term.writes)
	}
}

func TestScreenPartialLines(t *testing.T) {
	term, c := newTerminal(60, 10), newClock()
	s := newScreen(term, c)
	for _, p := range []string{"one", " line\nan", "other\nth", "ird", "\x1b[2J\ttail\x00"} {
		if n, err := s.Write([]byte(p)); n != len(p) || err != nil {
			t.Errorf("Write(%q) = %d, %v", p, n, err)
		}
	}
	see(t, term, "one line\nanother")
	s.flush()
	see(t, term, "one line\nanother\nthird [2J tail")
	s.flush()
	see(t, term, "one line\nanother\nthird [2J tail")
	if _, err := s.Write(make([]byte, longestLine+1)); err != nil {
		t.Fatal(err)
	}
	if len(s.partial) != 0 {
		t.Errorf("%d octets kept of a line without end", len(s.partial))
	}
}

type broken struct{}

var errBroken = errors.New("broken pipe")

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestScreenWriteError(t *testing.T) {
	c := newClock()
	s := &screen{out: broken{}, size: func() (int, int) { return 0, 0 }, now: c.now}
	s.draw(small(1))
	if _, err := s.Write([]byte("x\n")); !errors.Is(err, errBroken) {
		t.Errorf("Write = %v, want %v", err, errBroken)
	}
	c.pass(redraw)
	if _, err := s.Write([]byte("x\n")); !errors.Is(err, errBroken) {
		t.Errorf("Write with a frame = %v, want %v", err, errBroken)
	}
}
