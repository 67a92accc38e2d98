package imaptest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

// DovecotOptions says how a [Dovecot] is set up. The zero value is a maildir
// server with "/" as delimiter, no prefix, and special-use names.
type DovecotOptions struct {
	// Dir is where the state directory, with all mail, is made: a RAM disk, for
	// example. Users other than this process's must be able to reach it, and
	// its path is at most 60 octets. "": the directory of temporary files.
	Dir       string
	Format    string // "maildir" (also the zero value) or "sdbox"
	Separator string // hierarchy delimiter; "": "/"
	Prefix    string // of the personal namespace, as "INBOX."
	Fsync     string // mail_fsync: "optimized", "always", "never"; "": never
	MaxConns  int    // connections of one user; 0: 1000
	Quota     string // of every user, as "5M"; "": none
	// Hide names capabilities that the server does not offer; it still has
	// them. To take one away for good, put a Proxy before it.
	Hide []string
	// ReadOnly names mailboxes, with prefix, that can be created but take no
	// message and no child: APPEND to them and CREATE below them are refused
	// with NO [NOPERM].
	ReadOnly     []string
	NoSpecialUse bool
	Compress     bool   // COMPRESS=DEFLATE is offered
	Extra        string // further configuration, read last
}

// Dovecot is a running Dovecot 2.3 on free loopback ports, with a state
// directory of its own. Make one with [StartDovecot] or [NewDovecot]; its
// methods are safe for concurrent use.
type Dovecot struct {
	opt     DovecotOptions
	dir     string
	port    int
	tlsPort int
	cert    *Certificate
	ids     dovecotIDs

	mu    sync.Mutex
	users []dovecotUser

	cmd    *exec.Cmd
	exited chan struct{} // closed when the master process is gone
	once   sync.Once
}

// DovecotAdmin is the name that may act as every user of a [Dovecot], with
// the password DovecotAdminPassword: by SASL PLAIN with an authorization
// identity, or by LOGIN as user*admin.
const (
	DovecotAdmin         = "admin"
	DovecotAdminPassword = "admin secret"
)

// FindDovecot returns the path of a Dovecot 2.3, or why there is none.
func FindDovecot() (string, error) {
	path, err := exec.LookPath("dovecot")
	if err != nil {
		path = "/usr/sbin/dovecot"
		if _, serr := os.Stat(path); serr != nil {
			return "", errors.New("dovecot is neither in PATH nor in /usr/sbin")
		}
	}
	out, err := exec.Command(path, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%s --version: %w", path, err)
	}
	if !strings.HasPrefix(string(out), "2.3.") {
		return "", fmt.Errorf("%s is version %s, and only 2.3 can be set up here", path, strings.TrimSpace(string(out)))
	}
	return path, nil
}

// NewDovecot starts a Dovecot for a test and stops it when the test ends. The
// test is skipped, or fails (see [Missing]), where Dovecot is not installed.
func NewDovecot(tb TB, opt DovecotOptions) *Dovecot {
	tb.Helper()
	if _, err := FindDovecot(); err != nil {
		Missing(tb, "dovecot", err)
	}
	d, err := StartDovecot(opt)
	if err != nil {
		tb.Fatalf("start dovecot: %v", err)
	}
	CloseAfter(tb, d)
	return d
}

// NewDovecotDot starts a maildir Dovecot with delimiter "." and prefix
// "INBOX.", as many old installations have it.
func NewDovecotDot(tb TB) *Dovecot {
	tb.Helper()
	return NewDovecot(tb, DovecotOptions{Format: "maildir", Separator: ".", Prefix: "INBOX."})
}

// NewDovecotSlash starts an sdbox Dovecot with delimiter "/" and no prefix.
func NewDovecotSlash(tb TB) *Dovecot {
	tb.Helper()
	return NewDovecot(tb, DovecotOptions{Format: "sdbox", Separator: "/"})
}

// StartDovecot starts a Dovecot without users and waits until it answers.
func StartDovecot(opt DovecotOptions) (*Dovecot, error) {
	bin, err := FindDovecot()
	if err != nil {
		return nil, err
	}
	d := &Dovecot{opt: opt.withDefaults(), ids: mailIDs()}
	if err := d.makeDir(); err != nil {
		return nil, err
	}
	// Another process may take a free port before Dovecot binds it.
	for range 5 {
		if err = d.start(bin); err == nil {
			return d, nil
		}
		if !strings.Contains(err.Error(), "Address already in use") {
			break
		}
	}
	return nil, errors.Join(err, os.RemoveAll(d.dir))
}

func (o DovecotOptions) withDefaults() DovecotOptions {
	if o.Format == "" {
		o.Format = "maildir"
	}
	if o.Separator == "" {
		o.Separator = "/"
	}
	if o.Fsync == "" {
		o.Fsync = "never"
	}
	if o.MaxConns == 0 {
		o.MaxConns = 1000
	}
	return o
}

// dovecotDirMax is the most octets of a directory with a state directory in it.
const dovecotDirMax = 60

