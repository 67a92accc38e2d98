package wire

import (
	"bufio"
	"bytes"
	"compress/flate"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

// zipConn is the server's end from the OK to COMPRESS on, by the standard
// library's code; it hands its octets on in pieces of every size.
type zipConn struct {
	net.Conn
	r io.Reader
	z *flate.Writer
}

func zip(nc net.Conn, r io.Reader) *zipConn {
	z, err := flate.NewWriter(pieces{nc}, 6)
	if err != nil {
		panic(err)
	}
	return &zipConn{Conn: nc, r: flate.NewReader(r), z: z}
}

func (c *zipConn) Read(p []byte) (int, error) { return c.r.Read(p) }

func (c *zipConn) Write(p []byte) (int, error) {
	if _, err := c.z.Write(p); err != nil {
		return 0, err
	}
	return len(p), c.z.Flush()
}

// pieces cuts what it writes, at borders that differ with the length.
type pieces struct{ io.Writer }

func (w pieces) Write(p []byte) (int, error) {
	total := 0
	for len(p) > 0 {
		n, err := w.Writer.Write(p[:1+len(p)/3])
		total += n
		if err != nil {
			return total, err
		}
		p = p[n:]
	}
	return total, nil
}

// compress agrees on compression. What the server says is deflated from the
// very octet after the OK; first comes in one piece with that.
func compress(t *testing.T, c *Conn, s *peer, tag, first string) {
	t.Helper()
	type result struct {
		r   Reply
		err error
	}
	done := make(chan result, 1)
	go func() {
		r, err := c.Compress(t.Context())
		done <- result{r, err}
	}()
	s.expect(tag + " COMPRESS DEFLATE\r\n")
	var out bytes.Buffer
	out.WriteString(tag + " OK deflating\r\n")
	z := zip(s.nc, s.br)
	if first != "" {
		z.z.Reset(&out)
		io.WriteString(z, first)
		z.z.Reset(pieces{s.nc}) // its window begins anew, which is as good a stream
	}
	s.say(out.String())
	s.nc, s.br = z, bufio.NewReader(z)
	if got := <-done; got.err != nil || got.r != (Reply{"OK", "", "deflating"}) {
		t.Fatalf("Compress = %+v, %v", got.r, got.err)
	}
}

// After the OK both speakers are deflated, in both directions: raw commands,
// literals of every kind, and go-imap.
func TestCompressRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, seen := pair(t, Options{})
		compress(t, c, s, "X1", "* 5 EXISTS\r\n* OK more\r\n")
		var bodies []string
		body := strings.Repeat("a line like any other\r\n", 10_000)
		p := start(t, c, s, "X2", Request{Line: "FETCH", Wants: wants("FETCH"), Handle: func(r *Reader) error {
			for {
				tok, err := r.Key()
				if err != nil || tok.Kind == End {
					return err
				}
				if tok.Kind == Literal {
					b, err := io.ReadAll(r.Literal())
					if err != nil {
						return err
					}
					bodies = append(bodies, string(b))
				}
			}
		}})
		s.say("* 1 FETCH (BODY[] {230000}\r\n", body, ")\r\n* 2 FETCH (BODY[] {3}\r\nabc)\r\n", "X2 OK\r\n")
		wantReply(t, p, Reply{Status: "OK"})
		if len(bodies) != 2 || bodies[0] != body || bodies[1] != "abc" {
			t.Errorf("%d bodies, or others than were sent", len(bodies))
		}
		served := make(chan struct{})
		go func() {
			defer close(served)
			s.expect("X3 APPEND INBOX {230000}\r\n")
			s.say("+ go\r\n")
			s.expect(body + " (\\Seen) {3+}\r\nabc\r\n")
			s.say("X3 OK [APPENDUID 1 2:3] done\r\n")
		}()
		a, err := c.Append(t.Context(), "INBOX")
		if err != nil {
			t.Fatal(err)
		}
		if r, err := a.Message(t.Context(), "", int64(len(body)), Sync, strings.NewReader(body)); r != nil || err != nil {
			t.Fatalf("Message = %v, %v", r, err)
		}
		if r, err := a.Message(t.Context(), `(\Seen) `, 3, NonSync, strings.NewReader("abc")); r != nil || err != nil {
			t.Fatalf("Message = %v, %v", r, err)
		}
		if p, err = a.Finish(); err != nil {
			t.Fatal(err)
		}
		wantReply(t, p, Reply{"OK", "APPENDUID 1 2:3", "done"})
		<-served
		c.Soften()
		go io.WriteString(c, "T1 LOGOUT\r\n")
		s.expect("T1 LOGOUT\r\n")
		s.say("* BYE so long\r\nT1 OK out\r\n")
		synctest.Wait()
		got := c.Traffic()
		if in, out := c.Octets(); in != got.In || out != got.Out || got.In*10 > got.PlainIn || got.Out*10 > got.PlainOut || got.PlainIn < 230_000 || got.PlainOut < 230_000 {
			t.Errorf("traffic = %+v, octets %d and %d", got, in, out)
		}
		c.Abort(nil)
		if got := <-seen; got != greeting+"* BYE so long\r\nT1 OK out\r\n" {
			t.Errorf("go-imap saw %q", got)
		}
		if c.Bye() != "so long" {
			t.Errorf("BYE = %q", c.Bye())
		}
	})
}

