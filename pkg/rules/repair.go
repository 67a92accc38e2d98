package rules

import (
	"fmt"
	"slices"
	"strings"
)

// The repairs that --repair names: what may be changed of a message that the
// destination refuses as it is.
const (
	RepairDate     = "date"     // an INTERNALDATE that it does not take
	RepairKeywords = "keywords" // keywords that it does not take are left out
	RepairCRLF     = "crlf"     // a bare CR or LF becomes CRLF
	RepairNUL      = "nul"      // NUL octets are taken out
	Repair8Bit     = "8bit"     // octets over 127 in the header are encoded
	RepairNewline  = "newline"  // a missing newline at the end is added
	RepairHeader   = "header"   // a missing header is added
	RepairSplit    = "split"    // lines that are too long are broken
)

// Repair is one kind of repair.
type Repair struct {
	Name string
	// Default repairs are made unless they are turned off: they touch no octet
	// of the message.
	Default bool
}

// RepairKinds are all repairs, in the order in which they are tried.
func RepairKinds() []Repair {
	return []Repair{
		{RepairDate, true}, {RepairKeywords, true}, {RepairCRLF, false}, {RepairNUL, false},
		{Repair8Bit, false}, {RepairNewline, false}, {RepairHeader, false}, {RepairSplit, false},
	}
}

// On reports whether a kind of repair may be made.
func (r Repairs) On(kind string) bool {
	if r.Off {
		return false
	}
	if len(r.Kinds) > 0 {
		return slices.Contains(r.Kinds, kind)
	}
	return slices.Contains(RepairKinds(), Repair{kind, true})
}

// parseRepairs reads a list such as date,keywords,crlf; none turns all off.
func parseRepairs(text string) (Repairs, error) {
	if strings.EqualFold(strings.TrimSpace(text), "none") {
		return Repairs{Off: true}, nil
	}
	var names []string
	for _, k := range RepairKinds() {
		names = append(names, k.Name)
	}
	var r Repairs
	for name := range strings.SplitSeq(text, ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		if !slices.Contains(names, name) {
			return Repairs{}, fmt.Errorf("must be none or some of %s", strings.Join(names, ","))
		}
		if !slices.Contains(r.Kinds, name) {
			r.Kinds = append(r.Kinds, name)
		}
	}
	return r, nil
}
