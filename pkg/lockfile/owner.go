package lockfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"
)

// Owner is the process that holds a lock, or did.
type Owner struct {
	Host  string    `json:"host"`
	PID   int       `json:"pid"`
	Since time.Time `json:"since"`
	// List is the list that it works on, if that is worth saying.
	List string `json:"list,omitempty"`
}

// Self is this process, which works on list since now.
func Self(list string, now time.Time) Owner {
	host, err := os.Hostname()
	if err != nil {
		host = "an unnamed host"
	}
	return Owner{Host: host, PID: os.Getpid(), Since: now.UTC().Truncate(time.Second), List: list}
}

// String says it in the middle of a sentence. The zero Owner is "another
// process".
func (o Owner) String() string {
	if o.PID == 0 {
		return "another process"
	}
	s := fmt.Sprintf("process %d on %s since %s", o.PID, o.Host, o.Since.Format(time.RFC3339))
	if o.List != "" {
		s += ", list " + o.List
	}
	return s
}

// Alive reports whether the process still runs, as far as can be told: one on
// another machine is believed.
func (o Owner) Alive() bool {
	host, err := os.Hostname()
	if err != nil || host != o.Host {
		return true
	}
	return Runs(o.PID)
}

// Runs reports whether there is a process of that number on this machine.
func Runs(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	if runtime.GOOS == "windows" { // found means alive there
		return p.Release() == nil
	}
	err = p.Signal(syscall.Signal(0))
	return err == nil || errors.Is(err, os.ErrPermission)
}

// Say writes o into the locked file, for Read. The first octet is left out:
// on Windows the lock is on that one, and keeps everybody from it.
func (l *Lock) Say(o Owner) error {
	b, err := json.Marshal(o)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(l.path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	// What a longer one has left behind the line's end is not read.
	_, err = f.WriteAt(append(b, '\n'), 1)
	return errors.Join(err, f.Close())
}

// Read returns who has locked the file at path, or did, as said by Say; false
// when nobody has said so.
func Read(path string) (Owner, bool) {
	f, err := os.Open(path)
	if err != nil {
		return Owner{}, false
	}
	defer f.Close()
	b := make([]byte, 64<<10)
	n, _ := f.ReadAt(b, 1) // io.EOF as a rule
	line, _, _ := bytes.Cut(b[:n], []byte("\n"))
	return parse(line)
}

// WriteFile writes o as a file of its own, for ReadFile, at once as a whole.
func (o Owner) WriteFile(path string) error {
	b, err := json.Marshal(o)
	if err != nil {
		return err
	}
	fresh := path + ".new"
	if err := os.WriteFile(fresh, append(b, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}

// ReadFile is Read for what WriteFile has written.
func ReadFile(path string) (Owner, bool) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Owner{}, false
	}
	return parse(b)
}

func parse(b []byte) (o Owner, ok bool) {
	if json.Unmarshal(b, &o) != nil || o.PID <= 0 {
		return Owner{}, false
	}
	return o, true
}
