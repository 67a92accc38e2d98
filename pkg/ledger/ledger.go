package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// readers is how many read-only connections a ledger keeps at most.
const readers = 4

// Ledger is an open ledger. Its methods are safe for concurrent use. When
// writing fails (the disk is full, a lazy call named what is not there ...),
// every later call returns that error too: what was durable stays, and a new
// Open goes on from there. The mistake of a durable call is its caller's alone.
// The context of a lazy call matters only while the queue is full.
type Ledger struct {
	path      string
	read      *sql.DB
	preparing sync.Mutex
	prepared  map[string]*sql.Stmt // by text, of read
	// The rest is nil or unused when the ledger is open for reading only.
	queue   *queue
	session *session
	write   *sql.DB
	lock    *lock
	damage  *Damage
	broken  atomic.Bool   // reading has met damage
	done    chan struct{} // closed when the writing goroutine has ended
	closing sync.Once
	closed  error
}

// Open opens the ledger of the state directory dir for this process alone,
// making both (0700, 0600) when they are missing. It returns a *LockedError
// when another process has it open, a *SchemaError when a newer program wrote
// it, a *NotLedgerError when the file is not ours; in all these cases the file
// is as it was. A damaged ledger is set aside and a new one made: see Damage.
// Close it to let go of dir.
func Open(ctx context.Context, dir string) (*Ledger, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := makeDir(dir); err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	l := &Ledger{path: filepath.Join(dir, Name)}
	ours := wasOurs(dir)
	if err := check(ctx, l.path, ours); err != nil && !errors.Is(err, fs.ErrNotExist) && !isDamage(err) {
		return nil, err
	}
	if l.lock, err = acquire(dir, time.Now()); err != nil {
		return nil, err
	}
	if err := l.openWhole(ctx, ours); err != nil {
		return nil, errors.Join(err, l.closeFiles(!isDamage(err)))
	}
	l.queue, l.done = newQueue(), make(chan struct{})
	l.session.present = l.Present
	// The writer outlives the call, and what is queued is written even when
	// the run is canceled.
	detached := context.WithoutCancel(ctx)
	go func() {
		defer close(l.done)
		l.session.write(detached, l.queue, l.path)
	}()
	return l, nil
}

// open opens the connections of a ledger whose lock is ours.
func (l *Ledger) open(ctx context.Context, ours bool) error {
	if err := check(ctx, l.path, ours); errors.Is(err, fs.ErrNotExist) {
		if err := create(ctx, l.path); err != nil {
			return err
		}
	} else if err != nil { // another process may have come in before the lock was ours
		return err
	}
	var err error
	if l.write, err = openDB(l.path, writing+"&_pragma=synchronous(FULL)"); err != nil {
		return err
	}
	conn, err := l.write.Conn(ctx)
	if err != nil {
		return foreign(l.path, err, ours)
	}
	l.session = &session{conn: conn, prepared: make(map[string]*sql.Stmt), full: true}
	if err := checkConn(ctx, conn, l.path, ours); err != nil {
		return err
	}
	_, have, err := schemaOf(ctx, conn)
	switch {
	case err != nil:
		return err
	case have == 0: // a ledger gets its name with its schema
		return strange(l.path, "it has no schema", ours)
	}
	if err := migrate(ctx, conn, have, migrations()); err != nil {
		return fmt.Errorf("upgrade %s: %w", l.path, err)
	}
	if l.read, err = openDB(l.path, reading); err != nil {
		return err
	}
	l.read.SetMaxOpenConns(readers)
	l.read.SetMaxIdleConns(readers)
	return nil
}

// OpenReader opens the ledger of dir for reading, also while another process
// runs with it; it takes no lock. Calls that write return ErrReadOnly. The
// error is os.ErrNotExist when dir has no ledger, else as for Open; a ledger
// of an older schema is a *SchemaError too.
func OpenReader(ctx context.Context, dir string) (*Ledger, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, Name)
	ours := wasOurs(dir)
	if err := check(ctx, path, ours); err != nil {
		return nil, err
	}
	l, err := openReader(ctx, path, visiting, ours)
	if isUnopenable(err) {
		// In a directory that we may not write, SQLite cannot make the shared
		// memory of a WAL. Where there is no WAL nobody is writing either.
		if _, e := os.Stat(path + "-wal"); errors.Is(e, fs.ErrNotExist) {
			return openReader(ctx, path, still, ours)
		}
	}
	return l, err
}

