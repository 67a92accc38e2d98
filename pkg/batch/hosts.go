package batch

import (
	"math"
	"slices"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// host is what the run knows of one server. The gate's lock guards it.
type host struct {
	name string
	used int  // lanes that touch it
	in   int  // of them, those of accounts whose login there has worked
	met  bool // a login has worked in this run

	told   int    // lanes that it said it allows; 0: it did not say
	learnt learnt // lanes that it was found to bear, where it does not say

	troubled []int  // rows, each another one, that met a trouble of the whole host since a login worked
	refused  int    // logins refused since one worked
	held     bool   // a person has stopped it
	pause    *pause // nil: it is not parked
	past     pause  // the last one that has ended

	parked throughput.Stopwatch // runs while it is
}

// hosts are the servers of a run: how many lanes touch each, and whether one
// more may.
type hosts struct {
	most    int // lanes on each host; 0: no limit
	byName  map[string]*host
	watched map[*host]struct{} // those that are parked, or have a learnt limit
	version int                // grows when a host is parked, or is not any more
	routes  map[[2]string]*route
}

func newHosts(most int) hosts {
	return hosts{most: most, byName: make(map[string]*host), watched: make(map[*host]struct{})}
}

// of returns the host of that name, the same one each time.
func (h *hosts) of(name string) *host {
	o := h.byName[name]
	if o == nil {
		o = &host{name: name}
		h.byName[name] = o
	}
	return o
}

// over is by how many lanes a host is above its limit: 0 when it is full,
// negative when there is room.
func (h *hosts) over(name string) int { return h.of(name).used - h.limit(name) }

// limit is how many lanes may touch a host.
func (h *hosts) limit(name string) int {
	o := h.of(name)
	most := math.MaxInt
	for _, limit := range []int{h.most, o.told, o.learnt.most} {
		if limit > 0 {
			most = min(most, limit)
		}
	}
	return most
}

// room reports whether one more row may touch both hosts.
func (h *hosts) room(pair [2]string) bool {
	return h.routes[pair].over() < 0 && h.over(pair[0]) < 0 && h.over(pair[1]) < 0 && h.of(pair[0]).admits() && h.of(pair[1]).admits()
}

// spare reports whether an account may have one more lane between both hosts.
func (h *hosts) spare(pair [2]string) bool {
	return h.routes[pair].over() < 0 && h.over(pair[0]) < 0 && h.over(pair[1]) < 0 && h.of(pair[0]).pause == nil && h.of(pair[1]).pause == nil &&
		!h.of(pair[0]).held && !h.of(pair[1]).held
}

// add books n lanes. One between two accounts of one host is one lane there.
func (h *hosts) add(pair [2]string, n int) {
	if r := h.routes[pair]; r != nil {
		r.used += n
	}
	h.of(pair[0]).used += n
	if pair[1] != pair[0] {
		h.of(pair[1]).used += n
	}
}

// tell lowers what a host bears to n lanes.
func (h *hosts) tell(name string, n int) {
	o := h.of(name)
	if o.told > 0 {
		n = min(n, o.told)
	}
	o.told = n
}

// watch keeps in mind which hosts change with time.
func (h *hosts) watch(o *host) {
	if o.pause == nil && o.learnt.most == 0 {
		delete(h.watched, o)
		return
	}
	h.watched[o] = struct{}{}
}

// paused are the hosts that are parked, by name.
func (h *hosts) paused() []*host {
	var out []*host
	for o := range h.watched {
		if o.pause != nil {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b *host) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	return out
}
