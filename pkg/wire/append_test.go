package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

// beginAppend takes the writer.
func beginAppend(t *testing.T, c *Conn) *Append {
	t.Helper()
	a, err := c.Append(t.Context(), `"INBOX"`)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func mustAdd(t *testing.T, a *Append, head, body string, lit AppendLiteral) {
	t.Helper()
	if r, err := a.Message(t.Context(), head, int64(len(body)), lit, strings.NewReader(body)); r != nil || err != nil {
		t.Fatalf("Message = %+v, %v", r, err)
	}
}

func mustFinish(t *testing.T, a *Append) *Pending {
	t.Helper()
	p, err := a.Finish()
	if err != nil {
		t.Fatalf("Finish = %v", err)
	}
	return p
}

func TestAppendOnTheWire(t *testing.T) {
	small, big := strings.Repeat("s", maxSmall), strings.Repeat("b", maxSmall+1)
	huge := strings.Repeat("0123456789", 50_000) // several buffers
	type message struct {
		head, body string
		lit        AppendLiteral
	}
	for _, tt := range []struct {
		name string
		msgs []message
		want []string // the server says "+" between two
	}{
		{"synchronising", []message{{`(\Seen) " 1-Jan-2020 00:00:00 +0100" `, "hello", Sync}},
			[]string{`X1 APPEND "INBOX" (\Seen) " 1-Jan-2020 00:00:00 +0100" {5}` + "\r\n", "hello\r\n"}},
		{"LITERAL+", []message{{`(a}b) `, big, NonSync}}, []string{`X1 APPEND "INBOX" (a}b) {4097+}` + "\r\n" + big + "\r\n"}},
		{"LITERAL- small", []message{{"() ", small, NonSyncSmall}}, []string{`X1 APPEND "INBOX" () {4096+}` + "\r\n" + small + "\r\n"}},
		{"LITERAL- big", []message{{"", big, NonSyncSmall}}, []string{`X1 APPEND "INBOX" {4097}` + "\r\n", big + "\r\n"}},
		{"MULTIAPPEND", []message{{"(a) ", "1", NonSync}, {"(b) ", "", NonSync}, {"", huge, NonSync}},
			[]string{`X1 APPEND "INBOX" (a) {1+}` + "\r\n1 (b) {0+}\r\n {500000+}\r\n" + huge + "\r\n"}},
		{"MULTIAPPEND synchronising", []message{{"", "1", Sync}, {"", huge, Sync}},
			[]string{`X1 APPEND "INBOX" {1}` + "\r\n", "1 {500000}\r\n", huge + "\r\n"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, s, _ := pair(t, Options{})
				go func() {
					for i, want := range tt.want {
						if i > 0 {
							s.say("+ OK\r\n")
						}
						s.expect(want)
					}
					s.say("X1 OK [APPENDUID 1 5] done\r\n")
				}()
				a := beginAppend(t, c)
				for _, m := range tt.msgs {
					mustAdd(t, a, m.head, m.body, m.lit)
				}
				if a.p.Sent() {
					t.Error("Sent before Finish")
				}
				p := mustFinish(t, a)
				if !p.Sent() {
					t.Error("not Sent after Finish")
				}
				wantReply(t, p, Reply{"OK", "APPENDUID 1 5", "done"})
				synctest.Wait()
				start(t, c, s, "X2", Request{Line: "NOOP"}) // the writer is free
			})
		})
	}
}

// A refusal in place of "+" sends nothing and leaves the connection usable.
func TestRefusedLiteral(t *testing.T) {
	for _, status := range []string{"NO", "BAD"} {
		t.Run(status, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, s, _ := pair(t, Options{})
				a := beginAppend(t, c)
				go func() {
					s.expect(`X1 APPEND "INBOX" {5}` + "\r\n")
					s.say("X1 " + status + " [TRYCREATE] no such mailbox\r\n")
				}()
				r, err := a.Message(t.Context(), "", 5, Sync, iotest.ErrReader(errors.New("the body was read")))
				if want := (Reply{status, "TRYCREATE", "no such mailbox"}); err != nil || r == nil || *r != want {
					t.Fatalf("Message = %+v, %v, want %+v", r, err, want)
				}
				if a.p.Sent() {
					t.Error("a refused command counts as sent")
				}
				if _, err := a.Message(t.Context(), "", 1, NonSync, strings.NewReader("x")); !errors.Is(err, errOver) {
					t.Errorf("Message after the end = %v", err)
				}
				if _, err := a.Finish(); !errors.Is(err, errOver) {
					t.Errorf("Finish after the end = %v", err)
				}
				a.Cancel()
				synctest.Wait()
				p := start(t, c, s, "X2", Request{Line: "NOOP"})
				s.say("X2 OK\r\n")
				wantReply(t, p, Reply{Status: "OK"})
			})
		})
	}
}

