//go:build !windows

package control

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

func listen(dir string) (*place, error) { return listenUnix(dir) }

// shortDir is a directory of the user's alone for sockets whose own place has
// too long a path: that of the login, or one among the temporary files.
func shortDir() (string, error) {
	var errs []error
	base := []string{os.Getenv("XDG_RUNTIME_DIR"), os.TempDir(), "/tmp"}
	for i, dir := range base {
		name := "imapfleet"
		if i > 0 {
			name += "-" + strconv.Itoa(os.Getuid())
		}
		path := filepath.Join(dir, name)
		if !filepath.IsAbs(path) || len(path) > longestPath-len("/control-0123456789abcdef.sock") {
			continue
		}
		err := own(path)
		if err == nil {
			return path, nil
		}
		errs = append(errs, err)
	}
	return "", errors.Join(append(errs, errors.New("no directory for a socket"))...)
}

// own makes a directory, and refuses one that is not the user's alone: others
// may have made it first.
func own(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || info.Mode().Perm()&0o077 != 0 || !ok || int(st.Uid) != os.Getuid() {
		return fmt.Errorf("%s is not a directory of this user alone", path)
	}
	return nil
}
