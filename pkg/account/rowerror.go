package account

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
)

// RowError is what is wrong with one row, or one field of it. Its text never
// contains a field of the row: a row with a stray delimiter has its password
// in any of them. Only an unknown name in a line that is surely a
// header is repeated.
type RowError struct {
	Line   int    // physical line where the row begins, 1-based
	Column string // empty: the whole row
	Err    error
}

// Error returns one line: line, column and reason.
func (e *RowError) Error() string {
	s := "line " + strconv.Itoa(e.Line)
	if e.Column != "" {
		s += ", column " + e.Column
	}
	return s + ": " + e.Err.Error()
}

// Unwrap returns the reason.
func (e *RowError) Unwrap() error { return e.Err }

// joinRows returns all errors as one, in the order of their lines; nil when
// there are none.
func joinRows(errs []*RowError) error {
	if len(errs) == 0 {
		return nil
	}
	slices.SortStableFunc(errs, func(a, b *RowError) int { return cmp.Compare(a.Line, b.Line) })
	all := make([]error, len(errs))
	for i, e := range errs {
		all[i] = e
	}
	return errors.Join(all...)
}
