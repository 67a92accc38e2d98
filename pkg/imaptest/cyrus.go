package imaptest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
)

// Cyrus is a running Cyrus IMAP server on a free loopback port, with a state
// directory of its own: delimiter ".", prefix "INBOX.", as Debian has it. Make
// one with [StartCyrus] or [NewCyrus]; its methods are safe for concurrent use.
type Cyrus struct {
	daemon
	passwords *passwords
	master    string
	imapd     string
	runAs     *user.User // nil: who runs the tests
}

// CyrusAdmin is the name that may act as every user of a [Cyrus], by SASL PLAIN
// with an authorization identity, with the password CyrusAdminPassword.
const (
	CyrusAdmin         = "cyrusadmin"
	CyrusAdminPassword = "admin secret"
)

const cyrusMaster = "/usr/lib/cyrus/bin/master"

// FindCyrus returns why no Cyrus can be started here; nil when one can.
func FindCyrus() error {
	_, err := findCyrus()
	return err
}

func findCyrus() (*Cyrus, error) {
	c := &Cyrus{}
	var err error
	if c.master, err = findProgram(cyrusMaster); err != nil {
		return nil, err
	}
	if c.imapd, err = findProgram("/usr/lib/cyrus/bin/imapd"); err != nil {
		return nil, err
	}
	if os.Getuid() == 0 {
		// Its processes refuse to be root.
		if c.runAs, err = user.Lookup("cyrus"); err != nil {
			return nil, fmt.Errorf("root starts Cyrus as the user that its packages make: %w", err)
		}
	}
	return c, nil
}

// NewCyrus starts a Cyrus for a test and stops it when the test ends. The test
// is skipped, or fails (see [Missing]), where Cyrus is not installed.
func NewCyrus(tb TB) *Cyrus {
	tb.Helper()
	return startServer(tb, "cyrus", FindCyrus, StartCyrus)
}

// StartCyrus starts a Cyrus without users and waits until it answers.
func StartCyrus() (*Cyrus, error) {
	c, err := findCyrus()
	if err != nil {
		return nil, err
	}
	if c.version, err = programVersion(c.master, "-V"); err != nil {
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

// prepare makes the state directory and what does not change in it.
func (c *Cyrus) prepare() error {
	err := c.makeDir("", "config/proc", "config/log", "config/socket", "config/lock", "config/db", "spool")
	if err != nil {
		return err
	}
	if c.passwords, err = listenPasswords(c.path("mux"), answerSASL); err != nil {
		return err
	}
	if err := c.passwords.add(CyrusAdmin, CyrusAdminPassword); err != nil {
		return err
	}
	config := fmt.Sprintf(`configdirectory: %[1]s/config
partition-default: %[1]s/spool
defaultpartition: default
servername: imaptest.test
admins: %[2]s
proxyservers: %[2]s
altnamespace: no
unixhierarchysep: no
allowplaintext: yes
sasl_pwcheck_method: saslauthd
sasl_saslauthd_path: %[1]s/mux
sasl_mech_list: PLAIN LOGIN
autocreate_quota: 0
autocreate_post: no
skiplist_unsafe: yes
failedloginpause: 0
`, c.dir, CyrusAdmin)
	if c.runAs == nil {
		if u, err := user.Current(); err == nil {
			config += "cyrus_user: " + u.Username + "\n"
		}
	}
	return os.WriteFile(c.path("imapd.conf"), []byte(config), 0o644)
}

// command writes the services, with a new port, and returns the master process.
func (c *Cyrus) command() (*exec.Cmd, error) {
	var err error
	if c.port, _, err = freePorts(); err != nil {
		return nil, err
	}
	services := fmt.Sprintf(`START {
  recover cmd="%[1]s -C %[2]s/imapd.conf -r"
}
SERVICES {
  imap cmd="%[3]s -C %[2]s/imapd.conf -U 50" listen="127.0.0.1:%[4]d" proto="tcp4" prefork=2 maxchild=200
}
EVENTS {
}
`, filepath.Join(filepath.Dir(c.master), "ctl_cyrusdb"), c.dir, c.imapd, c.port)
	if err := os.WriteFile(c.path("cyrus.conf"), []byte(services), 0o644); err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	cmd := exec.Command(c.master, "-C", c.path("imapd.conf"), "-M", c.path("cyrus.conf"), "-p", c.path("config/master.pid"))
	cmd.SysProcAttr = childAttr()
	if c.runAs == nil {
		return cmd, nil
	}
	uid, err := strconv.Atoi(c.runAs.Uid)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(c.runAs.Gid)
	if err != nil {
		return nil, err
	}
	actAs(cmd.SysProcAttr, uid, gid)
	return cmd, filepath.WalkDir(c.dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, uid, gid)
	})
}

// AddUser adds an account; its INBOX is made at the first login.
func (c *Cyrus) AddUser(name, password string) error { return c.passwords.add(name, password) }

// Close stops the server, waits for it, and removes its state directory.
func (c *Cyrus) Close() error {
	err := c.daemon.Close()
	if c.passwords != nil {
		c.passwords.close()
	}
	return err
}

var _ Server = (*Cyrus)(nil)
