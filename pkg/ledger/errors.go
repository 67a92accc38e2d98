package ledger

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrOtherList says that a ledger is not empty and shares no row with the
	// list, so it belongs to another one. Nothing was written.
	ErrOtherList = errors.New("the ledger belongs to another list: it shares no row with this one")
	// ErrClosed says that the ledger was closed before the call.
	ErrClosed = errors.New("the ledger is closed")
	// ErrReadOnly says that the ledger was opened by OpenReader.
	ErrReadOnly = errors.New("the ledger is open for reading only")
	// ErrSettled says that a mailbox cannot be sent elsewhere. Nothing was
	// written.
	ErrSettled = errors.New("something was copied to its destination, or it is not there")
	// ErrDamaged says that the ledger was found damaged while it was in use.
	// The next Open sets it aside.
	ErrDamaged = errors.New("the ledger is damaged")
	// ErrMoved says that the state directory was removed, renamed or replaced
	// while the ledger was in use. Nothing more is written to it.
	ErrMoved = errors.New("the state directory was moved or removed")
)

// LockedError says that another process runs with this state directory. Host,
// PID and Since are zero when the holder has not said yet who it is.
type LockedError struct {
	Dir   string
	Host  string
	PID   int
	Since time.Time
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("%s is in use by another run", e.Dir)
	}
	return fmt.Sprintf("%s is in use by process %d on %s since %s",
		e.Dir, e.PID, e.Host, e.Since.Format(time.RFC3339))
}

// SchemaError says that a ledger was written by another version of imapfleet.
// Nothing was changed.
type SchemaError struct {
	Path       string
	Have, Want int
}

func (e *SchemaError) Error() string {
	if e.Have < e.Want {
		return fmt.Sprintf("%s has the older schema %d, this program reads %d: the next run upgrades it", e.Path, e.Have, e.Want)
	}
	return fmt.Sprintf("%s has schema %d, this program knows up to %d: use the newer imapfleet that wrote it", e.Path, e.Have, e.Want)
}

// NotLedgerError says that the file at Path was not written by imapfleet.
// Nothing was changed.
type NotLedgerError struct {
	Path   string
	Reason string
}

func (e *NotLedgerError) Error() string {
	return fmt.Sprintf("%s is not a ledger of imapfleet: %s", e.Path, e.Reason)
}

// DamagedError says that the ledger at Path is damaged. Nothing was changed;
// Open sets it aside, so only a reader returns it.
type DamagedError struct {
	Path   string
	Reason string
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("%s is damaged: %s; the next run sets it aside and makes a new one", e.Path, e.Reason)
}

// Advice says what to do about an error of a ledger that has ended a run.
func Advice(err error) string {
	switch {
	case errors.Is(err, ErrDamaged):
		return "run again: the damaged ledger is then set aside, and a new one made from what the destination holds; nothing is copied twice"
	case errors.Is(err, ErrMoved):
		return "put the state directory back, or leave it away, then run again: nothing is lost or copied twice"
	}
	return "the state directory cannot be written: free space or mend its rights, then run again; nothing is lost"
}
