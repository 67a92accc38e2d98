package mailsync_test

import (
	"bytes"
	"fmt"
	"net"
	"sync"
	"testing"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/imaptest"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
)

// store changes flags of messages of a mailbox, by their place from 0, as a
// user does.
func (r *rig) store(h host, path string, add bool, flag string, at ...int) {
	r.t.Helper()
	ctx := r.t.Context()
	c, err := imapconn.Dial(ctx, imapconn.Config{Endpoint: endpoint(r.t, h.access(r.user, password), "")})
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = c.Logout(ctx) }()
	if _, err := c.Select(ctx, imapconn.EncodeMailbox(h.mailbox(path))); err != nil {
		r.t.Fatal(err)
	}
	search, err := c.StartUIDs(ctx, 1)
	if err != nil {
		r.t.Fatal(err)
	}
	uids, err := search.Wait(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	var set []uint32
	for _, i := range at {
		set = append(set, uids[i])
	}
	cmd, err := c.Store(ctx, imapconn.Ranges(set), add, []string{flag})
	if err == nil {
		err = cmd.Wait(ctx)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// testFlags changes flags at both sides between passes.
func testFlags(t *testing.T, r *rig) {
	boxes := []imaptest.Mailbox{{Name: "INBOX", Messages: mail("a", 40, 1000)}, {Name: "Work", Messages: mail("b", 10, 1000)}}
	for i := range boxes {
		for j := range boxes[i].Messages {
			boxes[i].Messages[j].Flags = []string{`\Seen`}
		}
	}
	r.fillSource(boxes...)
	r.mustSync()
	r.updates(0)
	// The source's user.
	r.store(r.src, "INBOX", true, `\Flagged`, 0, 1, 2, 3)
	r.store(r.src, "INBOX", false, `\Seen`, 3, 4)
	r.store(r.src, "INBOX", true, `\Deleted`, 5)
	r.store(r.src, "Work", true, "$Work", 0, 9)
	r.updates(8)
	r.equal(true)
	// The destination's: what they change stays, beside what the source changes.
	r.store(r.dst, "INBOX", true, `\Answered`, 10, 0)
	r.store(r.dst, "INBOX", false, `\Seen`, 11)
	r.store(r.src, "INBOX", true, `\Draft`, 10, 11)
	r.updates(2)
	// Undone by hand, so that both sides are to be equal again.
	r.store(r.dst, "INBOX", false, `\Answered`, 10, 0)
	r.store(r.dst, "INBOX", true, `\Seen`, 11)
	r.equal(true)
	// New mail with flags, and flags of old mail, in one pass.
	r.fillSource(imaptest.Mailbox{Name: "INBOX", Messages: mail("c", 12, 1000)})
	r.store(r.src, "INBOX", false, `\Flagged`, 0, 1)
	if c := r.mustSync(); c.Copied != 12 || c.FlagsUpdated != 2 {
		t.Errorf("new mail: %+v", c)
	}
	r.store(r.src, "INBOX", true, `\Flagged`, 41)
	r.updates(1)
	r.equal(true)
	r.updates(0)
}

// turns counts the round trips of a connection: how often something was sent
// after something had come.
type turns struct {
	net.Conn
	mu    sync.Mutex
	came  bool
	in    bool // the login was sent
	after int  // round trips begun since it was answered
	sent  bytes.Buffer
}

func (c *turns) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.came = c.came || n > 0
	return n, err
}

func (c *turns) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.in && c.came {
		c.after++
	}
	if bytes.Contains(p, []byte("LOGIN ")) || bytes.Contains(p, []byte("AUTHENTICATE ")) {
		c.in = true
	}
	c.came = false
	c.sent.Write(p)
	return c.Conn.Write(p)
}

// watch counts the round trips of the passes to come, by side.
func (r *rig) watch() map[fault.Side]*turns {
	all := map[fault.Side]*turns{}
	var mu sync.Mutex
	options := r.options
	r.options = func(o *mailsync.Options) {
		if options != nil {
			options(o)
		}
		o.WrapConn = func(side fault.Side, _ string, nc net.Conn) net.Conn {
			mu.Lock()
			defer mu.Unlock()
			all[side] = &turns{Conn: nc}
			return all[side]
		}
	}
	return all
}

// fortyBoxes is an account of 40 mailboxes on two Dovecots.
func fortyBoxes(t *testing.T, each int) *rig {
	t.Helper()
	r := newRig(t, dotHost(t), slashHost(t))
	var boxes []imaptest.Mailbox
	for i := range 40 {
		boxes = append(boxes, imaptest.Mailbox{Name: fmt.Sprintf("box %d", i), Messages: mail("m", each, 500)})
	}
	r.fillSource(boxes...)
	return r
}

// TestUnchangedRoundTrips: what a pass over an account that did not change
// costs, however many mailboxes it has.
func TestUnchangedRoundTrips(t *testing.T) {
	t.Parallel()
	r := fortyBoxes(t, 3)
	r.mustSync()
	all := r.watch()
	r.updates(0)
	for side, c := range all {
		if c.after > 6 || c.after == 0 {
			t.Errorf("%s: %d round trips after login, want at most 6", side, c.after)
		}
		if s := c.sent.Bytes(); bytes.Contains(s, []byte("EXAMINE ")) || bytes.Contains(s, []byte("SELECT ")) {
			t.Errorf("%s: a mailbox was opened:\n%q", side, s)
		}
	}
	r.fillSource(imaptest.Mailbox{Name: "box 20", Messages: mail("new", 2, 500)})
	if c := r.mustSync(); c.Copied != 2 {
		t.Errorf("new mail: %+v", c)
	}
	if n := bytes.Count(all[fault.Source].sent.Bytes(), []byte("EXAMINE ")); n != 1 {
		t.Errorf("%d mailboxes opened for new mail in one", n)
	}
	r.store(r.src, "box 30", true, `\Flagged`, 0, 2)
	r.updates(2)
	if n := bytes.Count(all[fault.Source].sent.Bytes(), []byte("EXAMINE ")); n != 1 {
		t.Errorf("%d mailboxes opened for flags in one", n)
	}
	r.equal(true)
}
