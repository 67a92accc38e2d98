package imaptest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
)

// Fake is a small IMAP server, for one account, that can be made to say odd
// things and that remembers what it was told. Make one with [StartFake]; its
// methods are safe for concurrent use.
type Fake struct {
	opt   FakeOptions
	ln    net.Listener
	pipe  *pipeListener // nil when on a socket
	track tracker
	serve sync.WaitGroup

	mu         sync.Mutex
	boxes      []*fakeBox
	index      map[string]*fakeBox // by key
	commands   []FakeCommand
	conns      int
	offered    int // messages offered by APPEND
	validity   uint32
	violations []string
}

// fakeBox is a mailbox at work; Fake.mu guards it.
type fakeBox struct {
	FakeMailbox
	stored  []FakeStored
	uidNext uint32
	modSeq  uint64                // the highest; 1 is that of all that was there from the beginning
	came    []uint64              // mod-sequences of stored
	changed map[uint32]fakeChange // by UID: whose flags are no longer as they came
}

type fakeChange struct {
	modSeq uint64
	flags  string
}

// StartFake starts a server with the mailboxes given; INBOX is added when it
// is not among them.
func StartFake(opt FakeOptions, mailboxes ...FakeMailbox) (*Fake, error) {
	if opt.Caps == nil {
		opt.Caps = FakeCaps()
	}
	if opt.Delimiter == "" {
		opt.Delimiter = "/"
	}
	f := &Fake{opt: opt, validity: 1000}
	for _, m := range mailboxes {
		f.add(m)
	}
	if f.box("INBOX") == nil {
		f.add(FakeMailbox{Name: "INBOX", Subscribed: true})
	}
	if opt.Pipe {
		f.pipe = newPipeListener()
		f.ln = f.pipe
	} else {
		ln, err := listenLoopback()
		if err != nil {
			return nil, err
		}
		f.ln = ln
	}
	f.serve.Go(f.accept)
	return f, nil
}

// NewFake is StartFake for a test, which closes it at its end.
func NewFake(tb TB, opt FakeOptions, mailboxes ...FakeMailbox) *Fake {
	tb.Helper()
	f, err := StartFake(opt, mailboxes...)
	if err != nil {
		tb.Fatalf("start fake server: %v", err)
	}
	CloseAfter(tb, f)
	return f
}

func (f *Fake) accept() {
	tl := trackedListener{Listener: f.ln, t: &f.track}
	for {
		nc, err := tl.Accept()
		if err != nil {
			return // closed
		}
		f.mu.Lock()
		n := f.conns
		f.conns++
		f.mu.Unlock()
		f.serve.Go(func() {
			defer nc.Close()
			newFakeConn(f, nc, n).run()
		})
	}
}

// add makes a mailbox. Fake.mu is held, or nobody else is there yet.
func (f *Fake) add(m FakeMailbox) *fakeBox {
	if m.UIDValidity == 0 {
		f.validity++
		m.UIDValidity = f.validity
	}
	b := &fakeBox{FakeMailbox: m, uidNext: 1, modSeq: 1, changed: make(map[uint32]fakeChange)}
	if m.Count > 0 {
		b.uidNext = m.uid(m.Count-1) + 1
	}
	f.boxes = append(f.boxes, b)
	if k := f.key(m.Name); f.index[k] == nil {
		if f.index == nil {
			f.index = make(map[string]*fakeBox)
		}
		f.index[k] = b
	}
	return b
}

// key is equal for names of one mailbox.
func (f *Fake) key(name string) string {
	if f.opt.FoldCase {
		return strings.ToLower(name)
	}
	return foldInbox(name)
}

// box finds a mailbox. Fake.mu is held, or nobody else is there yet.
func (f *Fake) box(name string) *fakeBox { return f.index[f.key(name)] }

// Commands returns all command lines so far, in the order they came. The
// passwords of LOGIN and AUTHENTICATE are in them.
func (f *Fake) Commands() []FakeCommand {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.commands)
}

// Violations returns what clients did that this server does not offer or no
// server takes: a literal that it has not got the capability for, a line that
// is no command.
func (f *Fake) Violations() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.violations)
}

// Stored returns what APPEND put into a mailbox, with the flags of now; nil
// when there is none of that name.
func (f *Fake) Stored(mailbox string) []FakeStored {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.box(mailbox)
	if b == nil {
		return nil
	}
	out := slices.Clone(b.stored)
	for i := range out {
		if c, ok := b.changed[out[i].UID]; ok {
			out[i].Flags = c.flags
		}
	}
	return out
}

// Mailboxes returns the names of all mailboxes, as on the wire, sorted.
func (f *Fake) Mailboxes() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for _, b := range f.boxes {
		names = append(names, b.Name)
	}
	slices.Sort(names)
	return names
}

// Renew gives a mailbox another UIDVALIDITY, as a server does that lost its
// index.
func (f *Fake) Renew(mailbox string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.box(mailbox)
	if b == nil {
		return fmt.Errorf("renew: no mailbox %q", mailbox)
	}
	f.validity++
	b.UIDValidity = f.validity
	return nil
}

// Rename gives a mailbox another name, as a user does with RENAME in another
// program; those below it stay.
func (f *Fake) Rename(mailbox, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.box(mailbox)
	if b == nil {
		return fmt.Errorf("rename: no mailbox %q", mailbox)
	}
	delete(f.index, f.key(mailbox))
	b.Name = name
	f.index[f.key(name)] = b
	return nil
}

// Addr returns host:port of the socket, or "pipe".
func (f *Fake) Addr() string { return f.ln.Addr().String() }

// Port returns the port of the socket, 0 for a pipe.
func (f *Fake) Port() int {
	if a, ok := f.ln.Addr().(*net.TCPAddr); ok {
		return a.Port
	}
	return 0
}

// DialContext connects to the server, whatever network and addr say.
func (f *Fake) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	if f.pipe != nil {
		return f.pipe.dial(ctx)
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", f.Addr())
}

// Access returns how to reach the account.
func (f *Fake) Access() Access {
	return Access{Addr: f.Addr(), User: "user", Password: "pass", Dial: f.DialContext}
}

// Stats returns the counts so far.
func (f *Fake) Stats() ConnStats { return f.track.snapshot() }

// DropConns closes every connection; new ones are welcome.
func (f *Fake) DropConns() { f.track.drop() }

// Close stops listening, closes every connection and waits for what serves
// them.
func (f *Fake) Close() error {
	err := f.ln.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	f.track.shut()
	f.serve.Wait()
	return err
}

func (f *Fake) offers(capability string) bool {
	return slices.ContainsFunc(f.opt.Caps, func(c string) bool { return strings.EqualFold(c, capability) })
}

func (f *Fake) record(cmd FakeCommand) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commands = append(f.commands, cmd)
}

func (f *Fake) violation(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.violations = append(f.violations, fmt.Sprintf(format, args...))
}

func digestOf(p []byte) string {
	sum := sha256.Sum256(p)
	return hex.EncodeToString(sum[:])
}
