package diagnosis

import (
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// Evidence is what is known of a run, or of the last while of it. Lane time is
// the time of each lane, added up: four lanes have four seconds in a second.
// The zero value is no evidence; whatever is not known is 0.
type Evidence struct {
	Wall             time.Duration
	Messages, Octets int64            // copied in it
	Spent            throughput.Spent // by all lanes
	Hosts            []Host
	Lanes            Lanes
	Steps            []throughput.Step // what it did with other numbers of lanes, if it tried
	Tail             Tail
	Machine          Machine
}

// Host is one server in one of its roles: one that is source and destination is
// there twice.
type Host struct {
	Name     string
	Side     fault.Side
	LaneTime time.Duration // of lanes that touched it
	Wait     time.Duration // of it, waiting for the server or the way to it
	Braked   time.Duration // of it, because the server has asked to go slower
	Limited  time.Duration // of it, because of the user's own limit

	Octets    int64         // of mail's direction, on the wire
	RoundTrip time.Duration // the least that a command has taken
	Gaps      Gaps          // waits for octets, of a source
	Lumps     Lumps         // how they arrive, of a source
	Sending   Sending       // of a destination

	Throttles int   // times that it asked to go slower or to come later
	Refusals  int   // connections that it refused for their number
	Limit     int64 // the user's own, octets per second; 0: none
}

// Lanes is what became of the lane time that the run was allowed.
type Lanes struct {
	Allowed time.Duration
	Used    time.Duration
	Most    int                      // at work at a time, since the run began; 0: unknown
	NoRow   time.Duration            // idle: no row was left that could use it
	Own     time.Duration            // idle: the user's own limit on lanes at a host
	Full    map[string]time.Duration // idle: the host bears no more connections, by host
	Parked  map[string]time.Duration // idle: the host is left alone, as it asked, by host
}

// Tail is the last account of a run. The zero value: there is none yet, or
// nobody knows.
type Tail struct {
	Alone    time.Duration // from the end of the last but one to its own
	Line     int           // in the list
	User     string
	Octets   int64 // what it had to copy
	Accounts int   // of the run
}

// Machine is what this machine did meanwhile.
type Machine struct {
	Processors int           // that the process may use at a time (GOMAXPROCS)
	Cores      int           // that the machine has
	Used       time.Duration // processor time of the process; 0: unknown
	Queued     time.Duration // in which its threads could have run and did not get a processor
	Scheduling time.Duration // for which nine in ten goroutines waited at most, until they ran
	Idle       float64       // part of the machine's processors that nobody used; -1: unknown

	Resident   int64   // octets of the process in memory now; 0: unknown
	Swapped    int64   // octets of the process on the swap device now
	SwapIns    int64   // pages that the machine has read back
	Stalled    float64 // part of the time in which somebody waited for memory; -1: unknown
	Collecting float64 // part of the process's processor time spent on garbage
	Memory     int64   // what the process is held to, octets; 0: nothing
}

// unused is the time of lanes that there were never enough rows for: neither
// those at work nor the end of the run have anything to do with it.
func (e Evidence) unused() time.Duration {
	if e.Lanes.Most == 0 {
		return 0
	}
	return min(e.Lanes.NoRow, max(0, e.Lanes.Allowed-time.Duration(e.Lanes.Most)*e.Wall))
}

// share is the part that d is of the lane time that was allowed and of use.
func (e Evidence) share(d time.Duration) float64 {
	all := max(e.Lanes.Allowed-e.unused(), e.Spent.Total())
	if all <= 0 {
		return 0
	}
	return float64(d) / float64(all)
}

// lanes is the mean number of lanes that were used.
func (e Evidence) lanes() float64 {
	if e.Wall <= 0 {
		return 0
	}
	return float64(max(e.Spent.Total(), e.Lanes.Used)) / float64(e.Wall)
}

// worst is the host of a side that most of some time is about, if it is one:
// nil when no host has half of it.
func (e Evidence) worst(side fault.Side, of func(Host) time.Duration) *Host {
	var worst *Host
	var sum time.Duration
	for i := range e.Hosts {
		h := &e.Hosts[i]
		if h.Side != side {
			continue
		}
		sum += of(*h)
		if worst == nil || of(*h) > of(*worst) {
			worst = h
		}
	}
	if worst == nil || of(*worst) <= 0 || 2*of(*worst) < sum {
		return nil
	}
	return worst
}