// makeDir makes the state directory. Its path is kept short: the name of a
// Unix socket ends at some 100 octets.
func (d *Dovecot) makeDir() error {
	parent := d.opt.Dir
	switch {
	case parent == "" && len(os.TempDir()) > 40:
		parent = "/tmp"
	case len(parent) > dovecotDirMax:
		return fmt.Errorf("state directory: %s is too long a path for the names of sockets; %d octets are possible", parent, dovecotDirMax)
	}
	dir, err := os.MkdirTemp(parent, "dc")
	if err != nil {
		return fmt.Errorf("state directory: %w", err)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return fmt.Errorf("state directory: %w", err)
	}
	d.dir = dir
	for _, sub := range []string{"", "run", "state", "mail"} {
		p := filepath.Join(dir, sub)
		if err := os.MkdirAll(p, 0o755); err != nil {
			return fmt.Errorf("state directory: %w", err)
		}
		// The processes that serve mail run under another user than root.
		if err := os.Chmod(p, 0o755); err != nil {
			return fmt.Errorf("state directory: %w", err)
		}
	}
	if err := d.ids.own(filepath.Join(dir, "mail")); err != nil {
		return fmt.Errorf("state directory: %w", err)
	}
	if d.cert, err = NewCertificate(); err != nil {
		return err
	}
	if _, _, err := d.cert.WriteFiles(dir); err != nil {
		return err
	}
	return d.writeUsers()
}

// start runs the master process and waits for its greeting.
func (d *Dovecot) start(bin string) error {
	var err error
	if d.port, d.tlsPort, err = freePorts(); err != nil {
		return err
	}
	if err := os.WriteFile(d.path("dovecot.conf"), []byte(d.config()), 0o644); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	out, err := os.Create(d.path("start.log"))
	if err != nil {
		return fmt.Errorf("start log: %w", err)
	}
	defer out.Close()
	d.cmd = exec.Command(bin, "-F", "-c", d.path("dovecot.conf"))
	d.cmd.Stdout, d.cmd.Stderr = out, out
	d.cmd.SysProcAttr = childAttr()
	d.exited = make(chan struct{})
	started := make(chan error)
	go func() {
		// The child is told to end when the thread that started it ends.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := d.cmd.Start()
		started <- err
		if err == nil {
			// How it ended is in its log; here it matters only that it did.
			_ = d.cmd.Wait()
		}
		close(d.exited)
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start dovecot: %w", err)
	}
	if err := d.awaitGreeting(30 * time.Second); err != nil {
		d.stop()
		return fmt.Errorf("%w\n%s", err, d.Log())
	}
	return nil
}

// awaitGreeting waits until a connection is greeted.
func (d *Dovecot) awaitGreeting(limit time.Duration) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(limit)
	for {
		nc, err := net.DialTimeout("tcp", d.Addr(), time.Second)
		if err == nil {
			err = nc.SetDeadline(deadline)
			var line string
			if err == nil {
				line, err = bufio.NewReader(nc).ReadString('\n')
			}
			nc.Close()
			if err == nil && strings.HasPrefix(line, "* OK") {
				return nil
			}
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("dovecot does not answer: %w", err)
		}
		select {
		case <-d.exited:
			return errors.New("dovecot ended at once")
		case <-tick.C:
		}
	}
}

// freePorts returns two ports of 127.0.0.1 that were free just now.
func freePorts() (a, b int, err error) {
	l1, err := listenLoopback()
	if err != nil {
		return 0, 0, err
	}
	defer l1.Close()
	l2, err := listenLoopback()
	if err != nil {
		return 0, 0, err
	}
	defer l2.Close()
	return l1.Addr().(*net.TCPAddr).Port, l2.Addr().(*net.TCPAddr).Port, nil
}

func (d *Dovecot) path(name string) string { return filepath.Join(d.dir, name) }

// Addr returns host:port of the port that speaks plaintext and STARTTLS.
func (d *Dovecot) Addr() string { return fmt.Sprintf("127.0.0.1:%d", d.Port()) }

// Port returns the port of Addr.
func (d *Dovecot) Port() int { return d.port }

// TLSAddr returns host:port of the port that speaks TLS.
func (d *Dovecot) TLSAddr() string { return fmt.Sprintf("127.0.0.1:%d", d.TLSPort()) }

// TLSPort returns the port of TLSAddr.
func (d *Dovecot) TLSPort() int { return d.tlsPort }

// Certificate returns what the server shows.
func (d *Dovecot) Certificate() *Certificate { return d.cert }

// Dir returns the state directory. A user's mail is below mail/USER.
func (d *Dovecot) Dir() string { return d.dir }

// Access returns how to reach a user's account, in plaintext.
func (d *Dovecot) Access(user, password string) Access {
	return Access{Addr: d.Addr(), User: user, Password: password}
}

// AdminAccess returns how the admin reaches a user's account, in plaintext.
func (d *Dovecot) AdminAccess(user string) Access {
	return d.Access(user+"*"+DovecotAdmin, DovecotAdminPassword)
}

// DialContext connects to the plaintext port, whatever network and addr say.
func (d *Dovecot) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	var nd net.Dialer
	return nd.DialContext(ctx, "tcp", d.Addr())
}

// Log returns the end of what Dovecot has written to its logs.
func (d *Dovecot) Log() string {
	var b strings.Builder
	for _, name := range []string{"start.log", "log"} {
		text, err := os.ReadFile(d.path(name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			fmt.Fprintf(&b, "%v\n", err)
		}
		b.Write(text[max(0, len(text)-8000):])
	}
	return b.String()
}

// Close stops the server, waits for it, and removes its state directory.
func (d *Dovecot) Close() error {
	var err error
	d.once.Do(func() {
		d.stop()
		// What was killed last may have been writing still.
		for range 3 {
			if err = os.RemoveAll(d.dir); err == nil {
				return
			}
		}
	})
	return err
}

// stop ends the master process and what it has started.
func (d *Dovecot) stop() {
	terminate(d.cmd.Process)
	select {
	case <-d.exited:
	case <-time.After(10 * time.Second):
	}
	killGroup(d.cmd.Process)
	<-d.exited
}

var _ io.Closer = (*Dovecot)(nil)
