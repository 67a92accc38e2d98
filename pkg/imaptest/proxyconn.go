package imaptest

import (
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// proxyChunk is the most that passes at once.
const proxyChunk = 64 << 10

// proxyLink is one direction of the link, which all connections share.
type proxyLink struct {
	passed atomic.Int64 // octets

	mu   sync.Mutex
	rate int64 // octets a second; 0: no bound
	next time.Time
}

func (l *proxyLink) setRate(rate int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rate = rate
}

// chunk returns the most octets that pass at once: a fiftieth of a second's.
func (l *proxyLink) chunk() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rate == 0 {
		return proxyChunk
	}
	return int(min(proxyChunk, max(1, l.rate/50)))
}

// book returns how long to wait until n octets have passed.
func (l *proxyLink) book(n int) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rate == 0 {
		return 0
	}
	now := time.Now()
	if l.next.Before(now) {
		l.next = now
	}
	l.next = l.next.Add(time.Duration(int64(n) * int64(time.Second) / l.rate))
	return l.next.Sub(now)
}

// proxyConn is one connection through the proxy.
type proxyConn struct {
	p     *Proxy
	n     int // counted since opt was set
	opt   ProxyOptions
	fault Fault

	dead chan struct{} // closed when both ends are closed
	once sync.Once

	mu             sync.Mutex
	client, server *net.TCPConn // server: nil before it is dialed
	passed         int64        // octets that the fault counts
	dice           *rand.Rand
}

func newProxyConn(p *Proxy, client *net.TCPConn, opt ProxyOptions, n int) *proxyConn {
	c := &proxyConn{p: p, n: n, client: client, opt: opt, dead: make(chan struct{})}
	if opt.Faults != nil {
		c.fault = opt.Faults(n)
	}
	c.dice = rand.New(rand.NewPCG(c.fault.Seed, uint64(n)))
	return c
}

// reset closes both ends with a RST, and ends all goroutines by that.
func (c *proxyConn) reset() { c.close(true) }

func (c *proxyConn) close(rst bool) {
	c.once.Do(func() {
		close(c.dead)
		c.mu.Lock()
		defer c.mu.Unlock()
		closeTCP(c.client, rst)
		if c.server != nil {
			closeTCP(c.server, rst)
		}
	})
}

func closeTCP(nc *net.TCPConn, rst bool) {
	if rst {
		// An error means that it is gone already.
		_ = nc.SetLinger(0)
	}
	nc.Close()
}

// run dials the server, passes octets both ways and returns when both
// directions have ended.
func (c *proxyConn) run(target string) {
	nc, err := net.DialTimeout("tcp", target, 10*time.Second)
	if err != nil {
		c.reset()
		return
	}
	c.mu.Lock()
	c.server = nc.(*net.TCPConn)
	c.mu.Unlock()
	select {
	case <-c.dead: // it may have died before it knew of the server
		closeTCP(c.server, true)
		return
	default:
	}
	up := newProxyHalf(c, Up, &c.p.up, c.client, c.server)
	down := newProxyHalf(c, Down, &c.p.down, c.server, c.client)
	if len(c.opt.Hide) > 0 || c.opt.NoAppendUID || c.opt.Rewrite != nil {
		down.rewrite = newLineRewriter(c.opt)
	}
	var wg sync.WaitGroup
	for _, h := range []*proxyHalf{up, down} {
		other := up
		if h == up {
			other = down
		}
		wg.Go(h.read)
		wg.Go(func() { h.write(other) })
	}
	wg.Wait()
	c.close(false)
}

// tap tells the user's tap of octets at the client's end.
func (c *proxyConn) tap(dir Direction, b []byte) {
	if c.opt.Tap != nil && len(b) > 0 {
		c.opt.Tap(c.n, dir, b)
	}
}

// allow says how many of n octets may pass now, and what happens after them.
func (c *proxyConn) allow(dir Direction, n int) (pass int, cut, stall bool) {
	if c.fault.Count != BothWays && c.fault.Count != dir {
		return n, false, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fault.ResetChance > 0 && c.dice.Float64() < c.fault.ResetChance {
		return 0, true, false
	}
	pass = n
	if limit := c.fault.CutAfter; limit > 0 && c.passed+int64(n) >= limit {
		pass, cut = int(max(0, limit-c.passed)), true
	}
	if limit := c.fault.StallAfter; limit > 0 && c.passed+int64(pass) > limit {
		pass, cut, stall = int(max(0, limit-c.passed)), false, true
	}
	c.passed += int64(pass)
	return pass, cut, stall
}
