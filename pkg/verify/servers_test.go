package verify_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/verify"
)

func fakeHost(f *imaptest.Fake) host {
	return host{delimiter: "/", addUser: func(string, string) error { return nil },
		access: func(string, string) imaptest.Access { return f.Access() }}
}

// fakes is a rig between two servers that can be made odd, without a ledger of
// any use.
func fakes(t *testing.T, src, dst imaptest.FakeOptions, source, dest []imaptest.FakeMailbox) (r *rig, from, to *imaptest.Fake) {
	t.Helper()
	from, to = imaptest.NewFake(t, src, source...), imaptest.NewFake(t, dst, dest...)
	return newRig(t, fakeHost(from), fakeHost(to)), from, to
}

// box makes n messages; change, when set, changes or leaves out some of them.
func box(name string, n int, change func(i int, m *imaptest.FakeMessage)) imaptest.FakeMailbox {
	return imaptest.FakeMailbox{Name: name, UIDValidity: 7, Count: n, Message: func(i int) imaptest.FakeMessage {
		m := imaptest.FakeMessage{Flags: `\Seen`, Body: fmt.Appendf(nil, "Message-ID: <%d@%s>\r\nSubject: %d\r\n\r\nbody\r\n%s", i, name, i, strings.Repeat("x\r\n", i%5))}
		if change != nil {
			change(i, &m)
		}
		return m
	}}
}

func boxes(all ...imaptest.FakeMailbox) []imaptest.FakeMailbox { return all }

// Nothing is ever changed: only commands that read are sent, on either side.
func TestReadsOnly(t *testing.T) {
	alter := func(i int, m *imaptest.FakeMessage) { // everything that makes verify look again
		switch i % 3 {
		case 0:
			m.Body = append(m.Body, "more\r\n"...)
		case 1:
			m.Flags, m.Date = "", `"01-Jan-2020 00:00:00 +0000"`
		}
	}
	for _, deep := range []bool{false, true} {
		r, src, dst := fakes(t, imaptest.FakeOptions{}, imaptest.FakeOptions{},
			boxes(box("INBOX", 30, nil), box("a", 5, nil), box("lost", 3, nil)), boxes(box("INBOX", 30, alter), box("a", 4, nil), box("own", 3, nil)))
		rep := r.verify(func(o *verify.Options) { o.Deep = deep })
		if rep.State != verify.Incomplete {
			t.Errorf("deep %v: %s", deep, rep.State)
		}
		for side, f := range map[string]*imaptest.Fake{"source": src, "destination": dst} {
			for _, c := range f.Commands() {
				switch c.Name {
				case "CAPABILITY", "ID", "NAMESPACE", "AUTHENTICATE", "LOGIN", "LIST", "LSUB", "STATUS", "EXAMINE", "UID SEARCH", "LOGOUT", "NOOP", "":
				case "UID FETCH":
					if strings.Contains(c.Args, "BODY[") || strings.Contains(c.Args, "RFC822 ") {
						t.Errorf("%s: %s %s sets \\Seen", side, c.Name, c.Args)
					}
				default:
					t.Errorf("%s: %s %s", side, c.Name, c.Args)
				}
			}
		}
	}
}

// What servers are known to alter is no difference, but it is told: the
// destination shows line ends, NUL, newlines at the end and a size of its own.
func TestAltered(t *testing.T) {
	alter := func(i int, m *imaptest.FakeMessage) {
		switch i {
		case 1:
			m.Body = bytes.ReplaceAll(m.Body, []byte("\r\n"), []byte("\n"))
		case 2:
			m.Body = append(m.Body, "\r\n\r\n"...)
		}
	}
	for _, deep := range []bool{false, true} {
		r, _, _ := fakes(t, imaptest.FakeOptions{}, imaptest.FakeOptions{}, boxes(box("INBOX", 9, nil)), boxes(box("INBOX", 9, alter)))
		rep := r.verify(func(o *verify.Options) { o.Deep = deep })
		if got := kinds(rep); rep.State != verify.Verified || !slices.Equal(got, []string{"2 (altered by the server)"}) {
			t.Errorf("deep %v: %s with %q %+v", deep, rep.State, got, rep.Findings)
		}
	}
}

// A size that a server only says does not make a message another: the body
// decides.
func TestSizeThatLies(t *testing.T) {
	r, _, _ := fakes(t, imaptest.FakeOptions{}, imaptest.FakeOptions{}, boxes(box("INBOX", 9, nil)),
		boxes(box("INBOX", 9, func(i int, m *imaptest.FakeMessage) { m.Size = fmt.Sprint(len(m.Body) + 1 + i) })))
	if rep := r.verify(nil); rep.State != verify.Verified || len(rep.Findings) > 0 {
		t.Errorf("%s %+v", rep.State, rep.Findings)
	}
}

