package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// echo answers with the request.
func echo(_ context.Context, q Request) Answer {
	return Answer{Kind: Done, Said: q.Verb + " " + strings.Join(q.Args, " ")}
}

// serve is a server as p makes one, which the test closes.
func serve(t *testing.T, p *place, handle Handler) *Server {
	t.Helper()
	s := newServer(p, handle)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// ways are how a server can be reached.
var ways = map[string]func(dir string) (*place, error){"unix": listenUnix, "tcp": listenTCP}

// eachWay runs a test for each way that this system has.
func eachWay(t *testing.T, test func(t *testing.T, dir string, listen func(string) (*place, error))) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			p, err := way(dir)
			if err != nil {
				t.Skipf("not here: %v", err)
			}
			if err := errors.Join(p.listener.Close(), p.remove()); err != nil {
				t.Fatal(err)
			}
			test(t, dir, way)
		})
	}
}

func at(t *testing.T, dir string, listen func(string) (*place, error), handle Handler) *Server {
	t.Helper()
	p, err := listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, p, handle)
}

func TestAsk(t *testing.T) {
	eachWay(t, func(t *testing.T, dir string, listen func(string) (*place, error)) {
		if _, err := Ask(t.Context(), dir, Request{Verb: "status"}); !errors.Is(err, ErrNoRun) {
			t.Errorf("nobody there: %v", err)
		}
		at(t, dir, listen, echo)
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				want := fmt.Sprintf("pause host%d", i)
				a, err := Ask(t.Context(), dir, Request{Verb: "pause", Args: []string{fmt.Sprintf("host%d", i)}})
				if err != nil || a.Kind != Done || a.Said != want {
					t.Errorf("%+v, %v, want %q", a, err, want)
				}
			})
		}
		all.Wait()
		if _, err := Ask(t.Context(), dir, Request{Verb: strings.Repeat("x", longestRequest)}); err == nil || !strings.Contains(err.Error(), "too long") {
			t.Errorf("a long order: %v", err)
		}
	})
}

// What is left when a server is closed is nothing; what one that was killed has
// left is replaced.
func TestLeavesNothing(t *testing.T) {
	eachWay(t, func(t *testing.T, dir string, listen func(string) (*place, error)) {
		p, err := listen(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.listener.Close(); err != nil { // its files stay, as when it is killed
			t.Fatal(err)
		}
		if left, _ := os.ReadDir(dir); len(left) != 1 {
			t.Fatalf("left %v", left)
		}
		if _, err := Ask(t.Context(), dir, Request{Verb: "status"}); !errors.Is(err, ErrNoRun) {
			t.Errorf("it is dead: %v", err)
		}
		p, err = listen(dir)
		if err != nil {
			t.Fatal(err)
		}
		s := newServer(p, echo)
		if _, err := Ask(t.Context(), dir, Request{Verb: "status"}); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("left %v", left)
		}
	})
}

// A client that hangs, one that floods and one that goes away keep nobody from
// asking, and the server from no end.
func TestBadClients(t *testing.T) {
	eachWay(t, func(t *testing.T, dir string, listen func(string) (*place, error)) {
		s := at(t, dir, listen, echo)
		connect := func() net.Conn {
			c, _, err := dial(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() })
			return c
		}
		connect() // says nothing
		half := connect()
		if _, err := half.Write([]byte(`{"version":1,"verb":`)); err != nil {
			t.Fatal(err)
		}
		gone := connect()
		_, _ = gone.Write([]byte(`{"version":1,"verb":"x","token":"` + s.token + "\"}\n"))
		_ = gone.Close()
		flood := connect()
		_, _ = flood.Write(bytes.Repeat([]byte("x"), 2*longestRequest))
		var a Answer
		if line, err := readLine(bufio.NewReader(flood), longestAnswer); err != nil || json.Unmarshal(line, &a) != nil || a.Kind != Usage {
			t.Errorf("flooded: %q, %v", line, err)
		}
		if a, err := Ask(t.Context(), dir, Request{Verb: "status"}); err != nil || a.Kind != Done {
			t.Errorf("%+v, %v", a, err)
		}
	})
}

// Whoever has not the token has no say.
func TestToken(t *testing.T) {
	dir := t.TempDir()
	s := at(t, dir, listenTCP, echo)
	if len(s.token) < 20 {
		t.Errorf("token %q", s.token)
	}
	for _, token := range []string{"", "x", s.token + "x"} {
		c, _, err := dial(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		a, err := exchange(c, Request{Version: Version, Verb: "drain", Token: token})
		if err != nil || a.Kind != Refused {
			t.Errorf("token %q: %+v, %v", token, a, err)
		}
		_ = c.Close()
	}
	info, err := os.Stat(filepath.Join(dir, pointerName))
	if err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
		t.Errorf("%v, %v", info, err)
	}
}

// A handler that panics or waits for ever costs an answer, not the run.
func TestHandlerTrouble(t *testing.T) {
	dir := t.TempDir()
	p, err := listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan struct{})
	s := newServer(p, func(ctx context.Context, q Request) Answer {
		if q.Verb == "panic" {
			panic("hm")
		}
		close(asked)
		<-ctx.Done()
		return Answer{Kind: Refused}
	})
	if a, err := Ask(t.Context(), dir, Request{Verb: "panic"}); err != nil || a.Kind != Refused || !strings.Contains(a.Said, "hm") {
		t.Errorf("%+v, %v", a, err)
	}
	ended := make(chan error)
	go func() {
		_, err := Ask(t.Context(), dir, Request{Verb: "wait"})
		ended <- err
	}()
	<-asked
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("what was asked before the end is not answered: %v", err)
	}
}

