package verify

import (
	"fmt"
	"strings"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/identity"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
)

// about is a Finding about a source message, or about two that are the same.
func (c *comparison) about(s, d *record) Finding {
	f := c.g.about(s)
	f.DestUID = d.uid
	return f
}

func (g *group) about(s *record) Finding {
	return Finding{box: g.boxes[s.box], Mailbox: g.boxes[s.box].name, DestMailbox: g.dest, Belongs: g.dest, UID: s.uid, Octets: s.octets, Date: s.when()}
}

// explain makes a Finding an exception.
func (f Finding) explain(k Kind, format string, args ...any) Finding {
	f.Kind, f.Explained, f.Text = k, true, fault.Clean(fmt.Sprintf(format, args...))
	return f
}

// differ makes a Finding a difference.
func (f Finding) differ(k Kind, format string, args ...any) Finding {
	f.Kind, f.Explained, f.Text = k, false, fault.Clean(fmt.Sprintf(format, args...))
	return f
}

// pair notes that two are one message, and what differs beside its content.
func (c *comparison) pair(s, d *record) {
	c.g.same++
	p, f := c.g.boxes[s.box].past, c.about(s, d)
	if s.exact != d.exact && s.whole != (identity.Sum{}) && d.whole != (identity.Sum{}) {
		if text, ok := p.repairedOctets(s, d); ok {
			c.g.find(f.explain(Repaired, "%s", text))
		} else {
			c.g.find(f.explain(Altered, "%d octets at the source, %d at the destination: line ends, NUL, 8-bit header or newlines at the end", s.octets, d.octets))
		}
	}
	c.marks(p, s, d, f)
}

// marks pairs two for good and compares what is not content.
func (c *comparison) marks(p *past, s, d *record, f Finding) {
	s.paired, d.paired = true, true
	c.dates(p, s, d, f)
	if s.flags != d.flags {
		c.flags(p, s, d, f)
	}
}

// moreFields notes that two are one message, to which header fields have been
// added at the destination.
func (c *comparison) moreFields(s, d *record) {
	c.g.same++
	p, f := c.g.boxes[s.box].past, c.about(s, d)
	c.g.find(f.explain(Altered, "%d octets at the source, %d at the destination: header fields were added, all else is the same", s.octets, d.octets))
	c.marks(p, s, d, f)
}

// contentDiffers notes that two are one message, whose content is not the same.
func (c *comparison) contentDiffers(s, d *record) {
	p, f := c.g.boxes[s.box].past, c.about(s, d)
	if text, ok := p.repairedOctets(s, d); ok {
		c.g.same++
		c.g.find(f.explain(Repaired, "%s", text))
	} else {
		c.g.find(f.differ(Content, "%d octets at the source, %d at the destination", s.octets, d.octets))
	}
	c.marks(p, s, d, f)
}

// dates compares INTERNALDATE, unless the source gave none.
func (c *comparison) dates(p *past, s, d *record, f Finding) {
	if s.date == d.date || s.date == noDate {
		return
	}
	if text, ok := p.repairedDate(s, d); ok {
		c.g.find(f.explain(Repaired, "%s", text))
		return
	}
	c.g.find(f.differ(Date, "%s at the source, %s at the destination", stamp(s.when()), stamp(d.when())))
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "none"
	}
	return t.Format(time.RFC3339)
}

// flags says which flags differ and why: what has changed at the source since
// the last run, what has at the destination, what could not be carried. The
// ledger's baseline tells these apart: the flags that the source had, and that
// the destination was given.
func (c *comparison) flags(p *past, s, d *record, f Finding) {
	sets := &c.l.r.sets
	source, dest := sets.of(s.flags), sets.of(d.flags)
	var was []string
	known := false
	if p.base != nil {
		was, known = p.base.Flags(s.uid)
	}
	_, unsendable := imapconn.Sanitize(source)
	unsendable = append(unsendable, p.leftBehind(s.uid)...)
	var atSource, atDest, left, lost []string
	for _, flag := range without(source, dest) {
		switch {
		case hasFlag(unsendable, flag):
			left = append(left, "-"+flag)
		case known && !hasFlag(was, flag):
			atSource = append(atSource, "+"+flag)
		case known:
			atDest = append(atDest, "-"+flag)
		default:
			lost = append(lost, "-"+flag)
		}
	}
	for _, flag := range without(dest, source) {
		if known && hasFlag(was, flag) {
			atSource = append(atSource, "-"+flag)
		} else {
			atDest = append(atDest, "+"+flag)
		}
	}
	if len(left) > 0 {
		c.g.find(f.explain(Repaired, "%s: the destination does not take it", strings.Join(left, " ")))
	}
	if len(atSource) > 0 {
		c.g.find(f.explain(FlagsSource, "%s", strings.Join(atSource, " ")))
	}
	if len(atDest) > 0 {
		c.g.find(c.l.r.since(f.explain(FlagsDest, "%s", strings.Join(atDest, " "))))
	}
	if len(lost) > 0 {
		c.g.find(f.differ(Flags, "%s at the destination", strings.Join(lost, " ")))
	}
}

// since is a Finding about what happened at the destination after the run:
// with Options.Strict that is a difference too.
func (r *row) since(f Finding) Finding {
	f.Explained = !r.v.opt.Strict
	return f
}
