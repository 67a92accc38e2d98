package probe

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// A mailbox that was made before the connection broke is removed, although the
// server refuses to make it again, and says by no code why.
func TestMadeWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	const spare = "spare"
	var dst *imaptest.Fake
	var asked atomic.Int64
	dst = imaptest.NewFake(t, imaptest.FakeOptions{Intercept: func(c imaptest.FakeCommand) imaptest.FakeReply {
		if c.Name != "CREATE" || !strings.HasSuffix(c.Args, `-1"`) {
			return imaptest.FakeReply{}
		}
		if asked.Add(1) == 1 {
			if err := dst.Rename(spare, strings.Trim(c.Args, `"`)); err != nil {
				t.Error(err)
			}
			return imaptest.FakeReply{Close: true}
		}
		return imaptest.FakeReply{Lines: []string{"TAG NO Mailbox already exists"}}
	}}, imaptest.FakeMailbox{Name: spare})
	src := imaptest.NewFake(t, imaptest.FakeOptions{}, lettersOf(300, 2000))
	o := quick([]account.Pair{pairOf(t, 2, src.Access(), dst.Access())})
	o.Lanes = 2
	rep, err := Run(t.Context(), o)
	if err != nil || asked.Load() != 2 {
		t.Fatalf("%v, asked %d times for the mailbox, ended %+v", err, asked.Load(), rep.Ended)
	}
	if left := dst.Mailboxes(); len(left) != 1 || len(rep.Mailboxes.Left) != 0 {
		t.Errorf("the destination has %q, the report %+v", left, rep.Mailboxes)
	}
	onlyOurs(t, dst)
}
