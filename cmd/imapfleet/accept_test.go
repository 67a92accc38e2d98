package main

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// TestParseAccepted: what spreadsheets make of a rejects.csv reads as the same
// records; what is no such file is said with its line.
func TestParseAccepted(t *testing.T) {
	plain := "line;mailbox;uid;message_id;octets;date;code;text;accepted\n7;Entwürfe;41;<a@b>;12;2026-05-06T07:08:09+02:00;too-big;no;\n8;a;5;;;;x;y;yes\n"
	date := time.Date(2026, 5, 6, 5, 8, 9, 0, time.UTC)
	want := []acceptance{{2, 7, "Entwürfe", 41, "<a@b>", 12, date}, {3, 8, "a", 5, "", -1, time.Time{}}}
	utf16 := func(s string, order ...int) string {
		b := []byte{}
		for _, r := range "\ufeff" + s {
			pair := []byte{byte(r), byte(r >> 8)}
			b = append(b, pair[order[0]], pair[order[1]])
		}
		return string(b)
	}
	crlf := strings.ReplaceAll(plain, "\n", "\r\n")
	for name, text := range map[string]string{
		"as written":           plain,
		"BOM and CRLF":         "\ufeff" + crlf,
		"commas":               strings.ReplaceAll(plain, ";", ","),
		"tabs in UTF-16":       utf16(strings.ReplaceAll(plain, ";", "\t"), 0, 1),
		"UTF-16, big-endian":   utf16(crlf, 1, 0),
		"Windows-1252":         strings.ReplaceAll(plain, "ü", "\xfc"),
		"other columns":        "UID;mark;Message_ID; Mailbox ;LINE;date;octets\n41;x;<a@b>;Entwürfe;7;2026-05-06T05:08:09Z;12\n5;;;a;8;6.5.26 7:08;1.2E+05\n",
		"cells quoted, padded": "\"line\";\"mailbox\";\"uid\";\"message_id\";\"octets\";\"date\"\n\"7\";\"Entwürfe\"; 41 ;<a@b>; 12 ;\"2026-05-06T07:08:09+02:00\"\n8;a;5",
		"empty rows":           strings.Replace(plain, "8;a", "8;a", 1) + ";;;;;;;;\n\n",
	} {
		got, err := parseAccepted([]byte(text))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for name, tt := range map[string]struct{ text, err string }{
		"empty":       {"", "no header line"},
		"no header":   {"7;Entwürfe;41\n", "no header line"},
		"no mailbox":  {"line;uid\n7;41\n", "no header line"},
		"a UID lost":  {"line;mailbox;uid\n7;a;4.1E+05\n", `line 2: column uid: "4.1E+05" is no UID`},
		"line 0":      {"line;mailbox;uid\n1;a;2\n0;a;1\n", `line 3: column line: "0" is no line`},
		"short":       {"line;mailbox;uid\n1;a\n", `line 2: column uid: "" is no UID`},
		"no name":     {"line;mailbox;uid\n1;;3\n", "line 2: column mailbox"},
		"a long list": {"line;mailbox;uid\n" + strings.Repeat("x;a;1\n", 50), "there may be more"},
	} {
		if got, err := parseAccepted([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// TestAcceptanceFits: a record is about a message if nothing that both say of it
// differs.
func TestAcceptanceFits(t *testing.T) {
	date := time.Date(2026, 5, 6, 7, 8, 9, 0, time.FixedZone("", 7200))
	reject := throughput.Reject{MessageID: "<a@b>", Octets: 12, Date: date}
	unknown := throughput.Reject{Octets: -1}
	full := acceptance{messageID: "<a@b>", octets: 12, date: date.UTC()}
	with := func(change func(*acceptance)) acceptance {
		a := full
		change(&a)
		return a
	}
	for name, tt := range map[string]struct {
		a    acceptance
		r    throughput.Reject
		fits bool
	}{
		"all of it":          {full, reject, true},
		"nothing said":       {acceptance{octets: -1}, reject, true},
		"nothing known":      {acceptance{octets: 12, date: date.UTC()}, unknown, true},
		"another Message-ID": {with(func(a *acceptance) { a.messageID = "<c@d>" }), reject, false},
		"other octets":       {with(func(a *acceptance) { a.octets = 13 }), reject, false},
		"no octets":          {with(func(a *acceptance) { a.octets = 0 }), reject, false},
		"another date":       {with(func(a *acceptance) { a.date = date.Add(time.Second).UTC() }), reject, false},
		"octets alone":       {acceptance{octets: 13}, throughput.Reject{Octets: 12}, false},
		"date alone":         {acceptance{octets: -1, date: date.Add(time.Hour).UTC()}, throughput.Reject{Octets: 12, Date: date}, false},
	} {
		if got := tt.a.fits(tt.r); got != tt.fits {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func FuzzParseAccepted(f *testing.F) {
	f.Add([]byte("line;mailbox;uid;message_id\n7;Entw\xfcrfe;41;<a@b>\n"))
	f.Add([]byte("\ufeffuid,line,mailbox\r\n\"4\",1,\"a,b\"\r\n"))
	f.Add([]byte("\xff\xfel\x00i\x00n\x00e\x00"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := parseAccepted(raw)
		for _, a := range got {
			if err == nil && (a.line < 1 || a.uid == 0 || a.mailbox == "") {
				t.Errorf("%+v", a)
			}
		}
	})
}

// TestAcceptReal: a row whose rejects a human has accepted is done, and stays
// done; what the file says that is not so is a warning, and a file that is none
// is refused before anything is written.
func TestAcceptReal(t *testing.T) {
	body := func(s string) []byte { return []byte("Message-ID: <" + s + "@example.org>\r\n\r\n" + s + "\r\n") }
	src := imaptest.NewFake(t, imaptest.FakeOptions{}, imaptest.FakeMailbox{Name: "INBOX", Count: 4, Message: func(i int) imaptest.FakeMessage {
		m := imaptest.FakeMessage{Body: body("good")}
		if i%2 == 1 {
			m.Body = body("bad")
		}
		return m
	}})
	dst := imaptest.NewFake(t, imaptest.FakeOptions{Append: func(m imaptest.FakeAppend) imaptest.FakeRefusal {
		if m.Octets == int64(len(body("bad"))) {
			return imaptest.FakeRefusal{Answer: "NO virus", AtEnd: true}
		}
		return imaptest.FakeRefusal{}
	}})
	s := &site{t: t, dir: t.TempDir()}
	s.list("imap+insecure://" + src.Addr() + ";u;p;imap+insecure://" + dst.Addr() + ";u;p;")
	put := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(code int, accepted int64, args ...string) ending {
		t.Helper()
		e := s.run(append([]string{"run", "accounts.csv"}, args...)...)
		if c := e.summary.Run.Total; e.code != code || c.Rejected != 2 || c.Accepted != accepted || !c.Balanced() {
			t.Fatalf("%v\n%+v", e, e.summary.Run.Total)
		}
		return e
	}

	put("accept.csv", "line,mailbox,uid\r\nx,INBOX,2\r\n")
	if e := s.run("run", "accounts.csv", "--accept", "accept.csv"); e.code != exitUsage || !strings.Contains(e.errs, "line 2: column line") {
		t.Errorf("a malformed file: %v", e)
	}
	if _, err := os.Stat(s.path("accounts.imapfleet")); err == nil {
		t.Error("a malformed file, and something was written")
	}
	run(exitNotDone, 0)

	put("accept.csv", "\ufeffmessage_id,line,uid,mailbox,octets,date\r\n<bad@example.org>,1,2,INBOX\r\n<good@example.org>,1,4,INBOX\r\n,1,1,INBOX\r\n,3,2,INBOX\r\n"+
		"<bad@example.org>,1,4,INBOX,7\r\n,1,4,INBOX,,1999-01-02T03:04:05Z\r\n")
	e := run(exitNotDone, 1, "--accept", "accept.csv")
	for _, want := range []string{`line 3: row 1, mailbox "INBOX", UID 4: another message has that UID`, `line 6: row 1, mailbox "INBOX", UID 4: another message has that UID`,
		`line 7: row 1, mailbox "INBOX", UID 4: another message has that UID`, `line 4: row 1, mailbox "INBOX", UID 1: that message is no reject`,
		`line 5: row 3, mailbox "INBOX", UID 2: the list has no such row`} {
		if !strings.Contains(e.errs, want) {
			t.Errorf("%q is not said:\n%v", want, e)
		}
	}
	offered := len(dst.Commands())
	rejects, err := os.ReadFile(s.state("rejects.csv"))
	if err != nil {
		t.Fatal(err)
	}
	put("accept.csv", string(rejects))
	e = run(exitDone, 2, "--accept", "accept.csv", "--failed")
	if !strings.Contains(e.out, "2 of the rejected are accepted") {
		t.Errorf("the summary does not say so: %v", e)
	}
	run(exitDone, 2)
	for _, c := range dst.Commands()[offered:] {
		if c.Name == "APPEND" {
			t.Errorf("an accepted message was tried again: %q", c.Args)
		}
	}
	if got := s.records("results.csv")["1"]; got["state"] != "done" || got["rejected"] != "2" || got["accepted"] != "2" {
		t.Errorf("results.csv: %v", got)
	}
	if st := s.run("status", "accounts.csv"); st.code != exitDone {
		t.Errorf("status: %v", st)
	}
	after, err := os.ReadFile(s.state("rejects.csv"))
	if err != nil || strings.Count(string(after), ";yes\n") != 2 {
		t.Errorf("rejects.csv: %v\n%s", err, after)
	}
}
