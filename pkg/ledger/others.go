package ledger

import (
	"cmp"
	"context"
	"slices"
)

// AddOthers queues that the destination UIDs of runs were put there by others:
// they were found, and are mapped by an AddRuns that comes after, so that a
// crash never keeps such a run without knowing that. The UIDs of a mailbox are
// not given twice (RFC 9051 section 2.3.1.1), so what is said of one holds until
// ResetMap. It does not keep runs.
func (l *Ledger) AddOthers(ctx context.Context, id MailboxID, runs []Run) error {
	q := l.queue
	if q == nil {
		return ErrReadOnly
	}
	all := joinDests(runs)
	if len(all) == 0 {
		return nil
	}
	return q.add(ctx, func() {
		q.push(&op{topic: ofMailboxes, fence: id, do: func(ctx context.Context, s *session) error {
			for _, r := range all {
				if _, err := s.exec(ctx, "INSERT OR IGNORE INTO other (mailbox, first, count) VALUES (?, ?, ?)", id, r.Dest, r.Count); err != nil {
					return err
				}
			}
			return nil
		}})
	})
}

// joinDests returns what destination UIDs runs have, in order; the result has no
// source UIDs.
func joinDests(runs []Run) (all []Run) {
	sorted := slices.SortedFunc(slices.Values(runs), func(a, b Run) int { return cmp.Compare(a.Dest, b.Dest) })
	for _, r := range sorted {
		if r.Dest == 0 || r.Count == 0 {
			continue
		}
		if n := len(all); n > 0 && r.Dest-all[n-1].Dest <= all[n-1].Count {
			all[n-1].Count = max(all[n-1].Count, r.Dest-all[n-1].Dest+r.Count)
			continue
		}
		all = append(all, Run{Dest: r.Dest, Count: r.Count})
	}
	return all
}

// Others reads which mapped destination UIDs of a mailbox AddOthers has named, as
// runs without source UIDs, in order. It sees queued ones.
func (l *Ledger) Others(ctx context.Context, id MailboxID) ([]Run, error) {
	var out []Run
	err := l.query(ctx, ofMailboxes, runScanner(&out),
		"SELECT 0, first, count FROM other WHERE mailbox = ? ORDER BY first, count", id)
	return joinDests(out), err
}
