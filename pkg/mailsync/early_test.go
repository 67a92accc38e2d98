package mailsync_test

import (
	"bytes"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
)

// silence keeps what the destination says from the client, from the first
// command from on, until both sides have been asked for all that can be asked for
// without an answer.
type silence struct {
	from  string
	mu    sync.Mutex
	begun bool
	over  chan struct{}
	sent  map[fault.Side]*bytes.Buffer
	done  func(sent map[fault.Side]*bytes.Buffer) bool
}

func (s *silence) wrote(side fault.Side, p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent[side].Write(p)
	if side == fault.Dest && bytes.Contains(p, []byte(" "+s.from+" ")) {
		s.begun = true
	}
	if s.begun && s.done(s.sent) {
		select {
		case <-s.over:
		default:
			close(s.over)
		}
	}
}

type silentConn struct {
	net.Conn
	side fault.Side
	s    *silence
}

func (c silentConn) Write(p []byte) (int, error) {
	c.s.wrote(c.side, p)
	return c.Conn.Write(p)
}

func (c silentConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.s.mu.Lock()
	begun := c.s.begun
	c.s.mu.Unlock()
	if begun && c.side == fault.Dest {
		select {
		case <-c.s.over:
		case <-time.After(time.Minute):
			return 0, fmt.Errorf("the client waits for an answer that it does not need")
		}
	}
	return n, err
}

// TestPreparedInOneRoundTrip: what the destination lacks is made and looked at,
// and the source's first mailboxes are listed, all before the
// first answer to any of it.
func TestPreparedInOneRoundTrip(t *testing.T) {
	t.Parallel()
	r := newRig(t, memoryHost(t), memoryHost(t))
	boxes := []imaptest.Mailbox{{Name: "INBOX", Messages: mail("i", 3, 300)}}
	for i := range 9 {
		boxes = append(boxes, imaptest.Mailbox{Name: fmt.Sprintf("box %d", i), Subscribed: true, Messages: mail("m", 3, 300)})
	}
	r.fillSource(boxes...)
	s := &silence{from: "CREATE", over: make(chan struct{}), sent: map[fault.Side]*bytes.Buffer{fault.Source: {}, fault.Dest: {}},
		done: func(sent map[fault.Side]*bytes.Buffer) bool {
			dest, source := sent[fault.Dest].Bytes(), sent[fault.Source].Bytes()
			return bytes.Count(dest, []byte(" CREATE ")) == 9 &&
				bytes.Contains(dest, []byte(`STATUS "box 8"`)) &&
				bytes.Count(source, []byte(" EXAMINE ")) == 10 && bytes.Count(source, []byte(" UID SEARCH ")) == 10
		}}
	r.options = func(o *mailsync.Options) {
		o.WrapConn = func(side fault.Side, _ string, nc net.Conn) net.Conn { return silentConn{nc, side, s} }
	}
	if c := r.mustSync(); c.Copied != 30 {
		t.Errorf("%+v", c)
	}
	if n := bytes.Count(s.sent[fault.Source].Bytes(), []byte(" UID SEARCH ")); n != 10 {
		t.Errorf("the source's ten mailboxes were searched %d times", n)
	}
	r.equal(true)
}

// TestSubscriptionsHoldNothingUp: mail is asked for, and the mailbox that it
// goes to is selected, before the destination has answered to SUBSCRIBE.
func TestSubscriptionsHoldNothingUp(t *testing.T) {
	t.Parallel()
	r := newRig(t, memoryHost(t), memoryHost(t))
	r.fillSource(imaptest.Mailbox{Name: "INBOX", Messages: mail("i", 3, 300)},
		imaptest.Mailbox{Name: "a", Subscribed: true, Messages: mail("a", 3, 300)},
		imaptest.Mailbox{Name: "b", Subscribed: true, Messages: mail("b", 3, 300)})
	s := &silence{from: "SUBSCRIBE", over: make(chan struct{}), sent: map[fault.Side]*bytes.Buffer{fault.Source: {}, fault.Dest: {}},
		done: func(sent map[fault.Side]*bytes.Buffer) bool {
			return bytes.Count(sent[fault.Dest].Bytes(), []byte(" SUBSCRIBE ")) == 2 &&
				bytes.Contains(sent[fault.Dest].Bytes(), []byte(" SELECT ")) &&
				bytes.Contains(sent[fault.Source].Bytes(), []byte(" UID FETCH "))
		}}
	r.options = func(o *mailsync.Options) {
		o.WrapConn = func(side fault.Side, _ string, nc net.Conn) net.Conn { return silentConn{nc, side, s} }
	}
	if c := r.mustSync(); c.Copied != 9 {
		t.Errorf("%+v", c)
	}
	r.equal(true)
}

// waitingConn keeps what the destination answers to the first message from the
// client, until that has read all that the source has to say.
type waitingConn struct {
	net.Conn
	side fault.Side
	w    *waiting
}

type waiting struct {
	mu    sync.Mutex
	heard []byte // from the source
	sent  []byte // to the destination
	last  string // what the source says last
	read  chan struct{}
}

func (c waitingConn) Write(p []byte) (int, error) {
	if c.side == fault.Dest {
		c.w.mu.Lock()
		c.w.sent = append(c.w.sent, p...)
		c.w.mu.Unlock()
	}
	return c.Conn.Write(p)
}

func (c waitingConn) Read(p []byte) (int, error) {
	c.w.mu.Lock()
	hold := c.side == fault.Dest && bytes.Contains(c.w.sent, []byte(" APPEND "))
	if c.side == fault.Source && bytes.Contains(c.w.heard, []byte(c.w.last)) {
		select {
		case <-c.w.read:
		default:
			close(c.w.read)
		}
	}
	c.w.mu.Unlock()
	if hold {
		select {
		case <-c.w.read:
		case <-time.After(time.Minute):
			return 0, fmt.Errorf("the client does not read ahead")
		}
	}
	n, err := c.Conn.Read(p)
	if c.side == fault.Source {
		c.w.mu.Lock()
		c.w.heard = append(c.w.heard, p[:n]...)
		c.w.mu.Unlock()
	}
	return n, err
}

// TestNextMailboxIsSelected: what the writer selects ahead is the mailbox that it
// comes to next, however far ahead the source is.
func TestNextMailboxIsSelected(t *testing.T) {
	t.Parallel()
	r := newRig(t, memoryHost(t), memoryHost(t))
	boxes := []imaptest.Mailbox{{Name: "INBOX", Messages: mail("INBOX", 3, 300)}}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		boxes = append(boxes, imaptest.Mailbox{Name: name, Messages: mail("of-"+name, 3, 300)})
	}
	r.fillSource(boxes...)
	w := &waiting{last: "of-e", read: make(chan struct{})}
	r.options = func(o *mailsync.Options) {
		o.WrapConn = func(side fault.Side, _ string, nc net.Conn) net.Conn { return waitingConn{nc, side, w} }
	}
	if c := r.mustSync(); c.Copied != 18 {
		t.Errorf("%+v", c)
	}
	if n := bytes.Count(w.sent, []byte(" SELECT ")); n != len(boxes) {
		t.Errorf("%d mailboxes were selected %d times", len(boxes), n)
	}
	r.equal(true)
}
