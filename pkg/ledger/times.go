package ledger

import (
	"fmt"
	"time"
)

// micros is how a time is stored; the zero time is NULL.
func micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// instant scans what micros stored, as UTC.
type instant struct{ t *time.Time }

// Scan implements sql.Scanner.
func (i instant) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*i.t = time.Time{}
	case int64:
		*i.t = time.UnixMicro(v).UTC()
	default:
		return fmt.Errorf("a time is stored as %T", v)
	}
	return nil
}

// zoneOf is t's distance from UTC in seconds, east positive.
func zoneOf(t time.Time) int {
	_, offset := t.Zone()
	return offset
}

// inZone is t with the clock of the zone that zoneOf gave.
func inZone(t time.Time, offset int) time.Time {
	if t.IsZero() || offset == 0 {
		return t
	}
	return t.In(time.FixedZone("", offset))
}
