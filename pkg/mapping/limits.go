package mapping

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// limits are what a server is known to refuse in the name of a mailbox. The
// zero limits know of nothing; whatever a server refuses beyond them is met
// when a mailbox is created.
type limits struct {
	refused string // characters
	control bool   // control characters too
	bmp     bool   // and those outside the basic multilingual plane, as emoji
	nfc     bool   // names must be in Unicode's normal form C
	folds   bool   // names that differ in case or Unicode form only are one mailbox
}

// known are the limits of servers, by a part of what they say of themselves,
// in lower case. Those of the first four were seen; the last two fold case by
// their documentation.
var known = []struct {
	software string
	limits   limits
}{
	{"dovecot", limits{control: true}},
	{"cyrus", limits{refused: `%"\{`, control: true}},
	{"courier", limits{bmp: true}},
	{"mox", limits{refused: `\`, control: true, nfc: true}},
	{"gimap", limits{folds: true}},
	{"microsoft exchange", limits{folds: true}},
}

// limitsOf returns what is known of a server. Where the delimiter is a dot,
// those that keep a mailbox as a directory take no slash.
func limitsOf(software string, delimiter rune) limits {
	software = strings.ToLower(software)
	for _, k := range known {
		if !strings.Contains(software, k.software) {
			continue
		}
		l := k.limits
		switch k.software {
		case "dovecot", "cyrus", "courier":
			if delimiter == '.' {
				l.refused += "/"
			}
		}
		return l
	}
	return limits{}
}

// fit returns name with an underscore for each character that the server
// refuses.
func (l limits) fit(name string, t Tree) string {
	if l.nfc {
		name = norm.NFC.String(name)
	}
	if !l.control && !l.bmp && l.refused == "" {
		return name
	}
	return replace(name, t, func(r rune) bool {
		return l.control && unicode.IsControl(r) || l.bmp && r > 0xffff || strings.ContainsRune(l.refused, r)
	})
}

// replace puts underscores for the characters of a name's levels that are bad,
// and for octets that are no UTF-8.
func replace(name string, t Tree, bad func(rune) bool) string {
	return strings.Map(func(r rune) rune {
		if r != utf8.RuneError && (r == t.Delimiter || !bad(r)) {
			return r
		}
		return '_'
	}, name)
}

// TwinKey is equal for names that a server may take for one: those that
// differ in case or in Unicode form only.
func TwinKey(name string) string {
	return strings.ToLower(norm.NFC.String(strings.ToUpper(norm.NFC.String(name))))
}

// Spellings is how many others there are to try for a name that a server
// refuses; see [Map.Respell].
const Spellings = 4

// spelling returns one of them; it may be name again. It depends on nothing
// but name, so that the same is tried on every run.
func spelling(name string, t Tree, n int) string {
	refusedSomewhere := func(r rune) bool {
		return unicode.IsControl(r) || r > 0xffff || strings.ContainsRune(`/\%*"{}`, r)
	}
	unusual := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(" -_.()", r)
	}
	switch n {
	case 0:
		return trimLevels(replace(norm.NFC.String(name), t, refusedSomewhere), t)
	case 1:
		return shortened(spelling(name, t, 0), name, t)
	case 2:
		return shortened(trimLevels(replace(norm.NFC.String(name), t, func(r rune) bool { return r > 0xffff || unusual(r) }), t), name, t)
	}
	return shortened(trimLevels(replace(name, t, func(r rune) bool { return r > unicode.MaxASCII || unusual(r) }), t), name, t)
}

// trimLevels takes blanks off both ends of each level, which some servers do
// by themselves.
func trimLevels(name string, t Tree) string {
	if t.Delimiter == 0 {
		return strings.TrimSpace(name)
	}
	all := strings.Split(name, string(t.Delimiter))
	for i, l := range all {
		if all[i] = strings.TrimSpace(l); all[i] == "" {
			all[i] = "_"
		}
	}
	return strings.Join(all, string(t.Delimiter))
}

// maxOctets is how long a shortened name is at most, as encoded on the wire.
// The servers that limit names at all take 255, with what they add to it.
const maxOctets = 200

// shortened cuts a name that is long, and marks what is left so that it stays
// unlike others that begin alike.
func shortened(name, whole string, t Tree) string {
	if len(imapconn.EncodeMailbox(name)) <= maxOctets {
		return name
	}
	room, end := maxOctets-len(mark(whole)), 0
	for i, r := range name {
		if n := i + utf8.RuneLen(r); len(imapconn.EncodeMailbox(name[:n])) <= room {
			end = n
			continue
		}
		break
	}
	return strings.TrimRight(name[:end], " "+string(t.Delimiter)) + mark(whole)
}

// mark is what sets a changed name apart from all others: the digest of what
// it was.
func mark(name string) string {
	sum := sha256.Sum256([]byte(name))
	return "~" + hex.EncodeToString(sum[:4])
}
