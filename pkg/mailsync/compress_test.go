package mailsync_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// An account moves with both sides compressed, whatever way messages are
// appended; with auto nothing of the sort is asked for on this machine.
func TestCompressedAccount(t *testing.T) {
	for _, tt := range []struct {
		name string
		mode imapconn.CompressMode
		caps []string
		want bool
	}{
		{"on", imapconn.CompressOn, imaptest.FakeCaps(), true},
		{"on, synchronising literals", imapconn.CompressOn, []string{"IMAP4rev1", "UIDPLUS"}, true},
		{"auto", imapconn.CompressAuto, imaptest.FakeCaps(), false},
		{"off", imapconn.CompressOff, imaptest.FakeCaps(), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			box := plain(200)
			opt := imaptest.FakeOptions{Caps: append(tt.caps, "COMPRESS=DEFLATE")}
			src, dst := imaptest.NewFake(t, opt, box), imaptest.NewFake(t, opt)
			r := fakeRig(t, src, dst)
			r.options = func(o *mailsync.Options) {
				quick(o)
				o.Compress = tt.mode
			}
			c, err := r.sync(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			counted(t, c, throughput.Count{Listed: 200, Copied: 200})
			storedOnce(t, dst, "INBOX", box, nil)
			for _, f := range []*imaptest.Fake{src, dst} {
				asked := false
				for _, cmd := range f.Commands() {
					asked = asked || cmd.Name == "COMPRESS"
				}
				if asked != tt.want {
					t.Errorf("COMPRESS was sent: %v, want %v", asked, tt.want)
				}
			}
		})
	}
}

// On a link that is slow and far, auto finds out in the middle of one mailbox
// that its connection had better be compressed. Not beside other tests: while
// this process is busy, auto puts the question off. The link has a rate that a
// processor that others use too can still deflate more than twice of: else the
// answer is no.
func TestCompressAutoOnSlowLink(t *testing.T) {
	var bodies [16][]byte
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range bodies {
		bodies[i] = []byte("Subject: x\r\n\r\n")
		for len(bodies[i]) < 64<<10 { // digits deflate to half their size
			bodies[i] = fmt.Appendf(bodies[i], "%d ", rng.IntN(1<<30))
		}
	}
	box := imaptest.FakeMailbox{Name: "INBOX", Count: 200, Message: func(i int) imaptest.FakeMessage {
		return imaptest.FakeMessage{Body: bodies[i%len(bodies)]}
	}}
	for _, dest := range []bool{false, true} {
		t.Run(fmt.Sprintf("destination=%v", dest), func(t *testing.T) {
			opt := imaptest.FakeOptions{Caps: append(imaptest.FakeCaps(), "COMPRESS=DEFLATE")}
			src, dst := imaptest.NewFake(t, opt, box), imaptest.NewFake(t, opt)
			r := fakeRig(t, src, dst)
			r.before(dest, imaptest.ProxyOptions{Delay: 5 * time.Millisecond, UpRate: 1 << 20, DownRate: 1 << 20})
			r.options = func(o *mailsync.Options) {
				quick(o)
				o.Compress = imapconn.CompressAuto
			}
			c, err := r.sync(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			counted(t, c, throughput.Count{Listed: 200, Copied: 200})
			slow := src
			if dest {
				slow = dst
			}
			if !slices.ContainsFunc(slow.Commands(), func(c imaptest.FakeCommand) bool { return c.Name == "COMPRESS" }) {
				t.Error("COMPRESS was not sent")
			}
		})
	}
}
