package imaptest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
)

// Script is a server that says what it is told to, as long as it hears what it
// is told to expect. Make one with [NewScript] or [StartScript]; its methods
// are safe for concurrent use.
type Script struct {
	ln    net.Listener
	pipe  *pipeListener // nil when on a socket
	track tracker
	serve sync.WaitGroup
	done  chan struct{} // closed by Close
	once  sync.Once
	conns [][]Step

	mu       sync.Mutex
	came     int // connections so far
	failures []error
}

// ScriptOptions says how a [Script] is reached. The zero value listens on a
// free loopback port.
type ScriptOptions struct {
	Pipe        bool         // net.Pipe instead of a socket; see MemoryOptions.Pipe
	Certificate *Certificate // when set, TLS from the first octet
}

// StartScript starts a server whose first connection follows the first of
// conns, and so on. One connection too many is a failure, and so is one that
// never came.
func StartScript(opt ScriptOptions, conns ...[]Step) (*Script, error) {
	s := &Script{done: make(chan struct{}), conns: conns}
	if opt.Pipe {
		s.pipe = newPipeListener()
		s.ln = s.pipe
	} else {
		ln, err := listenLoopback()
		if err != nil {
			return nil, err
		}
		s.ln = ln
	}
	tl := trackedListener{Listener: s.ln, t: &s.track}
	if opt.Certificate != nil {
		tl.tls = opt.Certificate.ServerConfig()
	}
	s.serve.Go(func() { s.accept(tl) })
	return s, nil
}

// NewScript is StartScript for a test. When the test ends, the server is
// closed, and the test fails if a script was not followed to its end.
func NewScript(tb TB, opt ScriptOptions, conns ...[]Step) *Script {
	tb.Helper()
	s, err := StartScript(opt, conns...)
	if err != nil {
		tb.Fatalf("start scripted server: %v", err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Fatalf("scripted server: %v", err)
		}
	})
	return s
}

func (s *Script) accept(ln net.Listener) {
	for {
		nc, err := ln.Accept()
		if err != nil {
			return // closed
		}
		s.mu.Lock()
		n := s.came
		s.came++
		s.mu.Unlock()
		if n >= len(s.conns) {
			nc.Close()
			s.fail(fmt.Errorf("connection %d was not expected", n))
			continue
		}
		s.serve.Go(func() {
			c := newScriptConn(s, nc)
			defer func() { c.nc.Close() }()
			for i, step := range s.conns[n] {
				if err := step.do(c); err != nil {
					if !errors.Is(err, errScriptEnd) {
						s.fail(fmt.Errorf("connection %d, step %d: %w\n%s", n, i, err, c.transcript()))
					}
					return
				}
			}
		})
	}
}

func (s *Script) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures = append(s.failures, err)
}

// Err returns what has gone against the scripts so far: what was expected and
// what came instead, with the lines that led there.
func (s *Script) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.failures...)
}

// Conns returns the number of connections so far.
func (s *Script) Conns() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.came
}

// Addr returns host:port of the socket, or "pipe".
func (s *Script) Addr() string { return s.ln.Addr().String() }

// Port returns the port of the socket, 0 for a pipe.
func (s *Script) Port() int {
	if a, ok := s.ln.Addr().(*net.TCPAddr); ok {
		return a.Port
	}
	return 0
}

// DialContext connects to the server, whatever network and addr say.
func (s *Script) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	if s.pipe != nil {
		return s.pipe.dial(ctx)
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", s.Addr())
}

// Close stops the server and returns what has gone against the scripts, steps
// that nobody came to among it.
func (s *Script) Close() error {
	s.once.Do(func() {
		// The only error is that it is closed already.
		_ = s.ln.Close()
		close(s.done)
		s.track.shut()
		s.serve.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.came < len(s.conns) {
			s.failures = append(s.failures, fmt.Errorf("%d connections came, %d were expected", s.came, len(s.conns)))
		}
	})
	return s.Err()
}

// transcript shows the last lines of a conversation.
func (c *scriptConn) transcript() string {
	return strings.Join(c.log[max(0, len(c.log)-12):], "\n")
}

// expand puts captured tags in place of $TAG and $NAME.
func (c *scriptConn) expand(text string) string {
	names := make([]string, 0, len(c.tags))
	for name := range c.tags {
		names = append(names, name)
	}
	// The longest name first: $TAG must not take the beginning of $TAGS.
	slices.SortFunc(names, func(a, b string) int { return len(b) - len(a) })
	for _, name := range names {
		text = strings.ReplaceAll(text, "$"+name, c.tags[name])
	}
	return text
}