func TestCompressRefused(t *testing.T) {
	for _, answer := range []string{"NO [COMPRESSIONACTIVE] TLS does it", "BAD what"} {
		synctest.Test(t, func(t *testing.T) {
			c, s, _ := pair(t, Options{})
			go func() {
				s.expect("X1 COMPRESS DEFLATE\r\n")
				s.say("X1 " + answer + "\r\n")
			}()
			r, err := c.Compress(t.Context())
			if err != nil || !strings.HasPrefix(answer, r.Status) || c.Compressed() {
				t.Errorf("Compress = %+v, %v", r, err)
			}
			p := start(t, c, s, "X2", Request{Line: "NOOP"})
			s.say("X2 OK plain\r\n")
			wantReply(t, p, Reply{"OK", "", "plain"})
		})
	}
}

func TestCompressWhileBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := pair(t, Options{})
		p := start(t, c, s, "X1", Request{Line: "NOOP"})
		if _, err := c.Compress(t.Context()); !errors.Is(err, ErrBusy) {
			t.Errorf("Compress = %v", err)
		}
		s.say("X1 OK\r\n")
		wantReply(t, p, Reply{Status: "OK"})
		compress(t, c, s, "X2", "")
		if _, err := c.Compress(t.Context()); err == nil || c.Err() != nil {
			t.Errorf("a second Compress = %v, %v", err, c.Err())
		}
		p = start(t, c, s, "X3", Request{Line: "NOOP"})
		s.say("X3 OK\r\n")
		wantReply(t, p, Reply{Status: "OK"})
	})
}

// Nobody writes between the command and its answer: they could not know how.
func TestCompressHoldsWriters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := pair(t, Options{})
		go c.Compress(t.Context())
		s.expect("X1 COMPRESS DEFLATE\r\n")
		started := make(chan *Pending, 1)
		go func() {
			p, _ := c.Start(t.Context(), Request{Line: "NOOP"})
			started <- p
		}()
		synctest.Wait() // it waits for the writer
		s.say("X1 OK\r\n")
		z := zip(s.nc, s.br)
		s.nc, s.br = z, bufio.NewReader(z)
		s.expect("X2 NOOP\r\n")
		s.say("X2 OK\r\n")
		wantReply(t, <-started, Reply{Status: "OK"})
	})
}

func TestCompressContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := pair(t, Options{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		go s.expect("X1 COMPRESS DEFLATE\r\n")
		if _, err := c.Compress(ctx); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(c.Err(), context.DeadlineExceeded) {
			t.Errorf("Compress = %v, Err %v", err, c.Err())
		}
	})
}

// Silence within a compressed connection is silence.
func TestCompressTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := pair(t, Options{})
		compress(t, c, s, "X1", "")
		time.Sleep(time.Hour)
		p := start(t, c, s, "X2", Request{Line: "NOOP"})
		began := time.Now()
		_, err := p.Wait(t.Context())
		timedOut(t, err, began, time.Minute)
	})
}

// However a stream ends or breaks, whoever waits learns that the connection is
// lost, and a literal is never taken for whole.
func TestDamagedStream(t *testing.T) {
	const response = "* 1 FETCH (BODY[] {20}\r\n0123456789"
	for _, tt := range []struct {
		name    string
		damage  func(s *peer, raw net.Conn)
		damaged bool
	}{
		{"cut", func(_ *peer, raw net.Conn) { raw.Close() }, false},
		{"last block", func(_ *peer, raw net.Conn) { raw.Write([]byte{1, 0, 0, 255, 255}) }, false},
		{"no block type", func(_ *peer, raw net.Conn) { raw.Write([]byte{255, 255, 255, 255}) }, true},
		{"stored length", func(_ *peer, raw net.Conn) { raw.Write([]byte{0, 5, 0, 5, 0}) }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, s, seen := pair(t, Options{})
				raw := s.nc
				compress(t, c, s, "X1", "")
				var body []byte
				var readErr error
				p := start(t, c, s, "X2", Request{Line: "FETCH", Wants: wants("FETCH"), Handle: func(r *Reader) error {
					for {
						tok, err := r.Key()
						if err != nil || tok.Kind == End {
							return err
						}
						if tok.Kind == Literal {
							body, readErr = io.ReadAll(r.Literal())
							return readErr
						}
					}
				}})
				s.say(response)
				go tt.damage(s, raw)
				_, err := p.Wait(t.Context())
				<-seen // the handler has returned
				wantFault(t, err, fault.ConnectionLost)
				if !fault.IsTemporary(err) || readErr == nil || errors.Is(err, ErrDeflate) != tt.damaged {
					t.Errorf("Wait = %v, the literal's reader %v", err, readErr)
				}
				if string(body) != "0123456789" {
					t.Errorf("body = %q", body)
				}
			})
		})
	}
}

