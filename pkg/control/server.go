package control

import (
	"bufio"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	idle    = 10 * time.Second // between two requests, and for one to come as a whole
	writing = 10 * time.Second // for an answer to be taken
	parting = time.Second      // the same, when the run has ended
	// clients are served at a time; others wait until one has gone.
	clients = 8
	// perSecond is how many requests a second are answered, of all clients.
	perSecond = 20
)

// Handler does what a request says. It is called for one request at a time. ctx
// is done when the server closes.
type Handler func(ctx context.Context, q Request) Answer

// Server is the run's side. Close it when the run ends.
type Server struct {
	place  *place
	token  string
	handle Handler
	pace   *rate.Limiter

	ctx    context.Context // of all that it does
	cancel context.CancelFunc
	served sync.WaitGroup
	one    sync.Mutex // held while a request is handled

	mu    sync.Mutex        // guards what follows
	conns map[net.Conn]bool // whether it waits for an answer
}

// Listen begins to answer for the run with the state directory dir, which must
// be this process's alone: what an earlier one has left is replaced. The error
// says why nobody can ask.
func Listen(dir string, handle Handler) (*Server, error) {
	p, err := listen(dir)
	if err != nil {
		return nil, err
	}
	return newServer(p, handle), nil
}

func newServer(p *place, handle Handler) *Server {
	s := &Server{
		place: p, token: p.token, handle: handle, pace: rate.NewLimiter(perSecond, perSecond),
		conns: make(map[net.Conn]bool),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.served.Go(s.accept)
	return s
}

// Close waits for what is being done, so that the order which has ended the run
// is answered too, ends all connections and takes away what Listen has made.
func (s *Server) Close() error {
	s.cancel()
	err := s.place.listener.Close()
	s.mu.Lock()
	for c, asked := range s.conns {
		if asked {
			_ = c.SetWriteDeadline(time.Now().Add(parting)) // fails only on one that is closed
		} else {
			_ = c.Close()
		}
	}
	s.mu.Unlock()
	s.served.Wait()
	return errors.Join(err, s.place.remove())
}

func (s *Server) accept() {
	places := make(chan struct{}, clients)
	for {
		select {
		case places <- struct{}{}:
		case <-s.ctx.Done():
			return
		}
		c, err := s.place.listener.Accept()
		if err != nil {
			<-places
			if s.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			if s.sleep(time.Second) != nil { // out of descriptors, for example
				return
			}
			continue
		}
		if !s.keep(c) {
			return
		}
		s.served.Go(func() {
			defer func() { <-places }()
			defer s.forget(c)
			s.serve(c)
		})
	}
}

func (s *Server) sleep(d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}

// keep remembers a connection; false: the server is closed already.
func (s *Server) keep(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		_ = c.Close()
		return false
	}
	s.conns[c] = false
	return true
}

// asked notes that a connection waits for an answer, or has got it; false: the
// server is closed, and nothing more is answered on it.
func (s *Server) asked(c net.Conn, waits bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c] = waits
	return s.ctx.Err() == nil
}

func (s *Server) forget(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	_ = c.Close()
}

// serve answers one client until it goes, is silent or talks nonsense.
func (s *Server) serve(c net.Conn) {
	in := bufio.NewReader(c)
	for {
		if c.SetReadDeadline(time.Now().Add(idle)) != nil {
			return
		}
		line, err := readLine(in, longestRequest)
		if errors.Is(err, errTooLong) {
			s.say(c, Answer{Kind: Usage, Said: "the request is too long"})
			s.drain(c, in)
		}
		if err != nil || s.pace.Wait(s.ctx) != nil {
			return
		}
		q, err := parseRequest(line)
		switch {
		case subtle.ConstantTimeCompare([]byte(q.Token), []byte(s.token)) != 1:
			s.say(c, Answer{Kind: Refused, Said: "the token is wrong"})
			return
		case err != nil:
			s.say(c, Answer{Kind: Usage, Said: err.Error()})
			return
		}
		if !s.asked(c, true) || !s.say(c, s.answer(q)) || !s.asked(c, false) {
			return
		}
	}
}

// answer handles one request at a time. A panic is the request's trouble, not
// the run's.
func (s *Server) answer(q Request) (a Answer) {
	s.one.Lock()
	defer s.one.Unlock()
	defer func() {
		if p := recover(); p != nil {
			a = Answer{Kind: Refused, Said: fmt.Sprintf("a defect of imapfleet, please report it; the run goes on: %v", p)}
		}
	}()
	return s.handle(s.ctx, q)
}

// say sends an answer; false: nobody takes it.
func (s *Server) say(c net.Conn, a Answer) bool {
	a.Version = Version
	b, err := encode(a)
	if err != nil {
		return false
	}
	patience := writing
	if s.ctx.Err() != nil {
		patience = parting
	}
	if c.SetWriteDeadline(time.Now().Add(patience)) != nil {
		return false
	}
	_, err = c.Write(b)
	return err == nil
}

// drain takes a little more of what a client sends that is about to be hung up
// on: it would not read the answer else.
func (s *Server) drain(c net.Conn, in io.Reader) {
	if c.SetReadDeadline(time.Now().Add(time.Second)) == nil {
		_, _ = io.CopyN(io.Discard, in, 1<<20)
	}
}
