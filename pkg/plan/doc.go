// Package plan predicts how long a migration takes: it simulates the runs of a
// list, event by event, from the sizes of its accounts and from rates that were
// measured. It is pure: it opens no connection and no file, reads no clock, and
// the same input gives the same report.
//
// The parts: [Fleet] is what is to be moved, [Rates] how fast, [Options] how the
// run is made; [Simulate] plays one run, [Make] plays all that a [Report] tells.
//
// # What is simulated
//
// As package batch does it: rows of unknown size first, then the largest; lanes,
// lanes per host, lanes that no row needs for the accounts with the most left; a
// day's budget parks a row; logins are spaced. All lanes that move mail share one
// total rate, which depends on how many there are. Not simulated: rows that share
// a destination account, servers that refuse, and lanes beyond the number that is
// best, which count as if they brought nothing.
package plan

import (
	"time"

	"github.com/imapfleet/imapfleet/pkg/ratelimit"
)

// Account is one row of the list. Octets and Messages are what its source holds,
// Left and LeftMessages what of it is still to be copied.
type Account struct {
	Line         int
	Octets, Left int64
	// Messages may be 0 where only Octets is known: then they are thought to be of
	// mean size.
	Messages, LeftMessages int64
	// Error is how far Octets may be off, with a confidence of 95 %.
	Error        int64
	Source, Dest int32 // indexes of Fleet.Hosts
	// Unknown: Octets is only what was seen so far, or 0; Fill gives it that of the
	// others.
	Unknown bool
}

// Host is a server, and how many octets an account there may give, and take, in a
// day; 0: no limit.
type Host struct {
	Name  string
	Daily [2]int64
}

// Fleet is what is to be moved. The zero value is none.
type Fleet struct {
	Accounts []Account
	Hosts    []Host
}

// Options say how the runs are made. The zero value of a limit is no limit; Lanes
// is at least 1.
type Options struct {
	Start           time.Time // its zone is that of Hours and Limit
	Lanes           int       // of one machine
	Machines        int       // 0: 1. Lanes, MaxPerHost, LoginsPerSecond and Limit are each machine's
	MaxPerHost      int
	LanesPerAccount int // 0: 1
	LoginsPerSecond float64
	Limit           ratelimit.Schedule
	Hours           Hours
}

func (o *Options) machines() int { return max(1, o.Machines) }

func (o *Options) lanes() int { return max(1, o.Lanes) * o.machines() }

func (o *Options) perHost() int { return o.MaxPerHost * o.machines() }

func (o *Options) share() int { return max(1, o.LanesPerAccount) }
