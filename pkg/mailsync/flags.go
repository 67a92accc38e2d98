package mailsync

import (
	"maps"
	"slices"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// carried returns the flags that can go with a message, and notes the others
// for the report.
func (w *writer) carried(flags []string) []string {
	kept, dropped := keepable(w.dst.sel, flags)
	for _, f := range dropped {
		if w.dropped == nil {
			w.dropped = map[string]bool{}
		}
		w.dropped[f] = true
	}
	return kept
}

// keepable parts flags into those that the destination mailbox keeps, and the
// others: those that no APPEND or STORE may hold, and those that are not among
// its PERMANENTFLAGS (RFC 9051 section 7.1). Where it did not say what it
// keeps, it keeps everything (RFC 3501 section 7.1).
func keepable(sel imapconn.Selected, flags []string) (kept, dropped []string) {
	kept, dropped = imapconn.Sanitize(flags)
	if !sel.FlagsKnown || sel.AnyKeyword {
		return kept, dropped
	}
	unkept := func(f string) bool { return !hasFlag(sel.PermanentFlags, f) }
	for _, f := range kept {
		if unkept(f) {
			dropped = append(dropped, f)
		}
	}
	return slices.DeleteFunc(kept, unkept), dropped
}

// tellDropped says what messages had to arrive without.
func (w *writer) tellDropped() {
	if w.undated > 0 {
		w.p.log.Warn("the source gave no usable INTERNALDATE: the destination takes the present time",
			"mailbox", w.b.source.Name, "messages", w.undated)
	}
	w.p.tellDropped(w.b, w.dropped)
}

func (p *pass) tellDropped(b *box, flags map[string]bool) {
	for _, f := range slices.Sorted(maps.Keys(flags)) {
		p.log.Warn("a flag was left out: the destination does not take it", "mailbox", b.source.Name, "flag", fault.Clean(f))
	}
}
