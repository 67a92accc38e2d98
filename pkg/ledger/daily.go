package ledger

import (
	"context"
	"database/sql"
	"time"
)

// Hour is what passed between an account and us in one hour.
type Hour struct {
	Start  time.Time // of the hour, UTC
	Octets int64
}

// AddDaily queues that octets passed in the hour of at. account is any name that
// stays the same; rows may share it.
func (l *Ledger) AddDaily(ctx context.Context, account string, at time.Time, octets int64) error {
	return l.later(ctx, ofRows, func(ctx context.Context, s *session) error {
		_, err := s.exec(ctx, `INSERT INTO daily (account, hour, octets) VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET octets = octets + excluded.octets`, account, at.Unix()/3600, octets)
		return err
	})
}

// Daily reads what passed in the hours from the one of since on, in order. It
// sees queued ones. Older hours are forgotten.
func (l *Ledger) Daily(ctx context.Context, account string, since time.Time) (hours []Hour, err error) {
	first := since.Unix() / 3600
	err = l.query(ctx, ofRows, func(rows *sql.Rows) error {
		var h, octets int64
		err := rows.Scan(&h, &octets)
		hours = append(hours, Hour{time.Unix(h*3600, 0).UTC(), octets})
		return err
	}, "SELECT hour, octets FROM daily WHERE account = ? AND hour >= ? ORDER BY hour", account, first)
	if err != nil || l.queue == nil {
		return hours, err
	}
	return hours, l.later(ctx, ofRows, func(ctx context.Context, s *session) error {
		_, err := s.exec(ctx, "DELETE FROM daily WHERE account = ? AND hour < ?", account, first)
		return err
	})
}
