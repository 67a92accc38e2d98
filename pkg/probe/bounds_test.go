package probe

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// piped is a probe of one row for a second, in a bubble whose clock is its own:
// servers give up after hours only, so that whatever ends sooner was ended.
func piped(t *testing.T, dst imaptest.FakeOptions) (o Options, to *imaptest.Fake) {
	t.Helper()
	dst.Pipe = true
	from := imaptest.NewFake(t, imaptest.FakeOptions{Pipe: true}, lettersOf(300, 2000))
	to = imaptest.NewFake(t, dst)
	at := func(host string, f *imaptest.Fake) account.Endpoint {
		a := f.Access()
		return account.Endpoint{Host: host, Port: 143, Security: account.SecurityPlain, User: a.User, Password: account.NewSecret(a.Password)}
	}
	return Options{
		Pairs: []account.Pair{{Line: 2, Source: at("old", from), Dest: at("new", to)}},
		For:   time.Second, Volume: 2 << 20, Lanes: 2, Timeout: 5 * time.Hour, FinalTimeout: 5 * time.Hour,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if strings.HasPrefix(addr, "old") {
				return from.DialContext(ctx, network, addr)
			}
			return to.DialContext(ctx, network, addr)
		},
	}, to
}

// A probe ends when its time is over, whatever it waits for, and removes its
// mailboxes; it says what it had no time for.
func TestOutOfTime(t *testing.T) {
	swallow := func(command string) imaptest.FakeOptions {
		return imaptest.FakeOptions{Intercept: func(c imaptest.FakeCommand) imaptest.FakeReply {
			if c.Name == command {
				return imaptest.FakeReply{Lines: []string{"* OK busy"}}
			}
			return imaptest.FakeReply{}
		}}
	}
	tests := []struct {
		name   string
		dst    imaptest.FakeOptions
		logins int64 // that --login-rate has room for
		most   time.Duration
		ended  string
	}{
		{"no login", imaptest.FakeOptions{}, 2, time.Second, `source Lanes:2 Why:there was no time left to open 2 lanes`},
		{"no CREATE", swallow("CREATE"), 99, time.Second + grace + 2*time.Second, `destination Lanes:1 Why:.*there was no time left.*both Lanes:1`},
		{"no SELECT", swallow("SELECT"), 99, time.Second + grace + 2*time.Second, `destination Lanes:1 Why:.*there was no time left.*both Lanes:1`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, dst := piped(t, tt.dst)
				var n atomic.Int64
				o.AwaitLogin = func(ctx context.Context, _ string) error {
					if n.Add(1) <= tt.logins {
						return nil
					}
					select {
					case <-ctx.Done():
						return ctx.Err()
					case <-time.After(5 * time.Hour):
						return nil
					}
				}
				began := time.Now()
				rep, err := Run(t.Context(), o)
				if took := time.Since(began); err != nil || took > tt.most {
					t.Errorf("%v after %v, want %v at most", err, took, tt.most)
				}
				match(t, "ended", tt.ended, fmt.Sprintf("%+v", rep.Ended))
				if boxes := dst.Mailboxes(); len(boxes) != 1 || len(rep.Mailboxes.Left) > 0 {
					t.Errorf("the destination has %q, the report %+v", boxes, rep.Mailboxes)
				}
			})
		})
	}
}

// A mailbox is not left behind for want of a place among the logins.
func TestRemovalWithoutAPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logins atomic.Int64
		o, dst := piped(t, imaptest.FakeOptions{Intercept: func(c imaptest.FakeCommand) imaptest.FakeReply {
			return imaptest.FakeReply{Close: c.Name == "SELECT"}
		}})
		o.AwaitLogin = func(ctx context.Context, _ string) error {
			if logins.Add(1) <= 2 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}
		o.Lanes = 1
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		rep, err := Run(ctx, o)
		if boxes := dst.Mailboxes(); err != nil || len(boxes) != 1 || rep.Mailboxes.Made == 0 || len(rep.Mailboxes.Left) > 0 {
			t.Errorf("%v; the destination has %q, the report %+v", err, boxes, rep.Mailboxes)
		}
	})
}
