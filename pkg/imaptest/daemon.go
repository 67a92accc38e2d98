package imaptest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"time"
)

// Server is a real server that runs as a process of its own on loopback, with
// accounts and mail of its own: a [Dovecot], a [Cyrus] or a [Courier]. Its
// methods are safe for concurrent use.
type Server interface {
	// AddUser adds an account; its mail is made at the first login at the latest.
	AddUser(name, password string) error
	// Access returns how to reach a user's account, in plaintext.
	Access(user, password string) Access
	// Addr returns host:port of the port that speaks plaintext.
	Addr() string
	// Version is what the server says that it is, as "2.3.19.1".
	Version() string
	// Log returns the end of what the server has written to its logs.
	Log() string
	// Close stops the server, waits for it, and removes its state directory.
	Close() error
}

// ServersDir is the environment variable that names the directory below which
// the files of packages are looked for that are not installed: the packages of
// two IMAP servers exclude each other. Unset: DefaultServersDir.
const ServersDir = "IMAPFLEET_SERVERS_DIR"

// DefaultServersDir is where .ci/servers unpacks what cannot be installed.
const DefaultServersDir = "/opt/imapfleet-servers"

// findProgram returns the path of an installed or an unpacked program.
func findProgram(path string) (string, error) {
	root := os.Getenv(ServersDir)
	if root == "" {
		root = DefaultServersDir
	}
	unpacked := filepath.Join(root, path)
	for _, p := range []string{path, unpacked} {
		if info, err := os.Stat(p); err == nil && info.Mode().IsRegular() {
			return p, nil
		}
	}
	return "", fmt.Errorf("there is neither %s nor %s (.ci/servers installs it)", path, unpacked)
}

var versionNumber = regexp.MustCompile(`(?:^|cyrus-imapd |Courier-IMAP )(\d+(?:\.\d+)+)`)

// programVersion returns the version that a program tells of itself.
func programVersion(path, flag string) (string, error) {
	out, err := exec.Command(path, flag).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", path, flag, err)
	}
	m := versionNumber.FindSubmatch(out)
	if m == nil {
		return "", fmt.Errorf("%s %s says no version: %.100q", path, flag, out)
	}
	return string(m[1]), nil
}

// startServer starts a server for a test and stops it when the test ends. The
// test is skipped, or fails (see [Missing]), where it cannot be had.
func startServer[S Server](tb TB, name string, find func() error, start func() (S, error)) S {
	tb.Helper()
	if err := find(); err != nil {
		Missing(tb, name, err)
	}
	s, err := start()
	if err != nil {
		tb.Fatalf("start %s: %v", name, err)
	}
	CloseAfter(tb, s)
	return s
}

// daemon is the process of a real server, its port and its state directory.
type daemon struct {
	version string
	dir     string
	port    int
	logs    []string // of the state directory, beside start.log

	cmd     *exec.Cmd     // the last one
	exited  chan struct{} // closed when the process is gone
	started bool          // and not stopped since
	once    sync.Once
}

// daemonDirMax is the most octets of a directory with a state directory in it.
const daemonDirMax = 60

// makeDir makes the state directory, which others may pass. Its path is kept
// short: the name of a Unix socket ends at some 100 octets.
func (d *daemon) makeDir(parent string, subs ...string) error {
	switch {
	case parent == "" && len(os.TempDir()) > 40:
		parent = "/tmp"
	case len(parent) > daemonDirMax:
		return fmt.Errorf("state directory: %s is too long a path for the names of sockets; %d octets are possible", parent, daemonDirMax)
	}
	dir, err := os.MkdirTemp(parent, "im")
	if err != nil {
		return fmt.Errorf("state directory: %w", err)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return fmt.Errorf("state directory: %w", err)
	}
	d.dir = dir
	for _, sub := range append([]string{""}, subs...) {
		p := filepath.Join(dir, sub)
		if err := os.MkdirAll(p, 0o755); err != nil {
			return fmt.Errorf("state directory: %w", err)
		}
		// The processes that serve mail run under another user than root.
		if err := os.Chmod(p, 0o755); err != nil {
			return fmt.Errorf("state directory: %w", err)
		}
	}
	return nil
}

// start runs the process that command makes and waits for the greeting at
// d.port. Another process may take a free port before the server binds it: so
// command chooses its ports anew each time.
func (d *daemon) start(command func() (*exec.Cmd, error)) error {
	var err error
	for range 5 {
		var cmd *exec.Cmd
		if cmd, err = command(); err != nil {
			break
		}
		if err = d.startOnce(cmd); err == nil {
			return nil
		}
		if !strings.Contains(strings.ToLower(err.Error()), "address already in use") {
			break
		}
	}
	return err
}

func (d *daemon) startOnce(cmd *exec.Cmd) error {
	out, err := os.Create(d.path("start.log"))
	if err != nil {
		return fmt.Errorf("start log: %w", err)
	}
	defer out.Close()
	d.cmd = cmd
	d.cmd.Stdout, d.cmd.Stderr = out, out
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
		return fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	d.started = true
	if err := d.awaitGreeting(30 * time.Second); err != nil {
		d.stop()
		return fmt.Errorf("%w\n%s", err, d.Log())
	}
	return nil
}

// awaitGreeting waits until a connection is greeted.
func (d *daemon) awaitGreeting(limit time.Duration) error {
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
			return fmt.Errorf("%s does not answer: %w", d.cmd.Path, err)
		}
		select {
		case <-d.exited:
			return fmt.Errorf("%s ended at once", d.cmd.Path)
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

func (d *daemon) path(name string) string { return filepath.Join(d.dir, name) }

// Version returns what the server says that it is, as "2.3.19.1".
func (d *daemon) Version() string { return d.version }

// Addr returns host:port of the port that speaks plaintext.
func (d *daemon) Addr() string { return fmt.Sprintf("127.0.0.1:%d", d.port) }

// Port returns the port of Addr.
func (d *daemon) Port() int { return d.port }

// Dir returns the state directory.
func (d *daemon) Dir() string { return d.dir }

// Access returns how to reach a user's account, in plaintext.
func (d *daemon) Access(user, password string) Access {
	return Access{Addr: d.Addr(), User: user, Password: password}
}

// DialContext connects to the plaintext port, whatever network and addr say.
func (d *daemon) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	var nd net.Dialer
	return nd.DialContext(ctx, "tcp", d.Addr())
}

// Log returns the end of what the server has written to its logs.
func (d *daemon) Log() string {
	var b strings.Builder
	for _, name := range append([]string{"start.log"}, d.logs...) {
		text, err := os.ReadFile(d.path(name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			fmt.Fprintf(&b, "%v\n", err)
		}
		b.Write(text[max(0, len(text)-8000):])
	}
	return b.String()
}

// Close stops the server, waits for it, and removes its state directory.
func (d *daemon) Close() error {
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

// stop ends the process, if there is one, and what it has started.
func (d *daemon) stop() {
	if !d.started {
		return
	}
	d.started = false
	terminate(d.cmd.Process)
	select {
	case <-d.exited:
	case <-time.After(10 * time.Second):
	}
	killGroup(d.cmd.Process)
	<-d.exited
}
