package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/imapfleet/imapfleet/pkg/lockfile"
)

// pidFile is the file of --pidfile, for those who watch over the process: its
// number and nothing else. That it is ours, and by whom, says a lock beside it
// (FILE.lock): a lock on the file itself would keep everybody on Windows from
// reading it. nil: there is none.
type pidFile struct {
	path string
	lock *lockfile.Lock
}

// takePIDFile writes the file, if path is not empty. What a process that was
// killed has left is replaced; what is another's is refused.
func takePIDFile(path, list string, now time.Time) (*pidFile, error) {
	if path == "" {
		return nil, nil
	}
	lockPath := path + ".lock"
	if err := replaceable(path, lockPath); err != nil {
		return nil, err
	}
	lock, err := lockfile.Take(lockPath)
	if errors.Is(err, lockfile.ErrHeld) {
		owner, _ := lockfile.Read(lockPath)
		return nil, fmt.Errorf("--pidfile %s belongs to %s, which runs: end that one first, or give another file", path, owner)
	}
	if err != nil {
		return nil, fmt.Errorf("--pidfile: %w", err)
	}
	p := &pidFile{path: path, lock: lock}
	if err := errors.Join(lock.Say(lockfile.Self(absolute(list), now)), p.write()); err != nil {
		return nil, fmt.Errorf("--pidfile: %w", errors.Join(err, lock.Remove()))
	}
	return p, nil
}

// replaceable refuses a file that a run of ours has not written: without a
// lock beside it, one that holds something else than a process's number, or
// that of a process that runs.
func replaceable(path, lockPath string) error {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("--pidfile: %w", err)
	}
	text := strings.TrimSpace(string(b))
	pid, err := strconv.Atoi(text)
	if text != "" && (err != nil || pid <= 0) {
		return fmt.Errorf("--pidfile %s is not a pid file: it holds something else, and stays as it is", path)
	}
	if _, err := os.Lstat(lockPath); errors.Is(err, fs.ErrNotExist) && text != "" && lockfile.Runs(pid) {
		return fmt.Errorf("--pidfile %s belongs to process %d, which runs and is not a run of this program: give another file", path, pid)
	}
	return nil
}

// write makes the file, at once as a whole.
func (p *pidFile) write() error {
	fresh := p.path + ".new"
	if err := os.WriteFile(fresh, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err != nil {
		return err
	}
	return os.Rename(fresh, p.path)
}

// remove removes the file, unless somebody has put another one there.
func (p *pidFile) remove() error {
	if p == nil {
		return nil
	}
	var err error
	if b, readErr := os.ReadFile(p.path); readErr == nil && string(b) == strconv.Itoa(os.Getpid())+"\n" {
		err = os.Remove(p.path)
	}
	return errors.Join(err, p.lock.Remove())
}

// absolute is a path for people on other terminals.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
