package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/mailsync"
	"github.com/imapfleet/imapfleet/pkg/rules"
)

// history is what the ledger knows of a row. The zero history knows nothing.
type history struct {
	ledger  *ledger.Ledger // nil: there is none
	links   []ledger.Mailbox
	rejects map[ledger.MailboxID]map[uint32]ledger.Reject
	repairs map[ledger.MailboxID]map[uint32][]ledger.Repair
}

// readHistory reads what is known of a whole row; the id 0 is a row that the
// ledger does not know.
func readHistory(ctx context.Context, l *ledger.Ledger, row ledger.RowID) (*history, error) {
	h := &history{}
	if l == nil || row == 0 {
		return h, nil
	}
	h.ledger = l
	h.rejects = map[ledger.MailboxID]map[uint32]ledger.Reject{}
	h.repairs = map[ledger.MailboxID]map[uint32][]ledger.Repair{}
	var err error
	if h.links, err = l.Mailboxes(ctx, row); err != nil {
		return nil, unreadable(err)
	}
	rejects, err := l.Rejects(ctx, row)
	if err != nil {
		return nil, unreadable(err)
	}
	for _, r := range rejects {
		if h.rejects[r.Mailbox] == nil {
			h.rejects[r.Mailbox] = map[uint32]ledger.Reject{}
		}
		h.rejects[r.Mailbox][r.UID] = r
	}
	err = l.Repairs(ctx, []ledger.RowID{row}, func(r ledger.RepairRow) {
		if h.repairs[r.Mailbox] == nil {
			h.repairs[r.Mailbox] = map[uint32][]ledger.Repair{}
		}
		h.repairs[r.Mailbox][r.UID] = append(h.repairs[r.Mailbox][r.UID], r.Repair)
	})
	if err != nil {
		return nil, unreadable(err)
	}
	return h, nil
}

// link is what is known of a source mailbox, zero where nothing is.
func (h *history) link(wire string) ledger.Mailbox {
	i := slices.IndexFunc(h.links, func(l ledger.Mailbox) bool { return l.Source == wire })
	if i < 0 {
		return ledger.Mailbox{}
	}
	return h.links[i]
}

// unreadable is a ledger that cannot be read: no row can be explained, so that
// ends all of them.
func unreadable(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &fault.Error{Scope: fault.Run, Code: fault.State, Op: "ledger", Err: err,
		Hint: "the state directory cannot be read: mend its rights or the disk, then verify again; with --state and an empty directory it goes without what the runs remember"}
}

// past is what the ledger knows of one source mailbox. The zero past knows
// nothing.
type past struct {
	link    ledger.Mailbox
	valid   bool         // the map below stands for both mailboxes as they are
	runs    []ledger.Run // by source UID
	base    *ledger.Baseline
	rejects map[uint32]ledger.Reject
	repairs map[uint32][]ledger.Repair
}

// of reads what is known of a mailbox, whose UIDVALIDITYs are now as given; a
// source that is no more has 0.
func (h *history) of(ctx context.Context, link ledger.Mailbox, sourceNow, destNow uint32) (*past, error) {
	p := &past{link: link}
	if link.ID == 0 {
		return p, nil
	}
	p.valid = link.DestValidity != 0 && link.DestValidity == destNow && (sourceNow == 0 || link.SourceValidity == sourceNow)
	if link.SourceValidity == sourceNow {
		p.rejects = h.rejects[link.ID]
	}
	if !p.valid {
		return p, nil
	}
	p.repairs = h.repairs[link.ID]
	var err error
	if p.runs, err = h.ledger.Runs(ctx, link.ID); err != nil {
		return nil, unreadable(err)
	}
	if p.base, err = h.ledger.Baseline(ctx, link.ID); err != nil {
		return nil, unreadable(err)
	}
	return p, nil
}

// delivered returns under which UID the destination has stored a message; 0:
// it did not tell.
func (p *past) delivered(uid uint32) (dest uint32, ok bool) {
	i, found := slices.BinarySearchFunc(p.runs, uid, func(r ledger.Run, uid uint32) int { return cmp.Compare(r.Source, uid) })
	if !found {
		i--
	}
	if i < 0 || uid-p.runs[i].Source >= p.runs[i].Count {
		return 0, false
	}
	if r := p.runs[i]; r.Dest != 0 {
		dest = r.Dest + (uid - r.Source)
	}
	return dest, true
}

// highest is the highest UID that the run is known to have stored; whole says
// that it knows of every message under which UID it stands.
func (p *past) highest() (uid uint32, whole bool) {
	whole = p.valid && !p.link.Open
	for _, r := range p.runs {
		if r.Dest == 0 {
			whole = false
			continue
		}
		uid = max(uid, r.Dest+r.Count-1)
	}
	return uid, whole
}

// repairedOctets returns the repair that made d of s, whose bodies were read. A
// record of some other change is none.
func (p *past) repairedOctets(s, d *record) (string, bool) {
	return p.repaired(s.uid, func(r ledger.Repair) bool {
		return r.Kind != rules.RepairDate && r.Kind != rules.RepairKeywords &&
			mailsync.TellsOctets(r.Was, s.octets, s.exact) && mailsync.TellsOctets(r.Made, d.octets, d.exact)
	})
}

// repairedDate returns the repair that gave d another date than s has.
func (p *past) repairedDate(s, d *record) (string, bool) {
	return p.repaired(s.uid, func(r ledger.Repair) bool {
		return r.Kind == rules.RepairDate && mailsync.TellsDate(r.Made, d.when())
	})
}

func (p *past) repaired(uid uint32, ok func(ledger.Repair) bool) (string, bool) {
	for _, r := range p.repairs[uid] {
		if ok(r) {
			return fmt.Sprintf("%s: %s became %s", r.Kind, r.Was, r.Made), true
		}
	}
	return "", false
}

// leftBehind are the flags that a message had to go without.
func (p *past) leftBehind(uid uint32) (out []string) {
	for _, r := range p.repairs[uid] {
		if r.Kind == rules.RepairKeywords {
			out = append(out, without(strings.Fields(r.Was), strings.Fields(r.Made))...)
		}
	}
	return out
}

// origin is a destination UID that the ledger maps, and from where.
type origin struct {
	dest, count uint32
	box         int // of the group
	source      uint32
}

// origins turns the maps of a group round, by destination UID.
type origins []origin

func newOrigins(boxes []*sourceBox) origins {
	var out origins
	for i, b := range boxes {
		out = out.with(i, b.past.runs)
	}
	return out
}

// with adds the runs of a mailbox of the group.
func (o origins) with(box int, runs []ledger.Run) origins {
	for _, r := range runs {
		if r.Dest != 0 {
			o = append(o, origin{r.Dest, r.Count, box, r.Source})
		}
	}
	slices.SortStableFunc(o, func(a, b origin) int { return cmp.Compare(a.dest, b.dest) })
	return o
}

// of returns where the message under a destination UID came from.
func (o origins) of(uid uint32) (box int, source uint32, ok bool) {
	i, found := slices.BinarySearchFunc(o, uid, func(o origin, uid uint32) int { return cmp.Compare(o.dest, uid) })
	if !found {
		i--
	}
	if i < 0 || uid-o[i].dest >= o[i].count {
		return 0, 0, false
	}
	return o[i].box, o[i].source + (uid - o[i].dest), true
}
