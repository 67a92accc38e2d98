package batch

import (
	"slices"
	"time"
)

const (
	// learntRest is how long a learnt limit stands without a refusal before one
	// lane more is tried; twice as long each time that is refused, up to
	// learntRestMost.
	learntRest     = 10 * time.Minute
	learntRestMost = time.Hour
	// alike is the time within which the refusals of two accounts are about one
	// limit.
	alike = time.Hour
	// crowd is how many different rows must meet the same trouble, without a
	// login that works between, before it is the host's.
	crowd = 3
	// throng is how many must be refused where the host has just borne more.
	throng = 5
)

// learnt is how many lanes a host was found to bear that limits connections
// and does not say how many it allows. The zero value knows nothing.
type learnt struct {
	most int           // lanes; 0: no limit is known
	at   time.Time     // of the last refusal, or when most was raised
	rest time.Duration // after which one more is tried
	try  bool          // most was raised, and no login has worked so far

	bore   int       // lanes that stood lately, all logged in
	boreAt time.Time // when

	alone   []int // rows that wait as if their account alone was refused
	row     int   // that was refused last
	rowAt   time.Time
	refused []int // rows, each another one, refused since a login worked
}

// bears notes a login that worked: so many stand now.
func (l *learnt) bears(in int, now time.Time) {
	if in >= l.bore || now.Sub(l.boreAt) >= learntRest {
		l.bore, l.boreAt = in, now
	}
	if l.most > 0 && in >= l.most {
		l.most, l.try, l.rest = in, false, learntRest
	}
	l.refused = nil
}

// refuse notes that a row was refused while others stood, and reports whether
// that is a limit of the host's, which the server may have said. It is the account's own, used up by its user's
// other devices, when nobody else was refused, or when the host has borne more
// than now within the last ten minutes; but not when one row after the other is
// refused.
func (l *learnt) refuse(row, others int, said bool, now time.Time) bool {
	own := others < l.bore && now.Sub(l.boreAt) < learntRest
	another := !l.rowAt.IsZero() && l.row != row && now.Sub(l.rowAt) < alike
	l.row, l.rowAt = row, now
	if !slices.Contains(l.refused, row) {
		l.refused = append(l.refused, row)
	}
	if own && len(l.refused) < throng || l.most == 0 && !another && !said {
		if l.alone = append(l.alone, row); len(l.alone) > crowd {
			l.alone = l.alone[1:]
		}
		return false
	}
	switch {
	case l.most == 0:
		l.rest = learntRest
	case l.try:
		l.rest = min(2*l.rest, learntRestMost)
	}
	l.most, l.at, l.try = max(1, others), now, false
	return true
}

// raiseAt is when one more lane is to be tried; zero: it is not.
func (l *learnt) raiseAt(used int) time.Time {
	if l.most == 0 || used < l.most {
		return time.Time{}
	}
	return l.at.Add(l.rest)
}

// raise allows one lane more when it is time for that.
func (l *learnt) raise(used int, now time.Time) bool {
	if at := l.raiseAt(used); at.IsZero() || at.After(now) {
		return false
	}
	l.most, l.at, l.try = l.most+1, now, true
	return true
}
