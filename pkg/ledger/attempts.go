package ledger

import (
	"context"
	"database/sql"
)

// AddAttempt queues a record of one try; the same (Row, Run, N) again
// replaces it.
func (l *Ledger) AddAttempt(ctx context.Context, a Attempt) error {
	return l.later(ctx, ofRows, func(ctx context.Context, s *session) error {
		_, err := s.exec(ctx, `INSERT OR REPLACE INTO attempt
			(pair, run, n, start, seconds, state, fault_side, fault_code, fault_text, copied, octets)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			a.Row, a.Run, a.N, micros(a.Start), a.Seconds, a.State,
			a.FaultSide, a.FaultCode, a.FaultText, a.Copied, a.Octets)
		return err
	})
}

// Attempts reads all attempts at a row, the oldest first. It sees queued ones.
func (l *Ledger) Attempts(ctx context.Context, id RowID) ([]Attempt, error) {
	var out []Attempt
	err := l.query(ctx, ofRows, func(rows *sql.Rows) error {
		var a Attempt
		err := rows.Scan(&a.Row, &a.Run, &a.N, instant{&a.Start}, &a.Seconds, &a.State,
			&a.FaultSide, &a.FaultCode, &a.FaultText, &a.Copied, &a.Octets)
		out = append(out, a)
		return err
	}, `SELECT pair, run, n, start, seconds, state, fault_side, fault_code, fault_text, copied, octets
		FROM attempt WHERE pair = ? ORDER BY start, run, n`, id)
	return out, err
}
