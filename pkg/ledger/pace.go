package ledger

import (
	"context"
	"database/sql"
	"time"
)

// paces is how many runs' paces are kept, the latest ones.
const paces = 100

// Pace is what one run reached. Run is its identity. Times are in seconds.
type Pace struct {
	Run         string
	Started     time.Time
	Seconds     float64 // wall time in which lanes were at work
	Parallel    int     // lanes that it had
	LaneSeconds float64 // lane time of all rows
	Rows        int64
	Messages    int64  // copied
	Octets      int64  // of those
	Hosts       string // of both sides, separated by blanks
	// PerRow, PerMessage and PerOctet are what a row, a message and an octet cost
	// of LaneSeconds.
	PerRow, PerMessage, PerOctet float64
	Knee                         string // JSON of the rates by lanes; "": one number of lanes
}

// SavePace queues what a run reached.
func (l *Ledger) SavePace(ctx context.Context, p Pace) error {
	return l.later(ctx, ofRows, func(ctx context.Context, s *session) error {
		_, err := s.exec(ctx, `INSERT OR REPLACE INTO pace (run, started, seconds, parallel, lane_seconds, rows, messages, octets,
			hosts, per_row, per_message, per_octet, knee) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			p.Run, micros(p.Started), p.Seconds, p.Parallel, p.LaneSeconds, p.Rows, p.Messages, p.Octets,
			p.Hosts, p.PerRow, p.PerMessage, p.PerOctet, p.Knee)
		if err == nil {
			_, err = s.exec(ctx, `DELETE FROM pace WHERE run NOT IN (SELECT run FROM pace ORDER BY started DESC LIMIT ?)`, paces)
		}
		return err
	})
}

// Paces reads what runs reached, the latest first.
func (l *Ledger) Paces(ctx context.Context) (out []Pace, err error) {
	err = l.query(ctx, ofRows, func(rows *sql.Rows) error {
		var p Pace
		err := rows.Scan(&p.Run, instant{&p.Started}, &p.Seconds, &p.Parallel, &p.LaneSeconds, &p.Rows, &p.Messages, &p.Octets,
			&p.Hosts, &p.PerRow, &p.PerMessage, &p.PerOctet, &p.Knee)
		out = append(out, p)
		return err
	}, `SELECT run, started, seconds, parallel, lane_seconds, rows, messages, octets, hosts, per_row, per_message, per_octet, knee
		FROM pace ORDER BY started DESC, run`)
	return out, err
}

// Size is what a look at a source has found. The fields are those of [Row] that
// begin with Source.
type Size struct {
	Messages, Octets, Error int64
	Rules                   string
}

// SaveSize queues what a look at the source of a row that does not run has found.
func (l *Ledger) SaveSize(ctx context.Context, id RowID, size Size) error {
	return l.later(ctx, ofRows, func(ctx context.Context, s *session) error {
		_, err := s.exec(ctx, "UPDATE pair SET (source_messages, source_octets, source_error, source_rules) = (?, ?, ?, ?) WHERE id = ?",
			size.Messages, size.Octets, size.Error, size.Rules, id)
		return err
	})
}
