package ledger

import (
	"context"
	"database/sql"
	"slices"
	"time"
)

// HostPause is a server that a run leaves alone: rows that have not begun wait
// for it. Until is zero when no row of the run is tried there any more.
type HostPause struct {
	Host                  string
	Until                 time.Time
	FaultSide, FaultScope string
	FaultCode, FaultOp    string
	FaultText, FaultHint  string
}

// SaveHosts queues which hosts are parked, in the place of those before; the
// caller keeps hosts.
func (l *Ledger) SaveHosts(ctx context.Context, hosts []HostPause) error {
	hosts = slices.Clone(hosts)
	return l.later(ctx, ofRows, func(ctx context.Context, s *session) error {
		if _, err := s.exec(ctx, "DELETE FROM host_pause"); err != nil {
			return err
		}
		for _, h := range hosts {
			if _, err := s.exec(ctx, `INSERT INTO host_pause
				(host, until, fault_side, fault_scope, fault_code, fault_op, fault_text, fault_hint)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
				h.Host, micros(h.Until), h.FaultSide, h.FaultScope, h.FaultCode, h.FaultOp, h.FaultText, h.FaultHint); err != nil {
				return err
			}
		}
		return nil
	})
}

// Hosts reads the hosts that are parked, by name. It is of use while a run
// goes on: one that was killed has left those of its last moment.
func (l *Ledger) Hosts(ctx context.Context) ([]HostPause, error) {
	var out []HostPause
	err := l.query(ctx, ofRows, func(rows *sql.Rows) error {
		var h HostPause
		err := rows.Scan(&h.Host, instant{&h.Until}, &h.FaultSide, &h.FaultScope, &h.FaultCode, &h.FaultOp,
			&h.FaultText, &h.FaultHint)
		out = append(out, h)
		return err
	}, `SELECT host, until, fault_side, fault_scope, fault_code, fault_op, fault_text, fault_hint
		FROM host_pause ORDER BY host`)
	return out, err
}
