package mailsync_test

import (
	"strings"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// TestMatchInRounds: what two mailboxes have in common is found although the
// lane has not the memory to hold what identifies their messages.
func TestMatchInRounds(t *testing.T) {
	const n = 4000 // of each side; every second one is at the destination too
	there := imaptest.FakeMailbox{Name: "INBOX", Count: n, Message: func(i int) imaptest.FakeMessage {
		return imaptest.FakeMessage{Body: text(2*i, 200)}
	}}
	src := imaptest.NewFake(t, imaptest.FakeOptions{}, imaptest.FakeMailbox{Name: "INBOX", Count: n,
		Message: func(i int) imaptest.FakeMessage { return imaptest.FakeMessage{Body: text(i, 200)} }})
	dst := imaptest.NewFake(t, imaptest.FakeOptions{}, there)
	r := fakeRig(t, src, dst)
	r.options = func(o *mailsync.Options) { quick(o); o.Memory, o.Lanes = 1<<10, 1 } // 64 KiB: 12 rounds
	counted(t, r.mustSync(), throughput.Count{Listed: n, Copied: n / 2, AlreadyThere: n / 2})
	if got := len(dst.Stored("INBOX")); got != n/2 {
		t.Errorf("%d messages stored, want %d", got, n/2)
	}
	headers := 0
	for _, c := range dst.Commands() {
		if c.Name == "UID FETCH" && strings.Contains(c.Args, "HEADER") {
			headers++
		}
	}
	if headers <= n/500 {
		t.Errorf("%d commands for headers: all in one round", headers)
	}
}
