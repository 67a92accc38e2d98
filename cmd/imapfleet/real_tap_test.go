//go:build unix

package main

import (
	"bufio"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// tap passes connections on to a server and counts how messages are appended
// in what the client says.
type tap struct {
	ln     net.Listener
	target string
	served sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
	count tapCount
}

// tapCount is what a tap has seen.
type tapCount struct {
	appends  int // commands
	messages int // literals in them
	nonSync  int // of these, sent without waiting
}

func startTap(t *testing.T, target string) *tap {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &tap{ln: ln, target: target}
	p.served.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			p.served.Go(func() { p.serve(nc) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		p.mu.Lock()
		for _, nc := range p.conns {
			_ = nc.Close()
		}
		p.mu.Unlock()
		p.served.Wait()
	})
	return p
}

func (p *tap) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer server.Close()
	p.mu.Lock()
	p.conns = append(p.conns, client, server)
	p.mu.Unlock()
	p.served.Go(func() {
		_, _ = io.Copy(client, server) // an end of either is the end of both
		_ = client.Close()
	})
	p.listen(bufio.NewReader(io.TeeReader(client, server)))
}

var literalEnd = regexp.MustCompile(`\{(\d+)(\+?)\}\r\n$`)

// listen reads what the client says, command by command.
func (p *tap) listen(r *bufio.Reader) {
	appending, inside := false, false
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		if !inside {
			fields := strings.Fields(line)
			appending = len(fields) > 1 && fields[1] == "APPEND"
			if appending {
				p.note(func(c *tapCount) { c.appends++ })
			}
		}
		m := literalEnd.FindStringSubmatch(line)
		inside = m != nil
		if !inside {
			continue
		}
		if appending {
			p.note(func(c *tapCount) {
				c.messages++
				c.nonSync += len(m[2])
			})
		}
		n, err := strconv.ParseInt(m[1], 10, 64)
		if err == nil {
			_, err = io.CopyN(io.Discard, r, n)
		}
		if err != nil {
			return
		}
	}
}

func (p *tap) note(f func(*tapCount)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(&p.count)
}

func (p *tap) seen() tapCount {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}
