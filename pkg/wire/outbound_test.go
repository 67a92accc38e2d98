package wire

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
	"github.com/emersion/go-sasl"
)

// clientPair connects go-imap's client, above a Conn, with a server.
func clientPair(t *testing.T, capabilities string) (*imapclient.Client, *Conn, *peer) {
	t.Helper()
	near, far := net.Pipe()
	c := New(near, Options{})
	client := imapclient.New(c, nil)
	s := &peer{t, far, bufio.NewReader(far)}
	t.Cleanup(func() {
		c.Abort(errors.New("the test is over"))
		<-client.Closed()
		far.Close()
	})
	s.say(strings.TrimSpace("* OK [CAPABILITY IMAP4rev1 "+capabilities) + "] hello\r\n")
	if err := client.WaitGreeting(); err != nil {
		t.Fatal(err)
	}
	return client, c, s
}

// later runs f, which the returned function waits for.
func later(f func() error) (wait func() error) {
	errc := make(chan error, 1)
	go func() { errc <- f() }()
	return func() error { return <-errc }
}

func TestWriterSpansLiteralLogin(t *testing.T) {
	for _, tt := range []struct{ name, caps, mark, plus string }{
		{"synchronising", "", "{9}\r\n", "+ go\r\n"},
		{"non-synchronising", "LITERAL-", "{9+}\r\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, c, s := clientPair(t, tt.caps)
				login := later(func() error { return client.Login("user", "pässwör").Wait() })
				s.expect(`T1 LOGIN "user" ` + tt.mark)
				raw := later(func() error { _, err := c.Start(t.Context(), Request{Line: "NOOP"}); return err })
				synctest.Wait()
				time.Sleep(30 * time.Second) // the server thinks; the raw command waits
				s.say(tt.plus)
				s.expect("pässwör" + "\r\nX1 NOOP\r\n")
				s.say("X1 OK\r\nT1 OK [CAPABILITY IMAP4rev1] logged in\r\n")
				if err := raw(); err != nil {
					t.Error(err)
				}
				if err := login(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestWriterSpansAuthenticate(t *testing.T) {
	for _, tt := range []struct {
		name, answer string
		refused      bool
	}{
		{"accepted", "T1 OK [CAPABILITY IMAP4rev1] logged in\r\n", false},
		{"refused", "T1 NO [AUTHENTICATIONFAILED] no\r\n", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, c, s := clientPair(t, "AUTH=PLAIN")
				login := later(func() error { return client.Authenticate(sasl.NewPlainClient("", "a", "b")) })
				s.expect("T1 AUTHENTICATE PLAIN\r\n")
				raw := later(func() error { _, err := c.Start(t.Context(), Request{Line: "NOOP"}); return err })
				synctest.Wait()
				s.say("+ \r\n")
				s.expect("AGEAYg==\r\n")
				synctest.Wait()
				s.say(tt.answer)
				s.expect("X1 NOOP\r\n")
				if err := raw(); err != nil {
					t.Error(err)
				}
				if err := login(); (err != nil) != tt.refused {
					t.Errorf("Authenticate = %v", err)
				}
				s.say("X1 OK\r\n", "+ stray\r\n", "* 5 EXISTS\r\n")
				noop := later(func() error { return client.Noop().Wait() })
				s.expect("T2 NOOP\r\n")
				s.say("T2 OK\r\n")
				if err := noop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A refusal of AUTHENTICATE that comes together with "+" ends the command;
// the password that go-imap still writes goes nowhere.
func TestLateSASLResponseIsSwallowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := pair(t, Options{})
		go io.WriteString(c, "T1 AUTHENTICATE PLAIN\r\n")
		s.expect("T1 AUTHENTICATE PLAIN\r\n")
		s.say("+ \r\nT1 NO no\r\n")
		synctest.Wait()
		for _, part := range []string{"AGEA", "Yg==\r\n"} {
			if n, err := io.WriteString(c, part); n != len(part) || err != nil {
				t.Errorf("Write = %d, %v", n, err)
			}
		}
		go io.WriteString(c, "T2 NOOP\r\n")
		s.expect("T2 NOOP\r\n")
	})
}

func TestContinuationsGoToWhomTheyAreMeantFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, c, s := clientPair(t, "")
		s.say("+ stray\r\n")
		a := beginAppend(t, c)
		login := later(func() error { return client.Login("user", "pässwör").Wait() })
		go func() {
			s.expect(`X1 APPEND "INBOX" {1}` + "\r\n")
			s.say("+ ours\r\n+ stray\r\n")
			s.expect("x\r\n")
			s.expect(`T1 LOGIN "user" {9}` + "\r\n")
			s.say("X1 OK\r\n+ go-imap's\r\n")
			s.expect("pässwör" + "\r\n")
			s.say("T1 OK [CAPABILITY IMAP4rev1] in\r\n")
		}()
		mustAdd(t, a, "", "x", Sync)
		wantReply(t, mustFinish(t, a), Reply{Status: "OK"})
		if err := login(); err != nil {
			t.Error(err)
		}
	})
}

// What would kill go-imap's parser does not reach it, idle or not.
func TestJunkDoesNotKillClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, c, s := clientPair(t, "")
		junk := []string{
			"* VANISHED (EARLIER) 1:5\r\n", "* LSUB () \"/\" x\r\n", "* XLIST () \"/\" x\r\n", "* GENURLAUTH x\r\n", "* 1 XFETCH\r\n",
		}
		idle := append([]string{
			"* 1 FETCH (FLAGS (\\Seen ))\r\n", "* 1 FETCH (FLAGS ([foo] \x80\x9f))\r\n", "* QUOTA \"\" (STORAGE -1 5)\r\n",
			"* LIST () \"/\" Entw\xfcrfe\r\n", "* LIST () \"/\" \"R&D\"\r\n", "* LIST () \"/\" {3}\r\na\r\n\r\n",
			"* STATUS x (MESSAGES 5 )\r\n", "* ID (\"name\" NIL)\r\n", "* OK [UIDVALIDITY 99999999999] x\r\n", "+ stray\r\n",
			"* 1 FETCH (INTERNALDATE NIL RFC822.SIZE -1 X-GM-MSGID 5)\r\n",
		}, junk...)
		s.say(idle...)
		synctest.Wait()
		noop := later(func() error { return client.Noop().Wait() })
		s.expect("T1 NOOP\r\n")
		s.say(junk...)
		s.say("T1 OK\r\n")
		if err := noop(); err != nil {
			t.Errorf("NOOP = %v, Err = %v", err, c.Err())
		}
	})
}

