package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/batch"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/lockfile"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// cacheLocks are locks on what two runs must not use at once although their
// state directories differ. They are in the user's cache directory, a file
// each, whose name is a digest: no account is named there.
//
// A file each, and not byte ranges of one or a fixed number of files: with
// those two accounts that share a range would keep each other waiting for
// nothing, and POSIX drops all ranges of a file when any descriptor of it is
// closed. A file is removed with its lock, so there are as many as there are
// rows at work; a run that was killed leaves that many, and the next run of
// these rows takes them away.
//
// It is safe for concurrent use.
type cacheLocks struct {
	dir  string // empty: there is none
	err  error  // why
	self lockfile.Owner

	once sync.Once // of warn
	warn func(error)
}

// inUseError says who holds what was to be locked.
type inUseError struct{ owner lockfile.Owner }

func (e *inUseError) Error() string { return "in use by " + e.owner.String() }

// newCacheLocks makes the directory. Without one nothing is locked, which warn
// is told once, from whatever goroutine.
func newCacheLocks(list string, now time.Time, warn func(error)) *cacheLocks {
	c := &cacheLocks{self: lockfile.Self(absolute(list), now), warn: warn}
	cache, err := os.UserCacheDir()
	if err == nil {
		c.dir = filepath.Join(cache, "imapfleet", "locks")
		err = os.MkdirAll(c.dir, 0o700)
	}
	if err != nil {
		c.dir, c.err = "", err
	}
	return c
}

// take locks what is called name among its kind. The lock is nil where there
// is no way to lock anything; an *inUseError says that somebody else has it.
func (c *cacheLocks) take(kind, name string) (*lockfile.Lock, error) {
	lock, err := c.tryTake(kind, name)
	var held *inUseError
	if errors.As(err, &held) {
		return nil, err
	}
	if err != nil {
		c.once.Do(func() { c.warn(err) })
		return nil, nil
	}
	return lock, nil
}

func (c *cacheLocks) tryTake(kind, name string) (*lockfile.Lock, error) {
	if c.err != nil {
		return nil, c.err
	}
	sum := sha256.Sum256([]byte(name))
	path := filepath.Join(c.dir, kind+"-"+hex.EncodeToString(sum[:])+".lock")
	lock, err := lockfile.Take(path)
	if errors.Is(err, lockfile.ErrHeld) {
		owner, _ := lockfile.Read(path)
		return nil, &inUseError{owner}
	}
	if err != nil {
		return nil, err
	}
	if err := lock.Say(c.self); err != nil { // a full disk: who holds it is not known, that somebody does is
		c.once.Do(func() { c.warn(err) })
	}
	return lock, nil
}

// takeState locks the path of a state directory. The lock within the directory
// goes with it when it is moved away while a run goes on; this one keeps a new
// run from beginning in its place. Machines, and containers, that share a
// home have state directories of their own under one path.
func (c *cacheLocks) takeState(dir string) (*lockfile.Lock, error) {
	abs := absolute(dir)
	if parent, err := filepath.EvalSymlinks(filepath.Dir(abs)); err == nil {
		abs = filepath.Join(parent, filepath.Base(abs))
	}
	lock, err := c.take("state", c.self.Host+"\x00"+abs)
	var held *inUseError
	if errors.As(err, &held) {
		return nil, explain(&ledger.LockedError{Dir: dir, Host: held.owner.Host, PID: held.owner.PID, Since: held.owner.Since})
	}
	return lock, err
}

// release gives a lock back that may be nil.
func release(lock *lockfile.Lock) error {
	if lock == nil {
		return nil
	}
	return lock.Remove()
}

// accountLocker has a row sync only while no other run, of whatever list,
// writes to its destination account: two that match and copy at the same time
// would both send what is missing.
type accountLocker struct {
	next  batch.Syncer
	locks *cacheLocks
}

// Sync implements batch.Syncer. A row that must wait is refused before any
// connection, and tried again as if its server had said "later".
func (l *accountLocker) Sync(ctx context.Context, pair account.Pair, row ledger.RowID, lanes batch.Lanes, m *throughput.Meter) (count throughput.Count, err error) {
	if r := pair.Rules; r != nil && (r.Dry || r.JustLogin) {
		return l.next.Sync(ctx, pair, row, lanes, m)
	}
	lock, err := l.locks.take("account", pair.DestID())
	var held *inUseError
	if errors.As(err, &held) {
		return throughput.Count{}, &fault.Error{
			Scope: fault.Account, Side: fault.Dest, Temporary: true, Code: fault.InUse, Op: "lock", Host: pair.Dest.Host,
			Text: fault.Clean(fmt.Sprintf("the destination account is %s", held)),
			Hint: "another run writes to this account: the row is tried again later, and nothing was written; let one of the two lists have it",
		}
	}
	if lock != nil {
		defer func() {
			if removeErr := lock.Remove(); removeErr != nil {
				l.locks.once.Do(func() { l.locks.warn(removeErr) })
			}
		}()
	}
	return l.next.Sync(ctx, pair, row, lanes, m)
}
