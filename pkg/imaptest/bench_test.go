package imaptest

import (
	"io"
	"net"
	"testing"
	"time"
)

// BenchmarkProxy passes 64 KiB per op through a link with delay: what it costs
// is missing to whoever is measured behind it on the same machine.
func BenchmarkProxy(b *testing.B) {
	const octets = 64 << 10
	ln, err := listenLoopback()
	if err != nil {
		b.Fatal(err)
	}
	received := make(chan int64, 1)
	go func() {
		nc, err := ln.Accept()
		if err != nil {
			received <- 0
			return
		}
		defer nc.Close()
		n, _ := io.Copy(struct{ io.Writer }{io.Discard}, nc)
		received <- n
	}()
	p, err := NewProxy(ln.Addr().String(), ProxyOptions{Delay: 10 * time.Millisecond, Window: 4 << 20})
	if err != nil {
		b.Fatal(err)
	}
	nc, err := net.Dial("tcp", p.Addr())
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, octets)
	b.SetBytes(octets)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := nc.Write(buf); err != nil {
			b.Fatal(err)
		}
	}
	nc.Close()
	if n := <-received; n != int64(b.N)*octets {
		b.Errorf("%d octets arrived of %d", n, int64(b.N)*octets)
	}
	if err := p.Close(); err != nil {
		b.Fatal(err)
	}
	ln.Close()
}