// A message that a server lists and does not give out is never taken for one
// that is there, nor for one that is missing.
func TestUnreadable(t *testing.T) {
	for _, tt := range []struct {
		name string
		odd  func(m *imaptest.FakeMessage)
	}{
		{"refused", func(m *imaptest.FakeMessage) { m.Refuse = "NO broken" }},
		{"not given", func(m *imaptest.FakeMessage) { m.Gone = true }},
	} {
		for side := range 2 {
			for _, deep := range []bool{false, true} {
				both := [2]imaptest.FakeMailbox{box("INBOX", 9, nil), box("INBOX", 9, nil)}
				both[side] = box("INBOX", 9, func(i int, m *imaptest.FakeMessage) {
					if i == 4 {
						tt.odd(m)
					}
				})
				r, _, _ := fakes(t, imaptest.FakeOptions{}, imaptest.FakeOptions{}, boxes(both[0]), boxes(both[1]))
				rep := r.verify(func(o *verify.Options) { o.Deep, o.Ledger = deep, nil })
				got := kinds(rep)
				if rep.State != verify.Incomplete || !slices.Contains(got, "1 unreadable") || rep.Same != 8 {
					t.Errorf("%s on side %d, deep %v: %s with %q, %d the same", tt.name, side+1, deep, rep.State, got, rep.Same)
				}
			}
		}
	}
}

// A mailbox that cannot be opened may hold anything; the others are compared.
func TestMailboxRefused(t *testing.T) {
	refuse := imaptest.FakeOptions{Intercept: func(c imaptest.FakeCommand) (out imaptest.FakeReply) {
		if c.Name == "EXAMINE" && strings.Contains(c.Args, "locked") {
			out.Lines = []string{"TAG NO [NOPERM] not for you"}
		}
		return out
	}}
	all := boxes(box("INBOX", 4, nil), box("locked", 4, nil))
	for i, opt := range [][2]imaptest.FakeOptions{{refuse, {}}, {{}, refuse}} {
		r, _, _ := fakes(t, opt[0], opt[1], all, all)
		rep := r.verify(nil)
		if got := kinds(rep); rep.State != verify.Incomplete || !slices.Equal(got, []string{"1 mailbox unreadable"}) || rep.Same != 4 {
			t.Errorf("side %d: %s with %q, %d the same: %+v", i+1, rep.State, got, rep.Same, rep.Findings)
		}
	}
}

// A mailbox with more messages than there is memory for is compared in rounds,
// with the same outcome.
func TestRounds(t *testing.T) {
	const n = 600 // on each side; 64 KiB hold 682
	dest := box("INBOX", n, func(i int, m *imaptest.FakeMessage) {
		switch i {
		case 10:
			m.Body = []byte("Message-ID: <other@x>\r\n\r\nnew\r\n")
		case 300:
			m.Body = bytes.Replace(m.Body, []byte("body"), []byte("bodi"), 1)
		case 500:
			m.Date = `"01-Jan-2020 00:00:00 +0000"`
		case 580:
			m.Body = bytes.Replace(m.Body, []byte("Subject"), []byte("Sabject"), 1)
		}
	})
	want := []string{"1 (new at the destination)", "1 date differs", "1 missing", "2 content differs"}
	for _, memory := range []int64{0, 1} {
		r, src, _ := fakes(t, imaptest.FakeOptions{}, imaptest.FakeOptions{}, boxes(box("INBOX", n, nil)), boxes(dest))
		rep := r.verify(func(o *verify.Options) { o.Deep, o.Memory = true, memory })
		if got := kinds(rep); !slices.Equal(got, want) || rep.Messages != n || rep.Same != n-3 {
			t.Errorf("memory %d: %d messages, %d the same, %q", memory, rep.Messages, rep.Same, got)
		}
		fetches := 0
		for _, c := range src.Commands() {
			if c.Name == "UID FETCH" {
				fetches++
			}
		}
		if rounds := fetches >= 2*n/100; rounds != (memory == 1) {
			t.Errorf("memory %d: %d FETCHes", memory, fetches)
		}
	}
}

