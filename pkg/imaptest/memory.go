package imaptest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

// MemoryOptions says how a [Memory] is reached and what it offers. The zero
// value listens on a free loopback port, takes passwords in plaintext and
// offers LITERAL- but not LITERAL+.
type MemoryOptions struct {
	// Pipe serves [Memory.DialContext] by net.Pipe instead of a socket. Start
	// the server inside the testing/synctest bubble that uses it.
	Pipe bool
	// TLS speaks TLS from the first octet.
	TLS bool
	// STARTTLS offers STARTTLS and refuses passwords before it.
	STARTTLS bool
	// PlainAlso lets passwords pass in plaintext although STARTTLS is set.
	PlainAlso bool
	// Certificate is used for TLS and STARTTLS; nil makes a new one.
	Certificate *Certificate
	// LiteralPlus offers LITERAL+ (RFC 7888).
	LiteralPlus bool
	// Logger takes what the server has to complain of; nil: nobody.
	Logger *slog.Logger
}

// Memory is an IMAP server that holds its mail in memory: go-imap's
// imapmemserver with accounts, admin logins and counters added. Its hierarchy
// delimiter is "/". Make one with [NewMemory]; its methods are safe for
// concurrent use.
//
// imapmemserver is kind to well-formed mail only, so compare it accordingly:
//   - flags and keywords are stored in lower case (see DiffOptions.FoldFlags);
//   - a message is parsed and its header printed anew: a header without blank
//     line gets one, a bare LF in it becomes CRLF, and one that is no header at
//     all (an mbox From_ line too) reads as 0 octets, while RFC822.SIZE and
//     STATUS SIZE stay those of the original;
//   - there is no MULTIAPPEND, CONDSTORE, ID or quota, a parent of a created
//     mailbox does not come into being, the special use asked for in CREATE is
//     not kept, and EXAMINE does not make a mailbox read-only;
//   - a refused APPEND with a flag or date that it cannot read closes the
//     connection;
//   - a FETCH holds its mailbox's lock until the client has read it, so two
//     connections in one mailbox wait for each other.
type Memory struct {
	opt   MemoryOptions
	cert  *Certificate
	ln    net.Listener
	pipe  *pipeListener // nil when on a socket
	track tracker
	srv   *imapserver.Server
	serve sync.WaitGroup

	mu       sync.Mutex
	accounts map[string]*memoryAccount
	admins   map[string]string
	serveErr error
}

type memoryAccount struct {
	password string
	user     *imapmemserver.User
}

// NewMemory starts a server without accounts.
func NewMemory(opt MemoryOptions) (*Memory, error) {
	m := &Memory{
		opt: opt, cert: opt.Certificate,
		accounts: make(map[string]*memoryAccount), admins: make(map[string]string),
	}
	if m.cert == nil && (opt.TLS || opt.STARTTLS) {
		cert, err := NewCertificate()
		if err != nil {
			return nil, err
		}
		m.cert = cert
	}
	if opt.Pipe {
		m.pipe = newPipeListener()
		m.ln = m.pipe
	} else {
		ln, err := listenLoopback()
		if err != nil {
			return nil, err
		}
		m.ln = ln
	}
	m.srv = imapserver.New(m.serverOptions())
	tl := trackedListener{Listener: m.ln, t: &m.track}
	if opt.TLS {
		tl.tls = m.cert.ServerConfig()
	}
	m.serve.Go(func() {
		if err := m.srv.Serve(tl); err != nil {
			m.mu.Lock()
			m.serveErr = err
			m.mu.Unlock()
		}
	})
	return m, nil
}

