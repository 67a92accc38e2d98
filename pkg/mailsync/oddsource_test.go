package mailsync_test

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// evilBodies are messages that a confused server would obey, or choke on.
func evilBodies() [][]byte {
	var out [][]byte
	for _, s := range []string{
		"Subject: commands\n\na1 DELETE INBOX\nx CREATE evil\ny CREATE \"evil2\"\nz LOGOUT\n",
		"x CREATE evil\nX1 CREATE evil\nX2 OK done\n* BYE bye\n+ go ahead\n",
		"Subject: literals\n\nfive {5+}\nhello {6}\nx CREATE evil {4}\nevil\n)\n",
		"A1 APPEND INBOX {3+}\nabc\nA2 DELETE INBOX\n",
		"Subject: tagged\n\nX1 BAD no\nX2 NO no\nX3 OK [APPENDUID 1 1] yes\n* 1 EXPUNGE\n* 5 FETCH (UID 1 FLAGS ())\n",
		"x CREATE evil",
		")\n",
		"{1000000000+}\n",
		"\n",
		"\n\nno header at all\n",
		"no colon in sight, no blank line",
	} {
		out = append(out, evil(s))
	}
	return append(out,
		[]byte("Subject: bare LF\n\nx CREATE evil\nbare\n"),
		[]byte("Subject: bare CR\r\rx CREATE evil\r"),
		bytes.Repeat([]byte("x CREATE evil "), 3000),
		[]byte("Subject: \xff\xfe 8-bit\r\n\r\n\x80\x81\r\n"),
	)
}

