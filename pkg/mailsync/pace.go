package mailsync

import "time"

const (
	firstChunk = 500    // messages of the first UID FETCH of a lane
	mostChunk  = 10_000 // of any
)

// pace is how many messages a UID FETCH asks for: so many that commands are
// rare beside the messages, and so few that a lane comes to a border within
// seconds. The zero pace is that of the beginning.
type pace struct {
	size   int       // 0: firstChunk
	start  time.Time // when the command that is being answered began to be
	capped int       // after a refusal: at most so many; 0: no cap
}

func (p *pace) messages() int {
	n := p.size
	if n == 0 {
		n = firstChunk
	}
	if p.capped > 0 {
		n = min(n, p.capped)
	}
	return n
}

// sent notes that a command leaves.
func (p *pace) sent() {
	if p.start.IsZero() {
		p.start = time.Now()
	}
}

// answered notes that a command of n messages has been answered.
func (p *pace) answered(n int) {
	now := time.Now()
	took := now.Sub(p.start)
	p.start = now
	p.capped = min(2*p.capped, mostChunk)
	switch full := p.messages(); {
	case n < full/2:
	case took < time.Second:
		p.size = min(2*full, mostChunk)
	case took > 4*time.Second:
		p.size = max(full/2, 50)
	}
}

// refused makes commands smaller after one of n messages was refused; false
// when they are as small as helps.
func (p *pace) refused(n int) bool {
	p.capped = max(n/8, 1)
	return n > 1
}
