package ledger

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/imapfleet/imapfleet/pkg/lockfile"
)

const (
	lockName = "ledger.lock"
	// HolderName is the file within the state directory that says who runs with
	// it, as lockfile.ReadFile reads it. A process that was killed leaves it
	// behind.
	HolderName = "ledger.holder"
)

// lock is a process's hold on a state directory. The operating system lets go
// of it when the process ends, however it ends; the holder file beside it is
// for people, and there when nobody holds the lock only after an unclean end.
type lock struct {
	file    *lockfile.Lock
	holder  string
	unclean bool // the last holder did not come to its end
}

// acquire takes the lock of dir or returns a *LockedError at once.
func acquire(dir string, now time.Time) (*lock, error) {
	l := &lock{holder: filepath.Join(dir, HolderName)}
	var err error
	if l.file, err = lockfile.Take(filepath.Join(dir, lockName)); errors.Is(err, lockfile.ErrHeld) {
		h, _ := lockfile.ReadFile(l.holder)
		return nil, &LockedError{Dir: dir, Host: h.Host, PID: h.PID, Since: h.Since}
	}
	if err != nil {
		return nil, err
	}
	_, err = os.Lstat(l.holder)
	l.unclean = !errors.Is(err, fs.ErrNotExist)
	if err := lockfile.Self("", now).WriteFile(l.holder); err != nil {
		return nil, errors.Join(err, l.file.Release())
	}
	return l, nil
}

// release gives the lock back. The lock file stays, which says that dir is
// ours; the holder's too when the end is not a clean one.
func (l *lock) release(clean bool) error {
	var err error
	if clean && l.file.Still() { // else it may be another's
		err = os.Remove(l.holder)
	}
	return errors.Join(err, l.file.Release())
}

// wasOurs reports whether a process of this program has used dir before.
func wasOurs(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, lockName))
	return err == nil
}
