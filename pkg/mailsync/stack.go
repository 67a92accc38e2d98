package mailsync

import (
	"encoding/binary"
	"slices"
)

// stack is the part of the messages that one round of a match holds: those
// that may be equal are in the same one. The zero stack is not usable.
type stack struct {
	n, of int
	by    trait
	done  func(uid uint32) bool // these have a partner; nil: none has
}

// trait is what the messages of a stack have in common, so that only what is
// needed for that is read.
type trait int

const (
	ofHeader trait = iota
	ofSize         // octets and date
	ofName         // Message-ID and Date, see identity.Digester.Name
)

// has reports whether a message belongs to the stack.
func (s stack) has(i ident) bool {
	if s.of == 1 {
		return true
	}
	h := binary.BigEndian.Uint64(i.head[:])
	switch s.by {
	case ofName:
		h = binary.BigEndian.Uint64(i.name[:])
	case ofSize:
		h = uint64(i.octets)*0x9e3779b97f4a7c15 ^ uint64(i.date)*0xc2b2ae3d27d4eb4f
	}
	return h>>16%uint64(s.of) == uint64(s.n)
}

// left returns those of uids that have no partner yet.
func (s stack) left(uids []uint32) []uint32 {
	if s.done == nil {
		return uids
	}
	return slices.DeleteFunc(slices.Clone(uids), s.done)
}

// pick returns those of ids that belong to the stack and have no partner yet.
func (s stack) pick(ids []ident) []ident {
	var out []ident
	for _, i := range ids {
		if s.has(i) && (s.done == nil || !s.done(i.uid)) {
			out = append(out, i)
		}
	}
	return out
}

// matchCost is what a message takes while it is matched, in octets: its ident,
// its place in lists of UIDs, its share of what is compared by whole digests.
const matchCost = 96

// roundsFor returns in how many rounds so many messages of both sides can be
// matched with so many octets of memory.
func roundsFor(messages int, room int64) int {
	need := int64(messages) * matchCost
	return int(max(1, (need+room-1)/room))
}

// sieve gathers the idents of a stack. Handlers write it on a connection's
// reading goroutine.
type sieve struct {
	*ticks
	stack stack
	out   []ident
}

func newSieve(uids []uint32, s stack) *sieve {
	most := len(uids)
	if s.of > 1 {
		most = most/s.of + most/s.of/8 + 16
	}
	return &sieve{ticks: newTicks(uids), stack: s, out: make([]ident, 0, most)}
}

// put takes what was read of a message. What the server says of it once more
// does not count.
func (v *sieve) put(i ident) {
	v.tick(i.uid, func() {
		if v.stack.has(i) {
			v.out = append(v.out, i)
		}
	})
}
