//go:build unix

package main

import (
	"os"
	"strings"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

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
