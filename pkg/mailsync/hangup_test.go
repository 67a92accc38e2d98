package mailsync_test

import (
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// TestMessageThatHangsUp: a message at which the destination always ends the
// connection costs only itself, in this pass and in the next.
func TestMessageThatHangsUp(t *testing.T) {
	for _, caps := range [][]string{nil, {"IMAP4rev1", "LITERAL+", "UIDPLUS"}, {"IMAP4rev1"}} {
		box := plain(10)
		src := imaptest.NewFake(t, imaptest.FakeOptions{}, box, imaptest.FakeMailbox{Name: "other", Count: 3, Message: box.Message})
		dst := imaptest.NewFake(t, imaptest.FakeOptions{Caps: caps, Append: func(m imaptest.FakeAppend) imaptest.FakeRefusal {
			return imaptest.FakeRefusal{HangUp: m.Octets == sizeOf(3) && m.Mailbox == "INBOX"}
		}})
		r := fakeRig(t, src, dst)
		r.options = func(o *mailsync.Options) {
			quick(o)
			o.Patience = 20 * time.Second
		}
		for _, want := range []throughput.Count{{Listed: 13, Copied: 12, Rejected: 1}, {Listed: 13, AlreadyThere: 12, Rejected: 1}} {
			c, err := r.sync(t.Context())
			if f := fault.Of(err); f == nil || f.Scope != fault.Message || f.Side != fault.Dest {
				t.Errorf("with %v: error %v", caps, err)
			}
			counted(t, c, want)
		}
	}
}
