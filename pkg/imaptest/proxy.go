package imaptest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// ProxyOptions is the network that a [Proxy] plays. The zero value passes
// everything on at once.
type ProxyOptions struct {
	Delay time.Duration // one way; the round trip grows by twice that
	// UpRate and DownRate bound what passes towards the server and towards the
	// client, in octets a second, for all connections together; 0: no bound.
	UpRate, DownRate int64
	// Window is the number of octets that may be under way in one direction of
	// one connection; 0: 256 KiB. When an end dies, what is under way from it
	// still arrives at the other, as on a real link.
	Window int
	// Faults says what happens to connection n, counted from 0 since these
	// options were set; nil: nothing. See FirstConns, ConnsAfter and EveryConn.
	Faults func(n int) Fault
	// Hide names capabilities to take out of every list of them that the
	// server sends. The server still has them. Hiding UIDPLUS hides APPENDUID
	// codes as well. Only plaintext connections can be rewritten.
	Hide []string
	// NoAppendUID takes the APPENDUID code out of the server's answers though
	// UIDPLUS is offered.
	NoAppendUID bool
	// Rewrite, when set, may change each line of the server that begins a
	// response (without CRLF; nil drops it). A literal and what follows it are
	// left alone.
	Rewrite func(line []byte) []byte
	// Tap, when set, is told of the octets of connection n, counted as for
	// Faults, at the client's end and time: Up when they have come from the
	// client, Down before they are written to it. It must not keep or change b;
	// it is called concurrently for different connections and directions.
	Tap func(n int, dir Direction, b []byte)
}

// Direction is a way through a [Proxy].
type Direction uint8

// The directions. BothWays adds the octets of the two up.
const (
	BothWays Direction = iota
	Up                 // from the client to the server
	Down               // from the server to the client
)

// Fault is what goes wrong with one connection. The zero value is a sound one.
type Fault struct {
	Count Direction // which octets the limits below count
	// CutAfter resets both ends when that many octets have passed; no more than
	// that leaves the proxy. A limit of few octets may make the client's dial
	// fail. 0: never.
	CutAfter int64
	// StallAfter lets nothing pass in the counted direction after that many
	// octets, and leaves both ends open. 0: never.
	StallAfter int64
	// ResetChance is the probability, each time a chunk of up to 64 KiB is to
	// pass, of a reset instead; Seed makes the dice.
	ResetChance float64
	Seed        uint64
}

// EveryConn gives f to every connection.
func EveryConn(f Fault) func(int) Fault { return func(int) Fault { return f } }

// FirstConns gives f to the first k connections.
func FirstConns(k int, f Fault) func(int) Fault {
	return func(n int) Fault {
		if n < k {
			return f
		}
		return Fault{}
	}
}

// ConnsAfter gives f to all connections but the first k.
func ConnsAfter(k int, f Fault) func(int) Fault {
	return func(n int) Fault {
		if n < k {
			return Fault{}
		}
		return f
	}
}

// ProxyStats counts what went through a [Proxy] so far.
type ProxyStats struct {
	Conns    int   // connections ever
	Open     int   // connections now
	Up, Down int64 // octets that have left the proxy
	Cuts     int   // connections reset by a fault
	Stalls   int   // directions stopped by a fault
}

// Proxy is a TCP proxy on loopback that makes a server look far away or
// broken. Make one with [NewProxy]; its methods are safe for concurrent use.
type Proxy struct {
	addr string

	mu     sync.Mutex
	target string
	opt    ProxyOptions
	seen   int // connections since opt was set
	ln     net.Listener
	conns  map[*proxyConn]struct{}
	stats  ProxyStats
	closed bool

	up, down proxyLink
	moved    change // of what Stats says
	accept   sync.WaitGroup
	serving  sync.WaitGroup
}

// NewProxy listens on a free loopback port and passes what comes to target.
func NewProxy(target string, opt ProxyOptions) (*Proxy, error) {
	ln, err := listenLoopback()
	if err != nil {
		return nil, err
	}
	p := &Proxy{addr: ln.Addr().String(), target: target, conns: make(map[*proxyConn]struct{})}
	p.Set(opt)
	p.listen(ln)
	return p, nil
}

