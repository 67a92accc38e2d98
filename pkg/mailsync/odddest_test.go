package mailsync_test

import (
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// equalMail makes n messages of which the first half are equal.
func equalMail(n int) imaptest.FakeMailbox {
	return imaptest.FakeMailbox{Name: "INBOX", Count: n, Message: func(i int) imaptest.FakeMessage {
		if i < n/2 {
			i = 0
		}
		return imaptest.FakeMessage{Body: text(i, 200)}
	}}
}

// TestWhatTheDestinationSaysOfUIDs: UIDs that are not told, or not true, cost
// no message and make no double, in the first pass or in later ones.
func TestWhatTheDestinationSaysOfUIDs(t *testing.T) {
	const n = 40
	change := func(pattern, to string) imaptest.ProxyOptions {
		re := regexp.MustCompile(pattern)
		return imaptest.ProxyOptions{Rewrite: func(l []byte) []byte { return re.ReplaceAll(l, []byte(to)) }}
	}
	tests := []struct {
		name  string
		opt   imaptest.FakeOptions
		proxy imaptest.ProxyOptions
	}{
		{"no UIDNEXT", imaptest.FakeOptions{NoUIDNext: true}, imaptest.ProxyOptions{}},
		{"no APPENDUID", imaptest.FakeOptions{NoAppendUID: true}, imaptest.ProxyOptions{}},
		{"neither", imaptest.FakeOptions{NoAppendUID: true, NoUIDNext: true}, imaptest.ProxyOptions{}},
		{"no UIDPLUS", imaptest.FakeOptions{Caps: caps("UIDPLUS"), NoUIDNext: true}, imaptest.ProxyOptions{}},
		{"single, no UIDPLUS", imaptest.FakeOptions{Caps: caps("UIDPLUS", "MULTIAPPEND")}, imaptest.ProxyOptions{}},
		{"UIDNEXT 0", imaptest.FakeOptions{}, change(`UIDNEXT \d+`, "UIDNEXT 0")},
		{"UIDNEXT below what is there", imaptest.FakeOptions{}, change(`UIDNEXT \d+`, "UIDNEXT 1")},
		{"UIDVALIDITY 0", imaptest.FakeOptions{}, change(`UIDVALIDITY \d+`, "UIDVALIDITY 0")},
		{"no UIDVALIDITY", imaptest.FakeOptions{}, change(`UIDVALIDITY \d+`, "X 0")},
		{"UIDNOTSTICKY", imaptest.FakeOptions{}, change(`\* OK \[UIDNEXT .*`, "* NO [UIDNOTSTICKY] they do not last")},
		{"APPENDUID of too many", imaptest.FakeOptions{}, change(`APPENDUID (\d+) \d+:\d+`, "APPENDUID $1 1:4294967295")},
		{"APPENDUID of too few", imaptest.FakeOptions{}, change(`APPENDUID (\d+) \d+:\d+`, "APPENDUID $1 7")},
		{"APPENDUID of nothing", imaptest.FakeOptions{}, change(`APPENDUID (\d+) \d+:\d+`, "APPENDUID $1 0")},
		{"APPENDUID with another UIDVALIDITY", imaptest.FakeOptions{}, change(`APPENDUID \d+`, "APPENDUID 7")},
		{"EXISTS that is not true", imaptest.FakeOptions{}, change(`\* \d+ EXISTS`, "* 0 EXISTS")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			box := equalMail(n)
			src, dst := imaptest.NewFake(t, imaptest.FakeOptions{}, box), imaptest.NewFake(t, tt.opt)
			r := fakeRig(t, src, dst)
			r.before(true, tt.proxy)
			counted(t, r.mustSync(), throughput.Count{Listed: n, Copied: n})
			storedOnce(t, dst, "INBOX", box, nil)
			counted(t, r.mustSync(), throughput.Count{Listed: n, AlreadyThere: n})
			r.dir = t.TempDir() + "/lost"
			counted(t, r.mustSync(), throughput.Count{Listed: n, AlreadyThere: n})
			storedOnce(t, dst, "INBOX", box, nil)
			obedient(t, dst)
		})
	}
}

