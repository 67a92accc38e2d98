package imapconn

import (
	"bytes"
	"io"
	"strconv"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/wire"
)

const (
	maxItem    = 64 << 10 // octets of one date, number or flag
	maxFlags   = 10_000   // flags of one message
	maxInlined = 16 << 20 // octets of a body sent as a quoted string
)

// response reads one FETCH response: items in any order and any case, with
// any others between them, any number of blanks.
func (h FetchHandler) response(r *wire.Reader) error {
	m := &Message{Size: -1}
	for {
		t, err := r.Key()
		if err != nil {
			return err
		}
		switch t.Kind {
		case wire.Open:
			continue
		case wire.Close, wire.End:
			if h.Message == nil {
				return nil
			}
			return h.Message(m)
		case wire.Atom:
			err = h.item(r, m, itemName(t.Text))
		default:
			continue // a stray value
		}
		if err != nil {
			return err
		}
	}
}

// itemName folds the ways to say one item. A partial `<0>` stays part of the
// name: nobody asks for parts.
func itemName(b []byte) string {
	switch name := strings.ToUpper(string(b)); name {
	case "BODY.PEEK[]", "RFC822":
		return "BODY[]"
	case "BODY.PEEK[HEADER]", "RFC822.HEADER":
		return "BODY[HEADER]"
	default:
		if strings.HasPrefix(name, "BODY[HEADER.FIELDS ") && strings.HasSuffix(name, "]") {
			return "BODY[HEADER]" // the fields that were asked for
		}
		return name
	}
}

func (h FetchHandler) item(r *wire.Reader, m *Message, name string) error {
	switch name {
	case "BODY[]", "BODY[HEADER]":
		return h.body(r, m)
	case "FLAGS":
		return m.readFlags(r)
	case "MODSEQ":
		return m.readModSeq(r)
	case "UID", "RFC822.SIZE", "INTERNALDATE":
		t, err := r.Next()
		if err != nil || t.Kind == wire.End {
			return err
		}
		v, ok, err := r.String(t, maxItem)
		if err != nil {
			return err
		}
		m.scalar(name, v, ok)
		return nil
	}
	return r.Skip()
}

func (m *Message) scalar(name, v string, ok bool) {
	switch name {
	case "UID":
		m.UID, _ = uid(v)
	case "RFC822.SIZE":
		m.Size = size64(v)
	case "INTERNALDATE":
		if ok {
			m.RawDate = v
			m.Date, m.HasDate = parseDate(v)
		}
	}
}

// size64 reads a count of octets; what is no count is -1.
func size64(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// readModSeq reads (n).
func (m *Message) readModSeq(r *wire.Reader) error {
	t, err := r.Next()
	if err != nil || t.Kind != wire.Open {
		return err
	}
	for {
		t, err := r.Next()
		if err != nil || t.Kind == wire.Close || t.Kind == wire.End {
			return err
		}
		if t.Kind == wire.Atom {
			m.ModSeq = modSeq(string(t.Text))
		}
	}
}

func (m *Message) readFlags(r *wire.Reader) error {
	t, err := r.Next()
	if err != nil || t.Kind != wire.Open {
		return err // NIL, or nonsense: no flags are known
	}
	m.HasFlags = true
	for {
		t, err := r.Next()
		if err != nil || t.Kind == wire.Close || t.Kind == wire.End {
			return err
		}
		if t.Kind == wire.Open {
			continue
		}
		f, ok, err := r.String(t, maxItem)
		if err != nil {
			return err
		}
		if !ok {
			f = "NIL"
		}
		if f != "" && len(m.Flags) < maxFlags {
			m.Flags = append(m.Flags, f)
		}
	}
}

func (h FetchHandler) body(r *wire.Reader, m *Message) error {
	t, err := r.Next()
	if err != nil {
		return err
	}
	switch t.Kind {
	case wire.Literal:
		m.HasBody = true
		if h.Body == nil {
			return nil
		}
		return h.Body(m, t.Size, r.Literal())
	case wire.Quoted:
		s, _, err := r.String(t, maxInlined)
		if err != nil {
			return err
		}
		m.HasBody = true
		if h.Body == nil {
			return nil
		}
		return h.Body(m, int64(len(s)), io.Reader(bytes.NewReader([]byte(s))))
	}
	return nil // NIL: the server has no body to give
}
