package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

const selectPairs = "SELECT id, host1, port1, user1, host2, port2, user2, dest, line FROM pair"

// known is what the ledger knows of a row before it is bound.
type known struct {
	id   RowID
	dest string
	line int
}

// identity is the key without what does not identify a row.
func (k Key) identity() Key {
	k.Dest = ""
	return k
}

// Bind finds each row of the list, or makes it, and records its line; the
// result is in the list's order. It is durable on return. When the ledger has
// rows and none of them is in the list it returns ErrOtherList and writes
// nothing, unless adopt. Rows that are not in the list are kept, get line 0 and
// count nowhere: what they have put into a destination account is mail like
// any other there (see DestRuns).
func (l *Ledger) Bind(ctx context.Context, list []Entry, adopt bool) ([]RowID, error) {
	for i := range list {
		if list[i].Dest == "" {
			return nil, fmt.Errorf("bind line %d: the key has no destination account", list[i].Line)
		}
	}
	if len(list) == 0 {
		return nil, nil
	}
	ids := make([]RowID, len(list))
	err := l.call(ctx, func(ctx context.Context, s *session) error {
		rows, err := s.query(ctx, selectPairs)
		if err != nil {
			return err
		}
		have, err := readPairs(rows)
		if err != nil {
			return err
		}
		if !adopt && len(have) > 0 && !shares(have, list) {
			return refuse(ErrOtherList)
		}
		for i := range list {
			if ids[i], err = bindRow(ctx, s, have, &list[i]); err != nil {
				return err
			}
		}
		return unlist(ctx, s, have, ids)
	})
	if err != nil {
		return nil, err // ids may still be written to, so nobody gets them
	}
	return ids, nil
}

// unlist takes the line from every row that is not among those bound.
func unlist(ctx context.Context, s *session, have map[Key]known, bound []RowID) error {
	listed := make(map[RowID]bool, len(bound))
	for _, id := range bound {
		listed[id] = true
	}
	for _, n := range have {
		if n.line == 0 || listed[n.id] {
			continue
		}
		if _, err := s.exec(ctx, "UPDATE pair SET line = 0 WHERE id = ?", n.id); err != nil {
			return err
		}
	}
	return nil
}

// Find is Bind for a reader: it writes nothing, and a row that the ledger
// does not know is 0.
func (l *Ledger) Find(ctx context.Context, list []Entry) ([]RowID, error) {
	have := make(map[Key]known)
	if err := l.query(ctx, ofRows, pairScanner(have), selectPairs); err != nil {
		return nil, err
	}
	ids := make([]RowID, len(list))
	for i := range list {
		ids[i] = have[list[i].identity()].id
	}
	return ids, nil
}

func readPairs(rows *sql.Rows) (map[Key]known, error) {
	have := make(map[Key]known)
	return have, each(rows, pairScanner(have))
}

func pairScanner(have map[Key]known) func(*sql.Rows) error {
	return func(rows *sql.Rows) error {
		var k Key
		var n known
		err := rows.Scan(&n.id, &k.Host1, &k.Port1, &k.User1, &k.Host2, &k.Port2, &k.User2, &n.dest, &n.line)
		have[k] = n
		return err
	}
}

func shares(have map[Key]known, list []Entry) bool {
	for i := range list {
		if _, ok := have[list[i].identity()]; ok {
			return true
		}
	}
	return false
}

// bindRow writes what is new of one row and keeps have up to date, so that a
// row that the list has twice is one row here.
func bindRow(ctx context.Context, s *session, have map[Key]known, e *Entry) (RowID, error) {
	n, ok := have[e.identity()]
	switch {
	case !ok:
		id, err := s.insert(ctx, `INSERT INTO pair (host1, port1, user1, host2, port2, user2, dest, line)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			e.Host1, e.Port1, e.User1, e.Host2, e.Port2, e.User2, e.Dest, e.Line)
		if err != nil {
			return 0, err
		}
		n.id = RowID(id)
	case n.dest != e.Dest || n.line != e.Line:
		changed, err := s.exec(ctx, "UPDATE pair SET dest = ?, line = ? WHERE id = ?", e.Dest, e.Line, n.id)
		if err != nil {
			return 0, err
		}
		if changed != 1 {
			return 0, errors.New("a row went away while it was bound")
		}
	}
	n.dest, n.line = e.Dest, e.Line
	have[e.identity()] = n
	return n.id, nil
}
