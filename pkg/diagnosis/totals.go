package diagnosis

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// Pair is the two hosts of some accounts.
type Pair struct{ Source, Dest string }

// Totals is all that a run has counted up to one time. Whoever makes one does
// not change its maps any more.
type Totals struct {
	At      time.Time
	Meter   throughput.Snapshot       // the run's
	Pairs   map[Pair]throughput.Spent // lane time by the hosts of its accounts
	Lanes   Lanes
	Machine Reading
	Hosts   HostTotals
}

// HostTotals is what a Watch has collected of all hosts.
type HostTotals map[hostKey]hostTotals

type hostTotals struct {
	octets              int64
	gaps                Gaps
	lumps               Lumps
	sending             Sending
	trip                time.Duration
	throttles, refusals int
	limit               int64
}

// Totals is what was collected so far. How octets arrive is that of the whole
// run.
func (w *Watch) Totals() HostTotals {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make(HostTotals, len(w.hosts))
	for k, h := range w.hosts {
		t := hostTotals{octets: h.octets.Load(), lumps: h.arrivals.so(), sending: h.sending(), trip: h.trip,
			throttles: h.throttles, refusals: h.refusals, limit: h.limit}
		for i := range h.gaps {
			t.gaps[i] = time.Duration(h.gaps[i].Load())
		}
		out[k] = t
	}
	return out
}

// Between is the evidence of the time from one Totals of a run to a later one.
func Between(from, to Totals) Evidence {
	e := Evidence{
		Wall:     to.At.Sub(from.At),
		Messages: to.Meter.Copied - from.Meter.Copied, Octets: to.Meter.Octets - from.Meter.Octets,
		Spent: to.Meter.Spent.Minus(from.Meter.Spent),
		Lanes: to.Lanes.minus(from.Lanes), Machine: to.Machine.since(from.Machine),
	}
	hosts := make(map[hostKey]*Host)
	at := func(side fault.Side, name string) *Host {
		k := hostKey{side, name}
		if hosts[k] == nil {
			hosts[k] = &Host{Name: name, Side: side}
		}
		return hosts[k]
	}
	for p, spent := range to.Pairs {
		s := spent.Minus(from.Pairs[p])
		src, dst := at(fault.Source, p.Source), at(fault.Dest, p.Dest)
		for _, h := range []*Host{src, dst} {
			h.LaneTime += s.Total()
		}
		src.Wait += s[throughput.SourceWait]
		src.Braked += s[throughput.SourceBraked]
		src.Limited += s[throughput.SourceLimited]
		dst.Wait += s[throughput.DestWait]
		dst.Braked += s[throughput.DestBraked]
		dst.Limited += s[throughput.DestLimited]
	}
	for k, t := range to.Hosts {
		h, was := at(k.side, k.name), from.Hosts[k]
		h.Octets, h.Gaps = t.octets-was.octets, t.gaps.minus(was.gaps)
		h.RoundTrip, h.Lumps, h.Limit = t.trip, t.lumps, t.limit
		h.Sending = t.sending.minus(was.sending)
		h.Throttles, h.Refusals = t.throttles-was.throttles, t.refusals-was.refusals
	}
	for _, h := range hosts {
		e.Hosts = append(e.Hosts, *h)
	}
	slices.SortFunc(e.Hosts, func(a, b Host) int {
		return cmp.Or(cmp.Compare(a.Side, b.Side), cmp.Compare(a.Name, b.Name))
	})
	return e
}

// Why is why lanes are idle.
type Why uint8

// The reasons. The zero value is none that is known.
const (
	Unknown  Why = iota
	NoRow        // no row is left that could use them
	OwnCap       // the user's own limit on lanes at a host
	HostCap      // a host bears no more connections
	HostRest     // a host wants to be left alone for a while
)

// Add adds d, in which so many lanes were allowed and used; the others were
// idle for a reason that is about host.
func (l *Lanes) Add(d time.Duration, allowed, used int, why Why, host string) {
	l.Allowed += time.Duration(max(allowed, used)) * d
	l.Used += time.Duration(used) * d
	l.Most = max(l.Most, used)
	idle := time.Duration(max(0, allowed-used)) * d
	switch why {
	case NoRow:
		l.NoRow += idle
	case OwnCap:
		l.Own += idle
	case HostCap:
		l.Full = added(l.Full, host, idle)
	case HostRest:
		l.Parked = added(l.Parked, host, idle)
	}
}

func added(m map[string]time.Duration, host string, d time.Duration) map[string]time.Duration {
	if d <= 0 {
		return m
	}
	if m == nil {
		m = make(map[string]time.Duration)
	}
	m[host] += d
	return m
}

// Clone is a copy that further calls of Add do not change.
func (l Lanes) Clone() Lanes {
	l.Full, l.Parked = maps.Clone(l.Full), maps.Clone(l.Parked)
	return l
}

func (l Lanes) minus(o Lanes) Lanes {
	out := l.Clone()
	out.Allowed -= o.Allowed
	out.Used -= o.Used
	out.NoRow -= o.NoRow
	out.Own -= o.Own
	for k, d := range o.Full {
		out.Full[k] -= d
	}
	for k, d := range o.Parked {
		out.Parked[k] -= d
	}
	return out
}
