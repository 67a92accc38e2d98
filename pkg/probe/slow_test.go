package probe

import (
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// What is under way over a slow link is bounded, so that a measurement ends soon
// after its time. (With no answer awaited before more was sent, none came.)
func TestSlowLink(t *testing.T) {
	t.Parallel()
	src, dst := imaptest.NewFake(t, imaptest.FakeOptions{}, lettersOf(300, 20_000)), imaptest.NewFake(t, imaptest.FakeOptions{})
	link := imaptest.StartProxy(t, dst.Addr(), imaptest.ProxyOptions{UpRate: 800 << 10})
	pair := pairOf(t, 2, src.Access(), dst.Access())
	pair.Dest = endpoint(t, dst.Access(), link.Addr())
	o := quick([]account.Pair{pair})
	o.For, o.Volume, o.Lanes = 4*time.Second, 256<<20, 1
	rep, err := Run(t.Context(), o)
	if err != nil || len(rep.Dest) != 1 {
		t.Fatalf("%v: %v, ended %+v", err, rep.Dest, rep.Ended)
	}
	for _, s := range append(rep.Dest, rep.Both...) {
		if s.MessagesPerSecond <= 0 || s.MiBPerSecond > 2 {
			t.Errorf("over a link of 0.8 MiB/s: %+v", s)
		}
	}
}
