package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
)

// runQueue is the runs of one queued write, and the flags that belong to it.
type runQueue struct {
	runs  []Run
	flags *Baseline // nil: none
}

// lastSource and lastDest are the last UIDs of a valid run.
func (r Run) lastSource() uint32 { return r.Source + (r.Count - 1) }
func (r Run) lastDest() uint32   { return r.Dest + (r.Count - 1) }

// valid says that a run has only UIDs that exist (RFC 9051 section 2.3.1.1),
// or one that is not known.
func (r Run) valid() bool {
	return r.Source > 0 && (r.Dest > 0 || r.Count == 1) && r.Count > 0 &&
		r.Count-1 <= math.MaxUint32-r.Source && r.Count-1 <= math.MaxUint32-r.Dest
}

// joins says that s goes on where r ends, on both sides.
func (r Run) joins(s Run) bool {
	return r.Dest != 0 && r.lastSource() != math.MaxUint32 && r.lastSource()+1 == s.Source &&
		r.lastDest() != math.MaxUint32 && r.lastDest()+1 == s.Dest
}

// AddRuns queues runs of a mailbox's UID map. What it says of a source UID
// replaces what the map said before; the rest of an older run stays. flags are
// those that the source had and that the destination was given, of as many of
// the messages as are known (nil: of none): a crash keeps a run and its flags
// both, or neither. The caller keeps flags.
func (l *Ledger) AddRuns(ctx context.Context, id MailboxID, runs []Run, flags *Baseline) error {
	for _, r := range runs {
		if !r.valid() {
			return fmt.Errorf("add runs: %d+%d -> %d is not a run of UIDs", r.Source, r.Count, r.Dest)
		}
	}
	return l.addToMap(ctx, id, runs, flags)
}

// SetFlags queues what flags the source had of messages that are mapped
// already, once the destination has been told of them. Other messages' flags
// stay. The caller keeps flags.
func (l *Ledger) SetFlags(ctx context.Context, id MailboxID, flags *Baseline) error {
	return l.addToMap(ctx, id, nil, flags)
}

func (l *Ledger) addToMap(ctx context.Context, id MailboxID, runs []Run, flags *Baseline) error {
	q := l.queue
	if q == nil {
		return ErrReadOnly
	}
	if len(runs) == 0 && flags.empty() {
		return nil
	}
	return q.add(ctx, func() {
		if queued := q.runs[id]; queued != nil {
			q.grow(queued.append(runs, flags))
			return
		}
		queued := &runQueue{}
		q.grow(queued.append(runs, flags) - 1) // push counts one
		q.runs[id] = queued
		q.push(&op{topic: ofMailboxes, do: func(ctx context.Context, s *session) error {
			for _, r := range queued.runs {
				if err := putRun(ctx, s, id, r); err != nil {
					return err
				}
			}
			return putFlags(ctx, s, id, queued.flags)
		}})
	})
}

// append adds runs, joining what adjoins, and flags, and says by how many
// writes it grew.
func (u *runQueue) append(runs []Run, flags *Baseline) int {
	before := len(u.runs)
	for _, r := range runs {
		if n := len(u.runs); n > 0 && u.runs[n-1].joins(r) {
			u.runs[n-1].Count += r.Count
			continue
		}
		u.runs = append(u.runs, r)
	}
	grew := len(u.runs) - before
	if flags.empty() {
		return grew
	}
	if u.flags == nil {
		u.flags = &Baseline{}
		grew++
	}
	u.flags.Merge(flags)
	return grew
}

// putRun writes one run into the map: older runs give way where it overlaps
// them, and the one before it grows where it adjoins.
func putRun(ctx context.Context, s *session, id MailboxID, r Run) error {
	for {
		p, ok, err := runBefore(ctx, s, id, r.lastSource())
		switch {
		case err != nil:
			return err
		case ok && p.lastSource() >= r.Source:
			if err := cutRun(ctx, s, id, p, r); err != nil {
				return err
			}
			continue
		case ok && p.joins(r):
			_, err := s.exec(ctx, "UPDATE run SET count = ? WHERE mailbox = ? AND source = ?", p.Count+r.Count, id, p.Source)
			return err
		}
		return insertRun(ctx, s, id, r)
	}
}

// runBefore is the last run that begins at or before the source UID.
func runBefore(ctx context.Context, s *session, id MailboxID, source uint32) (r Run, ok bool, err error) {
	rows, err := s.query(ctx, `SELECT source, dest, count FROM run
		WHERE mailbox = ? AND source <= ? ORDER BY source DESC LIMIT 1`, id, source)
	if err != nil {
		return Run{}, false, err
	}
	err = each(rows, func(rows *sql.Rows) error {
		ok = true
		return rows.Scan(&r.Source, &r.Dest, &r.Count)
	})
	return r, ok, err
}

// cutRun takes the source UIDs of r out of the run old, which overlaps it.
func cutRun(ctx context.Context, s *session, id MailboxID, old, r Run) error {
	if _, err := s.exec(ctx, "DELETE FROM run WHERE mailbox = ? AND source = ?", id, old.Source); err != nil {
		return err
	}
	if old.Source < r.Source {
		head := Run{old.Source, old.Dest, r.Source - old.Source}
		if err := insertRun(ctx, s, id, head); err != nil {
			return err
		}
	}
	if old.lastSource() > r.lastSource() {
		skip := r.lastSource() + 1 - old.Source
		return insertRun(ctx, s, id, Run{old.Source + skip, old.Dest + skip, old.Count - skip})
	}
	return nil
}

