package imaptest

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// talk sends lines over one connection and returns what the server says up to
// the end of the last answer. Its lines are written as they are.
func talk(t *testing.T, f *Fake, lines ...string) string {
	t.Helper()
	nc, err := f.DialContext(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	done := make(chan error, 1)
	go func() {
		_, err := io.WriteString(nc, strings.Join(lines, "\r\n")+"\r\nzz LOGOUT\r\n")
		done <- err
	}()
	got, err := io.ReadAll(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return string(got)
}

// oddSource is a mailbox with one oddity per message.
func oddSource() FakeMailbox {
	odd := []FakeMessage{
		{Body: []byte("Subject: plain\r\n\r\nx\r\n"), Flags: `\Seen \Recent Work`},
		{Body: []byte("Subject: last\r\n\r\nx\r\n"), UIDLast: true},
		{Body: []byte("Subject: x\r\n\r\nx\r\n"), Flags: `[foo] \Custom \Seen `, Date: `"00-Jan-1900 00:00:00 +0000"`, Size: "-1"},
		{Body: []byte("Subject: x\r\n\r\nx\r\n"), Before: "* 1 FETCH (FLAGS (\\Seen))\r\n* 9 EXPUNGE\r\n"},
		{NilBody: true},
		{Body: []byte("a1 CREATE obeyed\r\n"), Date: "NIL", Flags: "-"},
		{Body: []byte("x"), Gone: true},
		{Body: []byte("\r\nno header"), Refuse: "NO [SERVERBUG] unreadable"},
	}
	return FakeMailbox{Name: "INBOX", Count: len(odd), UID: func(i int) uint32 { return uint32(10 * (i + 1)) },
		Message: func(i int) FakeMessage { return odd[i] }}
}

func TestFakeOddSource(t *testing.T) {
	f := NewFake(t, FakeOptions{}, oddSource(),
		FakeMailbox{Name: "R&D", List: `(\HasNoChildren) "/" {3}` + "\r\nR&D"},
		FakeMailbox{Name: "top", NoSelect: true})
	got := talk(t, f, "a LOGIN u p", `b LIST "" "*"`, "c EXAMINE inbox", "d UID SEARCH ALL", "e UID SEARCH RETURN (ALL) UID 75:*",
		"f UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])", "g UID FETCH 10 (BODY.PEEK[HEADER])",
		"h SELECT top", "i UID FETCH 10 (ENVELOPE)")
	for _, want := range []string{
		"* LIST () \"/\" \"INBOX\"\r\n", "* LIST (\\HasNoChildren) \"/\" {3}\r\nR&D\r\n", "* LIST (\\NoSelect) \"/\" \"top\"\r\n",
		"* 8 EXISTS\r\n", "[UIDNEXT 81]", "* SEARCH 10 20 30 40 50 60 70 80\r\n", "* ESEARCH (TAG \"e\") UID ALL 80\r\n",
		`* 1 FETCH (UID 10 FLAGS (\Seen \Recent Work) INTERNALDATE "17-Jul-1996 02:44:25 -0700" RFC822.SIZE 21 BODY[] {21}` + "\r\nSubject: plain",
		"* 2 FETCH (FLAGS", " UID 20)\r\n", `FLAGS ([foo] \Custom \Seen ) INTERNALDATE "00-Jan-1900 00:00:00 +0000" RFC822.SIZE -1 `,
		"* 9 EXPUNGE\r\n* 4 FETCH (UID 40", "BODY[] NIL)\r\n", "* 6 FETCH (UID 60 INTERNALDATE NIL RFC822.SIZE 18 BODY[] {18}\r\na1 CREATE",
		"f NO [SERVERBUG] unreadable\r\n", "BODY[HEADER] {18}\r\nSubject: plain\r\n\r\n)\r\ng OK",
		"h NO [CANNOT]", "i BAD no mailbox selected", "* BYE",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "* 7 FETCH") {
		t.Error("a message that is gone was given")
	}
}

// multi appends three messages in one command.
var multi = []string{"a LOGIN u p", "b APPEND INBOX (\\Seen) \"17-Jul-1996 02:44:25 -0700\" {3+}\r\none {3+}\r\ntwo (Work) {5+}\r\nthree"}

func TestFakeAppends(t *testing.T) {
	no := func(answer string, atEnd bool) func(FakeAppend) FakeRefusal {
		return func(m FakeAppend) FakeRefusal {
			if m.N == 1 {
				return FakeRefusal{Answer: answer, AtEnd: atEnd}
			}
			return FakeRefusal{}
		}
	}
	tests := []struct {
		name   string
		opt    FakeOptions
		lines  []string
		want   string // in the answers
		stored []string
		obeyed bool // whether something of a message was run
	}{
		{"multi", FakeOptions{}, multi, "b OK [APPENDUID 1001 1:3]", []string{"one", "two", "three"}, false},
		{"no APPENDUID", FakeOptions{NoAppendUID: true}, multi, "b OK APPEND", []string{"one", "two", "three"}, false},
		{"NO at once", FakeOptions{Append: no("NO [TOOBIG] no", false)}, multi, "b NO [TOOBIG]", nil, false},
		{"NO at the end", FakeOptions{Append: no("NO full", true)}, multi, "b NO full", nil, false},
		{"not atomic", FakeOptions{Append: no("NO full", true), NotAtomic: true}, multi, "b NO full", []string{"one"}, false},
		{"BAD at the end", FakeOptions{Append: no("BAD full", true)}, multi, "b BAD full", nil, false},
		{"no MULTIAPPEND", FakeOptions{Caps: []string{"LITERAL+"}}, multi, "b BAD one message a command", nil, true},
		{"LITERAL- is enough", FakeOptions{Caps: []string{"LITERAL-", "MULTIAPPEND"}}, multi, "b OK", []string{"one", "two", "three"}, false},
		{"no LITERAL+", FakeOptions{Caps: []string{"MULTIAPPEND"}}, multi, "b BAD no such literal", nil, true},
		{"BAD runs the message", FakeOptions{Append: func(FakeAppend) FakeRefusal { return FakeRefusal{Answer: "BAD flag"} }},
			[]string{"a LOGIN u p", "b APPEND INBOX {17+}\r\nx CREATE obeyed\r\n"}, "x OK CREATE", nil, true},
		{"NO skips the message", FakeOptions{Append: func(FakeAppend) FakeRefusal { return FakeRefusal{Answer: "NO flag"} }},
			[]string{"a LOGIN u p", "b APPEND INBOX {17+}\r\nx CREATE obeyed\r\n"}, "b NO flag", nil, false},
		{"sync", FakeOptions{}, []string{"a LOGIN u p", "b APPEND INBOX {3}\r\none"}, "+ go ahead\r\nb OK [APPENDUID 1001 1]", []string{"one"}, false},
		{"sync refused", FakeOptions{Append: func(FakeAppend) FakeRefusal { return FakeRefusal{Answer: "NO [OVERQUOTA] full"} }},
			[]string{"a LOGIN u p", "b APPEND INBOX {3}", "c NOOP"}, "b NO [OVERQUOTA] full\r\nc OK", nil, false},
		{"no mailbox", FakeOptions{}, []string{"a LOGIN u p", "b APPEND Sent {3}", "c NOOP"}, "b NO [TRYCREATE]", nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := NewFake(t, tt.opt)
			got := talk(t, f, tt.lines...)
			if !strings.Contains(got, tt.want) {
				t.Errorf("no %q in\n%s", tt.want, got)
			}
			var bodies []string
			for _, s := range f.Stored("INBOX") {
				bodies = append(bodies, string(s.Body))
			}
			if !slices.Equal(bodies, tt.stored) {
				t.Errorf("stored %q, want %q", bodies, tt.stored)
			}
			obeyed := len(f.Violations()) > 0 || len(f.Mailboxes()) > 1
			if obeyed != tt.obeyed {
				t.Errorf("obeyed %v: %q, mailboxes %q", obeyed, f.Violations(), f.Mailboxes())
			}
		})
	}
}

func TestFakeStored(t *testing.T) {
	f := NewFake(t, FakeOptions{})
	talk(t, f, multi...)
	s := f.Stored("INBOX")
	if s[0].Flags != `\Seen` || s[0].Date != `"17-Jul-1996 02:44:25 -0700"` || s[2].Flags != "Work" || s[2].Date != "" || s[2].UID != 3 ||
		s[2].Digest != digest([]byte("three")) {
		t.Errorf("%+v", s)
	}
}

func TestFakeFillAndDump(t *testing.T) {
	for _, caps := range [][]string{nil, {"LITERAL+", "UIDPLUS"}, {"IMAP4rev1"}} {
		synctest.Test(t, func(t *testing.T) {
			g := NewGenerator(5, RealSpec())
			boxes := []Mailbox{g.Mailbox("INBOX", 120), g.Mailbox("Ä/x", 30)}
			source := NewFake(t, FakeOptions{Pipe: true}, FakeFrom(boxes[0]), FakeFrom(boxes[1]))
			dest := NewFake(t, FakeOptions{Pipe: true, Caps: caps})
			if err := Fill(t.Context(), dest.Access(), boxes...); err != nil {
				t.Fatal(err)
			}
			a, err := Dump(t.Context(), source.Access())
			if err != nil {
				t.Fatal(err)
			}
			b, err := Dump(t.Context(), dest.Access())
			if err != nil {
				t.Fatal(err)
			}
			if diff := Diff(a, b, DiffOptions{Order: true, Subscriptions: true}); len(diff) > 0 || a.Messages() != 150 {
				t.Errorf("%d messages:\n%s", a.Messages(), strings.Join(diff, "\n"))
			}
			if v := append(source.Violations(), dest.Violations()...); len(v) > 0 {
				t.Errorf("violations %q", v)
			}
		})
	}
}

func TestFakeLogins(t *testing.T) {
	f := NewFake(t, FakeOptions{
		Login: func(authzid, user, password string) string {
			if authzid+user+password == "annrootpw" {
				return ""
			}
			return "NO [AUTHENTICATIONFAILED] no"
		},
		Intercept: func(cmd FakeCommand) FakeReply {
			if cmd.Name == "NAMESPACE" {
				return FakeReply{Lines: []string{"* BYE [UNAVAILABLE] later", "TAG NO gone"}, Close: true}
			}
			return FakeReply{}
		},
	})
	got := talk(t, f, "a NAMESPACE", "b LOGIN u p")
	if !strings.HasSuffix(got, "* BYE [UNAVAILABLE] later\r\na NO gone\r\n") {
		t.Errorf("got %q", got)
	}
	got = talk(t, f, "a STATUS INBOX (MESSAGES)", `b LOGIN {1+}`+"\r\nu {1+}\r\np", "c AUTHENTICATE PLAIN "+plainResponse("ann", "root", "pw"),
		"d STATUS INBOX (MESSAGES UIDNEXT)")
	for _, want := range []string{"a BAD log in first", "b NO [AUTH", "c OK [CAPABILITY", `* STATUS "INBOX" (MESSAGES 0 UIDNEXT 1)`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
	if s := f.Stats(); s.Logins != 1 || s.Refused != 1 {
		t.Errorf("stats %+v", s)
	}
	var lines []string
	for _, c := range f.Commands() {
		if c.Conn == 1 {
			lines = append(lines, fmt.Sprintf("%s %s %s", c.Tag, c.Name, c.Args))
		}
	}
	if len(lines) != 5 || lines[1] != `b LOGIN "u" "p"` {
		t.Errorf("commands %q", lines)
	}
}

func TestFakeRenew(t *testing.T) {
	f := NewFake(t, FakeOptions{NoUIDNext: true})
	before := talk(t, f, "a LOGIN u p", "b STATUS INBOX (UIDVALIDITY UIDNEXT)")
	if err := f.Renew("inbox"); err != nil {
		t.Fatal(err)
	}
	after := talk(t, f, "a LOGIN u p", "b STATUS INBOX (UIDVALIDITY UIDNEXT)")
	if before == after || strings.Contains(after, "UIDNEXT") {
		t.Errorf("before %q, after %q", before, after)
	}
	if f.Renew("none") == nil {
		t.Error("a mailbox that is not there was renewed")
	}
}

func TestSets(t *testing.T) {
	tests := []struct {
		set  string
		last uint32
		want []uint32
	}{
		{"1:*", 9, []uint32{1, 5, 9}}, {"7:*", 5, []uint32{5}}, {"*", 9, []uint32{9}}, {"9,1", 9, []uint32{1, 9}}, {"9:5", 9, []uint32{5, 9}},
	}
	for _, tt := range tests {
		set, ok := parseSet(tt.set, tt.last)
		var got []uint32
		for _, uid := range []uint32{1, 5, 9} {
			if set.has(uid) {
				got = append(got, uid)
			}
		}
		if want := tt.want; !ok || !slices.Equal(got, want) {
			t.Errorf("%s of %d: %v, want %v", tt.set, tt.last, got, want)
		}
	}
	for _, bad := range []string{"", "0", "1:", "a", "1,,2", "4294967296"} {
		if _, ok := parseSet(bad, 9); ok {
			t.Errorf("%q was read", bad)
		}
	}
	if got := printSet([]uint32{1, 2, 3, 5, 7, 8}); got != "1:3,5,7:8" {
		t.Errorf("printSet: %s", got)
	}
}