// A run that stands still, as one that was sent SIGSTOP, keeps nobody for ever,
// and who asks is told so; who gives up is told that.
func TestSilentRun(t *testing.T) {
	dir := t.TempDir()
	at(t, dir, listen, func(ctx context.Context, _ Request) Answer {
		<-ctx.Done()
		return Answer{Kind: Done}
	})
	if _, err := ask(t.Context(), dir, Request{Verb: "status"}, time.Millisecond); err == nil || !strings.Contains(err.Error(), "has not answered within 1ms") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ask(ctx, dir, Request{Verb: "status"}, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestVersions(t *testing.T) {
	dir := t.TempDir()
	p, err := listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, p, echo)
	c, token, err := dial(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if a, err := exchange(c, Request{Version: 2, Verb: "status", Token: token}); err != nil || a.Kind != Usage || !strings.Contains(a.Said, "version 2") {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestSockets: the socket is its user's alone from its first instant, and a
// long path has one elsewhere.
func TestSockets(t *testing.T) {
	login := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", login)
	long := t.TempDir()
	for len(long) < 200 {
		long = filepath.Join(long, "a-directory-with-a-long-name")
	}
	for name, dir := range map[string]string{"short": t.TempDir(), "long": long} {
		t.Run(name, func(t *testing.T) {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			p, err := listenUnix(dir)
			if err != nil {
				t.Fatal(err)
			}
			serve(t, p, echo)
			info, err := os.Stat(p.files[0])
			if err != nil || info.Mode().Perm() != 0o600 && os.PathSeparator == '/' {
				t.Errorf("%v, %v", info.Mode(), err)
			}
			if _, err := Ask(t.Context(), dir, Request{Verb: "status"}); err != nil {
				t.Error(err)
			}
			again, err := listenUnix(dir) // as after kill -9
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(again.listener.Close(), again.remove()); err != nil {
				t.Error(err)
			}
		})
	}
	if left, err := os.ReadDir(filepath.Join(login, "imapfleet")); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

// What is no socket is not removed; a directory that others may write to is not
// used; one that nobody may write to is an error.
func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, socketName)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listenUnix(dir); err == nil {
		t.Error("a file was replaced")
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	if os.PathSeparator == '/' {
		wide := filepath.Join(dir, "imapfleet")
		if err := errors.Join(os.Mkdir(wide, 0o700), os.Chmod(wide, 0o755)); err != nil {
			t.Fatal(err)
		}
		t.Setenv("XDG_RUNTIME_DIR", dir)
		if got, err := shortDir(); err != nil || got == wide {
			t.Errorf("%s, %v", got, err)
		}
	}
	if _, err := listenUnix(filepath.Join(dir, "nowhere")); err == nil {
		t.Error("listens in a directory that is not there")
	}
}

func TestPointers(t *testing.T) {
	for text, ok := range map[string]bool{
		`{"network":"tcp","address":"127.0.0.1:5","token":"x"}`: true,
		`{"network":"unix","address":"/run/x.sock"}`:            true,
		`{"network":"tcp","address":"evil.example:5"}`:          false,
		`{"network":"unix","address":"x.sock"}`:                 false,
		`{"network":"udp","address":"127.0.0.1:5"}`:             false,
		``: false,
	} {
		if _, err := parsePointer([]byte(text)); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// FuzzRequest: whatever comes is read within its bounds, and what is taken for a
// request is one.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		`{"version":1,"verb":"status"}` + "\n", `{"version":1,"verb":"limit","arguments":["20MiB/s"],"token":"x"}` + "\r\n",
		"\n", "{", `{"version":2,"verb":"x"}` + "\n", `[1,2]` + "\n", strings.Repeat("[", 20000) + "\n", `{"verb":"` + strings.Repeat("x", longestRequest),
		`{"version":1,"verb":"skip","arguments":["\u0000\ud800"]}` + "\n{}\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		in := bufio.NewReaderSize(bytes.NewReader(b), 64)
		for range 100 {
			line, err := readLine(in, longestRequest)
			if len(line) > longestRequest {
				t.Fatalf("%d octets", len(line))
			}
			if err != nil {
				return
			}
			q, err := parseRequest(line)
			if err != nil {
				continue
			}
			again, err := encode(q)
			if err != nil || q.Verb == "" || q.Version != Version {
				t.Fatalf("%+v, %v", q, err)
			}
			if back, err := parseRequest(again); err != nil || back.Verb != q.Verb || len(back.Args) != len(q.Args) {
				t.Fatalf("%+v came back as %+v, %v", q, back, err)
			}
		}
	})
}

// TestClientsTakeTurns: who is silent loses its place after a while; more
// clients than places wait.
func TestClientsTakeTurns(t *testing.T) {
	dir := t.TempDir()
	p, err := listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, p, echo)
	var conns []net.Conn
	for range clients {
		c, _, err := dial(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	done := make(chan error)
	go func() {
		_, err := Ask(t.Context(), dir, Request{Verb: "status"})
		done <- err
	}()
	for n := 0; n < clients; {
		s.mu.Lock()
		n = len(s.conns)
		s.mu.Unlock()
		runtime.Gosched()
	}
	_ = conns[3].Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	for _, c := range conns {
		_ = c.Close()
	}
}
