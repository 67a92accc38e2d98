package mailsync_test

import (
	"testing"

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