// StartProxy is NewProxy for a test, which closes it at its end.
func StartProxy(tb TB, target string, opt ProxyOptions) *Proxy {
	tb.Helper()
	p, err := NewProxy(target, opt)
	if err != nil {
		tb.Fatalf("start proxy: %v", err)
	}
	CloseAfter(tb, p)
	return p
}

// Set changes the network for connections to come; the rates change for all.
func (p *Proxy) Set(opt ProxyOptions) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if opt.Window <= 0 {
		opt.Window = 256 << 10
	}
	p.opt, p.seen = opt, 0
	p.up.setRate(opt.UpRate)
	p.down.setRate(opt.DownRate)
}

// SetTarget changes the server for connections to come.
func (p *Proxy) SetTarget(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

// Addr returns host:port of the proxy. It stays the same across Stop and Start.
func (p *Proxy) Addr() string { return p.addr }

// Port returns the port of Addr.
func (p *Proxy) Port() int {
	a, err := net.ResolveTCPAddr("tcp", p.addr)
	if err != nil {
		return 0 // not reached: addr is what a listener said
	}
	return a.Port
}

// Access returns a with the proxy in between.
func (p *Proxy) Access(a Access) Access {
	a.Addr, a.Dial = p.addr, nil
	return a
}

// Stats returns the counts so far.
func (p *Proxy) Stats() ProxyStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.Open = len(p.conns)
	s.Up, s.Down = p.up.passed.Load(), p.down.passed.Load()
	return s
}

// Await waits until enough holds for the counts. The error is that of ctx, which
// ended before.
func (p *Proxy) Await(ctx context.Context, enough func(ProxyStats) bool) error {
	for {
		next := p.moved.wait()
		if enough(p.Stats()) {
			return nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Stop refuses connections and resets those that are open: an outage.
func (p *Proxy) Stop() error {
	p.mu.Lock()
	ln := p.ln
	p.ln = nil
	p.mu.Unlock()
	if ln == nil {
		return nil
	}
	err := ln.Close()
	p.accept.Wait()
	p.ResetConns()
	return err
}

// Start listens again after Stop.
func (p *Proxy) Start() error {
	p.mu.Lock()
	busy := p.ln != nil || p.closed
	p.mu.Unlock()
	if busy {
		return errors.New("proxy: it listens already, or is closed")
	}
	ln, err := net.Listen("tcp", p.addr)
	if err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	p.listen(ln)
	return nil
}

// ResetConns resets every open connection at both ends.
func (p *Proxy) ResetConns() {
	p.mu.Lock()
	conns := make([]*proxyConn, 0, len(p.conns))
	for c := range p.conns {
		conns = append(conns, c)
	}
	p.mu.Unlock()
	for _, c := range conns {
		c.reset()
	}
}

// Close stops listening, resets every connection and waits for all
// goroutines.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	err := p.Stop()
	p.ResetConns()
	p.serving.Wait()
	return err
}

func (p *Proxy) listen(ln net.Listener) {
	p.mu.Lock()
	p.ln = ln
	p.mu.Unlock()
	p.accept.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return // closed by Stop
			}
			p.serve(nc.(*net.TCPConn))
		}
	})
}

// serve takes one connection on. It does not wait for it.
func (p *Proxy) serve(client *net.TCPConn) {
	p.mu.Lock()
	target, opt, n := p.target, p.opt, p.seen
	p.seen++
	p.stats.Conns++
	p.mu.Unlock()
	c := newProxyConn(p, client, opt, n)
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		c.reset()
		return
	}
	p.conns[c] = struct{}{}
	p.serving.Add(1)
	p.mu.Unlock()
	p.moved.came()
	go func() {
		defer p.serving.Done()
		c.run(target)
		p.mu.Lock()
		delete(p.conns, c)
		p.mu.Unlock()
		p.moved.came()
	}()
}

func (p *Proxy) count(f func(*ProxyStats)) {
	defer p.moved.came()
	p.mu.Lock()
	defer p.mu.Unlock()
	f(&p.stats)
}
