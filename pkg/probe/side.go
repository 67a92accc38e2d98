package probe

import (
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// side is what is learned of one of the two servers. Its methods are safe for
// concurrent use; stop and refusals are read between openings only.
type side struct {
	at fault.Side

	mu       sync.Mutex
	logins   int
	opening  time.Duration // in which they were made
	took     []imapconn.Took
	trips    []time.Duration
	caps     imapconn.Caps
	software string
	perUser  int
	perHost  int
	refused  int   // logins that were
	stop     error // why no further connection is opened
}

func newSide(at fault.Side) *side { return &side{at: at} }

// index is that of arrays by side.
func (s *side) index() int {
	if s.at == fault.Source {
		return 0
	}
	return 1
}

// mostRefused is after how many refused logins no more are tried: more could
// have this machine banned.
const mostRefused = 3

// opened notes a login.
func (s *side) opened(c *imapconn.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logins++
	s.took = append(s.took, c.Took())
	s.caps, s.software = c.Caps(), c.ServerID()
}

// failed notes a connection that could not be opened. What is about more than
// its account ends the opening of others.
func (s *side) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := fault.Of(err)
	if f == nil {
		return
	}
	s.perUser, s.perHost = max(s.perUser, f.MaxPerUser), max(s.perHost, f.MaxPerHost)
	switch {
	case f.Code == fault.AuthRefused:
		if s.refused++; s.refused >= mostRefused {
			s.stop = err
		}
	case f.Code == fault.TooManySessions || f.Code == fault.Throttled || f.Scope == fault.Host || f.Wait > 0:
		s.stop = err
	}
}

// stopped returns why no further connection is opened; nil: they may be.
func (s *side) stopped() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stop
}

// keeps reports whether the server keeps messages whose mailbox is deleted, as
// Gmail does, for which a mailbox is a label.
func (s *side) keeps() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.caps.Raw, func(c string) bool { return strings.EqualFold(c, "X-GM-EXT-1") })
}

// spent notes how long a group of logins has taken.
func (s *side) spent(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opening += d
}

// tripped notes round trips.
func (s *side) tripped(all []time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trips = append(s.trips, all...)
}

// report says what is known.
func (s *side) report(pairs []account.Pair, wanted []helpful) (rep Server, logins, trip float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ep := pairs[0].Source
	if s.at == fault.Dest {
		ep = pairs[0].Dest
	}
	rep = Server{Host: fault.Clean(ep.Host), MaxPerUser: s.perUser, MaxPerHost: s.perHost, Missing: []Extension{}}
	if s.logins == 0 {
		return rep, 0, 0
	}
	rep.Software, rep.Security = fault.Clean(s.software), "plain"
	if v := s.took[0].Security; v != "" {
		rep.Security = v
	}
	rep.Missing = missing(wanted, s.caps)
	of := func(get func(imapconn.Took) time.Duration) float64 {
		var all []time.Duration
		for _, t := range s.took {
			all = append(all, get(t))
		}
		return median(all)
	}
	rep.Connect = of(func(t imapconn.Took) time.Duration { return t.Connect })
	rep.TLS = of(func(t imapconn.Took) time.Duration { return t.Secure })
	rep.Login = of(func(t imapconn.Took) time.Duration { return t.Login })
	if s.opening > 0 {
		logins = round(float64(s.logins) / s.opening.Seconds())
	}
	if len(s.trips) > 0 {
		rep.LeastRoundTrip = micro(slices.Min(s.trips).Seconds())
	}
	return rep, logins, median(s.trips)
}

// median is in seconds; 0 of none.
func median(all []time.Duration) float64 {
	if len(all) == 0 {
		return 0
	}
	all = slices.Sorted(slices.Values(all))
	return micro(all[len(all)/2].Seconds())
}

// round and micro leave 3 and 6 decimals, for JSON that a person may read too.
func round(f float64) float64 { return math.Round(f*1e3) / 1e3 }
func micro(f float64) float64 { return math.Round(f*1e6) / 1e6 }
