package ledger

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

const (
	lockName   = "ledger.lock"
	holderName = "ledger.holder"
)

// lock is a process's hold on a state directory. The operating system lets go
// of it when the process ends, however it ends; the holder file beside it is
// for people and may be stale when nobody holds the lock.
type lock struct {
	file   *flock.Flock
	holder string
}

type holder struct {
	Host  string    `json:"host"`
	PID   int       `json:"pid"`
	Since time.Time `json:"since"`
}

// acquire takes the lock of dir or returns a *LockedError at once.
func acquire(dir string, now time.Time) (*lock, error) {
	l := &lock{
		file:   flock.New(filepath.Join(dir, lockName), flock.SetPermissions(0o600)),
		holder: filepath.Join(dir, holderName),
	}
	ok, err := l.file.TryLock()
	if err != nil {
		return nil, err
	}
	if !ok {
		h := readHolder(l.holder)
		return nil, errors.Join(&LockedError{Dir: dir, Host: h.Host, PID: h.PID, Since: h.Since}, l.file.Close())
	}
	if err := writeHolder(l.holder, now); err != nil {
		return nil, errors.Join(err, l.file.Unlock())
	}
	return l, nil
}

// release gives the lock back. The lock file stays: removing it would let two
// processes each lock a file of that name.
func (l *lock) release() error {
	return errors.Join(os.Remove(l.holder), l.file.Unlock())
}

// readHolder is zero when the holder has not written it yet.
func readHolder(path string) holder {
	var h holder
	b, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(b, &h) != nil {
		return holder{}
	}
	return h
}

func writeHolder(path string, now time.Time) error {
	host, err := os.Hostname()
	if err != nil {
		host = "an unnamed host"
	}
	b, err := json.Marshal(holder{Host: host, PID: os.Getpid(), Since: now.UTC().Truncate(time.Second)})
	if err != nil {
		return err
	}
	fresh := path + ".new"
	if err := os.WriteFile(fresh, append(b, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}