func (m *Memory) serverOptions() *imapserver.Options {
	o := &imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return &memorySession{m: m}, nil, nil
		},
		Caps: imap.CapSet{
			imap.CapIMAP4rev1: {}, imap.CapNamespace: {}, imap.CapUIDPlus: {}, imap.CapESearch: {},
			imap.CapListExtended: {}, imap.CapListStatus: {}, imap.CapMove: {}, imap.CapStatusSize: {},
		},
		Logger:       log.New(discard{}, "", 0),
		InsecureAuth: !m.opt.STARTTLS || m.opt.PlainAlso,
	}
	if m.opt.LiteralPlus {
		o.Caps[imap.CapLiteralPlus] = struct{}{}
	}
	if m.opt.STARTTLS {
		o.TLSConfig = m.cert.ServerConfig()
	}
	if m.opt.Logger != nil {
		o.Logger = slog.NewLogLogger(m.opt.Logger.Handler(), slog.LevelWarn)
	}
	return o
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// AddUser adds an account with an empty INBOX.
func (m *Memory) AddUser(name, password string) error {
	u := imapmemserver.NewUser(name, password)
	if err := u.Create("INBOX", nil); err != nil {
		return fmt.Errorf("add user %q: %w", name, err)
	}
	if err := u.Subscribe("INBOX"); err != nil {
		return fmt.Errorf("add user %q: %w", name, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.accounts[name]; ok {
		return fmt.Errorf("add user %q: it is there already", name)
	}
	m.accounts[name] = &memoryAccount{password: password, user: u}
	return nil
}

// AddAdmin adds a name that may act as every user, by SASL PLAIN with an
// authorization identity or by a LOGIN as user*name.
func (m *Memory) AddAdmin(name, password string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.admins[name] = password
}

// SetPassword changes the password of an account; sessions that are logged in
// stay so.
func (m *Memory) SetPassword(name, password string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	a := m.accounts[name]
	if a == nil {
		return fmt.Errorf("set password: no user %q", name)
	}
	a.password = password
	return nil
}

// RemoveUser takes an account away with all its mail; sessions that are logged
// in keep seeing it.
func (m *Memory) RemoveUser(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.accounts, name)
}

// Fill puts messages into an account without going through IMAP, and makes
// the mailboxes that are missing.
func (m *Memory) Fill(name string, mailboxes ...Mailbox) error {
	m.mu.Lock()
	a := m.accounts[name]
	m.mu.Unlock()
	if a == nil {
		return fmt.Errorf("fill: no user %q", name)
	}
	for _, mb := range mailboxes {
		if err := fillMemory(a.user, mb); err != nil {
			return fmt.Errorf("fill %q: mailbox %q: %w", name, mb.Name, err)
		}
	}
	return nil
}

func fillMemory(u *imapmemserver.User, mb Mailbox) error {
	if _, err := u.Status(mb.Name, &imap.StatusOptions{}); err != nil {
		if err := u.Create(mb.Name, nil); err != nil {
			return err
		}
	}
	if mb.Subscribed {
		if err := u.Subscribe(mb.Name); err != nil {
			return err
		}
	}
	for i := range mb.Len() {
		msg := mb.At(i)
		o := &imap.AppendOptions{Time: msg.Date}
		for _, f := range msg.Flags {
			if !strings.EqualFold(f, `\Recent`) {
				o.Flags = append(o.Flags, imap.Flag(f))
			}
		}
		if _, err := u.Append(mb.Name, memoryLiteral{bytes.NewReader(msg.Body)}, o); err != nil {
			return fmt.Errorf("message %d: %w", i, err)
		}
	}
	return nil
}

type memoryLiteral struct{ *bytes.Reader }

func (l memoryLiteral) Size() int64 { return l.Reader.Size() }

// Addr returns host:port of the socket, or "pipe".
func (m *Memory) Addr() string { return m.ln.Addr().String() }

// Port returns the port of the socket, 0 for a pipe.
func (m *Memory) Port() int {
	if a, ok := m.ln.Addr().(*net.TCPAddr); ok {
		return a.Port
	}
	return 0
}

// Certificate returns what the server shows, nil without TLS.
func (m *Memory) Certificate() *Certificate { return m.cert }

// DialContext connects to the server, whatever network and addr say.
func (m *Memory) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	if m.pipe != nil {
		return m.pipe.dial(ctx)
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", m.Addr())
}

// Access returns how to reach an account of this server; it need not exist.
func (m *Memory) Access(user, password string) Access {
	a := Access{Addr: m.Addr(), User: user, Password: password, Dial: m.DialContext}
	switch {
	case m.opt.TLS:
		a.TLS = m.cert.ClientConfig()
	case m.opt.STARTTLS && !m.opt.PlainAlso:
		a.STARTTLS = m.cert.ClientConfig()
	}
	return a
}

// Stats returns the counts so far.
func (m *Memory) Stats() ConnStats { return m.track.snapshot() }

// DropConns closes every connection; new ones are welcome.
func (m *Memory) DropConns() { m.track.drop() }

// Close stops listening, closes every connection and waits for what serves
// them.
func (m *Memory) Close() error {
	err := m.ln.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	m.serve.Wait()
	m.track.shut()
	m.mu.Lock()
	defer m.mu.Unlock()
	return errors.Join(err, m.serveErr)
}

// Access says how to reach one account.
type Access struct {
	Addr           string // host:port
	User, Password string
	// Dial connects; nil: by TCP.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// TLS, when set, is spoken from the first octet; STARTTLS, when set, is
	// demanded. Neither: plaintext.
	TLS, STARTTLS *tls.Config
	// Timeout bounds each wait for the server; zero: a minute.
	Timeout time.Duration
}