// Connections that break are opened again, and what was read is not read again.
func TestBreaks(t *testing.T) {
	r := newRig(t, memoryHost(t), memoryHost(t))
	for i := range 4 {
		r.fill(r.src, fmt.Sprintf("box%d", i), mail("m", 60)...)
	}
	r.migrate()
	r.remove(r.dst, "box2", 7)
	for _, h := range []*host{&r.src, &r.dst} {
		p := imaptest.StartProxy(t, h.access("", "").Addr, imaptest.ProxyOptions{Faults: func(n int) imaptest.Fault {
			return imaptest.Fault{Count: imaptest.Down, CutAfter: int64(9000 + 1500*n)}
		}})
		direct := h.access
		h.access = func(user, password string) imaptest.Access { return p.Access(direct(user, password)) }
	}
	for _, deep := range []bool{false, true} {
		for _, lanes := range []int{1, 3} {
			rep := r.verify(func(o *verify.Options) { o.Deep, o.Lanes = deep, lanes })
			if got := kinds(rep); rep.State != verify.Verified || !slices.Equal(got, []string{"1 (removed since)"}) || rep.Same != 239 {
				t.Errorf("deep %v, %d lanes: %s with %q, %d the same", deep, lanes, rep.State, got, rep.Same)
			}
		}
	}
}

// A large account's mailboxes are read over several lanes, when no row waits.
func TestLanes(t *testing.T) {
	var now, peak atomic.Int64
	hold := make(chan struct{})
	opt := imaptest.FakeOptions{Intercept: func(c imaptest.FakeCommand) imaptest.FakeReply {
		if c.Name == "EXAMINE" {
			if n := now.Add(1); n > peak.Load() {
				peak.Store(n)
			}
			if now.Load() == 3 {
				close(hold)
			}
			select { // all lanes are in a mailbox each before the first one leaves its own
			case <-hold:
			case <-time.After(20 * time.Second):
			}
		}
		return imaptest.FakeReply{}
	}}
	var all []imaptest.FakeMailbox
	for i := range 8 {
		all = append(all, box(fmt.Sprintf("box%d", i), 20, nil))
	}
	r, src, _ := fakes(t, opt, imaptest.FakeOptions{}, append(all, box("INBOX", 0, nil)), append(all, box("INBOX", 0, nil)))
	rep := r.verify(func(o *verify.Options) { o.Lanes, o.LanesPerAccount = 8, 3 })
	if rep.State != verify.Verified || rep.Messages != 160 {
		t.Errorf("%s, %d messages, %+v", rep.State, rep.Messages, rep.Findings)
	}
	if got := src.Stats().Peak; got != 3 {
		t.Errorf("%d connections, want 3", got)
	}
}

// A login that fails leaves nothing known.
func TestLoginFails(t *testing.T) {
	r, _, _ := fakes(t, imaptest.FakeOptions{}, imaptest.FakeOptions{Login: func(_, _, _ string) string { return "NO [AUTHENTICATIONFAILED] no" }}, nil, nil)
	v := verify.New(verify.Options{Engine: r.engine(), Logger: slog.New(slog.DiscardHandler)})
	r.noError(v.Wait(t.Context()))
	rep, err := v.Row(t.Context(), r.pair(), 0)
	r.noError(err)
	if rep.State != verify.Failed || rep.Fault == nil || rep.Fault.Code != fault.AuthRefused || rep.Fault.Side != fault.Dest {
		t.Errorf("%s: %v", rep.State, rep.Fault)
	}
}

// Bodies go from the socket to the digest: none is held, however large.
func TestStreams(t *testing.T) {
	d := imaptest.NewDovecotSlash(t)                  // a process of its own: what is allocated here is ours
	same := func(string, string) error { return nil } // the account is held against itself
	src, dst := realHost(d, "", "/"), realHost(d, "", "/")
	dst.addUser = same
	r := newRig(t, src, dst)
	big := imaptest.Message{Date: time.Now(), Body: append([]byte("Subject: big\r\n\r\n"), bytes.Repeat([]byte("0123456789abcdef\r\n"), 400_000)...)}
	r.fill(r.src, "INBOX", big, big)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	rep := r.verify(func(o *verify.Options) {
		o.Deep, o.Memory, o.Ledger = true, 1<<20, nil
		o.Engine = mailsync.New(mailsync.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Memory: 1 << 20})
	})
	runtime.ReadMemStats(&after)
	if rep.State != verify.Verified || rep.Octets != 2*int64(len(big.Body)) || rep.Read < 4*int64(len(big.Body)) {
		t.Errorf("%s, %d octets, %d read", rep.State, rep.Octets, rep.Read)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 8<<20 {
		t.Errorf("%d MiB were allocated for bodies of 7 MiB", got>>20)
	}
}
