package mailsync

import (
	"time"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

const (
	maxBatch  = 200         // messages of one MULTIAPPEND
	maxFlying = 64          // single APPENDs without an answer yet
	minOctets = 64 << 10    // that a slow answer leaves to a batch
	slow      = time.Second // between the end of a command and its answer
)

// tempo is how much an account sends before it waits for an answer. After a
// cut it is at most half, down to one message; it grows back on success. Where
// answers are slow it is less octets: what is on its way when this process
// dies must be stored, or lost, before a rerun has looked twice (DESIGN
// invariant 6). The zero tempo is the full one.
type tempo struct {
	cut   int   // 0: full; else messages
	limit int64 // 0: full; else octets
}

// octets returns how many octets one command may hold, at most full.
func (t *tempo) octets(full int64) int64 {
	if t.limit == 0 {
		return full
	}
	return min(t.limit, full)
}

// answered tells how long the answer to a command of so many octets took.
func (t *tempo) answered(took time.Duration, octets, full int64) {
	switch {
	case took > slow:
		t.limit = max(minOctets, min(octets, t.octets(full))/2)
	case took < slow/4 && t.limit != 0:
		if t.limit += t.limit / 2; t.limit >= full {
			t.limit = 0
		}
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

func (t *tempo) halve() { t.cut = max(1, t.batch()/2) }

func (t *tempo) grow() {
	if t.cut == 0 {
		return
	}
	if t.cut *= 2; t.cut >= maxBatch {
		t.cut = 0
	}
}
