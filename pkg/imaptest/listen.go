package imaptest

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
)

// pipeListener hands out connections made by net.Pipe, so that a server runs
// inside a testing/synctest bubble.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

// Accept returns the server's end of the next connection.
func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close makes Accept and dial fail from now on.
func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// Addr returns a placeholder.
func (l *pipeListener) Addr() net.Addr { return pipeAddr{} }

// dial connects to the listener; what it waits for is an Accept.
func (l *pipeListener) dial(ctx context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.done:
		return nil, &net.OpError{Op: "dial", Net: "pipe", Err: net.ErrClosed}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// ConnStats counts a server's connections and logins.
type ConnStats struct {
	Open    int // connections now
	Peak    int // the highest Open so far
	Total   int // connections ever
	Logins  int // successful logins
	Refused int // refused logins
}

// tracker knows the open connections of a server and waits for them.
type tracker struct {
	mu     sync.Mutex
	stats  ConnStats
	conns  map[net.Conn]struct{}
	closed bool
	wg     sync.WaitGroup
}

// add registers nc. It reports false when the server is closing, and nc is
// closed then.
func (t *tracker) add(nc net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		nc.Close()
		return false
	}
	if t.conns == nil {
		t.conns = make(map[net.Conn]struct{})
	}
	t.conns[nc] = struct{}{}
	t.wg.Add(1)
	t.stats.Total++
	t.stats.Open++
	t.stats.Peak = max(t.stats.Peak, t.stats.Open)
	return true
}

// remove is the counterpart of add.
func (t *tracker) remove(nc net.Conn) {
	t.mu.Lock()
	delete(t.conns, nc)
	t.stats.Open--
	t.mu.Unlock()
	t.wg.Done()
}

// login counts one login.
func (t *tracker) login(ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if ok {
		t.stats.Logins++
	} else {
		t.stats.Refused++
	}
}

// snapshot returns the counts so far.
func (t *tracker) snapshot() ConnStats {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stats
}

// drop closes every open connection.
func (t *tracker) drop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for nc := range t.conns {
		nc.Close()
	}
}

// shut closes every connection, refuses new ones and waits until all are
// removed.
func (t *tracker) shut() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.drop()
	t.wg.Wait()
}

// trackedListener registers each connection that it accepts; closing one
// takes it off the books. With tls set, the connections are TLS from the
// first octet.
type trackedListener struct {
	net.Listener
	t   *tracker
	tls *tls.Config
}

func (l trackedListener) Accept() (net.Conn, error) {
	for {
		nc, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if !l.t.add(nc) {
			continue
		}
		tc := &trackedConn{Conn: nc, t: l.t}
		if l.tls != nil {
			return tls.Server(tc, l.tls), nil
		}
		return tc, nil
	}
}

type trackedConn struct {
	net.Conn
	t    *tracker
	once sync.Once
}

func (c *trackedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { c.t.remove(c.Conn) })
	return err
}

// listenLoopback listens on a free port of 127.0.0.1.
func listenLoopback() (*net.TCPListener, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return ln.(*net.TCPListener), nil
}
