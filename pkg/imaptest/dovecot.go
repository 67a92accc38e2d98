package imaptest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
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
	daemon
	opt     DovecotOptions
	tlsPort int
	cert    *Certificate
	ids     mailOwner

	mu    sync.Mutex
	users []dovecotUser
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
	version, err := programVersion(path, "--version")
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(version, "2.3.") {
		return "", fmt.Errorf("%s is version %s, and only 2.3 can be set up here", path, version)
	}
	return path, nil
}

// NewDovecot starts a Dovecot for a test and stops it when the test ends. The
// test is skipped, or fails (see [Missing]), where Dovecot is not installed.
func NewDovecot(tb TB, opt DovecotOptions) *Dovecot {
	tb.Helper()
	return startServer(tb, "dovecot",
		func() error { _, err := FindDovecot(); return err },
		func() (*Dovecot, error) { return StartDovecot(opt) })
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
	version, err := programVersion(bin, "--version")
	if err != nil {
		return nil, err
	}
	d := &Dovecot{daemon: daemon{version: version, logs: []string{"log"}}, opt: opt.withDefaults(), ids: mailIDs()}
	if err := d.prepare(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if err := d.start(func() (*exec.Cmd, error) { return d.command(bin) }); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
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

// prepare makes the state directory and what does not change in it.
func (d *Dovecot) prepare() error {
	err := d.makeDir(d.opt.Dir, "run", "state", "mail")
	if err != nil {
		return err
	}
	if err := d.ids.own(d.path("mail")); err != nil {
		return fmt.Errorf("state directory: %w", err)
	}
	if d.cert, err = NewCertificate(); err != nil {
		return err
	}
	if _, _, err := d.cert.WriteFiles(d.dir); err != nil {
		return err
	}
	return d.writeUsers()
}

// command writes the configuration, with new ports, and returns the master
// process.
func (d *Dovecot) command(bin string) (*exec.Cmd, error) {
	var err error
	if d.port, d.tlsPort, err = freePorts(); err != nil {
		return nil, err
	}
	if err := os.WriteFile(d.path("dovecot.conf"), []byte(d.config()), 0o644); err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	return d.master(bin), nil
}

// master is the process that the configuration is for.
func (d *Dovecot) master(bin string) *exec.Cmd {
	cmd := exec.Command(bin, "-F", "-c", d.path("dovecot.conf"))
	cmd.SysProcAttr = childAttr()
	return cmd
}

// Stop ends the server as an operating system does, with all its connections.
// What it holds stays for Start.
func (d *Dovecot) Stop() { d.stop() }

// Start starts a server that was stopped, on the same ports, and waits until
// it answers.
func (d *Dovecot) Start() error {
	bin, err := FindDovecot()
	if err != nil {
		return err
	}
	return d.startOnce(d.master(bin))
}

// TLSAddr returns host:port of the port that speaks TLS.
func (d *Dovecot) TLSAddr() string { return fmt.Sprintf("127.0.0.1:%d", d.TLSPort()) }

// TLSPort returns the port of TLSAddr.
func (d *Dovecot) TLSPort() int { return d.tlsPort }

// Certificate returns what the server shows.
func (d *Dovecot) Certificate() *Certificate { return d.cert }

// AdminAccess returns how the admin reaches a user's account, in plaintext.
func (d *Dovecot) AdminAccess(user string) Access {
	return d.Access(user+"*"+DovecotAdmin, DovecotAdminPassword)
}

var _ Server = (*Dovecot)(nil)
