package batch

import (
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/imapfleet/imapfleet/pkg/fault"
)

// RetryPolicy says how long a row waits before its next attempt: First, then
// three times as long each time, at most Max, with jitter, and never less than
// the server asked for. Where a server said "later" the pauses begin at Later.
// Zero fields are 10 s, 30 s and 15 min.
type RetryPolicy struct {
	First time.Duration
	Later time.Duration
	Max   time.Duration
	// Jitter is the share by which a pause varies either way: 0.2 when zero,
	// none when negative.
	Jitter float64
}

func (p RetryPolicy) withDefaults() RetryPolicy {
	if p.First <= 0 {
		p.First = 10 * time.Second
	}
	if p.Later <= 0 {
		p.Later = 30 * time.Second
	}
	if p.Max <= 0 {
		p.Max = 15 * time.Minute
	}
	switch {
	case p.Jitter == 0:
		p.Jitter = 0.2
	case p.Jitter < 0:
		p.Jitter = 0
	}
	return p
}

// pause returns how long to wait after the n-th attempt, n from 1.
func (p RetryPolicy) pause(e *fault.Error, n int) time.Duration {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.Multiplier, b.MaxInterval = min(p.First, p.Max), 3, p.Max
	if saidLater(e) {
		b.InitialInterval = min(p.Later, p.Max)
	}
	b.RandomizationFactor = 0
	for range n - 1 {
		b.NextBackOff()
	}
	b.RandomizationFactor = p.Jitter
	d := b.NextBackOff()
	if e.Wait > 0 {
		// Not before what was asked for, and not all rows in the same instant.
		more := min(time.Duration(p.Jitter*float64(e.Wait)/2), p.Max)
		d = max(d, e.Wait+rand.N(more+1))
	}
	return d
}

// longest is the longest pause before one of so many retries, with jitter.
func (p RetryPolicy) longest(retries int) time.Duration {
	more := 1 + p.Jitter
	p.Jitter, retries = 0, max(1, retries)
	return time.Duration(more*float64(p.pause(&fault.Error{}, retries))) + 1 // who rounds must not lose a retry
}

// mayPass reports whether a later attempt may help.
func mayPass(e *fault.Error) bool {
	return e != nil && e.Scope != fault.Run && (e.Temporary || e.Wait > 0)
}

// saidLater reports whether it was the server that asked to be left alone for
// a while, so that the row is parked; a connection that was lost is not that.
func saidLater(e *fault.Error) bool {
	if e.Wait > 0 || e.Scope == fault.Host {
		return true
	}
	switch e.Code {
	case fault.Throttled, fault.Unavailable, fault.TooManySessions, fault.AuthTemporary, fault.InUse:
		return true
	}
	return false
}