func TestClientCommandsTimeOut(t *testing.T) {
	for name, want := range map[string]time.Duration{"NOOP": time.Minute, "SELECT": 10 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			client, c, s := clientPair(t, "")
			done := later(func() error {
				if name == "NOOP" {
					return client.Noop().Wait()
				}
				_, err := client.Select("x", nil).Wait()
				return err
			})
			s.expect("T1 " + name)
			began := time.Now()
			go io.Copy(io.Discard, s.br)
			if err := done(); err == nil {
				t.Errorf("%s succeeded", name)
			}
			timedOut(t, c.Err(), began, want)
			s.nc.Close()
		})
	}
}

// IDLE may be silent for ever, and holds the writer until it is over.
func TestIdleCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, seen := pair(t, Options{})
		go io.WriteString(c, "T1 IDLE\r\n")
		s.expect("T1 IDLE\r\n")
		s.say("+ idling\r\n")
		raw := later(func() error { _, err := c.Start(t.Context(), Request{Line: "NOOP"}); return err })
		time.Sleep(25 * time.Hour)
		s.say("* 5 EXISTS\r\n")
		go io.WriteString(c, "DONE\r\n")
		s.expect("DONE\r\n")
		s.say("T1 OK\r\n")
		s.expect("X1 NOOP\r\n")
		if err := raw(); err != nil {
			t.Error(err)
		}
		synctest.Wait() // go-imap has read what has come
		c.Abort(nil)
		if got, want := <-seen, greeting+"+ idling\r\n* 5 EXISTS\r\nT1 OK\r\n"; got != want {
			t.Errorf("go-imap saw %q, want %q", got, want)
		}
	})
}

func TestOutboundScan(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		ends     []int // offsets at which a command ends
	}{
		{"line", "T1 NOOP\r\n", []int{9}},
		{"two lines", "T1 NOOP\r\nT2 NOOP\r\n", []int{9, 18}},
		{"literal", "T1 LOGIN {3}\r\na\r\n {1}\r\nb\r\n", []int{26}},
		{"empty literal", "T1 LOGIN {0+}\r\n {0+}\r\n\r\n", []int{24}},
		{"quoted brace", "T1 LOGIN \"{3}\"\r\n", []int{16}},
		{"LF", "T1 NOOP\n", []int{8}},
	} {
		for size := 1; size <= len(tt.in); size++ {
			var o outbound
			var ends []int
			for at := 0; at < len(tt.in); {
				n, end := o.scan([]byte(tt.in[at:min(len(tt.in), at+size)]))
				at += n
				if end {
					ends = append(ends, at)
					o.reset()
				}
			}
			if fmt.Sprint(ends) != fmt.Sprint(tt.ends) {
				t.Errorf("%s in writes of %d: ends %v, want %v", tt.name, size, ends, tt.ends)
			}
		}
	}
}

