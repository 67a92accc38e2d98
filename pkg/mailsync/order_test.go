package mailsync_test

import (
	"testing"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
)

// A mailbox that needs several UID FETCHes arrives in its order, and no octet
// of it is read twice. Its output is larger than a server's buffers, and the
// link is slower than the server.
func TestLargeMailboxKeepsItsOrder(t *testing.T) {
	pairs := map[string]func(t *testing.T) (src, dst host){
		"memory":  func(t *testing.T) (src, dst host) { return memoryHost(t), memoryHost(t) },
		"dovecot": func(t *testing.T) (src, dst host) { return dotHost(t), slashHost(t) },
	}
	for name, hosts := range pairs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src, dst := hosts(t)
			r := newRig(t, src, dst)
			spec := imaptest.Spec{Median: 4000, Mean: 6000, Max: 100_000}
			r.fillSource(imaptest.NewGenerator(1, spec).Mailbox("INBOX", 2600))
			p := r.before(false, imaptest.ProxyOptions{DownRate: 20 << 20})
			c := r.mustSync()
			if c.Copied != 2600 {
				t.Errorf("count: %+v", c)
			}
			if down := p.Stats().Down; down > c.Octets*11/10 {
				t.Errorf("%d octets were read for %d of mail", down, c.Octets)
			}
			r.equal(true)
		})
	}
}
