package imaptest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// peer is a TCP server that hands each connection to serve.
func peer(t *testing.T, serve func(nc *net.TCPConn)) string {
	t.Helper()
	ln, err := listenLoopback()
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer nc.Close()
				serve(nc.(*net.TCPConn))
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		wg.Wait()
	})
	return ln.Addr().String()
}

func dial(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return nc.(*net.TCPConn)
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

func TestProxyPasses(t *testing.T) {
	data := pattern(3 << 20)
	for _, opt := range []ProxyOptions{{}, {Delay: time.Millisecond, Window: 1000},
		{UpRate: 64 << 20, DownRate: 32 << 20}, {Delay: time.Millisecond, UpRate: 1 << 30, Window: 1 << 20}} {
		addr := peer(t, func(nc *net.TCPConn) { io.Copy(nc, nc) })
		if opt.Window == 1000 {
			data = data[:50000]
		}
		p := StartProxy(t, addr, opt)
		nc := dial(t, p.Addr())
		var wg sync.WaitGroup
		wg.Go(func() {
			nc.Write(data)
			nc.CloseWrite()
		})
		got, err := io.ReadAll(nc)
		wg.Wait()
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%+v: %d octets back of %d, %v", opt, len(got), len(data), err)
		}
		if s := p.Stats(); s.Up != int64(len(data)) || s.Down != s.Up || s.Conns != 1 || s.Cuts != 0 {
			t.Errorf("stats %+v", s)
		}
	}
}

func TestProxyCutsAtOctet(t *testing.T) {
	data := pattern(300 << 10)
	for _, n := range []int64{1, 2, 1000, 65536, 65537, 200000} {
		t.Run(fmt.Sprint("down ", n), func(t *testing.T) {
			addr := peer(t, func(nc *net.TCPConn) {
				nc.Read(make([]byte, 1))
				nc.Write(data)
				io.Copy(io.Discard, nc)
			})
			p := StartProxy(t, addr, ProxyOptions{Faults: FirstConns(1, Fault{Count: Down, CutAfter: n})})
			nc := dial(t, p.Addr())
			nc.Write([]byte("x"))
			got, err := io.ReadAll(nc)
			if err == nil || int64(len(got)) != n || !bytes.Equal(got, data[:n]) {
				t.Errorf("%d octets, want %d; %v, want a reset", len(got), n, err)
			}
			// The second connection is left alone.
			got = make([]byte, len(data))
			nc = dial(t, p.Addr())
			nc.Write([]byte("x"))
			if _, err := io.ReadFull(nc, got); err != nil {
				t.Error(err)
			}
			if s := p.Stats(); s.Cuts != 1 {
				t.Errorf("stats %+v", s)
			}
		})
		t.Run(fmt.Sprint("up ", n), func(t *testing.T) {
			seen := make(chan int64, 1)
			addr := peer(t, func(nc *net.TCPConn) {
				n, _ := io.Copy(io.Discard, nc)
				seen <- n
			})
			p := StartProxy(t, addr, ProxyOptions{Faults: EveryConn(Fault{Count: Up, CutAfter: n})})
			dial(t, p.Addr()).Write(data) // may fail, the cut comes under it
			if got := <-seen; got != n {
				t.Errorf("%d octets, want %d", got, n)
			}
		})
	}
}

func TestProxyCutsBothWays(t *testing.T) {
	addr := peer(t, func(nc *net.TCPConn) { io.Copy(nc, nc) })
	p := StartProxy(t, addr, ProxyOptions{Faults: ConnsAfter(1, Fault{CutAfter: 25})})
	if _, err := io.ReadFull(dialTwice(t, p), make([]byte, 20)); !errors.Is(err, io.ErrUnexpectedEOF) && err == nil {
		t.Errorf("%v, want a reset", err)
	}
	if s := p.Stats(); s.Up+s.Down != 25+40 {
		t.Errorf("stats %+v", s)
	}
}

// dialTwice echoes 20 octets over a first connection and sends as many over a
// second one, which it returns.
func dialTwice(t *testing.T, p *Proxy) *net.TCPConn {
	t.Helper()
	first := dial(t, p.Addr())
	first.Write(pattern(20))
	if _, err := io.ReadFull(first, make([]byte, 20)); err != nil {
		t.Fatal(err)
	}
	second := dial(t, p.Addr())
	second.Write(pattern(20))
	return second
}

