package mailsync_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
)

// A defect of ours ends its row, whichever goroutine of the pass meets it: at
// another dial, here, after the source has hung up.
func TestPanics(t *testing.T) {
	for _, command := range []string{"", "LIST", "EXAMINE"} {
		t.Run("at "+command, func(t *testing.T) {
			src := imaptest.NewFake(t, imaptest.FakeOptions{Intercept: func(c imaptest.FakeCommand) imaptest.FakeReply {
				return imaptest.FakeReply{Close: c.Name == command}
			}}, plain(3))
			r := fakeRig(t, src, imaptest.NewFake(t, imaptest.FakeOptions{}))
			var dials atomic.Int64
			r.options = func(o *mailsync.Options) {
				quick(o)
				o.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
					if addr == src.Addr() && (dials.Add(1) > 1 || command == "") {
						panic("a defect")
					}
					return new(net.Dialer).DialContext(ctx, network, addr)
				}
			}
			if _, err := r.sync(t.Context()); fault.CodeOf(err) != fault.Panic || fault.ScopeOf(err) != fault.Account {
				t.Errorf("error %v", err)
			}
		})
	}
}

// A defect that meets the writer while the source's octets are lent to it, which
// the source waits for, ends the row too.
func TestPanicWithALoan(t *testing.T) {
	box := imaptest.FakeMailbox{Name: "INBOX", Count: 1, Message: func(i int) imaptest.FakeMessage {
		return imaptest.FakeMessage{Body: text(i, 5<<20)}
	}}
	r := fakeRig(t, imaptest.NewFake(t, imaptest.FakeOptions{}, box), imaptest.NewFake(t, imaptest.FakeOptions{}))
	r.options = func(o *mailsync.Options) {
		quick(o)
		small(o)
		o.WrapConn = func(side fault.Side, _ string, nc net.Conn) net.Conn {
			if side == fault.Source {
				return nc
			}
			return &defective{Conn: nc}
		}
	}
	if _, err := r.sync(t.Context()); fault.CodeOf(err) != fault.Panic || fault.ScopeOf(err) != fault.Account {
		t.Errorf("error %v", err)
	}
}

// defective panics in the middle of a message.
type defective struct {
	net.Conn
	sent atomic.Int64
}

func (d *defective) Write(p []byte) (int, error) {
	if d.sent.Add(int64(len(p))) > 1<<20 {
		panic("a defect")
	}
	return d.Conn.Write(p)
}
