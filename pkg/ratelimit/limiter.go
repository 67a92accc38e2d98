package ratelimit

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

const (
	// A turn is what one connection may move before the next one has its turn:
	// what the rate gives in 50 ms, within these bounds, in octets. Smaller ones
	// cost system calls, larger ones make the others wait.
	turnsPerSecond   = 20
	minTurn, maxTurn = 8 << 10, 64 << 10
	// small is how many octets need no turn: those of a command or an answer,
	// so that a login does not wait behind everybody's mail until it is late.
	small = 4 << 10
)

// turn is how many octets may move at a time under r.
func (r Rate) turn() int {
	if r <= 0 {
		return math.MaxInt
	}
	return int(min(max(r/turnsPerSecond, minTurn), maxTurn))
}

// burst is how many octets may move at once after a pause: enough for a turn
// and for a timer that rings late.
func (r Rate) burst() int { return int(min(max(r/turnsPerSecond, maxTurn), math.MaxInt32)) }

func (r Rate) limit() rate.Limit {
	if r <= 0 {
		return rate.Inf
	}
	return rate.Limit(r)
}

// Limiter bounds the octets per second of all who wait on it together, by a
// schedule and the clock of this machine. In any time t no more pass than its
// rate times t and two bursts; a burst is 64 KiB or what the rate gives in 50
// ms, whichever is more. They wait in the order in which they came, each for a
// turn of at most 64 KiB, so that hundreds share it evenly; up to 4 KiB,
// commands and answers, pass ahead of them within one burst.
//
// Its methods are safe for concurrent use. It has no zero value: see New.
type Limiter struct {
	turn chan struct{} // one token: who holds it is the next to move octets

	free atomic.Bool // the schedule has no limit at any time: nobody needs to look further

	mu       sync.Mutex // guards what follows
	schedule Schedule
	rate     Rate // what the bucket has been told
	bucket   *rate.Limiter
	changed  chan struct{} // closed by Set
}

// New returns a Limiter that follows s.
func New(s Schedule) *Limiter {
	r := s.At(time.Now())
	l := &Limiter{
		turn: make(chan struct{}, 1), schedule: s, rate: r,
		bucket: rate.NewLimiter(r.limit(), r.burst()), changed: make(chan struct{}),
	}
	l.free.Store(!s.Limits())
	return l
}

// Set puts s in the place of the schedule. Who waits goes on at the new pace.
func (l *Limiter) Set(s Schedule) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.schedule = s
	l.free.Store(!s.Limits())
	close(l.changed)
	l.changed = make(chan struct{})
}

// Wait returns when n octets may pass, or at once with false when done is
// closed. A nil done is never closed.
func (l *Limiter) Wait(done <-chan struct{}, n int) bool {
	if l.free.Load() || l.pass(n) {
		return true
	}
	for n > 0 {
		select {
		case l.turn <- struct{}{}:
		case <-done:
			return false
		}
		took := l.take(done, n)
		<-l.turn
		if took == 0 {
			return false
		}
		n -= took
	}
	return true
}

// most is how many octets should be moved at a time.
func (l *Limiter) most() int {
	if l.free.Load() {
		return Rate(0).turn()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.follow(time.Now())
	return l.rate.turn()
}

// pass lets n octets pass at once when there is no limit, and when they are
// few: those are lent by the ones who wait, up to a burst.
func (l *Limiter) pass(n int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.follow(now)
	if l.rate <= 0 {
		return true
	}
	if n > small || l.bucket.TokensAt(now) <= -float64(l.rate.burst()) {
		return false
	}
	return l.bucket.ReserveN(now, n).OK()
}

// take waits until a turn's worth of n octets may pass and returns their
// number; 0 when done was closed. The caller holds the turn, so that only one
// reservation is ever open and a change of the rate has one waiter to wake.
func (l *Limiter) take(done <-chan struct{}, n int) int {
	for {
		now := time.Now()
		took, r, fixed, changed := l.reserve(now, n)
		delay := r.DelayFrom(now)
		if delay == 0 {
			return took
		}
		t := time.NewTimer(min(delay, fixed))
		select {
		case <-t.C:
			if delay <= fixed {
				return took
			}
		case <-changed:
		case <-done:
			took = 0
		}
		t.Stop()
		r.Cancel()
		if took == 0 {
			return 0
		}
	}
}

// reserve takes a turn's worth of n octets out of the bucket; how long to wait
// for them the reservation says. It stands for as long as fixed, while changed
// is not closed.
func (l *Limiter) reserve(now time.Time, n int) (took int, r *rate.Reservation, fixed time.Duration, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.follow(now)
	took = min(n, l.rate.turn())
	return took, l.bucket.ReserveN(now, took), l.schedule.fixed(now), l.changed
}

// follow tells the bucket the rate of now. l.mu is held.
func (l *Limiter) follow(now time.Time) {
	r := l.schedule.At(now)
	if r == l.rate {
		return
	}
	l.rate = r
	l.bucket.SetLimitAt(now, r.limit())
	l.bucket.SetBurstAt(now, r.burst())
}
