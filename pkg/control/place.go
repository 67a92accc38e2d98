package control

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
)

const (
	// socketName is the socket within a state directory.
	socketName = "control.sock"
	// pointerName is the file that says where it is when it is not there: its
	// path would be too long, or it is no socket.
	pointerName = "control.json"
	// longestPath is how many octets a socket's path may have: 104 on BSD and
	// macOS, the zero at its end included, 108 on Linux.
	longestPath = 103
)

// pointer is what pointerName holds.
type pointer struct {
	Network string `json:"network"` // "unix" or "tcp"
	Address string `json:"address"`
	Token   string `json:"token,omitempty"`
}

// place is where a server listens.
type place struct {
	listener net.Listener
	token    string
	files    []string // to be removed
}

func (p *place) remove() error {
	var errs []error
	for _, name := range p.files {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// listenTCP listens on a port of this machine's own, which who has the token
// may use.
func listenTCP(dir string) (*place, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &place{listener: l, token: rand.Text()}
	if err := p.point(dir, pointer{Network: "tcp", Address: l.Addr().String(), Token: p.token}); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return p, nil
}

// listenUnix listens on a socket in dir, or where its path would be too long on
// one in a directory of the user's that dir says.
func listenUnix(dir string) (*place, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := sweep(dir); err != nil {
		return nil, err
	}
	if len(filepath.Join(abs, socketName)) <= longestPath {
		return bind(abs, socketName)
	}
	short, err := shortDir()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(abs))
	name := "control-" + hex.EncodeToString(sum[:8]) + ".sock"
	if len(filepath.Join(short, name)) > longestPath {
		return nil, fmt.Errorf("no directory has a path that is short enough for a socket: %s", short)
	}
	if err := removeSocket(filepath.Join(short, name)); err != nil {
		return nil, err
	}
	p, err := bind(short, name)
	if err != nil {
		return nil, err
	}
	if err := p.point(dir, pointer{Network: "unix", Address: filepath.Join(short, name)}); err != nil {
		return nil, errors.Join(err, p.listener.Close(), p.remove())
	}
	return p, nil
}

// bind makes the socket in a directory of its own that nobody else may enter,
// and puts it in its place when nobody else may open it: a umask would be the
// whole process's.
func bind(dir, name string) (*place, error) {
	temp := filepath.Join(dir, "."+strings.TrimSuffix(name, ".sock")) // no longer than the path itself
	if err := os.RemoveAll(temp); err != nil {
		return nil, err
	}
	if err := os.Mkdir(temp, 0o700); err != nil {
		return nil, err
	}
	defer os.Remove(temp)
	fresh := filepath.Join(temp, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: fresh, Net: "unix"})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(temp))
	}
	l.SetUnlinkOnClose(false) // it would remove what it was called at first
	path := filepath.Join(dir, name)
	if err := errors.Join(os.Chmod(fresh, 0o600), os.Rename(fresh, path)); err != nil {
		return nil, errors.Join(err, l.Close(), os.RemoveAll(temp))
	}
	return &place{listener: l, files: []string{path}}, nil
}

// sweep takes away what a run that was killed has left in dir.
func sweep(dir string) error {
	if err := os.Remove(filepath.Join(dir, pointerName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return removeSocket(filepath.Join(dir, socketName))
}

// removeSocket removes a socket, and nothing else that has its name.
func removeSocket(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s is no socket, and stays as it is", path)
	}
	return os.Remove(path)
}

// point writes where the server is.
func (p *place) point(dir string, to pointer) error {
	b, err := encode(to)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, pointerName)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path+".new"))
	}
	p.files = append(p.files, path)
	return os.Rename(path+".new", path)
}

// dial finds the server of dir.
func dial(ctx context.Context, dir string) (c net.Conn, token string, err error) {
	to := pointer{Network: "unix", Address: shortest(filepath.Join(dir, socketName))}
	b, err := os.ReadFile(filepath.Join(dir, pointerName))
	switch {
	case err == nil:
		if to, err = parsePointer(b); err != nil {
			return nil, "", err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, "", err
	case len(to.Address) > longestPath:
		if _, err := os.Lstat(to.Address); err != nil {
			return nil, "", err
		}
		return nil, "", fmt.Errorf("%s is too long a path for a socket: go to the directory of the list and ask from there", to.Address)
	}
	c, err = new(net.Dialer).DialContext(ctx, to.Network, to.Address)
	return c, to.Token, err
}

// parsePointer reads a pointer. It leads to this machine, whatever it says.
func parsePointer(b []byte) (to pointer, err error) {
	if err := json.Unmarshal(b, &to); err != nil {
		return to, fmt.Errorf("%w: %s: %w", errNobody, pointerName, err)
	}
	ok := to.Network == "unix" && filepath.IsAbs(to.Address)
	if to.Network == "tcp" {
		ok = strings.HasPrefix(to.Address, "127.0.0.1:")
	}
	if !ok {
		return to, fmt.Errorf("%w: %s", errNobody, pointerName)
	}
	return to, nil
}

// shortest is a path as it has the fewest octets: as it was given, from the
// root, or without links.
func shortest(path string) string {
	best := path
	shorter := func(s string, err error) {
		if err == nil && len(s) < len(best) {
			best = s
		}
	}
	shorter(filepath.Abs(path))
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		shorter(filepath.Abs(filepath.Join(dir, filepath.Base(path))))
	}
	return best
}
