package mailsync

import (
	"bytes"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// headRepair puts a blank line where the header ends at a line that is no
// field, or has none at all, and makes a field of an mbox From line.
type headRepair struct {
	changeMark
	first bool   // nothing of a line has come yet
	over  bool   // the header is
	hold  []byte // the beginning of a line of which it is not clear what it is
	mid   bool   // within a line that is clear
}

func (r *headRepair) push(out, p []byte) []byte {
	for i, b := range p {
		if r.over {
			return append(out, p[i:]...)
		}
		out = r.octet(out, b)
	}
	return out
}

func (r *headRepair) octet(out []byte, b byte) []byte {
	if r.mid {
		r.mid = b != '\n'
		return append(out, b)
	}
	r.hold = append(r.hold, b)
	switch {
	case b == '\n': // a blank line, or one that is no field
		return r.line(out, len(bytes.TrimRight(r.hold, "\r\n")) == 0)
	case b == ':' && len(r.hold) > 1:
		return r.clear(out)
	case b == '\r' && len(r.hold) == 1:
		return out
	case (b == ' ' || b == '\t') && len(r.hold) == 1:
		if r.first {
			return r.line(out, false)
		}
		return r.clear(out)
	case b == ' ' && r.first && string(r.hold) == "From ":
		r.changed = true
		out = append(out, "X-Mbox-From: "...)
		return r.clear(out)
	case b == ' ' || b == '\t' || isFieldOctet(b) && !bytes.ContainsAny(r.hold, " \t") && r.hold[0] != '\r':
		if len(r.hold) < maxHead {
			return out
		}
	}
	return r.line(out, false)
}

// clear lets go of the beginning of a field.
func (r *headRepair) clear(out []byte) []byte {
	out = append(out, r.hold...)
	r.hold, r.mid, r.first = r.hold[:0], true, false
	return out
}

// line ends the header before what is held, which is its blank line or is not.
func (r *headRepair) line(out []byte, blank bool) []byte {
	if !blank {
		r.changed = true
		out = append(out, '\r', '\n')
	}
	r.over = true
	return append(out, r.hold...)
}

func (r *headRepair) end(out []byte) []byte {
	switch {
	case r.over:
		return out
	case len(r.hold) > 0: // a beginning of a line that became nothing
		return r.line(out, false)
	case r.mid:
		out = append(out, '\r', '\n')
	}
	r.changed = true
	return append(out, '\r', '\n')
}

// lineRepair breaks lines that are longer than RFC 5322 section 2.1.1 allows,
// at a blank where there is one near the end. In the header the field goes on
// in the next line.
type lineRepair struct {
	changeMark
	inHead bool
	length int
	blank  bool // the octet before was one
}

const (
	nearLimit = 900 // octets of a line from which on a blank ends it
	hardLimit = 994 // and any octet that begins a character
)

func (r *lineRepair) push(out, p []byte) []byte {
	for _, b := range p {
		out = r.octet(out, b)
	}
	return out
}

func (r *lineRepair) octet(out []byte, b byte) []byte {
	isBlank := b == ' ' || b == '\t'
	switch {
	case b == '\n':
		r.inHead = r.inHead && r.length > 0
		r.length, r.blank = 0, false
		return append(out, b)
	case b == '\r':
		return append(out, b)
	case r.inHead && isBlank && !r.blank && r.length >= nearLimit:
		out = r.fold(out, "\r\n")
	case r.inHead && r.length >= hardLimit && !isContinued(b):
		out = r.fold(out, "\r\n ")
		r.length++
	case !r.inHead && (r.blank && r.length >= nearLimit || r.length >= hardLimit) && !isContinued(b):
		out = r.fold(out, "\r\n")
	}
	r.length++
	r.blank = isBlank
	return append(out, b)
}

// isContinued reports the second and later octets of a character of UTF-8.
func isContinued(b byte) bool { return b&0xC0 == 0x80 }

func (r *lineRepair) fold(out []byte, by string) []byte {
	r.changed, r.length = true, 0
	return append(out, by...)
}

func (r *lineRepair) end(out []byte) []byte { return out }

// wordRepair makes encoded words (RFC 2047) of 8-bit text in the header. The
// charset is UTF-8 where the line is, else unknown-8bit (RFC 1428 section 3):
// nobody can tell, and the octets stay what they were.
type wordRepair struct {
	changeMark
	inHead bool
	line   []byte // so far
}

// maxWordLine bounds a header line that is read as a whole; a longer one is
// done in pieces.
const maxWordLine = 64 << 10

func (r *wordRepair) push(out, p []byte) []byte {
	for len(p) > 0 {
		if !r.inHead {
			return append(out, p...)
		}
		n := bytes.IndexByte(p, '\n') + 1
		if n == 0 {
			n = len(p)
		}
		r.line = append(r.line, p[:n]...)
		if p[n-1] == '\n' || len(r.line) >= maxWordLine {
			r.inHead = len(bytes.TrimRight(r.line, "\r\n")) > 0
			out = r.end(out)
		}
		p = p[n:]
	}
	return out
}

func (r *wordRepair) end(out []byte) []byte {
	line := r.line
	r.line = r.line[:0]
	if !hasEightBit(line) {
		return append(out, line...)
	}
	r.changed = true
	charset := "unknown-8bit"
	if utf8.Valid(line) {
		charset = "utf-8"
	}
	name, _, isField := bytes.Cut(line, []byte(":"))
	free := isField && isFreeText(string(name))
	return encodeLine(out, line, charset, free)
}

func hasEightBit(p []byte) bool {
	return bytes.ContainsFunc(p, func(r rune) bool { return r >= 0x80 })
}

// isFreeText reports fields whose value has no structure (RFC 5322 section
// 3.6.5): there quotes and brackets are text.
func isFreeText(name string) bool {
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "subject", "comments", "content-description", "thread-topic":
		return true
	}
	return false
}

