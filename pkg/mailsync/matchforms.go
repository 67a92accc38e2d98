package mailsync

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"io"
	"slices"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/identity"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// otherForm offers the candidates that are not in found as a repair of those
// kinds would have made them. made tells what was changed, of those whose whole
// digest was asked for.
type otherForm func(kinds []string, found pairs) (p party, made *book[[]altered])

// formsOf is the otherForm of messages that the source has.
func formsOf(src *opened, todo []uint32) otherForm {
	return func(kinds []string, found pairs) (party, *book[[]altered]) {
		left := slices.DeleteFunc(slices.Clone(todo), func(u uint32) bool { _, ok := found.of(u); return ok })
		made := newBook[[]altered]()
		return party{
			count:  len(left),
			idents: looseIdents(src, left),
			whole: func(ctx context.Context, uids []uint32) (map[uint32]identity.Sum, error) {
				return src.formsWhole(ctx, uids, kinds, made)
			},
		}, made
	}
}

// looseIdents reads what of messages is the same whatever was repaired.
func looseIdents(o *opened, uids []uint32) func(context.Context, stack) ([]ident, error) {
	return func(ctx context.Context, s stack) ([]ident, error) {
		uids := s.left(uids)
		known := newSieve(uids, s)
		err := gather(ctx, o, uids, known, identChunk, func(ctx context.Context, c *imapconn.Conn, set []imapconn.Range) error {
			var head identity.Sum
			return fetchAll(ctx, c, set, imapconn.ItemHeader, imapconn.FetchHandler{
				Body: func(_ *imapconn.Message, _ int64, r io.Reader) error {
					octets, err := io.ReadAll(io.LimitReader(r, maxHeader))
					head = looseHead(octets)
					return err
				},
				Message: func(m *imapconn.Message) error {
					if m.UID != 0 && m.HasBody {
						known.put(ident{uid: m.UID, date: noDate, head: head})
					}
					head = identity.Sum{}
					return nil
				},
			})
		})
		return known.out, err
	}
}

// matchForms pairs what a plain match has left over on both sides: destination
// messages that an earlier pass made of source messages by repairs of their
// octets. Each form of a message is looked for: of every kind that may be, and
// of all together. It adds to found.
func (p *pass) matchForms(ctx context.Context, b *box, dst *opened, other otherForm, have []uint32, found pairs, rounds int) (pairs, error) {
	kinds := p.mayChange()
	forms := make([][]string, 0, len(kinds)+1)
	for _, k := range kinds {
		forms = append(forms, []string{k})
	}
	if len(kinds) > 1 {
		forms = append(forms, kinds)
	}
	for _, form := range forms {
		_, used := found.split()
		slices.Sort(used)
		left := slices.DeleteFunc(slices.Clone(have), func(u uint32) bool { _, ok := slices.BinarySearch(used, u); return ok })
		source, made := other(form, found)
		if len(left) == 0 || source.count == 0 {
			break
		}
		dest := party{count: len(left), whole: dst.wholesOf, idents: looseIdents(dst, left)}
		more, err := match(ctx, source, dest, rounds)
		if err != nil {
			return nil, err
		}
		for _, m := range more {
			changes, _ := made.get(m.source)
			if err := p.putRepairs(ctx, b, m.source, changes); err != nil {
				return nil, err
			}
		}
		found = append(slices.Clone(found), more...)
		slices.SortFunc(found, func(a, b pair) int { return cmp.Compare(a.source, b.source) })
	}
	return found, nil
}

// formsWhole is wholesOf of messages as repairs change them; of each, made gets
// what they changed.
func (o *opened) formsWhole(ctx context.Context, uids []uint32, kinds []string, made *book[[]altered]) (map[uint32]identity.Sum, error) {
	known := newBook[identity.Sum]()
	err := gather(ctx, o, uids, known, wholeChunk, func(ctx context.Context, c *imapconn.Conn, set []imapconn.Range) error {
		var d *identity.Digester
		var f *form
		return fetchAll(ctx, c, set, imapconn.ItemBody, imapconn.FetchHandler{
			Body: func(_ *imapconn.Message, _ int64, r io.Reader) (err error) {
				d = identity.NewDigester()
				f, err = formInto(d, kinds, r)
				return err
			},
			Message: func(m *imapconn.Message) error {
				if d != nil && m.UID != 0 && m.HasBody && f != nil {
					_, whole := d.Sums()
					made.put(m.UID, f.changes())
					known.put(m.UID, whole)
				}
				d, f = nil, nil
				return nil
			},
		})
	})
	return known.m, err
}

// formInto writes the octets of r to d as repairs change them; nil when they
// change nothing.
func formInto(d *identity.Digester, kinds []string, r io.Reader) (*form, error) {
	c := newChain(kinds)
	was, now := formSum{h: sha256.New()}, formSum{h: sha256.New()}
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		was.write(buf[:n])
		out := c.pass(buf[:n], err == io.EOF)
		now.write(out)
		_, _ = d.Write(out) // never fails
		switch {
		case err == io.EOF && len(c.did()) == 0:
			return nil, nil
		case err == io.EOF:
			return &form{kinds: c.did(), octets: now.n, was: was.String(), now: now.String()}, nil
		case err != nil:
			return nil, err
		}
	}
}

// looseHead tells messages apart that are not the same whatever was repaired
// of their header: by the letters of the Message-ID. The zero sum: there is
// none.
func looseHead(octets []byte) (s identity.Sum) {
	var id []byte
	in := false
	for line := range bytes.FieldsFuncSeq(octets, func(r rune) bool { return r == '\r' || r == '\n' }) {
		folded := line[0] == ' ' || line[0] == '\t'
		if in && !folded {
			break
		}
		if name, value, ok := bytes.Cut(line, []byte(":")); !in && ok && strings.EqualFold(string(bytes.TrimSpace(name)), "Message-ID") {
			in, line = true, value
		}
		if in {
			id = append(id, line...)
		}
	}
	id = bytes.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, id)
	if len(id) > 0 {
		all := sha256.Sum256(id)
		copy(s[:], all[:])
	}
	return s
}
