package rules

import "slices"

// Repairs say what may be changed of a message that the destination does not
// take as it is. The zero value allows what does not touch its octets.
type Repairs struct {
	// Off allows nothing: what does not go unchanged is a reject. Kinds are
	// the names of what is allowed, no more and no less; empty: what
	// RepairKinds does not call Octets.
	Off   bool
	Kinds []string
}

// The names of what may be changed (--repair).
const (
	RepairDate     = "date"
	RepairKeywords = "keywords"
	RepairNewline  = "newline"
	RepairCRLF     = "crlf"
	RepairNUL      = "nul"
	Repair8Bit     = "8bit"
	RepairHeader   = "header"
	RepairLines    = "lines"
)

// RepairKind is one thing that may be changed.
type RepairKind struct {
	Name   string
	Octets bool   // it changes the message itself: only where the user asks for it by name
	Does   string // for a reader of --help
}

// RepairKinds returns all kinds, in the order in which they are tried.
func RepairKinds() []RepairKind {
	return []RepairKind{
		{RepairDate, false, "another INTERNALDATE where the source gives none, or the destination refuses it"},
		{RepairKeywords, false, "without those flags and keywords that the destination does not take"},
		{RepairNewline, true, "a line end is added to a message that ends without one"},
		{RepairCRLF, true, "a CR or LF that stands alone becomes CRLF"},
		{RepairNUL, true, "a NUL octet becomes 0x80"},
		{Repair8Bit, true, "8-bit text in the header becomes encoded words (RFC 2047)"},
		{RepairHeader, true, "a blank line is added where the header ends without one; an mbox From line becomes a field"},
		{RepairLines, true, "lines of more than 998 octets are broken"},
	}
}

// Allows reports whether a change of that kind may be made.
func (r Repairs) Allows(kind string) bool {
	if r.Off {
		return false
	}
	if len(r.Kinds) > 0 {
		return slices.Contains(r.Kinds, kind)
	}
	return slices.ContainsFunc(RepairKinds(), func(k RepairKind) bool { return k.Name == kind && !k.Octets })
}