// DropRuns queues that the destination has messages no longer, by their source
// UIDs, in any order: their runs are cut. What is mapped of them nowhere is left
// alone. It does not keep uids.
func (l *Ledger) DropRuns(ctx context.Context, id MailboxID, uids []uint32) error {
	q := l.queue
	if q == nil {
		return ErrReadOnly
	}
	all := slices.Compact(slices.Sorted(slices.Values(uids)))
	return q.add(ctx, func() {
		q.push(&op{topic: ofMailboxes, fence: id, do: func(ctx context.Context, s *session) error {
			for left := all; len(left) > 0; {
				r := Run{Source: left[0]}
				for len(left) > 0 && left[0]-r.Source == r.Count {
					r.Count, left = r.Count+1, left[1:]
				}
				if err := dropRun(ctx, s, id, r); err != nil {
					return err
				}
			}
			return nil
		}})
	})
}

// dropRun takes the source UIDs of r out of all runs.
func dropRun(ctx context.Context, s *session, id MailboxID, r Run) error {
	for {
		p, ok, err := runBefore(ctx, s, id, r.lastSource())
		if err != nil || !ok || p.lastSource() < r.Source {
			return err
		}
		if err := cutRun(ctx, s, id, p, r); err != nil {
			return err
		}
	}
}

func insertRun(ctx context.Context, s *session, id MailboxID, r Run) error {
	_, err := s.exec(ctx, "INSERT INTO run (mailbox, source, dest, count) VALUES (?, ?, ?, ?)", id, r.Source, r.Dest, r.Count)
	return err
}

// foldRuns joins all runs of a mailbox that adjoin: several lanes may have
// added theirs out of order.
func foldRuns(ctx context.Context, s *session, id MailboxID) error {
	rows, err := s.query(ctx, "SELECT source, dest, count FROM run WHERE mailbox = ? ORDER BY source", id)
	if err != nil {
		return err
	}
	all, err := scanRuns(rows)
	if err != nil {
		return err
	}
	for i := 0; i < len(all); {
		first := all[i]
		n := i + 1
		for ; n < len(all) && first.joins(all[n]); n++ {
			first.Count += all[n].Count
		}
		if n > i+1 {
			if _, err := s.exec(ctx, "DELETE FROM run WHERE mailbox = ? AND source > ? AND source <= ?",
				id, first.Source, first.lastSource()); err != nil {
				return err
			}
			if _, err := s.exec(ctx, "UPDATE run SET count = ? WHERE mailbox = ? AND source = ?",
				first.Count, id, first.Source); err != nil {
				return err
			}
		}
		i = n
	}
	return nil
}

func scanRuns(rows *sql.Rows) ([]Run, error) {
	var out []Run
	err := each(rows, runScanner(&out))
	return out, err
}

func runScanner(out *[]Run) func(*sql.Rows) error {
	return func(rows *sql.Rows) error {
		var r Run
		err := rows.Scan(&r.Source, &r.Dest, &r.Count)
		*out = append(*out, r)
		return err
	}
}

// Runs reads a mailbox's UID map in the order of the source's UIDs; no two
// runs overlap there. It sees queued ones.
func (l *Ledger) Runs(ctx context.Context, id MailboxID) ([]Run, error) {
	var out []Run
	err := l.query(ctx, ofMailboxes, runScanner(&out),
		"SELECT source, dest, count FROM run WHERE mailbox = ? ORDER BY source", id)
	return out, err
}

// DestRuns reads every run into a destination mailbox: from any source mailbox
// of any row of the list with the Key.Dest of this one, whose map stands for
// the destination UIDVALIDITY given. They are in the order of the destination's
// UIDs. It sees queued ones.
func (l *Ledger) DestRuns(ctx context.Context, id RowID, dest string, destValidity uint32) ([]Run, error) {
	var out []Run
	err := l.query(ctx, ofMailboxes, runScanner(&out), `SELECT run.source, run.dest, run.count
		FROM pair AS mine
		JOIN pair AS other ON other.dest = mine.dest AND other.line > 0
		JOIN mailbox ON mailbox.pair = other.id
		JOIN run ON run.mailbox = mailbox.id
		WHERE mine.id = ? AND mailbox.dest = ? AND mailbox.dest_validity = ?
		ORDER BY run.dest, run.mailbox, run.source`, id, dest, destValidity)
	return out, err
}

// OtherRuns is DestRuns without those of row id, which may be 0, unknown: what
// the other rows of the list whose Key.Dest is account have put there.
func (l *Ledger) OtherRuns(ctx context.Context, id RowID, account, dest string, destValidity uint32) ([]Run, error) {
	var out []Run
	err := l.query(ctx, ofMailboxes, runScanner(&out), `SELECT run.source, run.dest, run.count
		FROM pair AS other
		JOIN mailbox ON mailbox.pair = other.id
		JOIN run ON run.mailbox = mailbox.id
		WHERE other.dest = ? AND other.line > 0 AND other.id <> ? AND mailbox.dest = ? AND mailbox.dest_validity = ?
		ORDER BY run.dest, run.mailbox, run.source`, account, id, dest, destValidity)
	return out, err
}
