package ledger

import (
	"database/sql"
	"errors"
	"net/url"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// All that knows the SQLite driver is in this file.

// openDB opens the database at the absolute path; query is that of an SQLite
// URI.
func openDB(path, query string) (*sql.DB, error) {
	p := filepath.ToSlash(path)
	if !strings.HasPrefix(p, "/") {
		p = "/" + p // a Windows drive
	}
	u := url.URL{Scheme: "file", Path: p, RawQuery: query}
	return sql.Open("sqlite", u.String())
}

const (
	// A person with a shell on the file may hold its lock for a while.
	busy = "_busy_timeout=30000"
	// fullfsync: on macOS a plain fsync does not reach the disk.
	writing = "mode=rw&_txlock=immediate&" + busy +
		"&_pragma=foreign_keys(1)&_pragma=fullfsync(1)&_pragma=checkpoint_fullfsync(1)" +
		"&_pragma=journal_size_limit(67108864)"
	reading = "mode=ro&_query_only=1&" + busy
	// visiting is for a reader that may be alone. It is opened for writing so
	// that SQLite, when it is the last to leave, removes the WAL and the
	// shared memory that it had to make; where writing is not allowed SQLite
	// opens it for reading by itself.
	visiting = "mode=rw&_query_only=1&_pragma=checkpoint_fullfsync(1)&" + busy
	// still: no lock is taken and neither WAL nor shared memory is touched.
	still = "mode=ro&immutable=1&_query_only=1"
)

// resultCode is SQLite's primary result code of an error, 0 for none.
func resultCode(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

// driverWords are what SQLite says, without what was being done.
func driverWords(err error) string {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Error()
	}
	return err.Error()
}

// isConstraint says that a statement was refused for what it said, not for
// the state of the disk or the file.
func isConstraint(err error) bool { return resultCode(err) == sqlite3.SQLITE_CONSTRAINT }

// isForeign says that the file is no SQLite database at all.
func isForeign(err error) bool { return resultCode(err) == sqlite3.SQLITE_NOTADB }

// isBroken says that the file contradicts itself.
func isBroken(err error) bool { return resultCode(err) == sqlite3.SQLITE_CORRUPT }

// isUnopenable says that the file, its WAL or its shared memory could not be
// opened as asked, as in a directory that we may not write.
func isUnopenable(err error) bool {
	c := resultCode(err)
	return c == sqlite3.SQLITE_CANTOPEN || c == sqlite3.SQLITE_READONLY
}