// When "+" and a refusal come together, the server waits for the literal.
func TestContinuationThenRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := pair(t, Options{})
		a := beginAppend(t, c)
		go func() {
			s.expect(`X1 APPEND "INBOX" {5}` + "\r\n")
			s.say("+ go\r\nX1 NO changed my mind\r\n")
			s.expect("hello\r\n")
		}()
		mustAdd(t, a, "", "hello", Sync)
		wantReply(t, mustFinish(t, a), Reply{"NO", "", "changed my mind"})
		if c.Err() != nil {
			t.Errorf("Err = %v", c.Err())
		}
	})
}

// Nothing follows half a literal.
func TestHalfLiteralAborts(t *testing.T) {
	boom := errors.New("the source died")
	for _, tt := range []struct {
		name string
		body io.Reader
		want error
	}{
		{"short body", strings.NewReader("hel"), io.ErrUnexpectedEOF},
		{"failing body", io.MultiReader(strings.NewReader("hel"), iotest.ErrReader(boom)), boom},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, s, _ := pair(t, Options{})
				a := beginAppend(t, c)
				go func() {
					s.expect(`X1 APPEND "INBOX" {5}` + "\r\n")
					s.say("+ go\r\n")
				}()
				r, err := a.Message(t.Context(), "", 5, Sync, tt.body)
				if r != nil || !errors.Is(err, tt.want) {
					t.Errorf("Message = %v, %v", r, err)
				}
				a.Cancel()
				synctest.Wait()
				s.ends()
				if a.p.Sent() {
					t.Error("Sent")
				}
				if _, err := a.p.Wait(t.Context()); !errors.Is(err, tt.want) {
					t.Errorf("Wait = %v", err)
				}
				if _, err := c.Start(t.Context(), Request{Line: "NOOP"}); !errors.Is(err, tt.want) {
					t.Errorf("Start = %v", err)
				}
			})
		})
	}
}

// BAD on the way: the server may be reading the message as commands.
func TestEarlyBadAborts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := pair(t, Options{})
		a := beginAppend(t, c)
		go func() {
			s.expect(`X1 APPEND "INBOX" {500000000+}` + "\r\n")
			s.expect(strings.Repeat("x", 100<<10))
			s.say("X1 BAD [CLIENTBUG] Invalid date-time\r\n")
		}()
		began := time.Now()
		xs := readerFunc(func(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte("x"), len(p))), nil })
		_, err := a.Message(t.Context(), "", 500_000_000, NonSync, xs)
		if time.Since(began) != 0 {
			t.Errorf("a stalled write went on for %v", time.Since(began))
		}
		wantFault(t, err, fault.Protocol)
		if fault.IsTemporary(err) || !strings.Contains(err.Error(), "Invalid date-time") {
			t.Errorf("error = %v", err)
		}
		if r, ok := a.Answered(); !ok || r.Status != "BAD" || c.Err() == nil {
			t.Errorf("Answered = %+v, %v; Err = %v", r, ok, c.Err())
		}
	})
}

func TestEarlyBadAtFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := pair(t, Options{})
		a := beginAppend(t, c)
		body := strings.Repeat("x", appendBuffer*2)
		go s.expect((`X1 APPEND "INBOX" {131072+}` + "\r\n" + body)[:2*appendBuffer])
		mustAdd(t, a, "", body, NonSync)
		s.say("X1 BAD no\r\n")
		synctest.Wait()
		p, err := a.Finish()
		wantFault(t, err, fault.Protocol)
		if p.Sent() || c.Err() == nil {
			t.Errorf("Sent = %v, Err = %v", p.Sent(), c.Err())
		}
	})
}

