package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
)

// stateColumns are what SaveRow writes, in the order of stateOf.
const stateColumns = `state, listed, copied, already_there, filtered, rejected, gone, not_tried,
	octets, octets_not_tried, mailboxes, mailboxes_refused, source_messages, source_octets,
	attempts, started, updated, seconds,
	fault_side, fault_scope, fault_code, fault_op, fault_mailbox, fault_text, fault_hint,
	fault_temporary, parked_until,
	filtered_date, filtered_size, filtered_search, filtered_duplicate, accepted, repaired,
	gone_kept, deleted, moved, flags_updated, mailboxes_split, mailboxes_filtered, only,
	lane_time, spent, source_parked, dest_parked, source_error, source_rules`

func stateOf(r *Row) []any {
	return []any{r.State, r.Listed, r.Copied, r.AlreadyThere, r.Filtered, r.Rejected, r.Gone, r.NotTried,
		r.Octets, r.OctetsNotTried, r.Mailboxes, r.MailboxesRefused, r.SourceMessages, r.SourceOctets,
		r.Attempts, micros(r.Started), micros(r.Updated), r.Seconds,
		r.FaultSide, r.FaultScope, r.FaultCode, r.FaultOp, r.FaultMailbox, r.FaultText, r.FaultHint,
		r.FaultTemporary, micros(r.ParkedUntil),
		r.FilteredDate, r.FilteredSize, r.FilteredSearch, r.FilteredDuplicate, r.Accepted, r.Repaired,
		r.GoneKept, r.Deleted, r.Moved, r.FlagsUpdated, r.MailboxesSplit, r.MailboxesFiltered, r.Only,
		int64(r.LaneTime), r.Spent, int64(r.SourceParked), int64(r.DestParked), r.SourceError, r.SourceRules}
}

// Rows reads the rows in the order asked. The id 0 gives a zero Row: one that
// Find did not know.
func (l *Ledger) Rows(ctx context.Context, ids []RowID) ([]Row, error) {
	asked, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	found := make(map[RowID]Row, len(ids))
	err = l.query(ctx, ofRows, func(rows *sql.Rows) error {
		r, err := scanRow(rows)
		found[r.ID] = r
		return err
	}, `SELECT id, host1, port1, user1, host2, port2, user2, dest, line, `+stateColumns+`
		FROM pair WHERE id IN (SELECT value FROM json_each(?))`, string(asked))
	if err != nil {
		return nil, err
	}
	out := make([]Row, len(ids))
	for i, id := range ids {
		r, ok := found[id]
		if !ok && id != 0 {
			return nil, fmt.Errorf("read %s: there is no row %d", l.path, id)
		}
		out[i] = r
	}
	return out, nil
}

func scanRow(rows *sql.Rows) (Row, error) {
	var r Row
	err := rows.Scan(&r.ID, &r.Key.Host1, &r.Key.Port1, &r.Key.User1, &r.Key.Host2, &r.Key.Port2, &r.Key.User2,
		&r.Key.Dest, &r.Line,
		&r.State, &r.Listed, &r.Copied, &r.AlreadyThere, &r.Filtered, &r.Rejected, &r.Gone, &r.NotTried,
		&r.Octets, &r.OctetsNotTried, &r.Mailboxes, &r.MailboxesRefused, &r.SourceMessages, &r.SourceOctets,
		&r.Attempts, instant{&r.Started}, instant{&r.Updated}, &r.Seconds,
		&r.FaultSide, &r.FaultScope, &r.FaultCode, &r.FaultOp, &r.FaultMailbox, &r.FaultText, &r.FaultHint,
		&r.FaultTemporary, instant{&r.ParkedUntil},
		&r.FilteredDate, &r.FilteredSize, &r.FilteredSearch, &r.FilteredDuplicate, &r.Accepted, &r.Repaired,
		&r.GoneKept, &r.Deleted, &r.Moved, &r.FlagsUpdated, &r.MailboxesSplit, &r.MailboxesFiltered, &r.Only,
		&r.LaneTime, &r.Spent, &r.SourceParked, &r.DestParked, &r.SourceError, &r.SourceRules)
	return r, err
}

// SaveRow queues where the row r.ID stands; the last call wins. Key and Line
// are Bind's and left alone. Times are kept to the microsecond.
func (l *Ledger) SaveRow(ctx context.Context, r Row) error {
	if r.ID <= 0 {
		return fmt.Errorf("save row: there is no row %d", r.ID)
	}
	q := l.queue
	if q == nil {
		return ErrReadOnly
	}
	return q.add(ctx, func() {
		if queued := q.rows[r.ID]; queued != nil {
			*queued = r
			return
		}
		q.rows[r.ID] = &r
		q.push(&op{topic: ofRows, do: func(ctx context.Context, s *session) error { return saveRow(ctx, s, &r) }})
	})
}

func saveRow(ctx context.Context, s *session, r *Row) error {
	values := stateOf(r)
	places := strings.Repeat(", ?", len(values))[2:]
	changed, err := s.exec(ctx, "UPDATE pair SET ("+stateColumns+") = ("+places+") WHERE id = ?", append(values, r.ID)...)
	if err == nil && changed != 1 {
		err = fmt.Errorf("save row: there is no row %d", r.ID)
	}
	return err
}
