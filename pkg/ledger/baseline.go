package ledger

import (
	"cmp"
	"slices"
	"strings"
)

// Baseline is what flags messages had at their source when we last looked and
// the destination was told, by source UID. The zero value knows of none. It
// takes 2 octets a message, 8 for each gap in the UIDs, and each set of flags
// once. It is not safe for concurrent use.
type Baseline struct {
	sets   []string          // canonical; code i+1 is sets[i], code 0 is unknown
	codes  map[string]uint16 // of sets; nil until one is looked for
	spans  []span            // ascending, apart from each other
	values []uint16          // the code of each message, in the order of the spans
	late   []lateFlags       // set out of order; sorted in before the next look
}

// span is UIDs from first on without a gap; values[at] is the first's code. It
// ends where the next span begins in values.
type span struct{ first, at uint32 }

type lateFlags struct {
	uid  uint32
	code uint16
}

// maxSets is how many different sets of flags a Baseline tells apart: a
// message with one more is unknown.
const maxSets = 1<<16 - 1

// canonical renders a set of flags: sorted, each once, system flags in one
// case, keywords as spelled. `\Recent` is no flag of the message's own, and
// what holds blanks or controls no client could set.
func canonical(flags []string) string {
	kept := make([]string, 0, 8)
	for _, f := range flags {
		if strings.HasPrefix(f, `\`) && len(f) > 1 {
			f = f[:1] + strings.ToUpper(f[1:2]) + strings.ToLower(f[2:])
		}
		if f == "" || f == `\Recent` || strings.ContainsFunc(f, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			continue
		}
		kept = append(kept, f)
	}
	slices.Sort(kept)
	return strings.Join(slices.Compact(kept), " ")
}

// Set records the flags of one message, in any order and case; UIDs that come
// in ascending order cost least. The UID 0 is none.
func (b *Baseline) Set(uid uint32, flags []string) {
	if uid != 0 {
		b.put(uid, b.code(canonical(flags)))
	}
}

// Flags returns the flags of a message, sorted, system flags as `\Seen`; known
// is false where nothing is recorded.
func (b *Baseline) Flags(uid uint32) (flags []string, known bool) {
	set, known := b.set(uid)
	return strings.Fields(set), known
}

// Is reports whether the flags recorded of a message are these; known is false
// where nothing is recorded.
func (b *Baseline) Is(uid uint32, flags []string) (same, known bool) {
	set, known := b.set(uid)
	return known && set == canonical(flags), known
}

// empty reports whether b says nothing; a nil one does not.
func (b *Baseline) empty() bool { return b == nil || len(b.values) == 0 }

// Len is how many messages there are flags of.
func (b *Baseline) Len() int {
	b.settle()
	n := 0
	for _, v := range b.values {
		if v != 0 {
			n++
		}
	}
	return n
}

// Merge takes over all that o knows; where both know of a message, o is right.
func (b *Baseline) Merge(o *Baseline) {
	o.settle()
	codes := make([]uint16, len(o.sets)+1)
	for i, s := range o.sets {
		codes[i+1] = b.code(s)
	}
	o.each(func(uid uint32, code uint16) { b.put(uid, codes[code]) })
}

// each calls f for every message, ascending. b is settled.
func (b *Baseline) each(f func(uid uint32, code uint16)) {
	for i, s := range b.spans {
		for j := s.at; j < b.end(i); j++ {
			f(s.first+(j-s.at), b.values[j])
		}
	}
}

// end is where span i ends in values.
func (b *Baseline) end(i int) uint32 {
	if i+1 < len(b.spans) {
		return b.spans[i+1].at
	}
	return uint32(len(b.values))
}

// code returns the number of a set of flags, a new one if need be.
func (b *Baseline) code(set string) uint16 {
	if b.codes == nil {
		b.codes = make(map[string]uint16, len(b.sets))
		for i, s := range b.sets {
			b.codes[s] = uint16(i + 1)
		}
	}
	if c, ok := b.codes[set]; ok {
		return c
	}
	if len(b.sets) == maxSets {
		return 0
	}
	b.sets = append(b.sets, set)
	c := uint16(len(b.sets))
	b.codes[set] = c
	return c
}

func (b *Baseline) put(uid uint32, code uint16) {
	if n := len(b.spans); n > 0 {
		i, ok := b.find(uid)
		switch last := b.spans[n-1]; {
		case ok:
			b.values[i] = code
			return
		case uid < last.first:
			b.late = append(b.late, lateFlags{uid, code})
			return
		}
	}
	b.push(uid, code)
}

// push adds a message above all others.
func (b *Baseline) push(uid uint32, code uint16) {
	at := uint32(len(b.values))
	if n := len(b.spans); n == 0 || uid-b.spans[n-1].first != at-b.spans[n-1].at {
		b.spans = append(b.spans, span{uid, at})
	}
	b.values = append(b.values, code)
}

// find returns where the code of a message is in values, leaving late ones
// aside.
func (b *Baseline) find(uid uint32) (at uint32, ok bool) {
	i, found := slices.BinarySearchFunc(b.spans, uid, func(s span, uid uint32) int { return cmp.Compare(s.first, uid) })
	if !found {
		i--
	}
	if i < 0 {
		return 0, false
	}
	s := b.spans[i]
	if uid-s.first >= b.end(i)-s.at {
		return 0, false
	}
	return s.at + (uid - s.first), true
}

// set returns the canonical set of a message.
func (b *Baseline) set(uid uint32) (set string, known bool) {
	b.settle()
	at, ok := b.find(uid)
	if !ok || b.values[at] == 0 {
		return "", false
	}
	return b.sets[b.values[at]-1], true
}

// settle sorts in what came out of order: of one message the last word counts.
func (b *Baseline) settle() {
	if len(b.late) == 0 {
		return
	}
	late := b.late
	slices.SortStableFunc(late, func(a, b lateFlags) int { return cmp.Compare(a.uid, b.uid) })
	old := Baseline{spans: b.spans, values: b.values}
	b.spans, b.late = nil, nil
	b.values = make([]uint16, 0, len(old.values)+len(late))
	before := func(uid uint32) { // those late ones that stand before uid
		for len(late) > 0 && late[0].uid < uid {
			if len(late) == 1 || late[1].uid != late[0].uid {
				b.push(late[0].uid, late[0].code)
			}
			late = late[1:]
		}
	}
	old.each(func(uid uint32, code uint16) {
		before(uid)
		b.push(uid, code)
	})
	before(^uint32(0)) // late ones are below the last that came in order
}
