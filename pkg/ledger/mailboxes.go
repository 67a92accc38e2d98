package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"math"
)

const mailboxColumns = `id, pair, source, dest, source_validity, dest_validity, floor, open,
	source_uidnext, source_messages, source_modseq, rules,
	filtered_date, filtered_size, filtered_duplicate, gone_kept, first_floor,
	(SELECT count(*) FROM reject WHERE reject.mailbox = mailbox.id),
	EXISTS (SELECT 1 FROM run WHERE run.mailbox = mailbox.id)`

// Mailboxes reads a row's mailboxes in the order in which they were added. It
// sees what is queued.
func (l *Ledger) Mailboxes(ctx context.Context, id RowID) ([]Mailbox, error) {
	var out []Mailbox
	err := l.query(ctx, ofMailboxes, func(rows *sql.Rows) error {
		var m Mailbox
		err := rows.Scan(&m.ID, &m.Row, &m.Source, &m.Dest, &m.SourceValidity, &m.DestValidity,
			&m.Floor, &m.Open, &m.SourceUIDNext, &m.SourceMessages, &m.SourceModSeq, &m.Rules,
			&m.FilteredDate, &m.FilteredSize, &m.FilteredDuplicate, &m.GoneKept, &m.FirstFloor, &m.Rejects, &m.Mapped)
		out = append(out, m)
		return err
	}, "SELECT "+mailboxColumns+" FROM mailbox WHERE pair = ? ORDER BY id", id)
	return out, err
}

// AddMailbox adds one mailbox, all of its fields, and sets its ID. It is
// durable on return. A source mailbox can be added once.
func (l *Ledger) AddMailbox(ctx context.Context, m *Mailbox) error {
	return l.AddMailboxes(ctx, []*Mailbox{m})
}

