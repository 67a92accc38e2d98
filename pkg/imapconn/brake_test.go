package imapconn

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/wire"
)

func TestBrake(t *testing.T) {
	ok, no := wire.Reply{Status: "OK", Text: "done"}, wire.Reply{Status: "NO", Text: "no"}
	end := wire.Reply{Status: "OK", Text: "FETCH completed (Success) [THROTTLED]"}
	code := wire.Reply{Status: "OK", Code: "Throttled", Text: "done"}
	many := func(r wire.Reply, n int) []wire.Reply {
		var all []wire.Reply
		for range n {
			all = append(all, r)
		}
		return all
	}
	tests := []struct {
		name  string
		heard []wire.Reply
		want  time.Duration
	}{
		{"nothing", nil, 0},
		{"OK", many(ok, 3), 0},
		{"once, at the end of the text", []wire.Reply{end}, 50 * time.Millisecond},
		{"once, as a code", []wire.Reply{code}, 50 * time.Millisecond},
		{"in the middle of a text", []wire.Reply{{Status: "OK", Text: "[THROTTLED] is what others say"}}, 0},
		{"a NO is for others to read", []wire.Reply{{Status: "NO", Code: "THROTTLED"}}, 0},
		{"three times", []wire.Reply{end, code, end}, 200 * time.Millisecond},
		{"without end", many(end, 30), 16 * time.Second},
		{"it passes", append(many(end, 3), ok), 100 * time.Millisecond},
		{"it passes by and by", append(many(end, 3), many(ok, 2)...), 50 * time.Millisecond},
		{"it has passed", append(many(end, 3), many(ok, 3)...), 0},
		{"a NO says nothing about it", []wire.Reply{end, end, no}, 100 * time.Millisecond},
		{"from the top down to nothing", append(many(end, 30), many(ok, 20)...), 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b brake
			for _, r := range tt.heard {
				b.hear(r)
			}
			now := time.Unix(0, 0)
			if d, first := b.reserve(now); d != tt.want || first != (tt.want > 0) {
				t.Errorf("the next command waits %v (first %v), want %v", d, first, tt.want)
			}
			if d, first := b.reserve(now); d != 2*tt.want || first {
				t.Errorf("the one beside it waits %v (first %v), want %v", d, first, 2*tt.want)
			}
			if d, _ := b.reserve(now.Add(time.Hour)); d != tt.want {
				t.Errorf("the one an hour later waits %v, want %v", d, tt.want)
			}
		})
	}
}

// fakeConfig reaches a Fake.
func fakeConfig(f *imaptest.Fake, side fault.Side) Config {
	return Config{
		Side: side, DialContext: f.DialContext,
		Endpoint: account.Endpoint{Host: "mail.test", Security: account.SecurityPlain, User: "u", Password: account.NewSecret("p")},
	}
}

// A server that says [THROTTLED] with its OK gets its commands more slowly,
// and only its commands: what is in flight comes as fast as it may.
func TestThrottledOK(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		statuses := 0
		f := imaptest.NewFake(t, imaptest.FakeOptions{Pipe: true, Intercept: func(cmd imaptest.FakeCommand) imaptest.FakeReply {
			if cmd.Name == "STATUS" {
				if statuses++; statuses <= 3 {
					return imaptest.FakeReply{Lines: []string{"TAG OK Success [THROTTLED]"}}
				}
			}
			return imaptest.FakeReply{}
		}}, imaptest.FakeMailbox{Name: "INBOX"})
		var logged bytes.Buffer
		cfg := fakeConfig(f, fault.Source)
		cfg.Logger = slog.New(slog.NewTextHandler(&logged, nil))
		c := dial(t, cfg)
		start := time.Now()
		status := func(want time.Duration) {
			t.Helper()
			at := time.Now()
			if _, err := c.Status(t.Context(), []string{"INBOX"}); err != nil {
				t.Fatal(err)
			}
			if d := time.Since(at); d != want {
				t.Errorf("a command took %v, want %v", d, want)
			}
		}
		for _, ms := range []time.Duration{0, 50, 100, 200, 100, 50, 0} { // three of them throttle
			status(ms * time.Millisecond)
		}
		if d := c.Braked(); d != 500*time.Millisecond || time.Since(start) != d {
			t.Errorf("braked for %v of %v", d, time.Since(start))
		}
		if n := strings.Count(logged.String(), "go slower"); n != 1 {
			t.Errorf("%d lines in the log:\n%s", n, &logged)
		}
	})
}

// Neither the end of a context nor that of the connection waits for the brake.
func TestBrakeEnds(t *testing.T) {
	for name, end := range map[string]func(cancel func(), c *Conn){
		"cancelled": func(cancel func(), _ *Conn) { cancel() },
		"lost":      func(_ func(), c *Conn) { c.Abort() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := imaptest.NewFake(t, imaptest.FakeOptions{Pipe: true}, imaptest.FakeMailbox{Name: "INBOX"})
				c, err := Dial(t.Context(), fakeConfig(f, fault.Dest))
				if err != nil {
					t.Fatal(err)
				}
				for range 20 {
					c.brake.hear(wire.Reply{Status: "OK", Code: "THROTTLED"})
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				time.AfterFunc(time.Second, func() { end(cancel, c) })
				start := time.Now()
				if _, err := c.Append(ctx, "INBOX"); err == nil {
					t.Error("no error")
				}
				if d := time.Since(start); d != time.Second || c.Braked() != d {
					t.Errorf("ended after %v, braked %v, want 1 s", d, c.Braked())
				}
				c.Abort()
				<-c.Done()
			})
		})
	}
}
