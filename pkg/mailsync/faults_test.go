package mailsync_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"sync/atomic"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
)

// before puts a proxy before one side of the rig.
func (r *rig) before(dest bool, opt imaptest.ProxyOptions) *imaptest.Proxy {
	r.t.Helper()
	if dest {
		p := imaptest.StartProxy(r.t, r.dst.access(r.user, password).Addr, opt)
		r.viaDst = p.Addr()
		return p
	}
	p := imaptest.StartProxy(r.t, r.src.access(r.user, password).Addr, opt)
	r.viaSrc = p.Addr()
	return p
}

// cuttable is an account that has a bit of everything and is cheap enough to
// be migrated hundreds of times.
func (r *rig) cuttable() int {
	r.t.Helper()
	r.fillSource(
		imaptest.Mailbox{Name: "INBOX", Messages: append(mail("a", 25, 6000), mail("a", 4, 6000)...)},
		imaptest.Mailbox{Name: "Work/x", Subscribed: true, Messages: mail("b", 6, 6000)},
		imaptest.Mailbox{Name: "empty"},
	)
	return 35
}

// fullFaults makes the suite as long as `make faults` wants it.
var fullFaults = flag.Bool("faults.full", false, "break connections at all the places of the full suite")

// moreOf chooses between the short form of the suite and the full one.
func moreOf(short, full int) int {
	if *fullFaults {
		return full
	}
	return short
}

// places are the sides at which something breaks; true is the destination.
var places = []struct {
	name  string
	sides []bool
}{
	{"destination=false", []bool{false}},
	{"destination=true", []bool{true}},
	{"both", []bool{false, true}},
}

// TestFirstConnectionCut cuts the first connection of one side, or of both,
// after n octets, for n all over the pass; later connections are left alone.
func TestFirstConnectionCut(t *testing.T) {
	t.Parallel()
	servers(t, func(t *testing.T, src, dst host) {
		total := map[bool]int64{}
		whole := newRig(t, src, dst)
		whole.cuttable()
		through := map[bool]*imaptest.Proxy{false: whole.before(false, imaptest.ProxyOptions{}), true: whole.before(true, imaptest.ProxyOptions{})}
		whole.mustSync()
		for side, p := range through {
			s := p.Stats()
			total[side] = s.Up + s.Down
		}
		for _, at := range places {
			cuts := 20
			switch {
			case dst.real && len(at.sides) == 1 && !testing.Short():
				cuts = moreOf(50, 200)
			case dst.real:
				cuts = moreOf(20, 200)
			}
			for i := range cuts {
				t.Run(fmt.Sprintf("%s/%d of %d", at.name, i, cuts), func(t *testing.T) {
					t.Parallel()
					r := newRig(t, src, dst)
					want := r.cuttable()
					r.options = looks(dst)
					for _, dest := range at.sides {
						n := 1 + total[dest]*int64(i)/int64(cuts)
						t.Logf("destination=%v: cut after %d of %d octets", dest, n, total[dest])
						r.before(dest, imaptest.ProxyOptions{Faults: imaptest.FirstConns(1, imaptest.Fault{CutAfter: n})})
					}
					r.arrive(want)
				})
			}
		}
	})
}

// arrive makes the pass and holds what is there afterwards against the source.
func (r *rig) arrive(want int) {
	r.t.Helper()
	c := r.mustSync()
	if c.Copied+c.AlreadyThere != int64(want) {
		r.t.Errorf("count: %+v", c)
	}
	r.equal(false)
}

// looks gives a real server the default time to go on storing after a cut; the
// one in memory needs none to speak of.
func looks(dst host) func(*mailsync.Options) {
	return func(o *mailsync.Options) {
		if dst.real {
			o.LookEvery = 0
		}
	}
}