func TestProxyStalls(t *testing.T) {
	var got bytes.Buffer
	ended := make(chan error, 1)
	reached := make(chan struct{})
	addr := peer(t, func(nc *net.TCPConn) {
		_, err := io.CopyN(&got, nc, 70000)
		close(reached)
		if err == nil {
			_, err = nc.Read(make([]byte, 1))
		}
		ended <- err
	})
	p := StartProxy(t, addr, ProxyOptions{Faults: EveryConn(Fault{Count: Up, StallAfter: 70000})})
	nc := dial(t, p.Addr())
	if _, err := nc.Write(pattern(100000)); err != nil {
		t.Fatal(err)
	}
	<-reached
	select {
	case err := <-ended:
		t.Fatalf("the connection ended: %v", err)
	default:
	}
	p.ResetConns()
	if err := <-ended; err == nil {
		t.Error("more than 70000 octets arrived")
	}
	if s := p.Stats(); s.Up != 70000 || s.Stalls != 1 {
		t.Errorf("stats %+v", s)
	}
}

// TestProxyDrains shows that what a client has sent before it died arrives.
func TestProxyDrains(t *testing.T) {
	seen := make(chan []byte, 1)
	addr := peer(t, func(nc *net.TCPConn) {
		b, _ := io.ReadAll(nc)
		seen <- b
	})
	p := StartProxy(t, addr, ProxyOptions{Delay: 20 * time.Millisecond, UpRate: 4 << 20})
	data := pattern(200 << 10)
	nc := dial(t, p.Addr())
	if _, err := nc.Write(data); err != nil {
		t.Fatal(err)
	}
	nc.Close()
	if got := <-seen; !bytes.Equal(got, data) {
		t.Errorf("%d octets of %d arrived", len(got), len(data))
	}
}

// TestProxyServerGone shows that what a server has said before it died
// arrives, though the client's words have nowhere to go.
func TestProxyServerGone(t *testing.T) {
	data := pattern(100 << 10)
	addr := peer(t, func(nc *net.TCPConn) {
		io.ReadFull(nc, make([]byte, 1))
		nc.Write(data)
	})
	p := StartProxy(t, addr, ProxyOptions{Delay: 5 * time.Millisecond})
	nc := dial(t, p.Addr())
	if _, err := nc.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(nc); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d octets of %d arrived, %v", len(got), len(data), err)
	}
}

