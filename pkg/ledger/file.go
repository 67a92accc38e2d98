package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Name is the ledger's file name within the state directory.
const Name = "ledger.db"

// check says whether the file at path is a ledger that this program can read.
// It changes nothing. It goes through SQLite although the header is simple:
// closing a file of our own would drop the locks (POSIX fcntl) that another
// connection of this process holds on it.
//
// A file that is no ledger is a *NotLedgerError; where ours says that the
// directory was in use by this program, it was a ledger, and is a
// *DamagedError.
func check(ctx context.Context, path string, ours bool) (err error) {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return &NotLedgerError{Path: path, Reason: "it is not a plain file"}
	}
	if info.Size() == 0 {
		return strange(path, "the file is empty", ours)
	}
	db, err := openDB(path, still)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	c, err := db.Conn(ctx)
	if err != nil {
		return foreign(path, err, ours)
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	err = checkConn(ctx, c, path, ours)
	if isBroken(err) {
		// A checkpoint is going on, or one broke off when the disk was full:
		// with its WAL the file may be whole. Who opens both will see.
		return nil
	}
	return err
}

// mostSchemas is more than there will ever be: a higher number was not written
// by a newer program.
const mostSchemas = 1 << 16

// checkConn is check on an open connection; an older schema passes.
func checkConn(ctx context.Context, c *sql.Conn, path string, ours bool) error {
	application, version, err := schemaOf(ctx, c)
	switch {
	case err != nil:
		return foreign(path, err, ours)
	case application != applicationID:
		return strange(path, "it is another program's database", ours)
	case version < 0 || version > mostSchemas:
		return strange(path, fmt.Sprintf("its schema is %d", version), ours)
	case version > schemaVersion:
		return &SchemaError{Path: path, Have: version, Want: schemaVersion}
	}
	return nil
}

func foreign(path string, err error, ours bool) error {
	if isForeign(err) {
		return strange(path, "it is not a database", ours)
	}
	return fmt.Errorf("open %s: %w", path, err)
}

func strange(path, reason string, ours bool) error {
	if ours {
		return &DamagedError{Path: path, Reason: reason}
	}
	return &NotLedgerError{Path: path, Reason: reason}
}

// create makes an empty ledger at path. It is made aside and renamed, so that
// a ledger.db is whole and marked as ours from the first moment.
func create(ctx context.Context, path string) error {
	fresh := path + ".new"
	// A WAL without its database is of no use, and it would be replayed into
	// the new one.
	for _, p := range []string{fresh, fresh + "-journal", fresh + "-wal", fresh + "-shm", path + "-wal", path + "-shm"} {
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	f, err := os.OpenFile(fresh, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := fill(ctx, fresh); err != nil {
		return fmt.Errorf("create %s: %w", path, err)
	}
	if err := os.Rename(fresh, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// fill writes the schema into an empty file and brings it to the disk, once:
// what a crash leaves before that is made anew.
func fill(ctx context.Context, path string) error {
	if err := writeSchema(ctx, path); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0) // Windows brings to the disk only what may be written
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func writeSchema(ctx context.Context, path string) (err error) {
	db, err := openDB(path, writing+"&_pragma=synchronous(OFF)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	c, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if err := migrate(ctx, c, 0, migrations()); err != nil {
		return err
	}
	// Last: until then a crash leaves a file that create starts anew.
	var mode string
	if err := c.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("this file system cannot hold a database in WAL mode (%s)", mode)
	}
	return nil
}

// syncDir makes the names in dir durable. Windows has no such call.
func syncDir(dir string) (err error) {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return d.Sync()
}

// makeDir makes the state directory and its parents, readable by us alone. An
// existing one is left as it is.
func makeDir(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	// Where the parent may not be read, its names cannot be synchronised; the
	// directory is there all the same.
	if err := syncDir(filepath.Dir(dir)); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}
