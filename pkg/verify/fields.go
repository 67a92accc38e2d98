package verify

import (
	"context"
	"slices"

	"github.com/imapfleet/imapfleet/pkg/identity"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
)

// pairMoreFields pairs messages with those of the destination to which header
// fields have been added, by a server that takes them or whoever looks through
// them since: what the ledger says is one message, and what a pass would take
// for one.
func (c *comparison) pairMoreFields(ctx context.Context, src, dst *sheet) error {
	if err := c.pairMappedParts(ctx, src, dst); err != nil {
		return err
	}
	for box := range c.g.boxes {
		if err := c.pairNamed(ctx, src, dst, int32(box)); err != nil {
			return err
		}
	}
	return nil
}

// pairMappedParts does so for what the ledger says is one message.
func (c *comparison) pairMappedParts(ctx context.Context, src, dst *sheet) error {
	type couple struct{ s, d *record }
	var all []couple
	source, dest := make([][]uint32, len(c.g.boxes)), []uint32{}
	c.mapped(src, dst, func(s, d []record) {
		if c.readable(&s[0], &d[0]) {
			all = append(all, couple{&s[0], &d[0]})
			source[s[0].box], dest = append(source[s[0].box], s[0].uid), append(dest, d[0].uid)
		}
	})
	if len(all) == 0 {
		return nil
	}
	was, is := make([]map[uint32]identity.Parts, len(c.g.boxes)), map[uint32]identity.Parts{}
	err := both(ctx, func(ctx context.Context) (err error) {
		for box, uids := range source {
			if err != nil || len(uids) == 0 {
				continue
			}
			slices.Sort(uids)
			was[box], err = c.l.source(c.g, box).m.Parts(ctx, uids)
		}
		return err
	}, func(ctx context.Context) (err error) {
		slices.Sort(dest)
		is, err = c.l.dest(c.g).m.Parts(ctx, dest)
		return err
	})
	if err != nil {
		return err
	}
	for _, p := range all {
		if !p.s.paired && !p.d.paired && was[p.s.box][p.s.uid].Within(is[p.d.uid]) {
			c.moreFields(p.s, p.d)
		}
	}
	src.close()
	dst.close()
	return nil
}

// pairNamed does so for the messages of one source mailbox that have the same
// Message-ID and Date as one of the destination.
func (c *comparison) pairNamed(ctx context.Context, src, dst *sheet, box int32) error {
	slices.SortFunc(src.rest(), byUID)
	slices.SortFunc(dst.rest(), byUID)
	uidsOf := func(records []record, box int32) (uids []uint32) {
		for i := range records {
			if r := &records[i]; r.box == box && !r.copies {
				uids = append(uids, r.uid)
			}
		}
		return uids
	}
	s, d := uidsOf(src.rest(), box), uidsOf(dst.rest(), 0)
	if len(s) == 0 || len(d) == 0 {
		return nil
	}
	at := func(sheet *sheet, box int32, uid uint32) *record {
		i, _ := slices.BinarySearchFunc(sheet.rest(), record{box: box, uid: uid}, byUID)
		return &sheet.all[i]
	}
	err := mailsync.MoreFields(ctx, c.l.source(c.g, int(box)).m, c.l.dest(c.g).m, s, d, c.room, func(s, d uint32) {
		c.moreFields(at(src, box, s), at(dst, 0, d))
	})
	src.close()
	dst.close()
	return err
}