// zlib's Z_PARTIAL_FLUSH ends a block without filling up its last octet: the
// line must not wait for the block after it.
func TestPartialFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := pair(t, Options{})
		raw := s.nc
		compress(t, c, s, "X1", "")
		p := start(t, c, s, "X2", Request{Line: "NOOP"})
		// zlib 1.3, raw deflate of "X2 OK partial\r\n", Z_PARTIAL_FLUSH.
		b, err := hex.DecodeString("8a3052f0f75628482c2ac94ccce1e50208")
		if err != nil {
			t.Fatal(err)
		}
		go raw.Write(b)
		wantReply(t, p, Reply{"OK", "", "partial"})
	})
}

// The pieces tasted say what compression would bring, and are a small part of
// what passes.
func TestTaste(t *testing.T) {
	noise := make([]byte, 8<<20)
	rng := rand.NewChaCha8([32]byte{1})
	rng.Read(noise)
	text := bytes.Repeat([]byte("a line like any other\r\n"), len(noise)/23)
	for _, tt := range []struct {
		name     string
		on       bool
		octets   []byte
		from, to float64
	}{{"text", true, text, 10, 1000}, {"noise", true, noise, 0.9, 1.01}, {"off", false, text, 0, 0}} {
		t.Run(tt.name, func(t *testing.T) {
			c := New(&script{r: strings.NewReader(greeting)}, Options{})
			if tt.on {
				c.Taste()
			}
			for p := tt.octets; len(p) > 0; p = p[min(1460, len(p)):] {
				if err := c.send(p[:min(1460, len(p))]); err != nil {
					t.Fatal(err)
				}
			}
			got := c.Traffic().Taste
			ratio := 0.0
			if got.Deflated > 0 {
				ratio = float64(got.Plain) / float64(got.Deflated)
			}
			if ratio < tt.from || ratio > tt.to || tt.on && got.Plain != 8*tastePiece {
				t.Errorf("%+v: ratio %.2f, want %v to %v", got, ratio, tt.from, tt.to)
			}
		})
	}
}

// Waiting is counted while an answer is owed or a write stands, once where
// both are so.
func TestWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := pair(t, Options{})
		base := c.Traffic().Waited
		time.Sleep(time.Hour) // nothing is owed
		p := start(t, c, s, "X1", Request{Line: "NOOP"})
		time.Sleep(3 * time.Second)
		done := make(chan *Pending)
		go func() {
			p, _ := c.Start(t.Context(), Request{Line: "NOOP"})
			done <- p
		}()
		time.Sleep(2 * time.Second)
		if got := c.Traffic().Waited - base; got != 5*time.Second {
			t.Errorf("waited %v in the middle, want 5s", got)
		}
		s.expect("X2 NOOP\r\n")
		second := <-done
		s.say("X1 OK\r\nX2 OK\r\n")
		wantReply(t, p, Reply{Status: "OK"})
		wantReply(t, second, Reply{Status: "OK"})
		time.Sleep(time.Hour)
		if got := c.Traffic().Waited - base; got != 5*time.Second {
			t.Errorf("waited %v, want 5s", got)
		}
	})
}

// The round trip is that of a command that had the connection to itself, the
// quickest of them.
func TestRoundTrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, _ := pair(t, Options{})
		if got := c.RoundTrip(); got != 0 {
			t.Errorf("%v before any command", got)
		}
		for i, took := range []time.Duration{5, 3, 4} {
			tag := fmt.Sprintf("X%d", 2*i+1)
			alone := start(t, c, s, tag, Request{Line: "NOOP"})
			time.Sleep((took - 1) * time.Second)
			behind := start(t, c, s, fmt.Sprintf("X%d", 2*i+2), Request{Line: "NOOP"})
			time.Sleep(time.Second)
			s.say(tag + " OK\r\n")
			wantReply(t, alone, Reply{Status: "OK"})
			s.say(fmt.Sprintf("X%d OK\r\n", 2*i+2))
			wantReply(t, behind, Reply{Status: "OK"})
		}
		if got := c.RoundTrip(); got != 3*time.Second {
			t.Errorf("%v, want 3s", got)
		}
	})
}