// memServer is go-imap's own server on loopback with one user.
func memServer(t *testing.T) string {
	t.Helper()
	mem := imapmemserver.New()
	user := imapmemserver.NewUser("user", "pass")
	if err := user.Create("INBOX", nil); err != nil {
		t.Fatal(err)
	}
	mem.AddUser(user)
	srv := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return mem.NewSession(), nil, nil
		},
		Caps:         imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapLiteralMinus: {}, imap.CapUIDPlus: {}},
		InsecureAuth: true,
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() { defer close(served); _ = srv.Serve(ln) }()
	t.Cleanup(func() { srv.Close(); <-served })
	return ln.Addr().String()
}

// Two speakers on one connection, against a server that is not ours.
func TestInterleavedWithRealClient(t *testing.T) {
	nc, err := net.Dial("tcp", memServer(t))
	if err != nil {
		t.Fatal(err)
	}
	c := New(nc, Options{Linger0: true})
	client := imapclient.New(c, nil)
	defer func() { c.Abort(nil); <-client.Closed() }()
	if err := client.Login("user", "pass").Wait(); err != nil {
		t.Fatal(err)
	}
	client.Caps()
	if _, err := client.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	const rounds = 50
	var wg sync.WaitGroup
	for _, f := range []func() error{
		func() error { return client.Noop().Wait() },
		func() error {
			_, err := client.Status("INBOX", &imap.StatusOptions{NumMessages: true}).Wait()
			return err
		},
		func() error { return appendOne(t.Context(), c, "Subject: a\r\n\r\nhello\r\n", NonSyncSmall) },
		func() error {
			return appendOne(t.Context(), c, "Subject: b\r\n\r\n"+strings.Repeat("long line\r\n", 1000), NonSyncSmall)
		},
		func() error {
			p, err := c.Start(t.Context(), Request{Line: "STATUS INBOX (UIDNEXT)", Slow: true, Wants: wants("STATUS"),
				Handle: func(r *Reader) error { return r.Skip() }})
			if err != nil {
				return err
			}
			_, err = p.Wait(t.Context())
			return err
		},
	} {
		wg.Go(func() {
			for range rounds {
				if err := f(); err != nil {
					t.Errorf("%v (%v)", err, c.Err())
					return
				}
			}
		})
	}
	wg.Wait()
	checkFetched(t, c, 2*rounds)
	c.Soften()
	if err := client.Logout().Wait(); err != nil {
		t.Errorf("LOGOUT = %v", err)
	}
}

func appendOne(ctx context.Context, c *Conn, body string, lit AppendLiteral) error {
	a, err := c.Append(ctx, "INBOX")
	if err != nil {
		return err
	}
	r, err := a.Message(ctx, `(\Seen) `, int64(len(body)), lit, strings.NewReader(body))
	if err != nil || r != nil {
		return fmt.Errorf("message: %v, %v", r, err)
	}
	p, err := a.Finish()
	if err != nil {
		return err
	}
	reply, err := p.Wait(ctx)
	if err == nil && reply.Status != "OK" {
		err = fmt.Errorf("append: %+v", reply)
	}
	return err
}

// checkFetched reads all messages back and counts the two kinds.
func checkFetched(t *testing.T, c *Conn, want int) {
	t.Helper()
	sizes := make(map[int]int)
	p, err := c.Start(t.Context(), Request{Line: "FETCH 1:* (BODY.PEEK[])", Wants: wants("FETCH"), Handle: func(r *Reader) error {
		for {
			tok, err := r.Key()
			if err != nil || tok.Kind == End {
				return err
			}
			if tok.Kind == Literal {
				b, err := io.ReadAll(r.Literal())
				if err != nil {
					return err
				}
				sizes[len(b)]++
			}
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	wantStatus(t, p, "OK")
	if len(sizes) != 2 || sizes[21] != want/2 || sizes[11_014] != want/2 {
		t.Errorf("messages by size: %v", sizes)
	}
}

func wantStatus(t *testing.T, p *Pending, want string) {
	t.Helper()
	if r, err := p.Wait(t.Context()); err != nil || r.Status != want {
		t.Errorf("Wait = %+v, %v", r, err)
	}
}