// TestDestinationShowsNothing: what was acknowledged is never sent again,
// though it cannot be found under any UID.
func TestDestinationShowsNothing(t *testing.T) {
	const n = 30
	box := plain(n)
	src := imaptest.NewFake(t, imaptest.FakeOptions{}, box)
	dst := imaptest.NewFake(t, imaptest.FakeOptions{Caps: caps("UIDPLUS"), Intercept: func(c imaptest.FakeCommand) imaptest.FakeReply {
		if c.Name == "UID FETCH" {
			return imaptest.FakeReply{Lines: []string{"TAG OK nothing to see"}}
		}
		return imaptest.FakeReply{}
	}})
	r := fakeRig(t, src, dst)
	counted(t, r.mustSync(), throughput.Count{Listed: n, Copied: n})
	counted(t, r.mustSync(), throughput.Count{Listed: n, AlreadyThere: n})
	storedOnce(t, dst, "INBOX", box, nil)
}

// TestMailboxRefused: a mailbox that cannot be made, or not be opened, is left
// out whole; the others go on.
func TestMailboxRefused(t *testing.T) {
	for _, command := range []string{"CREATE", "SELECT"} {
		t.Run(command, func(t *testing.T) {
			m := plain(5).Message
			src := imaptest.NewFake(t, imaptest.FakeOptions{}, plain(5), imaptest.FakeMailbox{Name: "bad", Count: 7, Message: m},
				imaptest.FakeMailbox{Name: "bad/below", Count: 2, Message: m}, imaptest.FakeMailbox{Name: "good", Count: 3, Message: m})
			dst := imaptest.NewFake(t, imaptest.FakeOptions{Intercept: func(c imaptest.FakeCommand) imaptest.FakeReply {
				if c.Name == command && strings.Contains(c.Args, `"bad"`) {
					return imaptest.FakeReply{Lines: []string{"TAG NO [NOPERM] not this one"}}
				}
				return imaptest.FakeReply{}
			}})
			r := fakeRig(t, src, dst)
			for pass := range 2 {
				c, err := r.sync(t.Context())
				if f := fault.Of(err); f == nil || f.Scope != fault.Mailbox || f.Side != fault.Dest || f.Code != fault.MailboxRefused || f.Mailbox != "bad" {
					t.Errorf("error %v", err)
				}
				want := throughput.Count{Listed: 17, Copied: 10, NotTried: 7, MailboxesRefused: 1}
				if pass == 1 {
					want.Copied, want.AlreadyThere = 0, 10
				}
				counted(t, c, want)
			}
		})
	}
}

// TestDryRun writes nothing and counts what a real run copies.
func TestDryRun(t *testing.T) {
	m := plain(9).Message
	src := imaptest.NewFake(t, imaptest.FakeOptions{Caps: append(caps(), "STATUS=SIZE")}, plain(9),
		imaptest.FakeMailbox{Name: "new", Count: 4, Subscribed: true, Message: m}, imaptest.FakeMailbox{Name: "there", Count: 4, Message: m})
	dst := imaptest.NewFake(t, imaptest.FakeOptions{}, imaptest.FakeMailbox{Name: "there", Count: 3, Message: m})
	r := fakeRig(t, src, dst)
	r.options = func(o *mailsync.Options) { quick(o); o.DryRun = true }
	for range 2 {
		c := r.mustSync()
		counted(t, c, throughput.Count{Listed: 17, Copied: 14, AlreadyThere: 3})
		if c.Octets == 0 {
			t.Error("no octets")
		}
	}
	for _, c := range dst.Commands() {
		switch c.Name {
		case "APPEND", "CREATE", "SUBSCRIBE", "SELECT", "STORE", "UID STORE", "EXPUNGE", "CLOSE", "":
			t.Errorf("the destination was told %q %q", c.Name, c.Args)
		}
	}
	r.options = quick
	counted(t, r.mustSync(), throughput.Count{Listed: 17, Copied: 14, AlreadyThere: 3})
	counted(t, r.mustSync(), throughput.Count{Listed: 17, AlreadyThere: 17})
}

