package wire

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestSilentServer(t *testing.T) {
	for _, tt := range []struct {
		name string
		opt  Options
		reqs []Request
		want time.Duration
	}{
		{"default", Options{}, []Request{{Line: "NOOP"}}, time.Minute},
		{"set", Options{Timeout: 7 * time.Second}, []Request{{Line: "NOOP"}}, 7 * time.Second},
		{"slow", Options{}, []Request{{Line: "SELECT x", Slow: true}}, 10 * time.Minute},
		{"slow set", Options{FinalTimeout: time.Hour}, []Request{{Line: "SELECT x", Slow: true}}, time.Hour},
		{"slow first", Options{}, []Request{{Line: "SELECT x", Slow: true}, {Line: "NOOP"}}, 10 * time.Minute},
		{"slow second", Options{}, []Request{{Line: "NOOP"}, {Line: "SELECT x", Slow: true}}, time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, s, _ := pair(t, tt.opt)
				time.Sleep(time.Hour) // nothing is owed: no deadline
				var last *Pending
				for i, r := range tt.reqs {
					last = start(t, c, s, []string{"X1", "X2"}[i], r)
				}
				began := time.Now()
				_, err := last.Wait(t.Context())
				timedOut(t, err, began, tt.want)
			})
		})
	}
}

func TestNoGreeting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		began := time.Now()
		c := New(near, Options{})
		_, err := c.Read(make([]byte, 10))
		timedOut(t, err, began, time.Minute)
	})
}

func TestIdleConnectionLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := pair(t, Options{})
		p := start(t, c, s, "X1", Request{Line: "NOOP"})
		s.say("X1 OK done\r\n")
		wantReply(t, p, Reply{"OK", "", "done"})
		time.Sleep(48 * time.Hour)
		if err := c.Err(); err != nil {
			t.Fatalf("an idle connection died: %v", err)
		}
		p = start(t, c, s, "X2", Request{Line: "NOOP"})
		s.say("X2 OK done\r\n")
		wantReply(t, p, Reply{"OK", "", "done"})
	})
}

func TestProgressIsNoSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := pair(t, Options{})
		p := start(t, c, s, "X1", Request{Line: "NOOP"})
		for i := range len("X1 OK done\r\n") {
			time.Sleep(59 * time.Second)
			s.say("X1 OK done\r\n"[i : i+1])
		}
		wantReply(t, p, Reply{"OK", "", "done"})
	})
}

func TestPausedConsumerIsNoSilentServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := pair(t, Options{})
		var bodies []string
		p := start(t, c, s, "X1", Request{
			Line: "FETCH", Wants: wants("FETCH"),
			Handle: func(r *Reader) error {
				for {
					tok, err := r.Next()
					if err != nil || tok.Kind == End {
						return err
					}
					if tok.Kind == Literal {
						body := r.Literal()
						half := make([]byte, 2)
						if _, err := io.ReadFull(body, half); err != nil {
							return err
						}
						time.Sleep(3 * time.Hour) // in the middle of a literal
						rest, err := io.ReadAll(body)
						if err != nil {
							return err
						}
						bodies = append(bodies, string(half)+string(rest))
					}
				}
			},
		})
		go s.say("* 1 FETCH (BODY[] {5}\r\nhe", "llo)\r\n", "X1 OK\r\n")
		wantReply(t, p, Reply{Status: "OK"})
		if len(bodies) != 1 || bodies[0] != "hello" {
			t.Errorf("bodies = %q", bodies)
		}
	})
}

// The upload of a message takes as long as it takes: only a chunk that does
// not move is a timeout, and nothing is owed meanwhile.
func TestLongUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := pair(t, Options{})
		a, err := c.Append(t.Context(), "INBOX")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			s.expect("X1 APPEND INBOX {5}\r\n")
			s.say("+ go\r\n")
			s.expect("hello\r\n")
			time.Sleep(9 * time.Minute)
			s.say("X1 OK\r\n")
		}()
		slow := readerFunc(func(p []byte) (int, error) {
			time.Sleep(time.Hour)
			return copy(p, "hello"), io.EOF
		})
		if r, err := a.Message(t.Context(), "", 5, Sync, slow); r != nil || err != nil {
			t.Fatalf("Message = %v, %v", r, err)
		}
		p, err := a.Finish()
		if err != nil {
			t.Fatal(err)
		}
		wantReply(t, p, Reply{Status: "OK"})
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestNoContinuation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := pair(t, Options{})
		a, err := c.Append(t.Context(), "INBOX")
		if err != nil {
			t.Fatal(err)
		}
		go s.expect("X1 APPEND INBOX {5}\r\n")
		began := time.Now()
		_, err = a.Message(t.Context(), "", 5, Sync, strings.NewReader("hello"))
		timedOut(t, err, began, time.Minute)
	})
}

func TestStalledWrite(t *testing.T) {
	for _, tt := range []struct {
		name string
		slow bool
		want time.Duration
	}{{"nothing owed", false, time.Minute}, {"behind a slow command", true, 10 * time.Minute}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, s, _ := pair(t, Options{})
				if tt.slow {
					start(t, c, s, "X1", Request{Line: "SELECT x", Slow: true})
				}
				began := time.Now()
				p, err := c.Start(t.Context(), Request{Line: "NOOP"})
				if p != nil {
					t.Error("a Pending for a command that did not leave")
				}
				timedOut(t, err, began, tt.want)
			})
		})
	}
}

func TestContextEndsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := pair(t, Options{})
		p := start(t, c, s, "X1", Request{Line: "NOOP"})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := p.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait = %v", err)
		}
		s.say("X1 OK late\r\n") // the connection lives, Wait may be called again
		wantReply(t, p, Reply{"OK", "", "late"})
	})
}

// While a part of a command has left, the end of the context ends the
// connection, in no time.
func TestContextEndsWriters(t *testing.T) {
	body := func() io.Reader {
		return io.LimitReader(readerFunc(func(p []byte) (int, error) { return len(p), nil }), 1<<30)
	}
	for _, tt := range []struct {
		name string
		do   func(ctx context.Context, c *Conn) error
	}{
		{"stalled command", func(ctx context.Context, c *Conn) error {
			_, err := c.Start(ctx, Request{Line: "NOOP"})
			return err
		}},
		{"no continuation", func(ctx context.Context, c *Conn) error {
			a, err := c.Append(ctx, "INBOX")
			if err != nil {
				return err
			}
			_, err = a.Message(ctx, "", 1<<30, Sync, body())
			return err
		}},
		{"stalled body", func(ctx context.Context, c *Conn) error {
			a, err := c.Append(ctx, "INBOX")
			if err != nil {
				return err
			}
			_, err = a.Message(ctx, "", 1<<30, NonSync, body())
			return err
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, _, _ := pair(t, Options{})
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				began := time.Now()
				if err := tt.do(ctx, c); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error = %v", err)
				}
				if took := time.Since(began); took != 10*time.Second {
					t.Errorf("took %v", took)
				}
				if !errors.Is(c.Err(), context.DeadlineExceeded) {
					t.Errorf("Err = %v", c.Err())
				}
			})
		})
	}
}

// Waiting for another writer, the end of the context harms nobody.
func TestContextEndsWaitForWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := pair(t, Options{})
		a, err := c.Append(t.Context(), "INBOX")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Start(ctx, Request{Line: "NOOP"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Start = %v", err)
		}
		a.Cancel()
		start(t, c, s, "X2", Request{Line: "NOOP"})
		if c.Err() != nil {
			t.Errorf("Err = %v", c.Err())
		}
	})
}
