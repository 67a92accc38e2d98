package mailsync_test

import (
	"testing"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// changes are the commands by which a destination is changed.
func changes(f *imaptest.Fake) (out []string) {
	for _, c := range f.Commands() {
		switch c.Name {
		case "APPEND", "CREATE", "SUBSCRIBE", "SELECT", "STORE", "UID STORE", "EXPUNGE", "CLOSE", "DELETE", "RENAME":
			out = append(out, c.Name)
		}
	}
	return out
}

// two are servers of which the destination has a part of the mail.
func two(t *testing.T) (src, dst *imaptest.Fake) {
	t.Helper()
	m := plain(9).Message
	src = imaptest.NewFake(t, imaptest.FakeOptions{Caps: append(caps(), "STATUS=SIZE")}, plain(9),
		imaptest.FakeMailbox{Name: "new", Count: 4, Subscribed: true, Message: m}, imaptest.FakeMailbox{Name: "there", Count: 4, Message: m})
	return src, imaptest.NewFake(t, imaptest.FakeOptions{}, imaptest.FakeMailbox{Name: "there", Count: 3, Message: m})
}

// TestJustLogin, case 22: both sides, and nothing else.
func TestJustLogin(t *testing.T) {
	src, dst := two(t)
	r := fakeRig(t, src, dst)
	r.rules.JustLogin = true
	counted(t, r.mustSync(), throughput.Count{})
	for _, f := range []*imaptest.Fake{src, dst} {
		for _, c := range f.Commands() {
			switch c.Name {
			case "CAPABILITY", "LOGIN", "AUTHENTICATE", "NAMESPACE", "ID", "LOGOUT", "ENABLE":
			default:
				t.Errorf("a server was told %s %q", c.Name, c.Args)
			}
		}
	}
	r.rules.JustLogin = false
	counted(t, r.mustSync(), throughput.Count{Listed: 17, Copied: 14, AlreadyThere: 3})
}

// TestJustFolders makes mailboxes and subscriptions; a later pass copies.
func TestJustFolders(t *testing.T) {
	src, dst := two(t)
	r := fakeRig(t, src, dst)
	r.rules.JustFolders = true
	for range 2 {
		if c := r.mustSync(); c.Listed != 0 || c.Mailboxes != 3 {
			t.Errorf("count %+v, want 3 mailboxes and no message", c)
		}
	}
	told := map[string]int{}
	for _, name := range changes(dst) {
		told[name]++
	}
	if told["CREATE"] != 1 || told["SUBSCRIBE"] != 1 || len(told) != 2 {
		t.Errorf("the destination was told %v, want one mailbox to be made and subscribed to", told)
	}
	r.rules.JustFolders = false
	counted(t, r.mustSync(), throughput.Count{Listed: 17, Copied: 14, AlreadyThere: 3})
}

// TestJustFoldersRefused: a mailbox that the destination does not take keeps
// the row from being done.
func TestJustFoldersRefused(t *testing.T) {
	src, _ := two(t)
	dst := imaptest.NewFake(t, imaptest.FakeOptions{Intercept: func(c imaptest.FakeCommand) imaptest.FakeReply {
		if c.Name == "CREATE" {
			return imaptest.FakeReply{Lines: []string{"TAG NO [NOPERM] not here"}}
		}
		return imaptest.FakeReply{}
	}}, imaptest.FakeMailbox{Name: "there"})
	r := fakeRig(t, src, dst)
	r.rules.JustFolders = true
	c, err := r.sync(t.Context())
	if fault.CodeOf(err) != fault.MailboxRefused || c.MailboxesRefused != 1 || c.Listed != 0 {
		t.Errorf("count %+v, error %v", c, err)
	}
}

// TestDryRow, case 83: in a run that copies others a row is only looked at. It
// is not done, nothing of it is remembered, and what would be copied is said.
func TestDryRow(t *testing.T) {
	src, dst := two(t)
	r := fakeRig(t, src, dst)
	scratch, err := ledger.Open(t.Context(), t.TempDir()+"/scratch")
	if err != nil {
		t.Fatal(err)
	}
	defer scratch.Close() // nothing of it is kept
	if _, err := scratch.Bind(t.Context(), []ledger.Entry{{Key: r.key(), Line: 1}}, false); err != nil {
		t.Fatal(err)
	}
	r.options = func(o *mailsync.Options) { quick(o); o.Scratch = scratch }
	r.rules.Dry = true
	for range 2 {
		c, err := r.sync(t.Context())
		counted(t, c, throughput.Count{Listed: 17, NotTried: 14, AlreadyThere: 3})
		if f := fault.Of(err); f == nil || f.Code != fault.DryRun || f.Scope != fault.Message || f.Text != "only looked at: 14 messages would be copied" {
			t.Errorf("error %v", err)
		}
		if c.Octets != 0 || c.OctetsNotTried == 0 {
			t.Errorf("%d octets copied, %d not tried", c.Octets, c.OctetsNotTried)
		}
	}
	if told := changes(dst); len(told) > 0 {
		t.Errorf("the destination was told %q", told)
	}
	r.rules.Dry = false
	counted(t, r.mustSync(), throughput.Count{Listed: 17, Copied: 14, AlreadyThere: 3})

	r.rules.Dry, r.options = true, quick
	if c, err := r.sync(t.Context()); fault.CodeOf(err) != fault.DryRun || c.Listed != 0 {
		t.Errorf("without a second ledger: count %+v, error %v", c, err)
	}
}
