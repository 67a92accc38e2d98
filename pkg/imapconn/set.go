package imapconn

import "strconv"

// Range is the UIDs First..Last, both included; First <= Last.
type Range struct{ First, Last uint32 }

// MaxLine is the longest command line, in octets, that is sent: the shortest
// limit known of a server is 8192 (Exchange's 10,240 and Zimbra's 10 kB come
// next).
const MaxLine = 8000

// Ranges folds ascending uids into ranges.
func Ranges(uids []uint32) []Range {
	var set []Range
	for _, u := range uids {
		if n := len(set); n > 0 && set[n-1].Last+1 == u && u != 0 {
			set[n-1].Last = u
			continue
		}
		set = append(set, Range{u, u})
	}
	return set
}

// SetLen is the length of set on the wire in octets.
func SetLen(set []Range) int {
	n := max(len(set)-1, 0)
	for _, r := range set {
		n += digits(r.First)
		if r.Last != r.First {
			n += 1 + digits(r.Last)
		}
	}
	return n
}

// formatSet renders a sequence-set (RFC 3501 section 9).
func formatSet(set []Range) string {
	b := make([]byte, 0, SetLen(set))
	for i, r := range set {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, uint64(r.First), 10)
		if r.Last != r.First {
			b = append(b, ':')
			b = strconv.AppendUint(b, uint64(r.Last), 10)
		}
	}
	return string(b)
}

func digits(n uint32) int {
	d := 1
	for ; n >= 10; n /= 10 {
		d++
	}
	return d
}

// number32 reads an unsigned number. A server whose number does not fit 32
// bits (seen as UIDVALIDITY) gets its low 32 bits: they are as constant as
// the whole.
func number32(s string) (uint32, bool) {
	n, err := strconv.ParseUint(s, 10, 64)
	return uint32(n), err == nil
}

// modSeq reads a mod-sequence, a positive number of 63 bits (RFC 7162 section
// 7). Anything else is 0: none is known.
func modSeq(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil {
		return 0
	}
	return n
}
