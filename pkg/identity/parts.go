package identity

import (
	"bytes"
	"crypto/sha256"
	"slices"
)

const (
	maxHeader = 256 << 10 // octets of a header that are looked at
	maxFields = 500       // fields of one
)

// Parts are what a message consists of: enough to tell that one is another to
// which somebody has added header fields. The zero Parts are unknown.
type Parts struct {
	Body   Sum   // of what stands behind the header, in canonical form
	fields []Sum // of the header fields, ascending; nil: too many to tell
}

// Within reports whether other is the same message with more in its header:
// equal bodies, and every field of p among those of other.
func (p Parts) Within(other Parts) bool {
	if p.Body == (Sum{}) || p.Body != other.Body || p.fields == nil || other.fields == nil {
		return false
	}
	rest := other.fields
	for _, f := range p.fields {
		i, ok := slices.BinarySearchFunc(rest, f, Compare)
		if !ok {
			return false
		}
		rest = rest[i+1:]
	}
	return true
}

// Fields is the number of header fields.
func (p Parts) Fields() int { return len(p.fields) }

// Compare orders sums.
func Compare(a, b Sum) int { return bytes.Compare(a[:], b[:]) }

// NewPartsDigester returns a Digester that knows the Parts and the name too.
func NewPartsDigester() *Digester {
	d := NewDigester()
	d.body = sha256.New()
	return d
}

// Parts returns what the message consists of; unknown when they were not wanted.
func (d *Digester) Parts() Parts {
	if d.body == nil {
		return Parts{}
	}
	p := Parts{Body: truncate(d.body)}
	if len(d.header) > maxHeader {
		return p
	}
	fields := [][]byte{}
	for line := range bytes.Lines(d.header) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if last := len(fields) - 1; last >= 0 && (line[0] == ' ' || line[0] == '\t') {
			fields[last] = append(append(slices.Clip(fields[last]), '\n'), line...)
			continue
		}
		fields = append(fields, line)
	}
	if len(fields) > maxFields {
		return p
	}
	p.fields = make([]Sum, 0, len(fields))
	for _, f := range fields {
		p.fields = append(p.fields, OfHeader(f))
	}
	slices.SortFunc(p.fields, Compare)
	return p
}

// Name returns a digest of what the header calls the message: Message-ID and
// Date. Different messages may have one name; zero where the header has neither,
// and when parts were not wanted.
func (d *Digester) Name() Sum {
	id, date := Field(d.header, "Message-ID"), Field(d.header, "Date")
	if id == "" && date == "" {
		return Sum{}
	}
	h := sha256.New()
	h.Write([]byte(id + "\n" + date))
	return truncate(h)
}
