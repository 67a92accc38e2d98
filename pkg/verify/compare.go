package verify

import (
	"context"
	"slices"

	"github.com/imapfleet/imapfleet/pkg/identity"
)

// comparison pairs the messages of one group off.
type comparison struct {
	l    *lane
	g    *group
	deep bool
	room int64 // octets that it may take
}

// sheet is the records of one side. Those before open have no partner yet; the
// others stay, so that a copy of one of them is known for what it is.
type sheet struct {
	all  []record
	open int
}

func newSheet(all []record) *sheet { return &sheet{all, len(all)} }

func (s *sheet) rest() []record { return s.all[:s.open] }

// close puts those that have found a partner behind the others.
func (s *sheet) close() {
	k := 0
	for i := range s.open {
		if !s.all[i].paired {
			s.all[k], s.all[i] = s.all[i], s.all[k]
			k++
		}
	}
	s.open = k
}

// round pairs off one stack and returns what is left on both sides.
func (c *comparison) round(ctx context.Context, source, dest []record) (s, d []record, err error) {
	for _, r := range source {
		c.g.octets += max(r.octets, 0)
	}
	c.g.messages += int64(len(source))
	c.g.destCount += int64(len(dest))
	src, dst := newSheet(source), newSheet(dest)
	if err := c.settle(ctx, src, dst); err != nil {
		return nil, nil, err
	}
	noteCopies(src, dst, byContent(c.deep))
	return slices.Clone(src.rest()), slices.Clone(dst.rest()), nil
}

// settle pairs what has the same content.
func (c *comparison) settle(ctx context.Context, src, dst *sheet) error {
	if !c.deep {
		for _, s := range []*sheet{src, dst} {
			for i := range s.rest() {
				s.all[i].doubt = s.all[i].isBare()
			}
		}
		if err := c.digest(ctx, src.rest(), dst.rest()); err != nil {
			return err
		}
	}
	equal := byContent(c.deep)
	c.pairMapped(src, dst, equal)
	c.pairEqual(src, dst, equal)
	if c.deep {
		return nil
	}
	// Servers count octets in several ways, and show another header than they
	// were given: then the body decides.
	c.doubt(src, dst)
	if err := c.digest(ctx, src.rest(), dst.rest()); err != nil {
		return err
	}
	c.pairEqual(src, dst, byWhole)
	return nil
}

// digest reads the bodies of those that are in doubt, on both sides at once.
func (c *comparison) digest(ctx context.Context, source, dest []record) error {
	return both(ctx, func(ctx context.Context) error {
		for box := range c.g.boxes {
			if some := doubtful(source, int32(box)); len(some) > 0 {
				if err := c.l.source(c.g, box).digest(ctx, some); err != nil {
					return err
				}
			}
		}
		return nil
	}, func(ctx context.Context) error {
		if some := doubtful(dest, 0); len(some) > 0 {
			return c.l.dest(c.g).digest(ctx, some)
		}
		return nil
	})
}

// doubtful returns those of a mailbox whose bodies are to be read.
func doubtful(records []record, box int32) []*record {
	var out []*record
	for i := range records {
		if r := &records[i]; r.doubt && r.box == box {
			r.doubt = false
			out = append(out, r)
		}
	}
	return out
}

// doubt marks those that may be the same message though header or octets say
// otherwise.
func (c *comparison) doubt(src, dst *sheet) {
	c.near(src, dst, func(s, d []record) {
		for _, some := range [][]record{s, d} {
			for i := range some {
				some[i].doubt = some[i].whole == identity.Sum{}
			}
		}
	})
}

// near calls do for the records of both sides that may be one message: what
// the ledger says is one, what has one header, what has the same octets and
// date.
func (c *comparison) near(src, dst *sheet, do func(s, d []record)) {
	c.mapped(src, dst, do)
	identity.Join(src.rest(), dst.rest(), byHead, byUID, func(s, d []record) {
		if len(s) > 0 && len(d) > 0 && s[0].head != (identity.Sum{}) {
			do(s, d)
		}
	})
	identity.Join(src.rest(), dst.rest(), then(bySize, byDate), byUID, func(s, d []record) {
		if len(s) > 0 && len(d) > 0 && s[0].date != noDate {
			do(s, d)
		}
	})
}

