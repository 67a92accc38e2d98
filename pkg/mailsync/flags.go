package mailsync

import (
	"maps"
	"slices"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// keepable parts flags into those that the destination mailbox keeps, those
// that it may keep but that no APPEND may hold, and those that it does not
// keep: they can be in no command, or are not among its PERMANENTFLAGS (RFC
// 9051 section 7.1). Where it did not say what it keeps, it keeps everything
// (RFC 3501 section 7.1).
func keepable(sel imapconn.Selected, flags []string) (kept, after, dropped []string) {
	closed := sel.FlagsKnown && !sel.AnyKeyword
	clean, rest := imapconn.Sanitize(flags)
	for _, f := range clean {
		if closed && !hasFlag(sel.PermanentFlags, f) {
			dropped = append(dropped, f)
		} else {
			kept = append(kept, f)
		}
	}
	for _, f := range rest {
		named := hasFlag(sel.PermanentFlags, f)
		if imapconn.Storable(f) && (named || !closed && f[0] != '\\') {
			after = append(after, f)
		} else {
			dropped = append(dropped, f)
		}
	}
	return kept, after, dropped
}

// storable is keepable for STORE.
func storable(sel imapconn.Selected, flags []string) (kept, dropped []string) {
	kept, after, dropped := keepable(sel, flags)
	return append(kept, after...), dropped
}

// tellChanged says which messages went over changed, and what they had to
// arrive without.
func (w *writer) tellChanged() {
	for _, kind := range slices.Sorted(maps.Keys(w.changed)) {
		w.p.log.Warn("messages went over changed: see repairs.csv", "mailbox", w.b.source.Name, "repair", kind, "messages", w.changed[kind])
	}
	w.changed = nil
	w.p.tellDropped(w.b, w.dropped)
}

func (p *pass) tellDropped(b *box, flags map[string]bool) {
	for _, f := range slices.Sorted(maps.Keys(flags)) {
		p.log.Warn("a flag was left out: the destination does not take it", "mailbox", b.source.Name, "flag", fault.Clean(f))
	}
}
