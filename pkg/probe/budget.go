package probe

import (
	"math"
	"sync"
)

// budget is how many octets and messages may still be moved. nil has no bound.
// Its methods are safe for concurrent use.
type budget struct {
	mu               sync.Mutex
	octets, messages int64
}

func newBudget(octets, messages int64) *budget { return &budget{octets: octets, messages: messages} }

// take takes n messages of so many octets, all or nothing.
func (b *budget) take(octets, n int64) bool {
	if b == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if octets > b.octets || n > b.messages {
		return false
	}
	b.octets -= octets
	b.messages -= n
	return true
}

// takeAll takes from each of several budgets, from all or from none.
func takeAll(octets, n int64, from ...*budget) bool {
	for i, b := range from {
		if !b.take(octets, n) {
			for _, taken := range from[:i] {
				taken.give(octets, n)
			}
			return false
		}
	}
	return true
}

func (b *budget) give(octets, n int64) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.octets += octets
	if b.messages < math.MaxInt64-n {
		b.messages += n
	}
}
