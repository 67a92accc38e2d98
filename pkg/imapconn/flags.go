package imapconn

import "strings"

// systemFlags are the ones a client may set (RFC 3501 section 2.3.2).
var systemFlags = [...]string{`\Answered`, `\Flagged`, `\Deleted`, `\Seen`, `\Draft`}

// maxKeyword is the longest keyword, in octets, that is sent: Dovecot's
// default limit.
const maxKeyword = 50

// Sanitize returns the flags that may stand in an APPEND, each once and in
// the order given, and those that cannot be carried and are worth a report.
// Kept are the five system flags and keywords that are atoms of at most 50
// octets without "]"; `\Recent`, which no client may set, is in neither.
func Sanitize(flags []string) (kept, dropped []string) {
	for _, f := range flags {
		if isRecent(f) {
			continue
		}
		if s, ok := systemFlag(f); ok {
			f = s
		} else if !validKeyword(f) {
			dropped = append(dropped, f)
			continue
		}
		if !containsFold(kept, f) {
			kept = append(kept, f)
		}
	}
	return kept, dropped
}

// maxStored is the longest keyword, in octets, that a STORE may hold: no known
// server takes longer ones.
const maxStored = 250

// Storable reports whether a STORE may hold f though no APPEND may: keywords
// that are longer than Dovecot takes by default, and flag extensions (`\Custom`,
// RFC 9051 section 9), which only a server understands that names them in
// PERMANENTFLAGS. A STORE that is refused costs nothing; an APPEND may
// (DESIGN invariant 9).
func Storable(f string) bool {
	if _, system := systemFlag(f); system || isRecent(f) {
		return false
	}
	if name, ok := strings.CutPrefix(f, `\`); ok {
		return isAtom(name, maxKeyword)
	}
	return len(f) > maxKeyword && isAtom(f, maxStored)
}

func isRecent(f string) bool { return strings.EqualFold(f, `\Recent`) }

func systemFlag(f string) (string, bool) {
	for _, s := range systemFlags {
		if strings.EqualFold(f, s) {
			return s, true
		}
	}
	return "", false
}

// validKeyword reports whether f is a flag-keyword (an atom, RFC 3501 section
// 9) that every known server can at least parse. NIL is an atom that parsers
// take for the absent value.
func validKeyword(f string) bool { return isAtom(f, maxKeyword) }

func isAtom(f string, most int) bool {
	if f == "" || len(f) > most || strings.EqualFold(f, "NIL") {
		return false
	}
	for i := range len(f) {
		if c := f[i]; c <= ' ' || c > '~' || strings.IndexByte(`(){%*"\]`, c) >= 0 {
			return false
		}
	}
	return true
}

func containsFold(list []string, s string) bool {
	for _, l := range list {
		if strings.EqualFold(l, s) {
			return true
		}
	}
	return false
}
