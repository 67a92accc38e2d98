package mailsync_test

import (
	"strings"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// TestSourceLosesMail: a mailbox that has another name, one that is gone, and
// one that has far fewer messages than before cost nothing at the destination,
// and are told.
func TestSourceLosesMail(t *testing.T) {
	servers(t, func(t *testing.T, src, dst host) {
		r := newRig(t, src, dst)
		r.fillSource(imaptest.Mailbox{Name: "INBOX", Messages: mail("a", 40, 500)},
			imaptest.Mailbox{Name: "Old", Messages: mail("b", 5, 500)}, imaptest.Mailbox{Name: "Gone", Messages: mail("c", 3, 500)})
		r.mustSync()
		lines := []string{`RENAME "` + src.mailbox("Old") + `" "` + src.mailbox("New") + `"`, `DELETE "` + src.mailbox("Gone") + `"`}
		r.does(src, "INBOX", append(lines, `UID STORE 1:25 +FLAGS.SILENT (\Deleted)`, "UID EXPUNGE 1:25")...)
		log := r.logged()
		c := r.mustSync()
		counted(t, c, throughput.Count{Listed: 20, Copied: 5, AlreadyThere: 15})
		if c.GoneKept != 25+5+3 {
			t.Errorf("%d messages are kept, want 33", c.GoneKept)
		}
		for _, path := range []string{"Old", "New"} {
			r.holds(path, 5)
		}
		r.holds("Gone", 3)
		r.holds("INBOX", 40)
		s := log.String()
		for _, want := range []string{"far fewer messages", "gone at the source"} {
			if strings.Count(s, want) != 1 {
				t.Errorf("%q is not said once:\n%s", want, s)
			}
		}
		if src.real && !strings.Contains(s, "another name at the source") {
			t.Errorf("nothing is said of the other name:\n%s", s)
		}
	})
}