// encodeLine encodes each stretch of words with 8-bit octets, the blanks
// between them too, since blanks between encoded words are not shown.
func encodeLine(out, line []byte, charset string, free bool) []byte {
	isText := func(b byte) bool {
		return b > ' ' && b != 0x7f && (free || b >= 0x80 || strings.IndexByte(`"()<>[],;:=@\`, b) < 0)
	}
	for len(line) > 0 {
		n := wordEnd(line, isText)
		if n == 0 {
			out, line = append(out, line[0]), line[1:]
			continue
		}
		if !hasEightBit(line[:n]) {
			out, line = append(out, line[:n]...), line[n:]
			continue
		}
		for { // the next word too, if it is one of those
			blanks := n
			for blanks < len(line) && line[blanks] == ' ' {
				blanks++
			}
			next := blanks + wordEnd(line[blanks:], isText)
			if blanks == n || !hasEightBit(line[blanks:next]) {
				break
			}
			n = next
		}
		out = encodeWords(out, line[:n], charset)
		line = line[n:]
	}
	return out
}

func wordEnd(p []byte, isText func(byte) bool) int {
	for i, b := range p {
		if !isText(b) {
			return i
		}
	}
	return len(p)
}

// maxWordOctets is how many octets one encoded word holds: three characters
// each, at most 75 in all (RFC 2047 section 2).
const maxWordOctets = 18

func encodeWords(out, text []byte, charset string) []byte {
	for len(text) > 0 {
		n := min(maxWordOctets, len(text))
		for n < len(text) && n > maxWordOctets-3 && isContinued(text[n]) && charset == "utf-8" {
			n-- // no character in two words
		}
		out = append(out, "=?"+charset+"?q?"...)
		for _, b := range text[:n] {
			switch {
			case b == ' ':
				out = append(out, '_')
			case b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z':
				out = append(out, b)
			default:
				out = append(out, '=')
				out = append(out, strings.ToUpper(hex.EncodeToString([]byte{b}))...)
			}
		}
		out = append(out, "?="...)
		if text = text[n:]; len(text) > 0 {
			out = append(out, "\r\n "...)
		}
	}
	return out
}