// TestMerge: two rows that go to one destination account, one after the other,
// with mail that is equal in both, and some there before.
func TestMerge(t *testing.T) {
	const n = 30
	one := plain(n)
	two := imaptest.FakeMailbox{Name: "INBOX", Count: n, Message: func(i int) imaptest.FakeMessage { return one.Message(i + n/2) }}
	dst := imaptest.NewFake(t, imaptest.FakeOptions{}, imaptest.FakeMailbox{Name: "INBOX", Count: 3, Message: one.Message})
	dir := t.TempDir() + "/state"
	rows := make([]*rig, 2)
	for i, box := range []imaptest.FakeMailbox{one, two} {
		rows[i] = fakeRig(t, imaptest.NewFake(t, imaptest.FakeOptions{}, box), dst)
		rows[i].user, rows[i].row, rows[i].dir = "user", strconv.Itoa(i), dir
	}
	rows[0].beside = []ledger.Entry{{Key: rows[1].key(), Line: 2}}
	rows[1].beside = []ledger.Entry{{Key: rows[0].key(), Line: 2}}
	counted(t, rows[0].mustSync(), throughput.Count{Listed: n, Copied: n - 3, AlreadyThere: 3})
	counted(t, rows[1].mustSync(), throughput.Count{Listed: n, Copied: n})
	for _, r := range rows {
		counted(t, r.mustSync(), throughput.Count{Listed: n, AlreadyThere: n})
	}
	if got := len(dst.Stored("INBOX")); got != 2*n-3 {
		t.Errorf("%d messages were stored, want %d", got, 2*n-3)
	}
}

// TestMailboxReplacedMeanwhile: a destination mailbox that is replaced between
// the first look at it and the first message is noticed.
func TestMailboxReplacedMeanwhile(t *testing.T) {
	box := plain(20)
	src := imaptest.NewFake(t, imaptest.FakeOptions{}, box)
	var dst *imaptest.Fake
	var armed atomic.Bool
	dst = imaptest.NewFake(t, imaptest.FakeOptions{Intercept: func(c imaptest.FakeCommand) imaptest.FakeReply {
		if c.Name == "SELECT" && armed.CompareAndSwap(true, false) {
			if err := dst.Renew("INBOX"); err != nil {
				t.Error(err)
			}
		}
		return imaptest.FakeReply{}
	}})
	r := fakeRig(t, src, dst)
	counted(t, r.mustSync(), throughput.Count{Listed: 20, Copied: 20})
	if err := imaptest.Fill(t.Context(), src.Access(), imaptest.Mailbox{Name: "INBOX", Messages: mail("new", 1, 100)}); err != nil {
		t.Fatal(err)
	}
	log := r.logged()
	armed.Store(true)
	counted(t, r.mustSync(), throughput.Count{Listed: 21, Copied: 1, AlreadyThere: 20})
	if s := log.String(); !strings.Contains(s, "was replaced meanwhile") {
		t.Errorf("it was not noticed:\n%s", s)
	}
	counted(t, r.mustSync(), throughput.Count{Listed: 21, AlreadyThere: 21})
	if n := len(dst.Stored("INBOX")); n != 21 {
		t.Errorf("%d messages are there", n)
	}
}

// TestWithoutUIDValidityNoMapIsTrusted: a server that gives no UIDVALIDITY may
// have another mailbox each time, so each pass looks.
func TestWithoutUIDValidityNoMapIsTrusted(t *testing.T) {
	box := plain(20)
	src := imaptest.NewFake(t, imaptest.FakeOptions{}, box)
	none := regexp.MustCompile(`UIDVALIDITY \d+`)
	opt := imaptest.ProxyOptions{Rewrite: func(l []byte) []byte { return none.ReplaceAll(l, []byte("UIDVALIDITY 0")) }}
	r := fakeRig(t, src, imaptest.NewFake(t, imaptest.FakeOptions{}))
	for range 2 {
		dst := imaptest.NewFake(t, imaptest.FakeOptions{})
		r.dst = fakeHost(dst)
		r.before(true, opt)
		counted(t, r.mustSync(), throughput.Count{Listed: 20, Copied: 20})
		counted(t, r.mustSync(), throughput.Count{Listed: 20, AlreadyThere: 20})
		storedOnce(t, dst, "INBOX", box, nil)
	}
}