// mapped calls do for the records of both sides that the ledger says are one
// message.
func (c *comparison) mapped(src, dst *sheet, do func(s, d []record)) {
	slices.SortFunc(dst.rest(), byUID)
	for i, s := range src.rest() {
		uid, _ := c.g.boxes[s.box].past.delivered(s.uid)
		if uid == 0 {
			continue
		}
		if at, ok := slices.BinarySearchFunc(dst.rest(), record{uid: uid}, byUID); ok {
			do(src.all[i:i+1], dst.all[at:at+1])
		}
	}
}

// pairMapped pairs what the ledger says is the same message, where it is.
func (c *comparison) pairMapped(src, dst *sheet, equal func(a, b record) int) {
	c.mapped(src, dst, func(s, d []record) {
		if !d[0].paired && !s[0].isBare() && equal(s[0], d[0]) == 0 {
			c.pair(&s[0], &d[0])
		}
	})
	src.close()
	dst.close()
}

// pairEqual pairs what has the same content: first what has the same date and
// flags too, so that copies of one message meet their own.
func (c *comparison) pairEqual(src, dst *sheet, content func(a, b record) int) {
	keys := [][]func(a, b record) int{{content, byDate, byFlags}, {content, byDate}, {content, byFlags}, {content}}
	for _, key := range keys {
		identity.Join(src.rest(), dst.rest(), then(key...), byUID, func(s, d []record) {
			for i := range min(len(s), len(d)) {
				if content(s[i], record{}) != 0 && !s[i].isBare() {
					c.pair(&s[i], &d[i])
				}
			}
		})
		src.close()
		dst.close()
	}
}

// noteCopies marks what is left at the destination though it has the content of
// a message of the source that is paired.
func noteCopies(src, dst *sheet, content func(a, b record) int) {
	if dst.open == 0 {
		return
	}
	paired := src.all[src.open:]
	slices.SortFunc(paired, content)
	for i := range dst.rest() {
		if r := &dst.all[i]; !r.isBare() {
			_, r.copies = slices.BinarySearchFunc(paired, *r, content)
		}
	}
}

// end deals with what is left of all rounds.
func (c *comparison) end(ctx context.Context, source, dest []record) error {
	src, dst := newSheet(source), newSheet(dest)
	if !c.deep {
		c.doubt(src, dst) // of different rounds
		if err := c.digest(ctx, src.rest(), dst.rest()); err != nil {
			return err
		}
		c.pairEqual(src, dst, byWhole)
	}
	if err := c.pairMoreFields(ctx, src, dst); err != nil {
		return err
	}
	c.mapped(src, dst, func(s, d []record) {
		if !d[0].paired && c.readable(&s[0], &d[0]) {
			c.contentDiffers(&s[0], &d[0])
		}
	})
	src.close()
	dst.close()
	c.near(src, dst, func(s, d []record) {
		i := 0
		for j := range d {
			for i < len(s) && s[i].paired {
				i++
			}
			if i < len(s) && !d[j].paired && !d[j].copies && c.readable(&s[i], &d[j]) {
				c.contentDiffers(&s[i], &d[j])
			}
		}
	})
	src.close()
	dst.close()
	for _, r := range src.rest() {
		c.g.leftover = append(c.g.leftover, left{record: r, g: c.g})
	}
	for _, r := range dst.rest() {
		c.g.extra = append(c.g.extra, left{record: r, g: c.g})
	}
	c.listUnread()
	return nil
}

// readable reports whether both servers have given the two out.
func (c *comparison) readable(s, d *record) bool {
	return !c.g.unread[0][place{s.box, s.uid}] && !c.g.unread[1][place{0, d.uid}]
}

// listUnread makes records of what the source lists and does not give out.
func (c *comparison) listUnread() {
	have := map[place]bool{}
	for _, l := range c.g.leftover {
		have[place{l.box, l.uid}] = true
	}
	for p := range c.g.unread[0] {
		if !have[p] {
			c.g.messages++
			c.g.leftover = append(c.g.leftover, left{record: record{uid: p.uid, box: p.box, octets: -1, date: noDate}, g: c.g})
		}
	}
}
