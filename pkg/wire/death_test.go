package wire

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// lingering is a socket that notes its SO_LINGER.
type lingering struct {
	net.Conn
	set []int
}

func (l *lingering) SetLinger(sec int) error {
	l.set = append(l.set, sec)
	return nil
}

type wrapped struct{ net.Conn }

func (w wrapped) NetConn() net.Conn { return w.Conn }

func TestLinger(t *testing.T) {
	for _, tt := range []struct {
		name string
		opt  Options
		do   func(*Conn)
		want []int
	}{
		{"by default only Abort resets", Options{}, func(c *Conn) { c.Abort(nil) }, []int{0}},
		{"Linger0 from the start", Options{Linger0: true}, func(*Conn) {}, []int{0}},
		{"Soften", Options{Linger0: true}, func(c *Conn) { c.Soften(); c.Close() }, []int{0, -1}},
		{"Abort after Soften", Options{Linger0: true}, func(c *Conn) { c.Soften(); c.Abort(nil) }, []int{0, -1, 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			near, far := net.Pipe()
			defer far.Close()
			l := &lingering{Conn: near}
			c := New(wrapped{wrapped{l}}, tt.opt)
			tt.do(c)
			if len(l.set) != len(tt.want) || l.set[len(l.set)-1] != tt.want[len(tt.want)-1] {
				t.Errorf("SO_LINGER %v, want %v", l.set, tt.want)
			}
			c.Abort(nil)
		})
	}
}

// What the system holds when a connection is aborted never reaches the
// server, which sees a reset and not an end.
func TestAbortResets(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("another errno")
	}
	for name, end := range map[string]func(*Conn){
		"Abort":       func(c *Conn) { c.Abort(nil) },
		"socket dies": func(c *Conn) { c.Close() }, // Linger0
	} {
		t.Run(name, func(t *testing.T) {
			near, far := tcpPair(t)
			c := New(near, Options{Linger0: true})
			end(c)
			if _, err := far.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("server read %v, want a reset", err)
			}
		})
	}
}

func TestSoftenedCloseDelivers(t *testing.T) {
	near, far := tcpPair(t)
	c := New(near, Options{Linger0: true})
	c.Soften()
	if _, err := c.Start(t.Context(), Request{Line: "LOGOUT"}); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if b, err := io.ReadAll(far); string(b) != "X1 LOGOUT\r\n" || err != nil {
		t.Errorf("server read %q, %v", b, err)
	}
	if !errors.Is(c.Err(), net.ErrClosed) {
		t.Errorf("Err = %v", c.Err())
	}
}

// A TLS server that reads nothing does not hold up Abort: crypto/tls would
// wait 5 s for room to say goodbye.
func TestAbortBehindFullTLS(t *testing.T) {
	cert, pool := certificate(t, "imap.example")
	near, far := tcpPair(t)
	shake := make(chan error, 1)
	go func() { shake <- tls.Server(far, &tls.Config{Certificates: []tls.Certificate{cert}}).Handshake() }()
	secure := tls.Client(near, &tls.Config{RootCAs: pool, ServerName: "imap.example"})
	if err := errors.Join(secure.HandshakeContext(t.Context()), <-shake); err != nil {
		t.Fatal(err)
	}
	c := New(secure, Options{})
	a, err := c.Append(t.Context(), "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	reading := make(chan struct{}, 1)
	body := readerFunc(func(p []byte) (int, error) {
		select {
		case reading <- struct{}{}:
		default:
		}
		return len(p), nil
	})
	go func() {
		_, err := a.Message(t.Context(), "", 1<<40, NonSync, body)
		failed <- err
	}()
	<-reading
	deadline := time.AfterFunc(time.Minute, func() { panic("Abort did not wake the writer") })
	defer deadline.Stop()
	reason := errors.New("enough")
	c.Abort(reason)
	if err := <-failed; !errors.Is(err, reason) {
		t.Errorf("Message = %v", err)
	}
	if _, err := near.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the socket is open: %v", err)
	}
}

func TestConnIsANetConn(t *testing.T) {
	near, far := tcpPair(t)
	c := New(near, Options{})
	defer c.Abort(nil)
	if c.LocalAddr() != near.LocalAddr() || c.RemoteAddr() != near.RemoteAddr() {
		t.Error("addresses are not the socket's")
	}
	past := time.Unix(1, 0)
	if err := errors.Join(c.SetDeadline(past), c.SetReadDeadline(past), c.SetWriteDeadline(past)); err != nil {
		t.Error(err)
	}
	io.WriteString(far, greeting)
	buf := make([]byte, len(greeting))
	if n, err := c.Read(nil); n != 0 || err != nil {
		t.Errorf("empty Read = %d, %v", n, err)
	}
	if _, err := io.ReadFull(c, buf[:5]); err != nil { // in parts, past deadlines ignored
		t.Error(err)
	}
	if _, err := io.ReadFull(c, buf[5:]); err != nil || string(buf) != greeting {
		t.Errorf("read %q, %v", buf, err)
	}
	if n, err := io.WriteString(c, "T1 NOOP\r\n"); n != 9 || err != nil {
		t.Errorf("Write = %d, %v", n, err)
	}
	if line, err := bufio.NewReader(far).ReadString('\n'); line != "T1 NOOP\r\n" || err != nil {
		t.Errorf("server read %q, %v", strings.TrimSpace(line), err)
	}
}
