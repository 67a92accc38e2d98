// Package lockfile lets one process at a time hold a file, and says which one
// it is. Its main type is Lock. The operating system lets go of a lock when
// its process ends, however that ends: a file that is left behind is stale,
// never an obstacle. The package waits for nobody and knows nothing of what
// the locks are for.
package lockfile

import (
	"errors"
	"io/fs"
	"os"

	"github.com/gofrs/flock"
)

// ErrHeld says that another process holds the lock, or another Lock of this
// process.
var ErrHeld = errors.New("the lock is held")

// Lock is a hold on a file. It ends with Release or Remove, one of them once.
// Its methods are for one goroutine at a time, but for Still.
type Lock struct {
	file *flock.Flock
	path string
}

// tries is how often Take opens a file anew that its holder has removed in the
// very moment.
const tries = 100

// Take locks the file at path, making it (0600) when it is missing; its
// directory must be there. It returns ErrHeld at once when somebody else has
// it.
func Take(path string) (*Lock, error) {
	l := &Lock{path: path}
	for range tries {
		l.file = flock.New(path, flock.SetPermissions(0o600))
		ok, err := l.file.TryLock()
		if err != nil {
			return nil, errors.Join(err, l.file.Close())
		}
		if !ok {
			return nil, errors.Join(ErrHeld, l.file.Close())
		}
		// Between the opening and the locking its last holder may have removed
		// the file: then the next one makes a new one of that name, and both
		// would hold a lock.
		if l.Still() {
			return l, nil
		}
		if err := l.file.Close(); err != nil {
			return nil, err
		}
	}
	return nil, ErrHeld
}

// Still reports whether the locked file stands under its name: nobody has
// removed or replaced it, or moved its directory.
func (l *Lock) Still() bool {
	ours, err := l.file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(l.path)
	return err == nil && os.SameFile(ours, there)
}

// Release lets go of the lock; the file stays.
func (l *Lock) Release() error { return l.file.Close() }

// Remove removes the file and lets go of the lock.
func (l *Lock) Remove() error {
	if !removeFirst {
		// Whoever takes the lock in between keeps the file from being removed.
		err := l.file.Close()
		_ = os.Remove(l.path)
		return err
	}
	var err error
	if l.Still() {
		err = os.Remove(l.path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, l.file.Close())
}
