package ledger

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"time"
)

// predictions is how many are kept, the latest ones.
const predictions = 100

// Prediction is what a plan said of a run of some rows, in seconds of work, and
// what came of it.
type Prediction struct {
	ID     int64
	Made   time.Time
	Rows   string // RowsDigest of the rows
	Origin string // where the rates came from
	Lanes  int
	// Raw is Likely before it was corrected by the outcome of earlier ones.
	Raw, Low, Likely, High float64
	Took                   float64   // by all runs of these rows so far
	Ended                  time.Time // when the last of the rows was done; zero: not yet
}

// RowsDigest names a set of rows, whatever their order.
func RowsDigest(ids []RowID) string {
	sorted := slices.Sorted(slices.Values(ids))
	h := sha256.New()
	for _, id := range slices.Compact(sorted) {
		var b [8]byte
		binary.BigEndian.PutUint64(b[:], uint64(id))
		h.Write(b[:])
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// AddPrediction queues a new prediction, in the place of one about the same rows
// that nothing has come of yet. ID is not looked at.
func (l *Ledger) AddPrediction(ctx context.Context, p Prediction) error {
	return l.later(ctx, ofRows, func(ctx context.Context, s *session) error {
		if _, err := s.exec(ctx, "DELETE FROM prediction WHERE rows = ? AND ended IS NULL", p.Rows); err != nil {
			return err
		}
		_, err := s.exec(ctx, `INSERT INTO prediction (made, rows, origin, lanes, raw, low, likely, high, took, ended)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			micros(p.Made), p.Rows, p.Origin, p.Lanes, p.Raw, p.Low, p.Likely, p.High, p.Took, micros(p.Ended))
		if err == nil {
			_, err = s.exec(ctx, "DELETE FROM prediction WHERE id NOT IN (SELECT id FROM prediction ORDER BY id DESC LIMIT ?)", predictions)
		}
		return err
	})
}

// SaveOutcome queues how long the runs of a prediction's rows took so far, and
// when they ended; zero: not yet.
func (l *Ledger) SaveOutcome(ctx context.Context, id int64, took float64, ended time.Time) error {
	return l.later(ctx, ofRows, func(ctx context.Context, s *session) error {
		_, err := s.exec(ctx, "UPDATE prediction SET took = ?, ended = ? WHERE id = ?", took, micros(ended), id)
		return err
	})
}

// DropPrediction queues that a prediction is forgotten: nothing will come of it.
func (l *Ledger) DropPrediction(ctx context.Context, id int64) error {
	return l.later(ctx, ofRows, func(ctx context.Context, s *session) error {
		_, err := s.exec(ctx, "DELETE FROM prediction WHERE id = ?", id)
		return err
	})
}

// Predictions reads all of them, the latest first.
func (l *Ledger) Predictions(ctx context.Context) (out []Prediction, err error) {
	err = l.query(ctx, ofRows, func(rows *sql.Rows) error {
		var p Prediction
		err := rows.Scan(&p.ID, instant{&p.Made}, &p.Rows, &p.Origin, &p.Lanes, &p.Raw, &p.Low, &p.Likely, &p.High, &p.Took, instant{&p.Ended})
		out = append(out, p)
		return err
	}, "SELECT id, made, rows, origin, lanes, raw, low, likely, high, took, ended FROM prediction ORDER BY id DESC")
	return out, err
}
