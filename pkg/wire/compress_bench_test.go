package wire

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// mailLike returns about 1 MiB of messages: words, headers that repeat, and a
// third of base64, which deflate can do little about.
func mailLike() [][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	words := make([]string, 4000)
	for i := range words {
		b := make([]byte, 2+rng.IntN(9))
		for j := range b {
			b[j] = "etaoinshrdlucmfwypvbgkjqxz"[min(rng.IntN(26), rng.IntN(26))]
		}
		words[i] = string(b)
	}
	var all [][]byte
	for total := 0; total < 1<<20; total += len(all[len(all)-1]) {
		var b bytes.Buffer
		fmt.Fprintf(&b, "Received: from mx%d.example.com by mail.example.org with ESMTPS id %x\r\nMessage-ID: <%x@example.com>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n", rng.IntN(9), rng.Uint64(), rng.Uint64())
		for range 1000 {
			b.WriteString(words[min(rng.IntN(4000), rng.IntN(4000), rng.IntN(4000))])
			b.WriteByte(" \n"[rng.IntN(20)/19])
		}
		if len(all)%3 == 0 {
			noise := make([]byte, 7000)
			for i := range noise {
				noise[i] = byte(rng.Uint32())
			}
			b.WriteString(base64.StdEncoding.EncodeToString(noise))
		}
		all = append(all, b.Bytes())
	}
	return all
}

// again says the same without end.
type again struct {
	said []byte
	at   int
}

func (a *again) Read(p []byte) (int, error) {
	n := copy(p, a.said[a.at:])
	a.at = (a.at + n) % len(a.said)
	return n, nil
}

// BenchmarkCompressRead is what reading costs, a MiB of mail an operation,
// without any socket.
func BenchmarkCompressRead(b *testing.B) {
	var said bytes.Buffer
	total := 0
	mails := mailLike()
	for i, m := range mails {
		fmt.Fprintf(&said, "* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n", i+1, i+1, len(m), m)
		total += len(m)
	}
	for _, zipped := range []bool{false, true} {
		b.Run(fmt.Sprintf("deflated=%v", zipped), func(b *testing.B) {
			stream := said.Bytes()
			if zipped {
				stream = deflate(b, stream, 64<<10)
			}
			c := New(&script{r: io.MultiReader(strings.NewReader(greeting), &again{said: stream})}, Options{})
			if _, err := io.ReadFull(c, make([]byte, len(greeting))); err != nil {
				b.Fatal(err)
			}
			if zipped {
				c.inflate()
			}
			b.SetBytes(int64(total))
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				for range mails {
					if err := c.response(); err != nil { // nobody wants it: it is skipped
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(said.Len())/float64(len(stream)), "ratio")
		})
	}
}

// BenchmarkCompressWrite is what writing costs, a MULTIAPPEND of a MiB of mail
// an operation, without any socket.
func BenchmarkCompressWrite(b *testing.B) {
	mails := mailLike()
	total := int64(0)
	for _, m := range mails {
		total += int64(len(m))
	}
	for _, zipped := range []bool{false, true} {
		b.Run(fmt.Sprintf("deflated=%v", zipped), func(b *testing.B) {
			c := New(&blackHole{script{r: strings.NewReader(greeting)}}, Options{})
			if zipped {
				c.inflate()
			}
			r := bytes.NewReader(nil)
			b.SetBytes(total)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				a, err := c.Append(b.Context(), `"INBOX"`)
				if err != nil {
					b.Fatal(err)
				}
				for _, m := range mails {
					r.Reset(m)
					if _, err := a.Message(b.Context(), "", int64(len(m)), NonSync, r); err != nil {
						b.Fatal(err)
					}
				}
				p, err := a.Finish()
				if err != nil {
					b.Fatal(err)
				}
				c.forget(p) // nobody answers
			}
			t := c.Traffic()
			b.ReportMetric(float64(t.PlainOut)/float64(t.Out), "ratio")
		})
	}
}

// blackHole is a script that keeps nothing of what is written.
type blackHole struct{ script }

func (*blackHole) Write(p []byte) (int, error) { return len(p), nil }
