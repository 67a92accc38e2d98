package mailsync

import (
	"time"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// The dates that every known server holds. Further out some refuse them and
// some quietly store another: the second 0 of 1970 becomes the present time at
// Cyrus and Courier, 2037 does at Dovecot 2.3, 1969 becomes 2106 there.
var (
	firstDate = time.Date(1970, 1, 2, 0, 0, 0, 0, time.UTC)
	lastDate  = time.Date(2036, 12, 31, 0, 0, 0, 0, time.UTC)
)

// isOddDate reports whether a server may store another date than t.
func isOddDate(t time.Time) bool { return t.Before(firstDate) || t.After(lastDate) }

// hasOddZone reports whether a server may take t for another instant, because no
// place has its zone.
func hasOddZone(t time.Time) bool {
	_, offset := t.Zone()
	return offset < -12*3600 || offset > 14*3600
}

// otherDates are what a message may go over as whose INTERNALDATE was refused,
// best first: the same instant without a zone that no place has; the date that
// its own header gives; the nearest that every server holds; none.
func otherDates(head imapconn.Head, octets []byte) (dates []imapconn.Head) {
	with := func(t time.Time) {
		h := head
		h.Date = t
		dates = append(dates, h)
	}
	if hasOddZone(head.Date) {
		with(head.Date.UTC())
		if !isOddDate(head.Date) {
			return dates
		}
	}
	if !isOddDate(head.Date) {
		return nil
	}
	if t, ok := headerDate(octets); ok {
		with(t)
	}
	if head.Date.Before(firstDate) {
		with(firstDate)
	} else {
		with(lastDate)
	}
	return dates
}

// dated gives a message without an INTERNALDATE that of its own header;
// without one the destination takes the present time.
func dated(head imapconn.Head, octets []byte) imapconn.Head {
	if !head.HasDate {
		head.Date, head.HasDate = headerDate(octets)
	}
	return head
}

// dateText is an INTERNALDATE for repairs.csv.
func dateText(head imapconn.Head) string {
	if !head.HasDate {
		return "the time at which it was stored"
	}
	return head.Date.Format(time.RFC3339)
}

// TellsDate reports whether text, the Was or Made of a ledger.Repair of the
// date, is the instant t.
func TellsDate(text string, t time.Time) bool {
	told, err := time.Parse(time.RFC3339, text)
	return err == nil && told.Equal(t)
}
