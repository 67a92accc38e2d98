package imaptest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// CourierOptions says how a [Courier] is set up. The zero value takes as many
// connections as tests make.
type CourierOptions struct {
	// MaxPerIP is the number of connections from one address (MAXPERIP); what
	// comes beyond is closed without a word. 0: 200.
	MaxPerIP int
}

// Courier is a running Courier IMAP server on a free loopback port, with a
// state directory of its own: delimiter ".", prefix "INBOX.". Make one with
// [StartCourier] or [NewCourier]; its methods are safe for concurrent use.
type Courier struct {
	daemon
	opt       CourierOptions
	ids       mailOwner
	passwords *passwords
	tcpd      string
	login     string
	imapd     string
}

// FindCourier returns why no Courier can be started here; nil when one can.
func FindCourier() error {
	_, err := findCourier()
	return err
}

func findCourier() (*Courier, error) {
	c := &Courier{}
	for path, name := range map[*string]string{
		&c.tcpd:  "/usr/sbin/couriertcpd",
		&c.login: "/usr/lib/courier/courier/imaplogin",
		&c.imapd: "/usr/bin/imapd",
	} {
		var err error
		if *path, err = findProgram(name); err != nil {
			return nil, err
		}
	}
	return c, canMount()
}

// NewCourier starts a Courier for a test and stops it when the test ends. The
// test is skipped, or fails (see [Missing]), where Courier cannot be started.
func NewCourier(tb TB, opt CourierOptions) *Courier {
	tb.Helper()
	return startServer(tb, "courier", FindCourier, func() (*Courier, error) { return StartCourier(opt) })
}

// StartCourier starts a Courier without users and waits until it answers.
func StartCourier(opt CourierOptions) (*Courier, error) {
	c, err := findCourier()
	if err != nil {
		return nil, err
	}
	c.opt = opt
	if c.opt.MaxPerIP == 0 {
		c.opt.MaxPerIP = 200
	}
	if c.version, err = programVersion(c.imapd, "--version"); err != nil {
		return nil, err
	}
	if err := c.prepare(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	if err := c.start(c.command); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// prepare makes the state directory and the socket that passwords are asked at.
func (c *Courier) prepare() error {
	err := c.makeDir("", "run/courier/authdaemon", "mail")
	if err != nil {
		return err
	}
	if c.ids, err = namedOwner(); err != nil {
		return err
	}
	if err := c.ids.own(c.path("mail")); err != nil {
		return err
	}
	c.passwords, err = listenPasswords(c.path("run/courier/authdaemon/socket"), answerAuthdaemon(func(user string) string {
		home := c.path("mail/" + user)
		return fmt.Sprintf("GID=%d\nHOME=%s\nADDRESS=%s\nMAILDIR=%s\nUID=%d\n",
			c.ids.gid, home, user, filepath.Join(home, "Maildir"), c.ids.uid)
	}))
	return err
}

// courierCaps is what Debian has it say; it adds ACL, ENABLE and UTF8=ACCEPT.
const courierCaps = "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA AUTH=PLAIN IDLE"

// command returns the listening process. The path of the socket at which
// passwords are asked is compiled in: it sees another /run than we do.
func (c *Courier) command() (*exec.Cmd, error) {
	var err error
	if c.port, _, err = freePorts(); err != nil {
		return nil, err
	}
	cmd := exec.Command("/bin/sh", "-c", `mount --bind "$1" /run && shift && exec "$@"`, "sh", c.path("run"),
		c.tcpd, "-address=127.0.0.1", "-nodnslookup", "-noidentlookup", "-maxprocs=400",
		fmt.Sprintf("-maxperip=%d", c.opt.MaxPerIP), fmt.Sprint(c.port), c.login, c.imapd, "Maildir")
	cmd.Env = []string{
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "MAILDIRPATH=Maildir", "IMAP_CAPABILITY=" + courierCaps,
		"IMAP_KEYWORDS=1", "IMAP_ACL=1", "IMAP_CHECK_ALL_FOLDERS=0", "IMAP_OBSOLETE_CLIENT=0", "IMAP_UMASK=022",
		"IMAP_USELOCKS=1", "IMAP_ENHANCEDIDLE=0", "IMAP_TRASHFOLDERNAME=Trash", "IMAP_EMPTYTRASH=",
		"IMAP_MOVE_EXPUNGE_TO_TRASH=0", "IMAP_IDLE_TIMEOUT=60", "IMAP_MAILBOX_SANITY_CHECK=1",
		"IMAP_DISABLETHREADSORT=0", "IMAP_STARTTLS=NO", "IMAP_TLS_REQUIRED=0",
	}
	cmd.SysProcAttr = childAttr()
	ownMounts(cmd.SysProcAttr)
	return cmd, nil
}

// AddUser adds an account and makes its maildir.
func (c *Courier) AddUser(name, password string) error {
	if strings.ContainsAny(name, "/\r\n") {
		return fmt.Errorf("add user %q: a name that Courier cannot have", name)
	}
	if err := c.passwords.add(name, password); err != nil {
		return err
	}
	home := c.path("mail/" + name)
	for _, sub := range []string{"", "Maildir", "Maildir/cur", "Maildir/new", "Maildir/tmp"} {
		dir := filepath.Join(home, sub)
		if err := os.Mkdir(dir, 0o755); err != nil {
			return fmt.Errorf("add user %q: %w", name, err)
		}
		if err := c.ids.own(dir); err != nil {
			return fmt.Errorf("add user %q: %w", name, err)
		}
	}
	return nil
}

// Close stops the server, waits for it, and removes its state directory.
func (c *Courier) Close() error {
	err := c.daemon.Close()
	if c.passwords != nil {
		c.passwords.close()
	}
	return err
}

var _ Server = (*Courier)(nil)