// AddMailboxes is AddMailbox for several, with one commit: all or none.
func (l *Ledger) AddMailboxes(ctx context.Context, ms []*Mailbox) error {
	// The caller may be gone before the writer comes to it: the writer works
	// on what is its own.
	add := make([]Mailbox, len(ms))
	for i, m := range ms {
		add[i] = *m
	}
	err := l.call(ctx, func(ctx context.Context, s *session) error {
		for i := range add {
			if err := addMailbox(ctx, s, &add[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, m := range ms {
		m.ID = add[i].ID
	}
	return nil
}

func addMailbox(ctx context.Context, s *session, m *Mailbox) error {
	id, err := s.insert(ctx, `INSERT INTO mailbox
		(pair, source, dest, source_validity, dest_validity, floor, open, source_uidnext, source_messages, source_modseq, rules,
		filtered_date, filtered_size, filtered_duplicate, gone_kept, first_floor)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		m.Row, blob(m.Source), m.Dest, m.SourceValidity, m.DestValidity, m.Floor, m.Open,
		m.SourceUIDNext, m.SourceMessages, storedModSeq(m.SourceModSeq), m.Rules,
		m.FilteredDate, m.FilteredSize, m.FilteredDuplicate, m.GoneKept, m.FirstFloor)
	if isConstraint(err) {
		return refuse(fmt.Errorf("add mailbox %q: row %d has it already, or there is no such row: %w", m.Source, m.Row, err))
	}
	m.ID = MailboxID(id)
	return err
}

// storedModSeq is a mod-sequence as SQLite can hold it: 63 bits, which is all
// that RFC 7162 section 7 allows. One that is larger is unknown.
func storedModSeq(n uint64) int64 {
	if n > math.MaxInt64 {
		return 0
	}
	return int64(n)
}

// ResetMap forgets a mailbox's runs, flags and repairs of messages: they stood
// for another UIDVALIDITY. So are its rejects, unless that of the source is the
// same: UIDs there name the same messages then, whatever became of the
// destination. Its floor is 0 again and the map that comes stands for the
// UIDVALIDITY given, 0 where UIDs do not last; what was open stays so, since a
// session may still be storing. It is durable on return.
func (l *Ledger) ResetMap(ctx context.Context, id MailboxID, sourceValidity, destValidity uint32) error {
	return l.callFenced(ctx, id, func(ctx context.Context, s *session) error {
		if _, err := s.exec(ctx, `DELETE FROM reject WHERE mailbox =
			(SELECT id FROM mailbox WHERE id = ? AND (source_validity = 0 OR source_validity <> ?))`, id, sourceValidity); err != nil {
			return err
		}
		changed, err := s.exec(ctx, `UPDATE mailbox SET source_validity = ?, dest_validity = ?,
			floor = 0, first_floor = 0, source_uidnext = 0, source_messages = 0, source_modseq = 0, rules = '',
			filtered_date = 0, filtered_size = 0, filtered_duplicate = 0, gone_kept = 0 WHERE id = ?`,
			sourceValidity, destValidity, id)
		if err != nil {
			return err
		}
		if changed != 1 {
			return refuse(noMailbox(id))
		}
		return forget(ctx, s, id)
	})
}

// forget deletes what is known of a mailbox's messages at the destination.
func forget(ctx context.Context, s *session, id MailboxID) error {
	for _, what := range []string{"run WHERE", "other WHERE", "baseline WHERE", "repair WHERE uid > 0 AND"} {
		if _, err := s.exec(ctx, "DELETE FROM "+what+" mailbox = ?", id); err != nil {
			return err
		}
	}
	return nil
}

// Dest is another destination mailbox for a [Mailbox].
type Dest struct {
	ID   MailboxID
	Name string // in UTF-8
}

// SetDests sends mailboxes of which nothing was copied to other destination
// mailboxes, all or none: one that is Mapped or Open is refused (ErrSettled). What was known
// of their messages and repairs is forgotten. It is durable on return.
func (l *Ledger) SetDests(ctx context.Context, dests []Dest) error {
	set := append([]Dest(nil), dests...) // the caller may be gone before us
	return l.call(ctx, func(ctx context.Context, s *session) error {
		for _, d := range set {
			changed, err := s.exec(ctx, `UPDATE mailbox SET dest = ?, source_validity = 0, dest_validity = 0, floor = 0, first_floor = 0,
				source_uidnext = 0, source_messages = 0, source_modseq = 0, rules = '',
				filtered_date = 0, filtered_size = 0, filtered_duplicate = 0, gone_kept = 0
				WHERE id = ? AND NOT open AND NOT EXISTS (SELECT 1 FROM run WHERE run.mailbox = mailbox.id)`, d.Name, d.ID)
			if err != nil {
				return err
			}
			if changed != 1 {
				return refuse(fmt.Errorf("mailbox %d: %w", d.ID, ErrSettled))
			}
			if err := forget(ctx, s, d.ID); err != nil {
				return err
			}
			for _, what := range []string{"reject", "repair"} {
				if _, err := s.exec(ctx, "DELETE FROM "+what+" WHERE mailbox = ?", d.ID); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

const setFloor = `UPDATE mailbox SET floor = ?, open = ?,
	first_floor = CASE WHEN first_floor = 0 THEN ? ELSE first_floor END,
	source_validity = CASE WHEN ? THEN ? ELSE source_validity END,
	dest_validity = CASE WHEN ? THEN ? ELSE dest_validity END
	WHERE id = ?`

// SetFloors sets the floors and open marks of mailboxes, all or none. On
// return they, and everything queued before, would survive a loss of power.
// Calls made at the same time share a commit.
func (l *Ledger) SetFloors(ctx context.Context, floors []Floor) error {
	set := append([]Floor(nil), floors...) // the caller may be gone before us
	return l.call(ctx, func(ctx context.Context, s *session) error {
		for _, f := range set {
			changed, err := s.exec(ctx, setFloor, f.Floor, f.Open, f.Floor, f.SourceValidity, f.SourceValidity,
				f.DestValidity, f.DestValidity, f.ID)
			if err != nil {
				return err
			}
			if changed != 1 {
				return refuse(noMailbox(f.ID))
			}
		}
		return nil
	})
}

// FinishMailbox queues the end of a whole pass over a mailbox: nothing is
// open, the source was as f says, runs that adjoin on both sides become one,
// and so do the records of flags.
func (l *Ledger) FinishMailbox(ctx context.Context, id MailboxID, f Finished) error {
	q := l.queue
	if q == nil {
		return ErrReadOnly
	}
	return q.add(ctx, func() {
		q.push(&op{topic: ofMailboxes, fence: id, do: func(ctx context.Context, s *session) error {
			changed, err := s.exec(ctx, `UPDATE mailbox SET open = 0, source_uidnext = ?, source_messages = ?,
				source_modseq = ?, rules = ?, filtered_date = ?, filtered_size = ?, filtered_duplicate = ?, gone_kept = ?,
				dest_validity = CASE WHEN ? THEN 0 ELSE dest_validity END
				WHERE id = ?`, f.UIDNext, f.Messages, storedModSeq(f.ModSeq), f.Rules,
				f.FilteredDate, f.FilteredSize, f.FilteredDuplicate, f.GoneKept, f.Void, id)
			if err != nil {
				return err
			}
			if changed != 1 {
				return noMailbox(id)
			}
			if err := foldRuns(ctx, s, id); err != nil {
				return err
			}
			return foldFlags(ctx, s, id)
		}})
	})
}

func noMailbox(id MailboxID) error { return fmt.Errorf("there is no mailbox %d", id) }