var (
	oddFlags = []string{`\Seen \Custom`, `[foo] \Seen`, `k` + "\xc3\xa4" + `se`, `"quoted word" a"b`, strings.Repeat("k", 60), `\Recent \Draft`,
		`a]b %x y* \*`, `NIL`, `$Forwarded \sEEN`, ``, `{5+}`, `\`, `\Recent`, `a\b`}
	oddDates = []string{`NIL`, `"00-Jan-1900 00:00:00 +0000"`, `" 1-Feb-1999 03:04:05 -0730"`, `"1-Feb-1999 03:04:05 -0730"`,
		`"31-Dec-1899 23:59:59 +0000"`, `"17-Jul-2040 02:44:25 +1400"`, `"garbage"`, `"17-Jul-1996 02:44:25 +9999"`, `""`, `-`,
		`"30-Feb-2001 00:00:00 +0000"`, `"17-Jul-0000 00:00:00 +0000"`, `"17-JUL-1996 2:04:05 GMT"`}
)

// oddBox has every body with every flag list and every date at least once.
func oddBox(bodies [][]byte) imaptest.FakeMailbox {
	n := len(bodies) * len(oddDates)
	return imaptest.FakeMailbox{Name: "INBOX", Count: n, Message: func(i int) imaptest.FakeMessage {
		return imaptest.FakeMessage{Body: bodies[i%len(bodies)], Flags: oddFlags[i%len(oddFlags)], Date: oddDates[i%len(oddDates)]}
	}}
}

var (
	validHead     = regexp.MustCompile(`^(\([$\\A-Za-z0-9 \[]+\))? ?("[ 0-3][0-9]-[A-Z][a-z]{2}-[0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} [-+][0-9]{4}")?$`)
	destCommands  = []string{"CAPABILITY", "LOGIN", "AUTHENTICATE", "ID", "NAMESPACE", "LIST", "LSUB", "STATUS", "SELECT", "UID SEARCH", "UID FETCH", "APPEND", "UID STORE", "UNSELECT", "LOGOUT"}
	sourceCommand = []string{"CAPABILITY", "LOGIN", "AUTHENTICATE", "ID", "NAMESPACE", "LIST", "LSUB", "STATUS", "EXAMINE", "UID SEARCH", "UID FETCH", "LOGOUT"}
)

func onlyTold(t *testing.T, f *imaptest.Fake, names []string) {
	t.Helper()
	for _, c := range f.Commands() {
		if !slices.Contains(names, c.Name) {
			t.Errorf("connection %d was told %.60q %.60q", c.Conn, c.Name, c.Args)
		}
	}
}

// TestOddSource: whatever a source offers arrives, nothing of it is obeyed,
// and only what every server can parse stands ahead of it.
func TestOddSource(t *testing.T) {
	bodies := append(evilBodies(), []byte{}, []byte("Subject: NUL\r\n\r\na\x00b\x00\r\n"))
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			box := oddBox(bodies)
			src := imaptest.NewFake(t, imaptest.FakeOptions{}, box)
			dst := imaptest.NewFake(t, imaptest.FakeOptions{Caps: way.caps})
			r := fakeRig(t, src, dst)
			counted(t, r.mustSync(), throughput.Count{Listed: int64(box.Count), Copied: int64(box.Count)})
			storedOnce(t, dst, "INBOX", box, nil)
			for _, s := range dst.Stored("INBOX") {
				if !validHead.MatchString(s.Head) || strings.Contains(s.Head, "Recent") || strings.Contains(s.Head, "Custom") {
					t.Errorf("head %q", s.Head)
				}
			}
			counted(t, r.mustSync(), throughput.Count{Listed: int64(box.Count), AlreadyThere: int64(box.Count)})
			r.dir = t.TempDir() + "/lost"
			counted(t, r.mustSync(), throughput.Count{Listed: int64(box.Count), AlreadyThere: int64(box.Count)})
			obedient(t, dst)
			onlyTold(t, dst, destCommands)
			onlyTold(t, src, sourceCommand)
			if m := dst.Mailboxes(); len(m) != 1 {
				t.Errorf("mailboxes %q", m)
			}
		})
	}
}

// TestOddSourceToDovecot is TestOddSource against real servers, which refuse
// an empty message and may alter NULs.
func TestOddSourceToDovecot(t *testing.T) {
	for name, dst := range map[string]host{"maildir": dotHost(t), "sdbox": slashHost(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bodies := append(evilBodies(), []byte{})
			box := oddBox(bodies)
			src := imaptest.NewFake(t, imaptest.FakeOptions{}, box)
			r := newRig(t, fakeHost(src), dst)
			r.options = func(o *mailsync.Options) { o.LookEvery = 0 }
			each := int64(len(oddDates))
			before := names(r.dump(dst))
			c, err := r.sync(t.Context())
			if f := fault.Of(err); f == nil || f.Scope != fault.Message || f.Side != fault.Dest {
				t.Errorf("error %v", err)
			}
			counted(t, c, throughput.Count{Listed: int64(box.Count), Copied: int64(box.Count) - each, Rejected: each})
			c, _ = r.sync(t.Context())
			counted(t, c, throughput.Count{Listed: int64(box.Count), AlreadyThere: int64(box.Count) - each, Rejected: each})
			after := r.dump(dst)
			if got := names(after); !slices.Equal(got, before) {
				t.Errorf("mailboxes were %q, are %q", before, got)
			}
			want := map[string]int{}
			for i := range box.Count {
				if b := box.Message(i).Body; len(b) > 0 {
					want[digest(canonical(b))]++
				}
			}
			for _, m := range after.Mailboxes {
				for _, msg := range m.Messages {
					want[msg.Digest]--
				}
			}
			for d, n := range want {
				if n != 0 {
					t.Errorf("digest %.12s: %d too few", d, n)
				}
			}
		})
	}
}

func names(c *imaptest.Contents) []string {
	var out []string
	for _, m := range c.Mailboxes {
		out = append(out, m.Name)
	}
	slices.Sort(out)
	return out
}

// canonical is what Dovecot makes of bare line feeds, and of a CR that nothing
// follows.
func canonical(b []byte) []byte {
	if b[len(b)-1] == '\r' {
		b = b[:len(b)-1]
	}
	return bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
}

// TestQuirksOfFetch: each way in which a source may answer FETCH oddly costs
// at most the message that it is about.
func TestQuirksOfFetch(t *testing.T) {
	const n, odd = 12, 5
	rest := throughput.Count{Listed: n, Copied: n}
	gone := throughput.Count{Listed: n, Copied: n - 1, Gone: 1}
	unread := throughput.Count{Listed: n, Copied: n - 1, Rejected: 1}
	tests := []struct {
		name string
		make func(m *imaptest.FakeMessage)
		want throughput.Count
	}{
		{"UID after the body", func(m *imaptest.FakeMessage) { m.UIDLast = true }, rest},
		{"NIL body", func(m *imaptest.FakeMessage) { m.NilBody = true }, unread},
		{"refused", func(m *imaptest.FakeMessage) { m.Refuse = "NO [SERVERBUG] cannot read it" }, unread},
		{"BAD", func(m *imaptest.FakeMessage) { m.Refuse = "BAD cannot read it" }, unread},
		{"listed and not given", func(m *imaptest.FakeMessage) { m.Gone = true }, unread},
		{"unasked FETCH of another", func(m *imaptest.FakeMessage) {
			m.Before = "* 2 FETCH (FLAGS (\\Deleted) UID 2)\r\n* 9 FETCH (FLAGS ())\r\n"
		}, rest},
		{"unasked body of another", func(m *imaptest.FakeMessage) {
			m.Before = "* 2 FETCH (UID 2 BODY[] {3}\r\nabc)\r\n* 9 FETCH (UID 99 BODY[] {3}\r\nabc)\r\n* 9 FETCH (BODY[] {3}\r\nabc)\r\n"
		}, rest},
		{"UID 0", func(m *imaptest.FakeMessage) { m.Before = "* 2 FETCH (UID 0 FLAGS () BODY[] {3}\r\nabc)\r\n" }, rest},
		{"the flags apart", func(m *imaptest.FakeMessage) { m.Flags, m.Before = "-", "* 6 FETCH (UID 6 FLAGS (\\Seen))\r\n" }, rest},
		{"no date", func(m *imaptest.FakeMessage) { m.Date = "-" }, rest},
		{"a size that is not true", func(m *imaptest.FakeMessage) { m.Size = "1" }, rest},
		{"no size", func(m *imaptest.FakeMessage) { m.Size = "NIL" }, rest},
		{"an empty body", func(m *imaptest.FakeMessage) { m.Size, m.Body = "100", []byte{} }, unread},
		{"an empty body, UID last", func(m *imaptest.FakeMessage) { m.Size, m.Body, m.UIDLast = "100", []byte{}, true }, unread},
		{"an empty message", func(m *imaptest.FakeMessage) { m.Body = []byte{} }, rest},
		{"an empty message of no known size", func(m *imaptest.FakeMessage) { m.Size, m.Body = "NIL", []byte{} }, rest},
		{"a size of 0", func(m *imaptest.FakeMessage) { m.Size = "0" }, rest},
		{"expunges and more", func(m *imaptest.FakeMessage) {
			m.Before = "* 1 EXPUNGE\r\n* 40 EXISTS\r\n* OK [ALERT] careful\r\n* VANISHED 1\r\n* LIST () NIL x\r\n* NO warning\r\n"
		}, rest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			box := plain(n)
			one := box.Message
			box.Message = func(i int) imaptest.FakeMessage {
				m := one(i)
				if i == odd {
					tt.make(&m)
				}
				return m
			}
			src, dst := imaptest.NewFake(t, imaptest.FakeOptions{}, box), imaptest.NewFake(t, imaptest.FakeOptions{})
			r := fakeRig(t, src, dst)
			c, err := r.sync(t.Context())
			if f := fault.Of(err); (err == nil) != (tt.want.Rejected == 0) || err != nil && (f.Side != fault.Source || f.Scope != fault.Message || f.Code != fault.SourceUnreadable) {
				t.Errorf("error %v", err)
			}
			counted(t, c, tt.want)
			storedOnce(t, dst, "INBOX", box, func(i int) bool { return i != odd || tt.want == rest })
			for _, s := range dst.Stored("INBOX") {
				if s.Flags != `\Seen` {
					t.Errorf("UID %d has flags %q", s.UID, s.Flags)
				}
			}
			c, _ = r.sync(t.Context())
			tt.want.AlreadyThere, tt.want.Copied = tt.want.Copied, 0
			counted(t, c, tt.want)
		})
	}
	t.Run("case 53: empty at first", func(t *testing.T) {
		box := plain(n)
		one, asked := box.Message, atomic.Int32{}
		box.Message = func(i int) imaptest.FakeMessage {
			m := one(i)
			if i == odd && asked.Add(1) <= 3 {
				m.Size, m.Body = "100", []byte{}
			}
			return m
		}
		src, dst := imaptest.NewFake(t, imaptest.FakeOptions{}, box), imaptest.NewFake(t, imaptest.FakeOptions{})
		r := fakeRig(t, src, dst)
		counted(t, r.mustSync(), rest)
		box.Message = one
		storedOnce(t, dst, "INBOX", box, nil)
	})
	t.Run("vanished", func(t *testing.T) {
		box := plain(n)
		box.UIDValidity = 7
		one := box.Message
		box.Message = func(i int) imaptest.FakeMessage { m := one(i); m.Gone = i == odd; return m }
		searches := 0
		src := imaptest.NewFake(t, imaptest.FakeOptions{Intercept: func(c imaptest.FakeCommand) imaptest.FakeReply {
			if c.Name == "EXAMINE" && searches > 0 {
				return imaptest.FakeReply{Lines: []string{"* 11 EXISTS", "* OK [UIDVALIDITY 7] valid", "* OK [UIDNEXT 13] next", "TAG OK [READ-ONLY] done"}}
			}
			if c.Name != "UID SEARCH" {
				return imaptest.FakeReply{}
			}
			if searches++; searches == 1 {
				return imaptest.FakeReply{}
			}
			return imaptest.FakeReply{Lines: []string{"* SEARCH 12 1 2 3 4 5 7 8 9 10 11", "TAG OK done"}}
		}}, box)
		r := fakeRig(t, src, imaptest.NewFake(t, imaptest.FakeOptions{}))
		counted(t, r.mustSync(), gone)
	})
}

// TestOddSearch: what the source lists is what counts, in whatever order, and
// a mailbox whose list makes no sense costs only itself.
func TestOddSearch(t *testing.T) {
	tests := []struct {
		name, answer string
		want         throughput.Count
	}{
		{"unsorted and twice", "* SEARCH 3 1 2 2 5 4 1", throughput.Count{Listed: 6, Copied: 6}},
		{"in pieces", "* SEARCH 3\r\n* SEARCH 1 2\r\n* SEARCH 4 5 (MODSEQ 9)", throughput.Count{Listed: 6, Copied: 6}},
		{"UID 0", "* SEARCH 0 1 2 3", throughput.Count{Listed: 6, Copied: 1, NotTried: 5, MailboxesRefused: 1}},
		{"everything", "* ESEARCH UID ALL 1:4294967295", throughput.Count{Listed: 6, Copied: 1, NotTried: 5, MailboxesRefused: 1}},
		{"fewer than exist", "* SEARCH 1 2 4", throughput.Count{Listed: 6, Copied: 1, NotTried: 5, MailboxesRefused: 1}},
		{"nothing, though messages exist", "* SEARCH", throughput.Count{Listed: 6, Copied: 1, NotTried: 5, MailboxesRefused: 1}},
		{"no answer", "* OK nothing", throughput.Count{Listed: 6, Copied: 1, NotTried: 5, MailboxesRefused: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var in string
			src := imaptest.NewFake(t, imaptest.FakeOptions{Intercept: func(c imaptest.FakeCommand) imaptest.FakeReply {
				if c.Name == "EXAMINE" {
					in = c.Args
				}
				if c.Name == "UID SEARCH" && strings.Contains(in, "INBOX") {
					return imaptest.FakeReply{Lines: []string{tt.answer, "TAG OK done"}}
				}
				return imaptest.FakeReply{}
			}}, plain(5), imaptest.FakeMailbox{Name: "other", Count: 1, Message: plain(1).Message})
			dst := imaptest.NewFake(t, imaptest.FakeOptions{})
			c, err := fakeRig(t, src, dst).sync(t.Context())
			if tt.want.MailboxesRefused == 0 && err != nil {
				t.Errorf("error %v", err)
			}
			if f := fault.Of(err); tt.want.MailboxesRefused > 0 && (f == nil || f.Scope != fault.Mailbox || f.Side != fault.Source) {
				t.Errorf("error %v", err)
			}
			counted(t, c, tt.want)
		})
	}
}

// TestOddNames: mailboxes that are listed twice, have names that no encoding
// gives, or cannot be opened.
func TestOddNames(t *testing.T) {
	m := func(i int) imaptest.FakeMessage { return imaptest.FakeMessage{Body: text(i, 200)} }
	src := imaptest.NewFake(t, imaptest.FakeOptions{},
		imaptest.FakeMailbox{Name: "twice", Count: 2, Message: m, List: "() \"/\" twice\r\n* LIST (\\Sent) \"/\" \"twice\""},
		imaptest.FakeMailbox{Name: "R&D", Count: 2, Message: m},
		imaptest.FakeMailbox{Name: "empty", Count: 2, Message: m, List: `() "/" ""`},
		imaptest.FakeMailbox{Name: "slashes", Count: 2, Message: m, List: `() "/" "///"`},
		imaptest.FakeMailbox{Name: "k\xe4se", Count: 2, Message: m},
		imaptest.FakeMailbox{Name: "closed", NoSelect: true, List: `() "/" closed`},
		imaptest.FakeMailbox{Name: "a b%*", Count: 2, Message: m})
	dst := imaptest.NewFake(t, imaptest.FakeOptions{})
	r := fakeRig(t, src, dst)
	for pass := range 2 {
		c, err := r.sync(t.Context())
		if f := fault.Of(err); f == nil || f.Scope != fault.Mailbox || f.Side != fault.Source {
			t.Errorf("error %v", err)
		}
		want := throughput.Count{Listed: 8, Copied: 8, MailboxesRefused: c.MailboxesRefused}
		if pass == 1 {
			want.Copied, want.AlreadyThere = 0, 8
		}
		counted(t, c, want)
	}
	obedient(t, dst)
	total := 0
	for _, name := range dst.Mailboxes() {
		total += len(dst.Stored(name))
	}
	if total != 8 {
		t.Errorf("%d messages in %q", total, dst.Mailboxes())
	}
}
