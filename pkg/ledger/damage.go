package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Damage is what became of a ledger that was found damaged.
type Damage struct {
	// Aside is where the damaged file is now, with its WAL beside it.
	Aside  string
	Reason string
}

// Damage says that Open found the ledger damaged, set it aside and made a new
// one, which knows nothing yet; nil: it did not.
func (l *Ledger) Damage() *Damage { return l.damage }

// Present returns an ErrMoved when the state directory is not where it was:
// somebody has renamed, removed or replaced it. SQLite goes on writing to
// files that were moved, and another run may by now have begun in their place.
func (l *Ledger) Present() error {
	if l.lock == nil || l.lock.file.Still() {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrMoved, filepath.Dir(l.path))
}

// openWhole is open for a ledger that may be damaged. All of it is looked at
// only where the last process did not come to its end: with many accounts that
// takes seconds.
func (l *Ledger) openWhole(ctx context.Context, ours bool) error {
	err := l.open(ctx, ours)
	if err == nil && l.lock.unclean {
		err = quickCheck(ctx, l.session.conn, l.path)
	}
	if !isDamage(err) {
		return err
	}
	damage := &Damage{Reason: driverWords(err)}
	var d *DamagedError
	if errors.As(err, &d) {
		damage.Reason = d.Reason
	}
	_ = l.disconnect() // it says the same again
	l.read, l.session, l.write = nil, nil, nil
	if damage.Aside, err = setAside(l.path, time.Now()); err != nil {
		return fmt.Errorf("%s is damaged (%s), and cannot be set aside: %w", l.path, damage.Reason, err)
	}
	l.damage = damage
	return l.open(ctx, ours)
}

// isDamage reports whether an error of opening a ledger says that the file is
// damaged.
func isDamage(err error) bool {
	var d *DamagedError
	return errors.As(err, &d) || isBroken(err) || isForeign(err)
}

// damaged marks an error of a ledger in use that says that the file is
// damaged.
func damaged(err error) error {
	if isDamage(err) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// readerError is a reader's: it sets nothing aside.
func readerError(path string, err error) error {
	if isBroken(err) {
		return &DamagedError{Path: path, Reason: err.Error()}
	}
	return err
}

// quickCheck returns a *DamagedError when the database contradicts itself:
// its pages (by SQLite's own look at all of them), its references, or the UID
// maps, whose runs never overlap.
func quickCheck(ctx context.Context, c *sql.Conn, path string) error {
	var first string
	if err := c.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&first); err != nil {
		return fmt.Errorf("check %s: %w", path, err)
	}
	if first != "ok" {
		_, detail, more := strings.Cut(first, "\n") // "*** in database main ***" stands above
		if more {
			first = detail
		}
		return &DamagedError{Path: path, Reason: strings.ReplaceAll(first, "\n", "; ")}
	}
	for _, look := range []struct{ query, reason string }{
		{"PRAGMA foreign_key_check", "a record refers to one that is not there"},
		{overlapping, "a map of UIDs contradicts itself"},
	} {
		found, err := finds(ctx, c, look.query)
		if err != nil {
			return fmt.Errorf("check %s: %w", path, err)
		}
		if found {
			return &DamagedError{Path: path, Reason: look.reason}
		}
	}
	return nil
}

const overlapping = `SELECT 1 FROM (
	SELECT source, count, lead(source) OVER (PARTITION BY mailbox ORDER BY source) AS next FROM run)
	WHERE source + count > coalesce(next, 4294967296) LIMIT 1`

func finds(ctx context.Context, c *sql.Conn, query string) (found bool, err error) {
	rows, err := c.QueryContext(ctx, query)
	if err != nil {
		return false, err
	}
	err = each(rows, func(*sql.Rows) error {
		found = true
		return nil
	})
	return found, err
}

// setAside renames a damaged ledger and its WAL. The WAL goes first: without
// the other one this is begun anew, and not taken for a directory without a
// ledger.
func setAside(path string, now time.Time) (aside string, err error) {
	stem := strings.TrimSuffix(path, ".db") + ".damaged-" + now.UTC().Format("20060102T150405Z")
	aside = stem + ".db"
	for n := 2; ; n++ {
		if _, err := os.Lstat(aside); errors.Is(err, fs.ErrNotExist) {
			break
		}
		aside = fmt.Sprintf("%s-%d.db", stem, n)
	}
	if err := os.Rename(path+"-wal", aside+"-wal"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err := os.Remove(path + "-shm"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err := os.Rename(path, aside); err != nil {
		return "", err
	}
	return aside, syncDir(filepath.Dir(path))
}
