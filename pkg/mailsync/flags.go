package mailsync

import (
	"maps"
	"slices"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// carried returns the flags that can go with a message, and notes the others
// for the report: those that no APPEND may hold, and those that the destination
// mailbox does not keep (PERMANENTFLAGS, RFC 9051 section 7.1). Where it did
// not say what it keeps, it keeps everything (RFC 3501 section 7.1).
func (w *writer) carried(flags []string) []string {
	kept, dropped := imapconn.Sanitize(flags)
	if sel := w.dst.sel; sel.FlagsKnown && !sel.AnyKeyword {
		unkept := func(f string) bool {
			return !slices.ContainsFunc(sel.PermanentFlags, func(p string) bool { return strings.EqualFold(f, p) })
		}
		for _, f := range kept {
			if unkept(f) {
				dropped = append(dropped, f)
			}
		}
		kept = slices.DeleteFunc(kept, unkept)
	}
	for _, f := range dropped {
		if w.dropped == nil {
			w.dropped = map[string]bool{}
		}
		w.dropped[f] = true
	}
	return kept
}

// tellDropped says what messages had to arrive without.
func (w *writer) tellDropped() {
	if w.undated > 0 {
		w.p.log.Warn("the source gave no usable INTERNALDATE: the destination takes the present time",
			"mailbox", w.b.source.Name, "messages", w.undated)
	}
	for _, f := range slices.Sorted(maps.Keys(w.dropped)) {
		w.p.log.Warn("a flag was left out: the destination does not take it", "mailbox", w.b.source.Name,
			"flag", fault.Clean(f))
	}
}
