package imapconn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

// fetched renders messages for comparison: uid|flags|date|size|body.
type fetched struct{ lines []string }

func (f *fetched) handler() FetchHandler {
	return FetchHandler{
		Body: func(m *Message, n int64, r io.Reader) error {
			b, err := io.ReadAll(r)
			if err == nil && int64(len(b)) != n {
				err = fmt.Errorf("%d octets, announced %d", len(b), n)
			}
			m.Body = b
			return err
		},
		Message: func(m *Message) error {
			flags, date, body := "-", "-", "-"
			if m.HasFlags {
				flags = strings.Join(m.Flags, " ")
			}
			if m.HasDate {
				date = m.Date.Format(time.RFC3339)
			} else if m.RawDate != "" {
				date = "raw " + m.RawDate
			}
			if m.HasBody {
				body = string(m.Body)
			}
			f.lines = append(f.lines, fmt.Sprintf("%d|%s|%s|%d|%s", m.UID, flags, date, m.Size, body))
			return nil
		},
	}
}

const everything = ItemFlags | ItemDate | ItemSize | ItemBody

func TestFetchResponses(t *testing.T) {
	const date = `INTERNALDATE "03-Feb-2020 04:05:06 +0100"`
	tests := []struct {
		name  string
		lines []string
		want  []string
	}{
		{"as usual", []string{`* 1 FETCH (UID 5 FLAGS (\Seen $F) ` + date + ` RFC822.SIZE 3 BODY[] {3}`, "abc)"}, []string{`5|\Seen $F|2020-02-03T04:05:06+01:00|3|abc`}},
		{"UID after the body", []string{`* 1 FETCH (BODY[] {5}`, "a\r\nbc UID 5 FLAGS ())"}, []string{"5||-|-1|a\r\nbc"}},
		{"other names, case, blanks", []string{`* 1 fetch  ( uid 5  RFC822 {1}`, "x  flags  ( \\Seen  ) )"}, []string{`5|\Seen|-|-1|x`}},
		{"empty bodies", []string{`* 1 FETCH (UID 5 BODY[] "")`, `* 2 FETCH (UID 6 BODY[] {0}`, ")", `* 3 FETCH (UID 7 BODY[] NIL)`}, []string{"5|-|-|-1|", "6|-|-|-1|", "7|-|-|-1|-"}},
		{"quoted body", []string{`* 1 FETCH (UID 5 BODY[] "a\"b\\c")`}, []string{`5|-|-|-1|a"b\c`}},
		{"body that looks like an answer", []string{`* 1 FETCH (UID 5 BODY[] {23}`, "X3 OK done\r\n* BYE {9}\r\n)"}, []string{"5|-|-|-1|X3 OK done\r\n* BYE {9}\r\n"}},
		{"odd dates", []string{
			`* 1 FETCH (UID 1 INTERNALDATE NIL)`, `* 2 FETCH (UID 2 INTERNALDATE "00-Jan-1900 00:00:00 +0000")`,
			`* 3 FETCH (UID 3 INTERNALDATE " 3-Feb-2020 04:05:06 +0000")`, `* 4 FETCH (INTERNALDATE {26}`, `03-Feb-2020 04:05:06 +0000 UID 4)`},
			[]string{"1|-|-|-1|-", "2|-|raw 00-Jan-1900 00:00:00 +0000|-1|-", "3|-|2020-02-03T04:05:06Z|-1|-", "4|-|2020-02-03T04:05:06Z|-1|-"}},
		{"odd flags", []string{`* 1 FETCH (UID 1 FLAGS ("\\Seen" [foo] ` + "gr\xf6\xdfe" + ` \* NIL))`, `* 2 FETCH (UID 2 FLAGS NIL)`},
			[]string{"1|\\Seen [foo] gr\xf6\xdfe \\* NIL|-|-1|-", "2|-|-|-1|-"}},
		{"odd sizes", []string{`* 1 FETCH (UID 1 RFC822.SIZE -1)`, `* 2 FETCH (RFC822.SIZE 99999999999 UID 2)`, `* 3 FETCH (RFC822.SIZE NIL UID 3)`}, []string{"1|-|-|-1|-", "2|-|-|99999999999|-", "3|-|-|-1|-"}},
		{"items nobody asked for", []string{`* 1 FETCH (X-GM-LABELS ("a)" \Sent {2}`, `)) b) EMAILID (M1) MODSEQ (5) BODY[HEADER.FIELDS (A "B")]<0> {1}`, `x UID 5 ENVELOPE (NIL (("a" NIL)) NIL) FLAGS ())`}, []string{"5||-|-1|-"}},
		{"unasked responses in between", []string{`* 9 FETCH (FLAGS (\Seen))`, `* 7 EXPUNGE`, `* VANISHED 1:4`, `* 1 FETCH (UID 5 BODY[] {1}`, `z)`, `* OK [THROTTLED] slow`, `* 3 EXISTS`}, []string{`0|\Seen|-|-1|-`, `5|-|-|-1|z`}},
		{"cut short in many ways", []string{`* 1 FETCH (UID`, `* 2 FETCH (UID 6 BODY[]`, `* 3 FETCH`, `* 4 FETCH (UID 8 FLAGS (\Seen`, `* 5 FETCH (UID 0)`}, []string{"0|-|-|-1|-", "6|-|-|-1|-", "0|-|-|-1|-", `8|\Seen|-|-1|-`, "0|-|-|-1|-"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, scripted(t, func(s *session) {
				s.login("")
				s.answer("UID FETCH 1:9 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])", tt.lines...)
				s.logout()
			}))
			var got fetched
			f, err := c.Fetch(t.Context(), []Range{{1, 9}}, everything, got.handler())
			if err == nil {
				err = f.Wait(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got.lines); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestFetchPipelined(t *testing.T) {
	c := dial(t, scripted(t, func(s *session) {
		s.login("")
		a := s.exact("UID FETCH 1 (UID BODY.PEEK[HEADER])")
		b := s.exact("UID FETCH 2,4:5 (UID FLAGS)")
		s.say(`* 1 FETCH (UID 1 BODY[HEADER] {3}`, `a: UNREAD)`, a+" NO [SERVERBUG] cannot")
		s.say(`* 2 FETCH (UID 2 FLAGS ())`, b+" OK")
		s.logout()
	}))
	var one, two fetched
	h := one.handler()
	h.Body = func(m *Message, n int64, r io.Reader) error { // reads two of three octets
		var b [2]byte
		_, err := io.ReadFull(r, b[:])
		m.Body = b[:]
		return err
	}
	a, err := c.Fetch(t.Context(), []Range{{1, 1}}, ItemHeader, h)
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Fetch(t.Context(), []Range{{2, 2}, {4, 5}}, ItemFlags, two.handler())
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	wantFault(t, a.Wait(t.Context()), fault.SourceUnreadable, fault.Message, true)
	if d := cmp.Diff([]string{"1|-|-|-1|a:"}, one.lines); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"2||-|-1|-"}, two.lines); d != "" {
		t.Error(d)
	}
}

// An error of a handler ends the connection and comes out of Wait.
func TestFetchHandlerError(t *testing.T) {
	c, err := Dial(t.Context(), scripted(t, func(s *session) {
		s.login("")
		s.exact("UID FETCH 1 (UID BODY.PEEK[])")
		s.say(`* 1 FETCH (UID 1 BODY[] {3}`, `abc)`)
		s.br.ReadByte()
	}))
	if err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	f, err := c.Fetch(t.Context(), []Range{{1, 1}}, ItemBody, FetchHandler{Body: func(*Message, int64, io.Reader) error { return boom }})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Wait(t.Context()); !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
	if c.Err() == nil {
		t.Error("the connection lives")
	}
	<-c.Done()
}

// A handler that blocks is woken by Dead when somebody aborts.
func TestFetchBlockedHandler(t *testing.T) {
	c, err := Dial(t.Context(), scripted(t, func(s *session) {
		s.login("")
		s.exact("UID FETCH 1 (UID BODY.PEEK[])")
		s.say(`* 1 FETCH (UID 1 BODY[] {3}`, `abc)`)
		s.gone()
	}))
	if err != nil {
		t.Fatal(err)
	}
	entered := make(chan struct{})
	f, err := c.Fetch(t.Context(), []Range{{1, 1}}, ItemBody, FetchHandler{Body: func(*Message, int64, io.Reader) error {
		close(entered)
		<-c.Dead()
		return c.Err()
	}})
	if err != nil {
		t.Fatal(err)
	}
	<-entered
	c.Abort()
	wantFault(t, f.Wait(t.Context()), fault.ConnectionLost, fault.Account, true)
	<-c.Done()
}

// After Wait no handler works: neither the one that was at it when the
// connection died, nor one of a response that was read before. What they write
// is read without a lock, which the race detector watches.
func TestFetchOver(t *testing.T) {
	for _, how := range []string{"aborted", "cancelled"} {
		t.Run(how, func(t *testing.T) {
			c, err := Dial(t.Context(), scripted(t, func(s *session) {
				s.login("")
				s.exact("UID FETCH 1:2 (UID RFC822.SIZE)")
				s.say(`* 1 FETCH (UID 1 RFC822.SIZE 1)`, `* 2 FETCH (UID 2 RFC822.SIZE 2)`)
				s.gone()
			}))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			entered, handled := make(chan struct{}, 2), 0
			f, err := c.Fetch(ctx, []Range{{1, 2}}, ItemSize, FetchHandler{Message: func(*Message) error {
				entered <- struct{}{}
				<-c.Dead()
				handled++
				return nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			<-entered
			if how == "aborted" {
				c.Abort()
			} else {
				cancel()
			}
			if err := f.Wait(ctx); err == nil {
				t.Error("no error")
			}
			after := handled
			<-c.Done()
			if handled != after {
				t.Errorf("%d responses handled when Wait returned, %d at the end", after, handled)
			}
		})
	}
}

func TestFetchLost(t *testing.T) {
	c, err := Dial(t.Context(), scripted(t, func(s *session) {
		s.login("")
		s.exact("UID FETCH 1 (UID BODY.PEEK[])")
		s.say(`* BYE Request is throttled. Suggested Backoff Time: 299961 milliseconds`)
	}))
	if err != nil {
		t.Fatal(err)
	}
	f, err := c.Fetch(t.Context(), []Range{{1, 1}}, ItemBody, FetchHandler{})
	if err != nil {
		t.Fatal(err)
	}
	e := wantFault(t, f.Wait(t.Context()), fault.Throttled, fault.Account, true)
	if e.Wait != 299961*time.Millisecond || e.Side != fault.Source || e.Op != "fetch" || e.Host != "mail.test" {
		t.Errorf("%+v", e)
	}
	if c.Bye() == "" {
		t.Error("no BYE text")
	}
	<-c.Done()
}

func TestFetchTooLong(t *testing.T) {
	c := dial(t, scripted(t, func(s *session) { s.login(""); s.logout() }))
	var uids []uint32
	for u := uint32(1); u < 4000; u += 2 {
		uids = append(uids, u)
	}
	for _, set := range [][]Range{nil, Ranges(uids)} {
		_, err := c.Fetch(t.Context(), set, ItemFlags, FetchHandler{})
		wantFault(t, err, fault.Protocol, fault.Account, false)
	}
}

// Cancelling ends each command at once, and the connection with it.
func TestCommandsCancelled(t *testing.T) {
	calls := map[string]func(ctx context.Context, c *Conn) error{
		"list":   func(ctx context.Context, c *Conn) error { _, err := c.List(ctx); return err },
		"status": func(ctx context.Context, c *Conn) error { _, err := c.Status(ctx, []string{"a", "b"}); return err },
		"select": func(ctx context.Context, c *Conn) error { _, err := c.Select(ctx, "a"); return err },
		"search": func(ctx context.Context, c *Conn) error { _, err := c.UIDs(ctx, 1); return err },
		"create": func(ctx context.Context, c *Conn) error { return createOne(ctx, c, "a", "") },
		"logout": func(ctx context.Context, c *Conn) error { return c.Logout(ctx) },
		"fetch": func(ctx context.Context, c *Conn) error {
			f, err := c.Fetch(ctx, []Range{{1, 1}}, ItemBody, FetchHandler{})
			if err != nil {
				return err
			}
			return f.Wait(ctx)
		},
		"append, at its literal": func(ctx context.Context, c *Conn) error {
			a, err := c.Append(ctx, "a")
			if err != nil {
				return err
			}
			return a.Add(ctx, Head{}, 3, strings.NewReader("abc"))
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, err := Dial(t.Context(), scripted(t, func(s *session) {
					s.login("")
					for ok := true; ok; {
						_, ok = s.line()
					}
				}))
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				start := time.Now()
				if err := call(ctx, c); err != context.DeadlineExceeded {
					t.Errorf("got %v", err)
				}
				if d := time.Since(start); d != 3*time.Second {
					t.Errorf("after %v, want 3 s", d)
				}
				if c.Err() == nil {
					t.Error("the connection lives")
				}
				<-c.Done()
			})
		})
	}
}
