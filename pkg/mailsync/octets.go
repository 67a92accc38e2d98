package mailsync

import (
	"io"

	"github.com/imapfleet/imapfleet/pkg/rules"
)

// octetRepair changes the octets of one message as they pass through. push
// appends to out what p becomes, as far as that can be said; end appends the
// rest. touched says that something was changed so far.
type octetRepair interface {
	push(out, p []byte) []byte
	end(out []byte) []byte
	touched() bool
}

// newOctetRepair returns the repair of that kind.
func newOctetRepair(kind string) octetRepair {
	switch kind {
	case rules.RepairCRLF:
		return &crlfRepair{place: place{inHead: true, atStart: true}}
	case rules.RepairNUL:
		return &nulRepair{}
	case rules.Repair8Bit:
		return &wordRepair{inHead: true}
	case rules.RepairHeader:
		return &headRepair{first: true}
	case rules.RepairLines:
		return &lineRepair{inHead: true}
	default:
		return &newlineRepair{}
	}
}

// octetKinds are the repairs that change octets, in the order in which they
// are made: each finds what the ones before it have left.
func octetKinds() []string {
	return []string{rules.RepairCRLF, rules.RepairNUL, rules.Repair8Bit, rules.RepairHeader, rules.RepairLines, rules.RepairNewline}
}

// changeMark is what every repair has.
type changeMark struct{ changed bool }

func (m *changeMark) touched() bool { return m.changed }

// place is where in a message an octet stands.
type place struct {
	inHead  bool // no blank line has come
	atStart bool // at the beginning of a line
}

// nulRepair puts 0x80 in the place of NUL, as Dovecot does.
type nulRepair struct{ changeMark }

func (r *nulRepair) push(out, p []byte) []byte {
	n := len(out)
	out = append(out, p...)
	for i, b := range out[n:] {
		if b == 0 {
			out[n+i] = 0x80
			r.changed = true
		}
	}
	return out
}

func (r *nulRepair) end(out []byte) []byte { return out }

// newlineRepair ends a message with a line end that has octets and none.
type newlineRepair struct {
	changeMark
	last byte
	any  bool
}

func (r *newlineRepair) push(out, p []byte) []byte {
	if len(p) > 0 {
		r.last, r.any = p[len(p)-1], true
	}
	return append(out, p...)
}

func (r *newlineRepair) end(out []byte) []byte {
	if !r.any || r.last == '\n' {
		return out
	}
	r.changed = true
	if r.last != '\r' {
		out = append(out, '\r')
	}
	return append(out, '\n')
}

// crlfRepair makes CRLF of each CR and LF that stands alone, and of several CRs
// before an LF. In the header a CR alone ends a field only where another one
// begins behind it; else the field goes on in the next line.
type crlfRepair struct {
	changeMark
	place
	crs  int    // CRs that wait for what follows
	hold []byte // what follows a CR in the header: a field, or not?
	wait bool
}

// maxFieldName is how long a field's name may be to be taken for one.
const maxFieldName = 80

func (r *crlfRepair) push(out, p []byte) []byte {
	for _, b := range p {
		if r.wait && !r.decided(b) {
			continue
		}
		out = r.octet(out, b)
	}
	return out
}

// octet takes an octet that nothing waits for.
func (r *crlfRepair) octet(out []byte, b byte) []byte {
	switch {
	case r.wait:
		out = r.release(out)
		return r.octet(out, b)
	case b == '\r':
		r.crs++
		return out
	case b == '\n':
		r.changed = r.changed || r.crs != 1
		r.crs = 0
		return r.line(out)
	case r.crs == 1 && r.inHead && !r.atStart && b != ' ' && b != '\t':
		r.crs, r.hold = 0, append(r.hold[:0], b)
		if r.wait = isFieldOctet(b); !r.wait {
			return r.release(out)
		}
		return out
	case r.crs > 0:
		out = r.alone(out)
	}
	r.atStart = false
	return append(out, b)
}

// line ends a line.
func (r *crlfRepair) line(out []byte) []byte {
	r.inHead = r.inHead && !r.atStart
	r.atStart = true
	return append(out, '\r', '\n')
}

// alone makes lines of CRs that no LF follows.
func (r *crlfRepair) alone(out []byte) []byte {
	for ; r.crs > 0; r.crs-- {
		r.changed = true
		out = r.line(out)
	}
	return out
}

// decided takes what follows a CR in the header until it is clear what it is;
// true: b comes after that.
func (r *crlfRepair) decided(b byte) bool {
	named := r.hold[len(r.hold)-1] == ':'
	if named || b != ':' && (!isFieldOctet(b) || len(r.hold) >= maxFieldName) {
		return true
	}
	r.hold = append(r.hold, b)
	return false
}

// release lets go of what was held: as a field, or as more of the one before.
func (r *crlfRepair) release(out []byte) []byte {
	r.changed, r.wait = true, false
	out = r.line(out)
	if n := len(r.hold); n < 2 || r.hold[n-1] != ':' {
		out = append(out, ' ')
	}
	r.atStart = false
	return append(out, r.hold...)
}

func (r *crlfRepair) end(out []byte) []byte {
	if r.wait {
		out = r.release(out)
	}
	return r.alone(out)
}

// isFieldOctet reports what may stand in a field's name (RFC 5322 section
// 2.2).
func isFieldOctet(b byte) bool { return b > ' ' && b < 0x7f && b != ':' }

// chain is several repairs, one behind the other.
type chain struct {
	kinds   []string
	repairs []octetRepair
	spare   [2][]byte
}

func newChain(kinds []string) *chain {
	c := &chain{kinds: kinds}
	for _, k := range kinds {
		c.repairs = append(c.repairs, newOctetRepair(k))
	}
	return c
}

// pass hands octets through all of it; what it returns is good until the next
// call. last: nothing follows.
func (c *chain) pass(p []byte, last bool) []byte {
	for i, r := range c.repairs {
		out := r.push(c.spare[i%2][:0], p)
		if last {
			out = r.end(out)
		}
		c.spare[i%2], p = out, out
	}
	return p
}

// did returns the kinds that have changed something.
func (c *chain) did() (kinds []string) {
	for i, r := range c.repairs {
		if r.touched() {
			kinds = append(kinds, c.kinds[i])
		}
	}
	return kinds
}

// chainReader gives the octets of r as a chain changes them.
type chainReader struct {
	r    io.Reader
	c    *chain
	buf  []byte
	left []byte // of the last pass
	err  error  // of r
}

func (c *chain) reader(r io.Reader) io.Reader {
	return &chainReader{r: r, c: c, buf: make([]byte, 32<<10)}
}

func (r *chainReader) Read(p []byte) (int, error) {
	for len(r.left) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		var n int
		n, r.err = r.r.Read(r.buf)
		r.left = r.c.pass(r.buf[:n], r.err == io.EOF)
	}
	n := copy(p, r.left)
	r.left = r.left[n:]
	return n, nil
}
