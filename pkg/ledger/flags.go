package ledger

import (
	"context"
	"database/sql"
	"fmt"
)

// putFlags records flags as a row of their own: FinishMailbox makes one of
// all.
func putFlags(ctx context.Context, s *session, id MailboxID, flags *Baseline) error {
	if flags.empty() {
		return nil
	}
	data, err := flags.encode()
	if err != nil {
		return err
	}
	_, err = s.exec(ctx, "INSERT INTO baseline (mailbox, data) VALUES (?, ?)", id, data)
	return err
}

const selectFlags = "SELECT data FROM baseline WHERE mailbox = ? ORDER BY id"

// foldFlags makes one row of all that a mailbox has.
func foldFlags(ctx context.Context, s *session, id MailboxID) error {
	rows, err := s.query(ctx, selectFlags, id)
	if err != nil {
		return err
	}
	all, n := &Baseline{}, 0
	if err := each(rows, flagsScanner(&all, &n)); err != nil {
		return flagsError(id, err)
	}
	if n < 2 {
		return nil
	}
	if _, err := s.exec(ctx, "DELETE FROM baseline WHERE mailbox = ?", id); err != nil {
		return err
	}
	return putFlags(ctx, s, id, all)
}

// flagsScanner merges each row into *all and counts them.
func flagsScanner(all **Baseline, n *int) func(*sql.Rows) error {
	return func(rows *sql.Rows) error {
		var data sql.RawBytes
		if err := rows.Scan(&data); err != nil {
			return err
		}
		piece, err := decodeBaseline(data)
		if err != nil {
			return err
		}
		if *n++; *n == 1 {
			*all = piece // the folded one, as a rule, which is the largest by far
		} else {
			(*all).Merge(piece)
		}
		return nil
	}
}

// Baseline reads what flags the source had of a mailbox's messages when we
// last looked; those that it does not know were copied by an older version, or
// found at the destination. It sees what is queued.
func (l *Ledger) Baseline(ctx context.Context, id MailboxID) (*Baseline, error) {
	all, n := &Baseline{}, 0
	if err := l.query(ctx, ofMailboxes, flagsScanner(&all, &n), selectFlags, id); err != nil {
		return nil, flagsError(id, err)
	}
	return all, nil
}

func flagsError(id MailboxID, err error) error {
	return fmt.Errorf("flags of mailbox %d: %w", id, err)
}
