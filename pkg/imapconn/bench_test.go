package imapconn

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
)

const benchSize = 10 << 10 // octets of a message

// benchServer answers on loopback: FETCH with b.N messages, APPEND with OK.
func benchServer(b *testing.B, caps string) *Conn {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		nc, err := l.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		benchServe(nc, caps, b.N)
	}()
	c, err := Dial(b.Context(), Config{Side: fault.Source,
		Endpoint: account.Endpoint{Host: "localhost", Security: account.SecurityPlain, User: "u", Password: account.NewSecret("p")},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, l.Addr().String())
		}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		c.Abort()
		<-c.Done()
		l.Close()
		<-done
	})
	return c
}

func benchServe(nc net.Conn, caps string, messages int) {
	br, bw := bufio.NewReaderSize(nc, 256<<10), bufio.NewWriterSize(nc, 256<<10)
	body := strings.Repeat("x", benchSize)
	fmt.Fprintf(bw, "* OK [CAPABILITY IMAP4rev1 NAMESPACE %s] ready\r\n", caps)
	uid := 0
	for {
		if br.Buffered() == 0 {
			bw.Flush()
		}
		line, err := br.ReadString('\n')
		if err != nil {
			return
		}
		tag, command, _ := strings.Cut(line, " ")
		switch {
		case strings.HasPrefix(command, "NAMESPACE"):
			fmt.Fprintf(bw, "%s\r\n", roots)
		case strings.HasPrefix(command, "UID FETCH"):
			for i := range messages {
				fmt.Fprintf(bw, "* %d FETCH (UID %d FLAGS (\\Seen $Forwarded) INTERNALDATE \"03-Feb-2020 04:05:06 +0100\" RFC822.SIZE %d BODY[] {%d}\r\n%s)\r\n", i+1, i+1, benchSize, benchSize, body)
			}
		case strings.HasPrefix(command, "APPEND"):
			n := 0
			for strings.HasSuffix(line, "}\r\n") {
				if strings.HasSuffix(line, "{10240}\r\n") {
					bw.WriteString("+ go on\r\n")
					bw.Flush()
				}
				if _, err := br.Discard(benchSize); err != nil {
					return
				}
				n++
				if line, err = br.ReadString('\n'); err != nil {
					return
				}
			}
			fmt.Fprintf(bw, "%s OK [APPENDUID 1 %d:%d] done\r\n", tag, uid+1, uid+n)
			uid += n
			continue
		}
		fmt.Fprintf(bw, "%s OK [CAPABILITY IMAP4rev1 NAMESPACE %s] done\r\n", tag, caps)
	}
}

func BenchmarkFetch(b *testing.B) {
	c := benchServer(b, "")
	buf := make([]byte, benchSize)
	n := 0
	b.SetBytes(benchSize)
	b.ReportAllocs()
	b.ResetTimer()
	f, err := c.Fetch(b.Context(), []Range{{1, uint32(b.N)}}, everything, FetchHandler{
		Body:    func(_ *Message, _ int64, r io.Reader) error { _, err := io.ReadFull(r, buf); return err },
		Message: func(*Message) error { n++; return nil },
	})
	if err == nil {
		err = f.Wait(b.Context())
	}
	if err != nil || n != b.N {
		b.Fatal(n, err)
	}
}

func BenchmarkAppend(b *testing.B) {
	body := bytes.Repeat([]byte("x"), benchSize)
	h := Head{Flags: []string{`\Seen`, "$Forwarded"}, Date: usual, HasDate: true}
	for _, bench := range []struct {
		name, caps string
		batch      int
	}{{"multi", "LITERAL+ MULTIAPPEND", 50}, {"plus", "LITERAL+", 1}} {
		b.Run(bench.name, func(b *testing.B) {
			c := benchServer(b, bench.caps)
			waits := make(chan *Appending, 64)
			failed := make(chan error, 1)
			go func() {
				var first error
				for p := range waits {
					if _, err := p.Wait(b.Context()); err != nil && first == nil {
						first = err
					}
				}
				failed <- first
			}()
			b.SetBytes(benchSize)
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i += bench.batch {
				a, err := c.Append(b.Context(), "a")
				if err != nil {
					b.Fatal(err)
				}
				for range min(bench.batch, b.N-i) {
					if err := a.Add(b.Context(), h, benchSize, bytes.NewReader(body)); err != nil {
						b.Fatal(err)
					}
				}
				p, err := a.Finish(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				waits <- p
			}
			close(waits)
			if err := <-failed; err != nil {
				b.Fatal(err)
			}
		})
	}
}