func openReader(ctx context.Context, path, query string, ours bool) (_ *Ledger, err error) {
	l := &Ledger{path: path}
	if l.read, err = openDB(path, query); err != nil {
		return nil, err
	}
	l.read.SetMaxOpenConns(readers)
	l.read.SetMaxIdleConns(readers)
	defer func() {
		if err != nil {
			err = errors.Join(err, l.read.Close())
		}
	}()
	c, err := l.read.Conn(ctx)
	if err != nil {
		return nil, readerError(path, foreign(path, err, ours))
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if err := checkConn(ctx, c, path, ours); err != nil {
		return nil, readerError(path, err)
	}
	_, have, err := schemaOf(ctx, c)
	if err != nil {
		return nil, err
	}
	if have != schemaVersion {
		return nil, &SchemaError{Path: path, Have: have, Want: schemaVersion}
	}
	return l, nil
}

// Flush returns when everything queued before it would survive a loss of
// power.
func (l *Ledger) Flush(ctx context.Context) error {
	return l.call(ctx, nil)
}

// Close writes what is queued, durably, and lets go of the state directory.
// Its error is the first that writing met, so it says whether anything was
// lost. A second Close returns the same.
func (l *Ledger) Close() error {
	l.closing.Do(func() {
		if l.queue != nil {
			l.queue.close()
			<-l.done
			l.closed = l.queue.failure()
		}
		if err := l.closeFiles(l.closed == nil && !l.broken.Load()); l.closed == nil {
			l.closed = err
		}
	})
	return l.closed
}

// closeFiles closes whatever is open. After an end that is not clean the next
// Open looks closely at the file.
func (l *Ledger) closeFiles(clean bool) error {
	err := l.disconnect()
	if l.lock != nil {
		err = errors.Join(err, l.lock.release(clean))
	}
	return err
}

// disconnect closes the connections. The writer comes after the readers: the
// last one to leave folds the WAL into the file, and a reader cannot.
func (l *Ledger) disconnect() error {
	var errs []error
	l.preparing.Lock()
	for _, p := range l.prepared {
		errs = append(errs, p.Close())
	}
	l.preparing.Unlock()
	if l.read != nil {
		errs = append(errs, l.read.Close())
	}
	if l.session != nil {
		errs = append(errs, l.session.close())
	}
	if l.write != nil {
		errs = append(errs, l.write.Close())
	}
	return errors.Join(errs...)
}

// call does a durable write and waits for it.
func (l *Ledger) call(ctx context.Context, do func(context.Context, *session) error) error {
	return l.callFenced(ctx, 0, do)
}

// callFenced is call for a write that later runs of a mailbox must not
// overtake by joining earlier ones in the queue.
func (l *Ledger) callFenced(ctx context.Context, fence MailboxID, do func(context.Context, *session) error) error {
	if l.queue == nil {
		return ErrReadOnly
	}
	return l.queue.call(ctx, &op{do: do, level: durable, topic: ofAll, fence: fence})
}

// later queues a lazy write.
func (l *Ledger) later(ctx context.Context, t topic, do func(context.Context, *session) error) error {
	if l.queue == nil {
		return ErrReadOnly
	}
	return l.queue.add(ctx, func() { l.queue.push(&op{do: do, topic: t}) })
}

// query reads all rows of a statement, each by one call of scan, after what is
// queued of the topic has been written.
func (l *Ledger) query(ctx context.Context, t topic, scan func(*sql.Rows) error, query string, args ...any) error {
	if l.queue != nil {
		if err := l.queue.see(ctx, t); err != nil {
			return err
		}
	}
	p, err := l.prepare(ctx, query)
	if err == nil {
		var rows *sql.Rows
		if rows, err = p.QueryContext(ctx, args...); err == nil {
			err = each(rows, scan)
		}
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	if isBroken(err) {
		l.broken.Store(true)
	}
	return damaged(fmt.Errorf("read %s: %w", l.path, err))
}

// prepare keeps the statements that reading takes: there are few.
func (l *Ledger) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	l.preparing.Lock()
	defer l.preparing.Unlock()
	if p := l.prepared[query]; p != nil {
		return p, nil
	}
	p, err := l.read.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if l.prepared == nil {
		l.prepared = make(map[string]*sql.Stmt)
	}
	l.prepared[query] = p
	return p, nil
}

// each calls scan for each of rows and closes them.
func each(rows *sql.Rows, scan func(*sql.Rows) error) (err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
