package batch

import "math"

// hosts counts the lanes that touch each host, and says whether one more may.
type hosts struct {
	most int            // on each host; 0: no limit
	told map[string]int // what a server said that it allows
	used map[string]int
}

func newHosts(most int) hosts {
	return hosts{most: most, told: make(map[string]int), used: make(map[string]int)}
}

// over is by how many lanes a host is above its limit: 0 when it is full,
// negative when there is room.
func (h *hosts) over(host string) int {
	most := math.MaxInt
	if h.most > 0 {
		most = h.most
	}
	if told, ok := h.told[host]; ok {
		most = min(most, told)
	}
	return h.used[host] - most
}

// room reports whether one more lane may touch both hosts.
func (h *hosts) room(pair [2]string) bool { return h.over(pair[0]) < 0 && h.over(pair[1]) < 0 }

// add books n lanes. One between two accounts of one host is one lane there.
func (h *hosts) add(pair [2]string, n int) {
	h.used[pair[0]] += n
	if pair[1] != pair[0] {
		h.used[pair[1]] += n
	}
}

// tell lowers what a host bears to n lanes.
func (h *hosts) tell(host string, n int) {
	if told, ok := h.told[host]; ok {
		n = min(n, told)
	}
	h.told[host] = n
}