// TestEveryConnectionCut cuts every connection of one side, or of both, after n
// octets, of which the largest message has less than a third.
func TestEveryConnectionCut(t *testing.T) {
	t.Parallel()
	servers(t, func(t *testing.T, src, dst host) {
		for _, at := range places {
			for _, n := range []int64{20000, 26000, 40000} {
				t.Run(fmt.Sprintf("%s/%d octets", at.name, n), func(t *testing.T) {
					t.Parallel()
					r := newRig(t, src, dst)
					want := r.cuttable()
					r.options = looks(dst)
					var proxies []*imaptest.Proxy
					for _, dest := range at.sides {
						proxies = append(proxies, r.before(dest, imaptest.ProxyOptions{Faults: imaptest.EveryConn(imaptest.Fault{CutAfter: n})}))
					}
					r.arrive(want)
					for _, p := range proxies {
						if p.Stats().Cuts == 0 {
							t.Error("nothing was cut")
						}
					}
				})
			}
		}
	})
}

// servers runs on memory servers always, and on two Dovecots where they are
// installed.
func servers(t *testing.T, run func(t *testing.T, src, dst host)) {
	t.Run("memory", func(t *testing.T) { run(t, memoryHost(t), memoryHost(t)) })
	t.Run("dovecot", func(t *testing.T) { run(t, dotHost(t), slashHost(t)) })
}

// TestCapabilityTakenAway runs the suite's main case against servers that do
// not offer what makes things fast.
func TestCapabilityTakenAway(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		opt  imaptest.ProxyOptions
	}{
		{"MULTIAPPEND", imaptest.ProxyOptions{Hide: []string{"MULTIAPPEND"}}},
		{"LITERAL+", imaptest.ProxyOptions{Hide: []string{"LITERAL+"}}},
		{"both", imaptest.ProxyOptions{Hide: []string{"LITERAL+", "MULTIAPPEND"}}},
		{"UIDPLUS", imaptest.ProxyOptions{Hide: []string{"UIDPLUS"}, NoAppendUID: true}},
		{"all", imaptest.ProxyOptions{Hide: []string{"LITERAL+", "MULTIAPPEND", "UIDPLUS", "ESEARCH", "LIST-EXTENDED",
			"LIST-STATUS", "SPECIAL-USE", "NAMESPACE", "STATUS=SIZE", "ID", "UNSELECT", "SASL-IR"}, NoAppendUID: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			servers(t, func(t *testing.T, src, dst host) {
				r := newRig(t, src, dst)
				r.fillSource(
					imaptest.Mailbox{Name: "INBOX", Messages: append(mail("a", 80, 6000), mail("a", 10, 6000)...)},
					imaptest.Mailbox{Name: "Work", Messages: mail("b", 10, 6000)})
				r.before(false, tt.opt)
				r.before(true, tt.opt)
				if c := r.mustSync(); c.Copied != 100 {
					t.Errorf("first pass: %+v", c)
				}
				r.equal(true)
				if c := r.mustSync(); c.Copied != 0 || c.AlreadyThere != 100 {
					t.Errorf("second pass: %+v", c)
				}
				r.equal(true)
			})
		})
	}
}

// testStopped cancels a pass while it copies: it must end as canceled, and the
// next one must complete it without a double.
func testStopped(t *testing.T, r *rig) {
	r.fillSource(imaptest.Mailbox{Name: "INBOX", Messages: mail("a", 300, 8000)})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var read atomic.Int64
	r.options = func(o *mailsync.Options) {
		o.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
			return countingConn{c, &read, 400 << 10, cancel}, err
		}
	}
	c, err := r.sync(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("stopped pass: %+v, %v", c, err)
	}
	if c.NotTried == 0 || !c.Balanced() {
		t.Errorf("stopped pass: %+v", c)
	}
	r.options = nil
	r.mustSync()
	r.equal(false)
}

// countingConn calls full once so many octets were read from all connections
// that share read.
type countingConn struct {
	net.Conn
	read *atomic.Int64
	max  int64
	full func()
}

func (c countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.read.Add(int64(n)) > c.max {
		c.full()
	}
	return n, err
}
