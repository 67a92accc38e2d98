package mailsync

import (
	"slices"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/ledger"
)

// fate is what became of one listed message in this pass. The zero fate is
// not tried.
type fate uint8

const (
	notTried fate = iota
	alreadyThere
	copied
	rejected
	gone
	filteredDate // left out by the user's rule, as those that follow
	filteredSize
	filteredSearch
	filteredDuplicate

	fates = iota
)

// plan holds what the source lists in one mailbox and what became of each
// message: 5 octets a message. It belongs to one goroutine at a time.
type plan struct {
	uids  []uint32 // ascending
	fates []fate
	count [fates]int64
	// vanished is how many messages the ledger maps that are not listed.
	vanished int64
}

// newPlan marks what the ledger's runs cover as already there.
func newPlan(uids []uint32, runs []ledger.Run) *plan {
	p := &plan{uids: uids, fates: make([]fate, len(uids))}
	p.count[notTried] = int64(len(uids))
	for _, r := range runs {
		p.vanished += int64(r.Count)
		i, _ := slices.BinarySearch(uids, r.Source)
		for ; i < len(uids) && uids[i]-r.Source < r.Count; i++ {
			p.setAt(i, alreadyThere)
		}
	}
	p.vanished -= p.count[alreadyThere]
	return p
}

func (p *plan) setAt(i int, f fate) {
	p.count[p.fates[i]]--
	p.fates[i] = f
	p.count[f]++
}

// keep marks those of uids as copied that are there already.
func (p *plan) keep(uids []uint32) {
	for _, u := range uids {
		if f, _ := p.fate(u); f == alreadyThere {
			p.set(u, copied)
		}
	}
}

// set records the fate of uid; a UID that is not listed is ignored.
func (p *plan) set(uid uint32, f fate) {
	if i, ok := slices.BinarySearch(p.uids, uid); ok {
		p.setAt(i, f)
	}
}

// fate returns the fate of uid and whether it is listed.
func (p *plan) fate(uid uint32) (fate, bool) {
	i, ok := slices.BinarySearch(p.uids, uid)
	if !ok {
		return notTried, false
	}
	return p.fates[i], true
}

// todo returns the UIDs that were not tried yet, ascending.
func (p *plan) todo() []uint32 { return p.are(notTried) }

// are returns the UIDs of some fates, ascending.
func (p *plan) are(these ...fate) []uint32 {
	n := int64(0)
	for _, f := range these {
		n += p.count[f]
	}
	out := make([]uint32, 0, n)
	for i, u := range p.uids {
		if slices.Contains(these, p.fates[i]) {
			out = append(out, u)
		}
	}
	return out
}

// isTodo reports whether a listed message was not tried yet.
func (p *plan) isTodo(uid uint32) bool {
	f, ok := p.fate(uid)
	return ok && f == notTried
}

// filtered is how many messages the user's rules leave out.
func (p *plan) filtered() int64 {
	return p.count[filteredDate] + p.count[filteredSize] + p.count[filteredSearch] + p.count[filteredDuplicate]
}

// asRuns joins pairs of UIDs, in the order given, to runs.
func asRuns(source, dest []uint32) []ledger.Run {
	var out []ledger.Run
	for i := range source {
		if n := len(out); n > 0 {
			last := &out[n-1]
			if source[i] == last.Source+last.Count && dest[i] == last.Dest+last.Count {
				last.Count++
				continue
			}
		}
		out = append(out, ledger.Run{Source: source[i], Dest: dest[i], Count: 1})
	}
	return out
}

// covered is a set of destination UIDs that the ledger maps, as sorted,
// joined intervals.
type covered []imapconn.Range

func newCovered(runs []ledger.Run) covered {
	c := make(covered, 0, len(runs))
	for _, r := range runs {
		if r.Dest == 0 || r.Count == 0 {
			continue
		}
		c = append(c, imapconn.Range{First: r.Dest, Last: r.Dest + r.Count - 1})
	}
	slices.SortFunc(c, func(a, b imapconn.Range) int {
		if a.First < b.First {
			return -1
		}
		return 1
	})
	joined := c[:0]
	for _, r := range c {
		if n := len(joined); n > 0 && r.First <= joined[n-1].Last {
			joined[n-1].Last = max(joined[n-1].Last, r.Last)
			continue
		}
		joined = append(joined, r)
	}
	return joined
}

func (c covered) has(uid uint32) bool {
	i, ok := slices.BinarySearchFunc(c, uid, func(r imapconn.Range, u uint32) int {
		switch {
		case r.Last < u:
			return -1
		case r.First > u:
			return 1
		}
		return 0
	})
	return ok && c[i].First <= uid
}
