package wire

import (
	"bytes"
	"fmt"
	"io"
	"testing"
)

const benchOctets = 10 << 10

// BenchmarkFetch reads messages of 10 KB from a server on loopback.
func BenchmarkFetch(b *testing.B) {
	near, far := tcpPair(b)
	c := New(near, Options{})
	body := bytes.Repeat([]byte("0123456789abcdef"), benchOctets/16)
	response := fmt.Appendf(nil, "* 1 FETCH (UID 4827313 FLAGS (\\Seen $Forwarded) INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" RFC822.SIZE 10240 BODY[] {%d}\r\n%s)\r\n", len(body), body)
	batch := bytes.Repeat(response, 20)
	go func() {
		io.WriteString(far, greeting)
		io.ReadFull(far, make([]byte, len("X1 FETCH\r\n")))
		for n := b.N; n > 0; n -= 20 {
			if _, err := far.Write(batch[:min(n, 20)*len(response)]); err != nil {
				return
			}
		}
		io.WriteString(far, "X1 OK\r\n")
	}()
	read := make(chan struct{})
	go func() { defer close(read); _, _ = io.Copy(io.Discard, c) }()
	buf := make([]byte, benchOctets)
	messages := 0
	b.ReportAllocs()
	b.ResetTimer()
	p, err := c.Start(b.Context(), Request{Line: "FETCH", Wants: wants("FETCH"), Handle: func(r *Reader) error {
		for {
			t, err := r.Key()
			if err != nil || t.Kind == End {
				return err
			}
			if t.Kind == Literal {
				if _, err := io.ReadFull(r.Literal(), buf); err != nil {
					return err
				}
				messages++
			}
		}
	}})
	if err != nil {
		b.Fatal(err)
	}
	if r, err := p.Wait(b.Context()); err != nil || r.Status != "OK" || messages != b.N {
		b.Fatalf("%+v, %v, %d of %d messages", r, err, messages, b.N)
	}
	b.StopTimer()
	b.SetBytes(benchOctets)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	c.Abort(nil)
	<-read
}

// BenchmarkAppend writes messages of 10 KB, 100 to a MULTIAPPEND, to a server
// on loopback that answers without reading.
func BenchmarkAppend(b *testing.B) {
	near, far := tcpPair(b)
	c := New(near, Options{})
	go io.Copy(io.Discard, far)
	body := bytes.Repeat([]byte("0123456789abcdef"), benchOctets/16)
	r := bytes.NewReader(body)
	b.SetBytes(benchOctets)
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; {
		a, err := c.Append(b.Context(), `"INBOX"`)
		if err != nil {
			b.Fatal(err)
		}
		for k := 0; k < 100 && n < b.N; k++ {
			r.Reset(body)
			if _, err := a.Message(b.Context(), `(\Seen) "17-Jul-1996 02:44:25 -0700" `, benchOctets, NonSync, r); err != nil {
				b.Fatal(err)
			}
			n++
		}
		p, err := a.Finish()
		if err != nil {
			b.Fatal(err)
		}
		c.forget(p) // the server of this test does not answer
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	c.Abort(nil)
}
