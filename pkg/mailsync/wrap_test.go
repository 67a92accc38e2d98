package mailsync_test

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
)

// tally counts what is read from connections and written to them.
type tally struct{ read, written atomic.Int64 }

type tapped struct {
	net.Conn
	*tally
}

func (c tapped) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read.Add(int64(n))
	return n, err
}

func (c tapped) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n))
	return n, err
}

// All octets of both sides go through what WrapConn returns.
func TestWrapConn(t *testing.T) {
	r := newRig(t, memoryHost(t), memoryHost(t))
	r.fillSource(imaptest.Mailbox{Name: "INBOX", Messages: mail("wrap", 50, 5000)})
	type end struct {
		side fault.Side
		host string
	}
	var mu sync.Mutex
	seen := make(map[end]*tally)
	r.options = func(o *mailsync.Options) {
		o.WrapConn = func(side fault.Side, host string, nc net.Conn) net.Conn {
			mu.Lock()
			defer mu.Unlock()
			e := end{side, host}
			if seen[e] == nil {
				seen[e] = new(tally)
			}
			return tapped{nc, seen[e]}
		}
	}
	octets := r.mustSync().Octets
	pair := r.pair()
	source, dest := seen[end{fault.Source, pair.Source.Host}], seen[end{fault.Dest, pair.Dest.Host}]
	if len(seen) != 2 || source == nil || dest == nil {
		t.Fatalf("wrapped %v", seen)
	}
	if octets == 0 || source.read.Load() < octets || dest.written.Load() < octets {
		t.Errorf("%d octets copied, %d read, %d written", octets, source.read.Load(), dest.written.Load())
	}
}
