package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
)

// PutRepair queues the record of a change; the same (Mailbox, UID, Kind) again
// replaces it.
func (l *Ledger) PutRepair(ctx context.Context, r Repair) error {
	return l.later(ctx, ofMailboxes, func(ctx context.Context, s *session) error {
		_, err := s.exec(ctx, "INSERT OR REPLACE INTO repair (mailbox, uid, kind, was, became) VALUES (?, ?, ?, ?, ?)",
			r.Mailbox, r.UID, r.Kind, blob(r.Was), blob(r.Made))
		return err
	})
}

// DropRepair queues that a message was not changed in that way after all. There
// need not be a record of it.
func (l *Ledger) DropRepair(ctx context.Context, id MailboxID, uid uint32, kind string) error {
	return l.later(ctx, ofMailboxes, func(ctx context.Context, s *session) error {
		_, err := s.exec(ctx, "DELETE FROM repair WHERE mailbox = ? AND uid = ? AND kind = ?", id, uid, kind)
		return err
	})
}

// Repairs hands over the changes made for several rows, by line, mailbox, UID
// and kind. It sees queued ones. There may be as many as messages, so they are
// not held.
func (l *Ledger) Repairs(ctx context.Context, ids []RowID, take func(RepairRow)) error {
	asked, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	return l.query(ctx, ofMailboxes, func(rows *sql.Rows) error {
		var r RepairRow
		err := rows.Scan(&r.Line, &r.Source, &r.Mailbox, &r.UID, &r.Kind, &r.Was, &r.Made)
		if err == nil {
			take(r)
		}
		return err
	}, `SELECT pair.line, mailbox.source, repair.mailbox, repair.uid, repair.kind, repair.was, repair.became
		FROM pair JOIN mailbox ON mailbox.pair = pair.id JOIN repair ON repair.mailbox = mailbox.id
		WHERE pair.id IN (SELECT value FROM json_each(?))
		ORDER BY pair.line, mailbox.id, repair.uid, repair.kind`, string(asked))
}
