package ledger

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"io"
	"sync"
)

// A baseline is stored as one octet that says how (plain or deflated), then
//
//	n, n times: length, octets      the sets of flags; code i is the i-th, from 1
//	n, n times: gap, count          the spans of UIDs; gap counts from the end of the one before
//	width, codes                    of each message, in width (1 or 2) octets
//
// where the numbers are uvarints but for width and codes.
const (
	plainBaseline    = 0
	deflatedBaseline = 1
	worthDeflating   = 512 // octets
	// maxBaseline bounds what a stored baseline may grow to, in octets: far
	// more than any mailbox's.
	maxBaseline = 1 << 28
)

var errBaseline = errors.New("a baseline of flags that makes no sense")

// deflaters are kept: a new one costs a megabyte.
var deflaters = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(nil, flate.BestSpeed) // the level is one that there is
	return w
}}

// encode renders b, with those sets only that a message has.
func (b *Baseline) encode() ([]byte, error) {
	b.settle()
	plain := b.appendPlain([]byte{plainBaseline})
	if len(plain) < worthDeflating {
		return plain, nil
	}
	var out bytes.Buffer
	out.WriteByte(deflatedBaseline)
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	w.Reset(&out)
	if _, err := w.Write(plain[1:]); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if out.Len() < len(plain) {
		return out.Bytes(), nil
	}
	return plain, nil
}

func (b *Baseline) appendPlain(out []byte) []byte {
	used := make([]uint16, len(b.sets)+1) // the code of each code in what is written
	for _, v := range b.values {
		used[v] = 1
	}
	var sets []string
	for i, s := range b.sets {
		if used[i+1] != 0 {
			sets = append(sets, s)
			used[i+1] = uint16(len(sets))
		}
	}
	used[0] = 0
	out = binary.AppendUvarint(out, uint64(len(sets)))
	for _, s := range sets {
		out = binary.AppendUvarint(out, uint64(len(s)))
		out = append(out, s...)
	}
	out = binary.AppendUvarint(out, uint64(len(b.spans)))
	next := uint32(0)
	for i, s := range b.spans {
		count := b.end(i) - s.at
		out = binary.AppendUvarint(out, uint64(s.first-next))
		out = binary.AppendUvarint(out, uint64(count))
		next = s.first + count
	}
	if len(sets) < 256 {
		out = append(out, 1)
		for _, v := range b.values {
			out = append(out, byte(used[v]))
		}
		return out
	}
	out = append(out, 2)
	for _, v := range b.values {
		out = binary.LittleEndian.AppendUint16(out, used[v])
	}
	return out
}

// decodeBaseline reads what encode wrote.
func decodeBaseline(data []byte) (*Baseline, error) {
	if len(data) == 0 {
		return nil, errBaseline
	}
	switch data[0] {
	case plainBaseline:
		data = data[1:]
	case deflatedBaseline:
		r := flate.NewReader(bytes.NewReader(data[1:]))
		all, err := io.ReadAll(io.LimitReader(r, maxBaseline))
		if err != nil {
			return nil, errors.Join(errBaseline, err)
		}
		data = all
	default:
		return nil, errBaseline
	}
	d := baselineReader{data: data}
	b := d.read()
	if d.bad || len(d.data) != 0 {
		return nil, errBaseline
	}
	return b, nil
}

// baselineReader takes a baseline apart; bad says that it is none.
type baselineReader struct {
	data []byte
	bad  bool
}

// number reads a number that may be at most most.
func (d *baselineReader) number(most uint64) uint64 {
	v, n := binary.Uvarint(d.data)
	if n <= 0 || v > most {
		d.bad = true
		return 0
	}
	d.data = d.data[n:]
	return v
}

func (d *baselineReader) octets(n int) []byte {
	if d.bad || n > len(d.data) {
		d.bad = true
		return nil
	}
	b := d.data[:n]
	d.data = d.data[n:]
	return b
}

func (d *baselineReader) read() *Baseline {
	b := &Baseline{}
	for n := d.number(maxSets); n > 0 && !d.bad; n-- {
		b.sets = append(b.sets, string(d.octets(int(d.number(maxBaseline)))))
	}
	messages, next := uint64(0), uint64(0)
	for n := d.number(maxBaseline); n > 0 && !d.bad; n-- {
		first := next + d.number(1<<32)
		count := d.number(maxBaseline)
		next = first + count
		if first == 0 || count == 0 || next > 1<<32 {
			d.bad = true
			break
		}
		b.spans = append(b.spans, span{uint32(first), uint32(messages)})
		messages += count
	}
	width := 0
	if w := d.octets(1); !d.bad {
		width = int(w[0])
	}
	if width != 1 && width != 2 || messages > uint64(len(d.data)) {
		d.bad = true
		return nil
	}
	codes := d.octets(int(messages) * width)
	if d.bad {
		return nil
	}
	b.values = make([]uint16, messages)
	for i := range b.values {
		v := uint16(codes[i*width])
		if width == 2 {
			v = binary.LittleEndian.Uint16(codes[2*i:])
		}
		if int(v) > len(b.sets) {
			d.bad = true
			return nil
		}
		b.values[i] = v
	}
	return b
}
