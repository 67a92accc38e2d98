package mailsync

import "github.com/imapfleet/imapfleet/pkg/imapconn"

const (
	maxBatch  = 200 // messages of one MULTIAPPEND
	maxFlying = 64  // single APPENDs without an answer yet
)

// tempo is how much an account sends before it waits for an answer. After a
// cut it is at most half, down to one message; it grows back on success. The
// zero tempo is the full one.
type tempo struct {
	cut int // 0: full; else messages
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
