package verify

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/imapfleet/imapfleet/pkg/identity"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// record is what is kept of one message while it is compared.
type record struct {
	uid    uint32
	box    int32  // of the group's source mailboxes; 0 at the destination
	flags  uint32 // code in flagSets
	paired bool   // it has a partner on the other side
	doubt  bool   // only its body can tell whether it has
	copies bool   // at the destination: a paired one has the same content
	octets int64  // RFC822.SIZE, or what came where the body was read
	date   int64  // INTERNALDATE in seconds, see noDate
	head   identity.Sum
	whole  identity.Sum // zero: the body was not read
	exact  identity.Sum // the same, octet by octet
}

// recordCost is what a record takes, with its place in lists of UIDs.
const recordCost = 96

// noDate is the date of a message of which the server gives none.
var noDate = time.Time{}.Unix()

func (r record) when() time.Time {
	if r.date == noDate {
		return time.Time{}
	}
	return time.Unix(r.date, 0).UTC()
}

// isBare reports that nothing identifies the message but its body, which was
// not read.
func (r record) isBare() bool { return r.head == identity.Sum{} && r.whole == identity.Sum{} }

func byUID(a, b record) int {
	return cmp.Or(cmp.Compare(a.box, b.box), cmp.Compare(a.uid, b.uid))
}
func byHead(a, b record) int  { return bytes.Compare(a.head[:], b.head[:]) }
func byWhole(a, b record) int { return bytes.Compare(a.whole[:], b.whole[:]) }
func byDate(a, b record) int  { return cmp.Compare(a.date, b.date) }
func byFlags(a, b record) int { return cmp.Compare(a.flags, b.flags) }
func bySize(a, b record) int  { return cmp.Compare(a.octets, b.octets) }

// byContent is the order in which equal content is equal: where bodies are
// read by them, else by header and octets, and by the body of what has no
// header.
func byContent(deep bool) func(a, b record) int {
	if deep {
		return byWhole
	}
	return func(a, b record) int {
		if c := cmp.Or(byHead(a, b), bySize(a, b)); c != 0 || a.head != (identity.Sum{}) {
			return c
		}
		return byWhole(a, b)
	}
}

// then is the order of several keys.
func then(keys ...func(a, b record) int) func(a, b record) int {
	return func(a, b record) int {
		for _, key := range keys {
			if c := key(a, b); c != 0 {
				return c
			}
		}
		return 0
	}
}

// flagSets numbers the sets of flags that messages have. Sets that differ in
// case only are one: there are servers that fold it. It is safe for concurrent
// use.
type flagSets struct {
	mu    sync.Mutex
	codes map[string]uint32
	sets  [][]string // by code; as first seen, sorted, without \Recent
}

// code numbers a set.
func (f *flagSets) code(flags []string) uint32 {
	set := make([]string, 0, len(flags))
	for _, flag := range flags {
		if !strings.EqualFold(flag, `\Recent`) && !hasFlag(set, flag) {
			set = append(set, flag)
		}
	}
	slices.SortFunc(set, func(a, b string) int { return cmp.Compare(strings.ToLower(a), strings.ToLower(b)) })
	key := strings.ToLower(strings.Join(set, " "))
	f.mu.Lock()
	defer f.mu.Unlock()
	if c, ok := f.codes[key]; ok {
		return c
	}
	if f.codes == nil {
		f.codes = map[string]uint32{}
	}
	c := uint32(len(f.sets))
	f.codes[key] = c
	f.sets = append(f.sets, set)
	return c
}

// of returns the set with a code.
func (f *flagSets) of(code uint32) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sets[code]
}

func hasFlag(set []string, flag string) bool {
	return slices.ContainsFunc(set, func(f string) bool { return strings.EqualFold(f, flag) })
}

// without returns those of a that b has not.
func without(a, b []string) []string {
	var out []string
	for _, f := range a {
		if !hasFlag(b, f) {
			out = append(out, f)
		}
	}
	return out
}

// seen makes a record of what a server said of a message.
func seen(box int32, m *imapconn.Message, flags uint32) record {
	r := record{uid: m.UID, box: box, flags: flags, octets: m.Size, date: noDate}
	if m.HasDate {
		r.date = m.Date.Unix()
	}
	return r
}