// NO on the way: literals are skipped, so the command is ended properly.
func TestEarlyNo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := pair(t, Options{})
		a := beginAppend(t, c)
		body := strings.Repeat("x", appendBuffer)
		go func() {
			s.expect(`X1 APPEND "INBOX" {65536+}` + "\r\n")
			s.say("X1 NO [OVERQUOTA] full\r\n")
			s.expect(body + "\r\n")
		}()
		mustAdd(t, a, "", body, NonSync)
		synctest.Wait()
		r, err := a.Message(t.Context(), "", 1, NonSync, iotest.ErrReader(errors.New("the body was read")))
		if want := (Reply{"NO", "OVERQUOTA", "full"}); err != nil || r == nil || *r != want {
			t.Fatalf("Message = %+v, %v", r, err)
		}
		synctest.Wait()
		p := start(t, c, s, "X2", Request{Line: "NOOP"})
		s.say("X2 OK\r\n")
		wantReply(t, p, Reply{Status: "OK"})

		a = beginAppend(t, c)
		go func() {
			s.expect(`X3 APPEND "INBOX" {65536+}` + "\r\n")
			s.say("X3 NO [OVERQUOTA] full\r\n")
			s.expect(body + "\r\n")
		}()
		mustAdd(t, a, "", body, NonSync)
		synctest.Wait()
		wantReply(t, mustFinish(t, a), Reply{"NO", "OVERQUOTA", "full"})
	})
}

// A server that hangs up in the middle of a message is noticed.
func TestServerDiesWhileWriting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := pair(t, Options{})
		a := beginAppend(t, c)
		go func() {
			s.expect(`X1 APPEND "INBOX" {500000000+}` + "\r\n")
			s.say("X1 NO [LIMIT] too much\r\n* BYE Suggested Backoff Time: 1000 milliseconds\r\n")
			s.nc.Close()
		}()
		_, err := a.Message(t.Context(), "", 500_000_000, NonSync, endlessBody{})
		wantFault(t, err, fault.Throttled)
		if r, ok := a.Answered(); !ok || r.Code != "LIMIT" {
			t.Errorf("Answered = %+v, %v", r, ok)
		}
		if a.p.Sent() {
			t.Error("Sent")
		}
	})
}

type endlessBody struct{}

func (endlessBody) Read(p []byte) (int, error) { return len(p), nil }

func TestOddAnswersToHalfCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := pair(t, Options{})
		a := beginAppend(t, c)
		go func() {
			s.expect(`X1 APPEND "INBOX" {5}` + "\r\n")
			s.say("X1 OK done\r\n")
		}()
		r, err := a.Message(t.Context(), "", 5, Sync, strings.NewReader("hello"))
		wantFault(t, err, fault.Protocol)
		if r != nil {
			t.Errorf("an OK without the message is no answer: %+v", r)
		}
	})
}

func TestAppendMisuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := pair(t, Options{})
		if _, err := c.Append(t.Context(), "a\r\nb"); !errors.Is(err, errLine) {
			t.Errorf("Append = %v", err)
		}
		a := beginAppend(t, c)
		for _, head := range []string{"(a\r\n) ", "{5+}", "(a\x00) "} {
			if _, err := a.Message(t.Context(), head, 1, NonSync, strings.NewReader("x")); !errors.Is(err, errHead) {
				t.Errorf("Message(%q) = %v", head, err)
			}
		}
		if _, err := a.Message(t.Context(), "", -1, NonSync, nil); !errors.Is(err, errHead) {
			t.Errorf("Message = %v", err)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := a.Message(gone, "", 1, NonSync, strings.NewReader("x")); !errors.Is(err, context.Canceled) {
			t.Errorf("Message = %v", err)
		}
		if _, err := a.Finish(); !errors.Is(err, errNone) {
			t.Errorf("Finish = %v", err)
		}
		start(t, c, s, "X2", Request{Line: "NOOP"}) // nothing of X1 has left
		if c.Err() != nil {
			t.Errorf("Err = %v", c.Err())
		}
	})
}

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := pair(t, Options{})
		a := beginAppend(t, c)
		mustAdd(t, a, "", "still in the buffer", NonSync)
		a.Cancel()
		start(t, c, s, "X2", Request{Line: "NOOP"})

		a = beginAppend(t, c)
		body := strings.Repeat("x", appendBuffer)
		go s.expect((`X3 APPEND "INBOX" {65536+}` + "\r\n" + body)[:appendBuffer])
		mustAdd(t, a, "", body, NonSync)
		a.Cancel()
		a.Cancel()
		if !errors.Is(c.Err(), errGiveUp) {
			t.Errorf("Err = %v", c.Err())
		}
	})
}

// At a message border the end of a context does no harm.
func TestContextAtMessageBorder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := pair(t, Options{})
		a := beginAppend(t, c)
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := a.Message(ctx, "", 1, NonSync, strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
		cancel()
		synctest.Wait()
		go func() {
			s.expect(`X1 APPEND "INBOX" {1+}` + "\r\nx\r\n")
			s.say("X1 OK\r\n")
		}()
		wantReply(t, mustFinish(t, a), Reply{Status: "OK"})
	})
}
