package mailsync_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// TestManyMailboxesRefused: a server that refuses mailbox after mailbox says
// BAD to what was sent behind each EXAMINE, and hangs up after 20 of them, as
// Dovecot does. Each mailbox costs itself, and no other.
func TestManyMailboxesRefused(t *testing.T) {
	const refused = 300
	boxes := []imaptest.FakeMailbox{plain(30)}
	for i := range refused {
		boxes = append(boxes, imaptest.FakeMailbox{Name: fmt.Sprintf("shut %d", i), Count: 2, Message: plain(2).Message})
	}
	boxes = append(boxes, imaptest.FakeMailbox{Name: "last", Count: 30, Message: plain(30).Message})
	var mu sync.Mutex
	shut, bad := map[int]bool{}, map[int]int{}
	src := imaptest.NewFake(t, imaptest.FakeOptions{Intercept: func(c imaptest.FakeCommand) imaptest.FakeReply {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case c.Name == "EXAMINE":
			if shut[c.Conn] = strings.Contains(c.Args, "shut"); shut[c.Conn] {
				return imaptest.FakeReply{Lines: []string{"TAG NO [NOPERM] not yours"}}
			}
		case shut[c.Conn] && strings.HasPrefix(c.Name, "UID "):
			bad[c.Conn]++
			return imaptest.FakeReply{Lines: []string{"TAG BAD no mailbox selected"}, Close: bad[c.Conn] >= 20}
		}
		return imaptest.FakeReply{}
	}}, boxes...)
	r := fakeRig(t, src, imaptest.NewFake(t, imaptest.FakeOptions{}))
	c, err := r.sync(t.Context())
	if err == nil {
		t.Error("no error")
	}
	counted(t, c, throughput.Count{Listed: 60 + 2*refused, Copied: 60, NotTried: 2 * refused, MailboxesRefused: refused})
}