func TestProxyOutage(t *testing.T) {
	addr := peer(t, func(nc *net.TCPConn) { io.Copy(nc, nc) })
	p := StartProxy(t, addr, ProxyOptions{})
	nc := dial(t, p.Addr())
	nc.Write([]byte("x"))
	if _, err := io.ReadFull(nc, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err == nil {
		t.Error("started twice")
	}
	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := nc.Read(make([]byte, 1)); err == nil {
		t.Error("the connection outlived the outage")
	}
	if c, err := net.Dial("tcp", p.Addr()); err == nil {
		c.Close()
		t.Error("connected during the outage")
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	nc = dial(t, p.Addr())
	nc.Write([]byte("y"))
	if _, err := io.ReadFull(nc, make([]byte, 1)); err != nil {
		t.Error(err)
	}
}

func TestProxyResetChance(t *testing.T) {
	addr := peer(t, func(nc *net.TCPConn) { io.Copy(nc, nc) })
	p := StartProxy(t, addr, ProxyOptions{Faults: EveryConn(Fault{ResetChance: 1})})
	nc := dial(t, p.Addr())
	nc.Write([]byte("x"))
	if _, err := io.ReadAll(nc); err == nil {
		t.Error("no reset")
	}
	if s := p.Stats(); s.Up+s.Down != 0 || s.Cuts != 1 {
		t.Errorf("stats %+v", s)
	}
}

func TestProxyNoServer(t *testing.T) {
	ln, err := listenLoopback()
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	p := StartProxy(t, addr, ProxyOptions{})
	nc, err := net.Dial("tcp", p.Addr())
	if err != nil {
		return // the reset came that soon
	}
	defer nc.Close()
	if b, err := io.ReadAll(nc); err == nil || len(b) > 0 {
		t.Errorf("%q, %v: want a reset", b, err)
	}
}

func TestRewrite(t *testing.T) {
	tests := []struct {
		name     string
		opt      ProxyOptions
		in, want string
	}{
		{"untagged", ProxyOptions{Hide: []string{"literal+", "MULTIAPPEND"}},
			"* CAPABILITY IMAP4rev1 LITERAL+ MULTIAPPEND UIDPLUS\r\n", "* CAPABILITY IMAP4rev1 UIDPLUS\r\n"},
		{"greeting", ProxyOptions{Hide: []string{"LITERAL+"}},
			"* OK [CAPABILITY IMAP4rev1 LITERAL+] ready {3}\r\nabc\r\n", "* OK [CAPABILITY IMAP4rev1] ready {3}\r\nabc\r\n"},
		{"tagged", ProxyOptions{Hide: []string{"UIDPLUS"}},
			"A1 OK [CAPABILITY UIDPLUS IDLE] in\r\nA2 OK [APPENDUID 1 2:3] done\r\n", "A1 OK [CAPABILITY IDLE] in\r\nA2 OK done\r\n"},
		{"appenduid", ProxyOptions{NoAppendUID: true},
			"* CAPABILITY UIDPLUS\r\nA2 OK [APPENDUID 1 2] done\r\n", "* CAPABILITY UIDPLUS\r\nA2 OK done\r\n"},
		{"other names stay", ProxyOptions{Hide: []string{"LITERAL"}},
			"* CAPABILITY LITERAL+ LITERAL-\r\n", "* CAPABILITY LITERAL+ LITERAL-\r\n"},
		{"literal untouched", ProxyOptions{Hide: []string{"X"}, NoAppendUID: true},
			"* 1 FETCH (BODY[] {44}\r\n* CAPABILITY X\r\nA2 OK [APPENDUID 1 2] d\r\n\r\n\r\n FLAGS ())\r\n* CAPABILITY X Y\r\n",
			"* 1 FETCH (BODY[] {44}\r\n* CAPABILITY X\r\nA2 OK [APPENDUID 1 2] d\r\n\r\n\r\n FLAGS ())\r\n* CAPABILITY Y\r\n"},
		{"two literals", ProxyOptions{Hide: []string{"X"}},
			"* LIST () {1}\r\n/ {16}\r\n* CAPABILITY X\r\n\r\n* CAPABILITY X Y\r\n",
			"* LIST () {1}\r\n/ {16}\r\n* CAPABILITY X\r\n\r\n* CAPABILITY Y\r\n"},
		{"own", ProxyOptions{Rewrite: func(l []byte) []byte {
			if bytes.HasPrefix(l, []byte("* BYE")) {
				return nil
			}
			return bytes.ReplaceAll(l, []byte("1"), []byte("2"))
		}}, "* BYE\r\n* 1 EXISTS\r\n", "* 2 EXISTS\r\n"},
		{"unfinished", ProxyOptions{Hide: []string{"X"}}, "* CAPABILITY X", "* CAPABILITY X"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, size := range []int{1, 7, len(tt.in)} {
				r := newLineRewriter(tt.opt)
				var got []byte
				for in := []byte(tt.in); len(in) > 0; {
					n := min(size, len(in))
					got = append(got, r.feed(in[:n])...)
					in = in[n:]
				}
				if got = append(got, r.rest()...); string(got) != tt.want {
					t.Errorf("in pieces of %d:\n got %q\nwant %q", size, got, tt.want)
				}
			}
		})
	}
}

func TestProxyBeforeDovecot(t *testing.T) {
	d := NewDovecotSlash(t)
	if err := d.AddUser("ann", "pw"); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var answers []string
	p := StartProxy(t, d.Addr(), ProxyOptions{
		Delay: time.Millisecond, Hide: []string{"LITERAL+", "MULTIAPPEND"}, NoAppendUID: true,
		Rewrite: func(line []byte) []byte {
			mu.Lock()
			defer mu.Unlock()
			answers = append(answers, string(line))
			return line
		},
	})
	a := p.Access(d.Access("ann", "pw"))
	r, err := dialRaw(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	if r.caps["LITERAL+"] || r.caps["MULTIAPPEND"] || !r.caps["UIDPLUS"] {
		t.Errorf("capabilities %v", r.caps)
	}
	r.close()
	mb := sample("INBOX")
	if err := Fill(t.Context(), a, mb); err != nil {
		t.Fatal(err)
	}
	checkSample(t, a, mb)
	if all := strings.Join(answers, "\n"); strings.Contains(all, "APPENDUID") || !strings.Contains(all, "OK Append completed") {
		t.Errorf("answers:\n%s", all)
	}
}

// TestProxyTap holds what a tap is told against what both ends have said.
func TestProxyTap(t *testing.T) {
	addr := peer(t, func(nc *net.TCPConn) {
		io.WriteString(nc, "hello")
		got := make([]byte, 3)
		if _, err := io.ReadFull(nc, got); err == nil {
			nc.Write(bytes.ToUpper(got))
		}
	})
	var mu sync.Mutex
	heard := make(map[string]string)
	p := StartProxy(t, addr, ProxyOptions{Delay: time.Millisecond, Tap: func(n int, dir Direction, b []byte) {
		mu.Lock()
		defer mu.Unlock()
		heard[fmt.Sprint(n, dir == Up)] += string(b)
	}})
	for _, said := range []string{"abc", "xyz"} {
		nc := dial(t, p.Addr())
		io.WriteString(nc, said)
		if got, err := io.ReadAll(nc); err != nil || string(got) != "hello"+strings.ToUpper(said) {
			t.Fatalf("%q, %v", got, err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	want := map[string]string{"0 true": "abc", "0 false": "helloABC", "1 true": "xyz", "1 false": "helloXYZ"}
	for k, v := range want {
		if heard[k] != v {
			t.Errorf("%s: %q, want %q", k, heard[k], v)
		}
	}
}
