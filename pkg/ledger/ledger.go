package ledger

import (
	"context"
	"errors"
)

// Ledger is an open ledger. Its methods are safe for concurrent use.
type Ledger struct{}

var errSoon = errors.ErrUnsupported

// Open opens the ledger in dir, making both when they are missing.
func Open(ctx context.Context, dir string) (*Ledger, error) { return nil, errSoon }

// OpenReader opens a ledger for reading, also while another process writes it.
func OpenReader(ctx context.Context, dir string) (*Ledger, error) { return nil, errSoon }

func (l *Ledger) Close() error                    { return errSoon }
func (l *Ledger) Flush(ctx context.Context) error { return errSoon }
func (l *Ledger) Bind(ctx context.Context, list []Entry, adopt bool) ([]RowID, error) {
	return nil, errSoon
}

// Find is Bind without writing: 0 for a row that the ledger does not know.
func (l *Ledger) Find(ctx context.Context, list []Entry) ([]RowID, error)      { return nil, errSoon }
func (l *Ledger) Rows(ctx context.Context, ids []RowID) ([]Row, error)         { return nil, errSoon }
func (l *Ledger) SaveRow(ctx context.Context, r Row) error                     { return errSoon }
func (l *Ledger) AddAttempt(ctx context.Context, a Attempt) error              { return errSoon }
func (l *Ledger) Attempts(ctx context.Context, id RowID) ([]Attempt, error)    { return nil, errSoon }
func (l *Ledger) Mailboxes(ctx context.Context, id RowID) ([]Mailbox, error)   { return nil, errSoon }
func (l *Ledger) AddMailbox(ctx context.Context, m *Mailbox) error             { return errSoon }
func (l *Ledger) AddMailboxes(ctx context.Context, ms []*Mailbox) error        { return errSoon }
func (l *Ledger) SetFloors(ctx context.Context, floors []Floor) error          { return errSoon }
func (l *Ledger) AddRuns(ctx context.Context, id MailboxID, runs []Run) error  { return errSoon }
func (l *Ledger) Runs(ctx context.Context, id MailboxID) ([]Run, error)        { return nil, errSoon }
func (l *Ledger) PutReject(ctx context.Context, r Reject) error                { return errSoon }
func (l *Ledger) DropReject(ctx context.Context, id MailboxID, u uint32) error { return errSoon }
func (l *Ledger) Rejects(ctx context.Context, id RowID) ([]Reject, error)      { return nil, errSoon }
func (l *Ledger) ResetMap(ctx context.Context, id MailboxID, sourceValidity, destValidity uint32) error {
	return errSoon
}
func (l *Ledger) DestRuns(ctx context.Context, id RowID, dest string, destValidity uint32) ([]Run, error) {
	return nil, errSoon
}
func (l *Ledger) FinishMailbox(ctx context.Context, id MailboxID, sourceUIDNext uint32) error {
	return errSoon
}
func (l *Ledger) AllRejects(ctx context.Context, ids []RowID) ([]RejectRow, error) {
	return nil, errSoon
}
