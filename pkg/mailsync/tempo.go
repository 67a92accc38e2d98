package mailsync

import (
	"sync"
	"time"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

const (
	maxBatch  = 500         // messages of one MULTIAPPEND
	maxFlying = 64          // single APPENDs without an answer yet
	minOctets = 64 << 10    // of a batch, at first and where answers are slow
	ample     = 4 << 20     // of a batch, unless the way holds more
	slow      = time.Second // between the end of a command and its answer
	aim       = slow / 2    // what an answer may take
	maxGrowth = 16          // of a batch in one step
)

// tempo is how much an account sends before it waits for an answer. What is on
// its way when this process dies must be stored, or lost, before a rerun has
// looked twice (DESIGN invariant 6), and how fast the way is only the answers
// tell: so an account begins with little, sends more where they come soon, and
// less where they are slow. After a cut it sends at most half the messages,
// down to one; that grows back on success. The zero tempo is that of the
// beginning.
type tempo struct {
	cut    int   // 0: full; else messages
	limit  int64 // octets; 0: minOctets
	slowed bool  // an answer was slow: more only with care
}

// octets returns how many octets one command may hold, at most full.
func (t *tempo) octets(full int64) int64 {
	return min(max(t.limit, minOctets), full)
}

// answered tells how long an answer took while so many octets were under way.
// What takes k times as long is at most k times as much, so that much more may
// go; a soon answer to less than was allowed tells nothing of more. More than
// is ample goes only where the way is so long, or so wide, that it holds more:
// else larger commands are no faster, and only hold more memory.
func (t *tempo) answered(took time.Duration, octets, full, way int64) {
	now := t.octets(full)
	full = min(full, max(ample, 4*way))
	switch {
	case took > slow:
		t.limit, t.slowed = max(minOctets, min(octets, now)/2), true
	case took >= aim || octets < now/2:
	case t.slowed:
		t.limit = min(now+now/2, full)
	default:
		t.limit = min(int64(float64(now)*min(maxGrowth, float64(aim)/float64(max(took, 1)))), full)
	}
}

// batch returns how many messages one command may hold.
func (t *tempo) batch() int {
	if t.cut == 0 {
		return maxBatch
	}
	return t.cut
}

// flying returns how many commands may be without an answer.
func (t *tempo) flying(m imapconn.AppendMode) int {
	if m != imapconn.AppendMulti {
		return min(maxFlying, t.batch())
	}
	if t.batch() > 1 {
		return 2
	}
	return 1
}

// halve answers a cut that hit n messages and so many octets.
func (t *tempo) halve(n int, octets int64) {
	t.cut = max(1, min(t.batch(), n)/2)
	if t.limit > 0 {
		t.limit = max(minOctets, min(t.limit, octets)/2)
	}
}

// tempos remembers what the lanes to each destination host have come to, so
// that the next account there need not begin with so little again: how fast
// the way is belongs to the host more than to the account. The zero value
// knows nothing. Its methods are safe for concurrent use.
type tempos struct {
	mu    sync.Mutex
	limit map[string]int64 // octets, by host
}

// begin returns the tempo of a new lane.
func (h *tempos) begin(host string) tempo {
	h.mu.Lock()
	defer h.mu.Unlock()
	return tempo{limit: h.limit[host] / 4}
}

// learn notes what a lane has come to.
func (h *tempos) learn(host string, t tempo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.limit == nil {
		h.limit = map[string]int64{}
	}
	h.limit[host] = t.limit
}

func (t *tempo) grow() {
	if t.cut == 0 {
		return
	}
	if t.cut *= 2; t.cut >= maxBatch {
		t.cut = 0
	}
}
