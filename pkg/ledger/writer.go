package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
)

// session is the writer's connection with its prepared statements. Only the
// writing goroutine uses it.
type session struct {
	conn     *sql.Conn
	prepared map[string]*sql.Stmt
	full     bool         // synchronous is FULL
	unsynced bool         // a commit was not synchronised to disk
	present  func() error // why nothing may be written any more; nil: never
	commits  atomic.Int64
}

func (s *session) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if p := s.prepared[query]; p != nil {
		return p, nil
	}
	p, err := s.conn.PrepareContext(ctx, query)
	if err == nil {
		s.prepared[query] = p
	}
	return p, err
}

// exec runs one statement and says how many rows it changed.
func (s *session) exec(ctx context.Context, query string, args ...any) (changed int64, err error) {
	p, err := s.prepare(ctx, query)
	if err != nil {
		return 0, err
	}
	r, err := p.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// insert runs one INSERT and returns the new row's number.
func (s *session) insert(ctx context.Context, query string, args ...any) (int64, error) {
	p, err := s.prepare(ctx, query)
	if err != nil {
		return 0, err
	}
	r, err := p.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return r.LastInsertId()
}

func (s *session) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	p, err := s.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	return p.QueryContext(ctx, args...)
}

// refusedError is a caller's own mistake: its write is undone, those beside
// it in the batch are kept.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }

func refuse(err error) error { return &refusedError{err} }

// write is the writing goroutine: it ends when q is closed and empty.
func (s *session) write(ctx context.Context, q *queue, path string) {
	for {
		ops, want, ok := q.next()
		if !ok {
			return
		}
		err := q.failure()
		if err == nil {
			if err = s.commit(ctx, ops, want); err != nil {
				err = damaged(fmt.Errorf("write %s: %w", path, err))
			}
		}
		q.settle(ops, err)
	}
}

// commit writes a batch in one transaction. Its error is the batch's; what
// concerns one caller only is left in its op.
func (s *session) commit(ctx context.Context, ops []*op, want level) (err error) {
	writes := want == durable && s.unsynced
	for _, o := range ops {
		writes = writes || o.do != nil
	}
	if !writes {
		return nil
	}
	if s.present != nil {
		if err := s.present(); err != nil {
			return err
		}
	}
	if err := s.synchronous(ctx, want == durable); err != nil {
		return err
	}
	if _, err := s.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			// SQLite may have rolled back by itself: the first error says more.
			_, _ = s.exec(ctx, "ROLLBACK")
		}
	}()
	for _, o := range ops {
		if err := s.apply(ctx, o); err != nil {
			return err
		}
	}
	if want == durable && s.unsynced {
		// A transaction that changes nothing synchronises nothing.
		if _, err := s.exec(ctx, "UPDATE mark SET n = n + 1"); err != nil {
			return err
		}
	}
	if _, err := s.exec(ctx, "COMMIT"); err != nil {
		return err
	}
	s.unsynced = want != durable
	s.commits.Add(1)
	return nil
}

// apply does one write. One that somebody waits for can be undone alone.
func (s *session) apply(ctx context.Context, o *op) error {
	switch {
	case o.do == nil:
		return nil
	case o.level == lazy:
		return o.do(ctx, s)
	}
	if _, err := s.exec(ctx, "SAVEPOINT one"); err != nil {
		return err
	}
	err := o.do(ctx, s)
	var r *refusedError
	switch {
	case errors.As(err, &r):
		o.err = r.err
	case isConstraint(err):
		o.err = err
	case err != nil:
		return err
	}
	if o.err != nil {
		if _, err := s.exec(ctx, "ROLLBACK TO one"); err != nil {
			return err
		}
	}
	_, err = s.exec(ctx, "RELEASE one")
	return err
}

// synchronous switches between FULL, where a commit is on the disk when it
// returns, and NORMAL, where a loss of power may take the last ones. A FULL
// commit brings the NORMAL ones before it to the disk too: they are in the
// same WAL.
func (s *session) synchronous(ctx context.Context, full bool) error {
	if s.full == full {
		return nil
	}
	mode := "PRAGMA synchronous = NORMAL"
	if full {
		mode = "PRAGMA synchronous = FULL"
	}
	if _, err := s.conn.ExecContext(ctx, mode); err != nil {
		return err
	}
	s.full = full
	return nil
}

// close ends the session; SQLite then folds the WAL into the file where no
// other process reads it.
func (s *session) close() error {
	var errs []error
	for _, p := range s.prepared {
		errs = append(errs, p.Close())
	}
	return errors.Join(append(errs, s.conn.Close())...)
}
