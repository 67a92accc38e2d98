package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
)

// PutReject queues the record of a refused message; the same (Mailbox, UID)
// again replaces all but Accepted. Date keeps its zone and its microseconds.
func (l *Ledger) PutReject(ctx context.Context, r Reject) error {
	return l.later(ctx, ofMailboxes, func(ctx context.Context, s *session) error {
		_, err := s.exec(ctx, `INSERT INTO reject (mailbox, uid, message_id, octets, date, zone, code, text)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (mailbox, uid) DO UPDATE SET message_id = excluded.message_id, octets = excluded.octets,
				date = excluded.date, zone = excluded.zone, code = excluded.code, text = excluded.text`,
			r.Mailbox, r.UID, blob(r.MessageID), r.Octets, micros(r.Date), zoneOf(r.Date), r.Code, blob(r.Text))
		return err
	})
}

// blob is s octet by octet, and never NULL.
func blob(s string) []byte { return append(make([]byte, 0, len(s)), s...) }

// DropReject queues that a message is refused no longer. There need not be a
// record of it.
func (l *Ledger) DropReject(ctx context.Context, id MailboxID, uid uint32) error {
	return l.later(ctx, ofMailboxes, func(ctx context.Context, s *session) error {
		_, err := s.exec(ctx, "DELETE FROM reject WHERE mailbox = ? AND uid = ?", id, uid)
		return err
	})
}

// AcceptReject queues that a human has accepted that a refused message stays
// behind. Without a record of it nothing happens.
func (l *Ledger) AcceptReject(ctx context.Context, id MailboxID, uid uint32) error {
	return l.later(ctx, ofMailboxes, func(ctx context.Context, s *session) error {
		_, err := s.exec(ctx, "UPDATE reject SET accepted = 1 WHERE mailbox = ? AND uid = ?", id, uid)
		return err
	})
}

// Rejects reads the refused messages of a row, by mailbox and UID. It sees
// queued ones.
func (l *Ledger) Rejects(ctx context.Context, id RowID) ([]Reject, error) {
	all, err := l.AllRejects(ctx, []RowID{id})
	if err != nil {
		return nil, err
	}
	out := make([]Reject, len(all))
	for i := range all {
		out[i] = all[i].Reject
	}
	return out, nil
}

// AllRejects reads the refused messages of several rows, by line, mailbox and
// UID. It sees queued ones.
func (l *Ledger) AllRejects(ctx context.Context, ids []RowID) ([]RejectRow, error) {
	asked, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	var out []RejectRow
	err = l.query(ctx, ofMailboxes, func(rows *sql.Rows) error {
		var r RejectRow
		var zone int
		err := rows.Scan(&r.Line, &r.Source, &r.Mailbox, &r.UID, &r.MessageID, &r.Octets,
			instant{&r.Date}, &zone, &r.Code, &r.Text, &r.Accepted)
		r.Date = inZone(r.Date, zone)
		out = append(out, r)
		return err
	}, `SELECT pair.line, mailbox.source, reject.mailbox, reject.uid, reject.message_id, reject.octets,
			reject.date, reject.zone, reject.code, reject.text, reject.accepted
		FROM pair JOIN mailbox ON mailbox.pair = pair.id JOIN reject ON reject.mailbox = mailbox.id
		WHERE pair.id IN (SELECT value FROM json_each(?))
		ORDER BY pair.line, mailbox.id, reject.uid`, string(asked))
	return out, err
}
