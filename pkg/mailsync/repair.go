package mailsync

import (
	"context"
	"io"
	"strings"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/rules"
)

// allows reports whether messages of the row may be changed in that way.
func (p *pass) allows(kind string) bool {
	return p.rules.Allows(kind)
}

// altered is one thing that is not as it is at the source: a record of
// repairs.csv.
type altered struct{ kind, was, made string }

// outgoing says how a message is sent, where that is not as it is.
type outgoing struct {
	changes []altered
	after   []string // flags to be stored once it is there
	lost    []string // flags that it goes without
}

// attempt is one way to send a message that was refused. The zero attempt
// sends it as it is.
type attempt struct {
	date *imapconn.Head // with another date; nil: its own
	bare bool           // keywords are stored one by one, once it is there
	form *form          // with other octets; nil: its own
}

// mending is a message that was refused, and what is done about it.
type mending struct {
	refusal error     // of the message as it is
	size    int64     // of the message as it is
	now     attempt   // is tried now
	left    []attempt // may be tried yet
}

// octets is how many of them the message has as it goes now.
func (m *mending) octets() int64 {
	if m.now.form != nil {
		return m.now.form.octets
	}
	return m.size
}

// sent is how the message goes.
func (it *item) sent() attempt {
	if it.mend == nil {
		return attempt{}
	}
	return it.mend.now
}

// given are the flags that the destination gets with the message, or never:
// those that are stored afterwards are not among them.
func (it *item) given() []string {
	if it.out == nil {
		return it.head.Flags
	}
	return minus(it.head.Flags, it.out.after)
}

// fit returns what goes ahead of a message, and notes on it what is not as it
// is at the source. The error says what the destination does not take and the
// row's rules do not allow to be changed.
func (w *writer) fit(it *item) (imapconn.Head, error) {
	head, now := it.head, it.sent()
	if !head.HasDate || isOddDate(head.Date) {
		it.peek()
	}
	var out outgoing
	switch {
	case now.date != nil:
		head.Date, head.HasDate = now.date.Date, now.date.HasDate
	case !head.HasDate && !w.p.allows(rules.RepairDate):
		return head, w.unfit(it, "the source gives no INTERNALDATE")
	case !head.HasDate:
		head = dated(head, it.beginning())
	}
	if now.date != nil || !it.head.HasDate {
		out.changes = append(out.changes, altered{rules.RepairDate, it.dateAsSent(), dateText(head)})
	}
	head.Flags, out.after, out.lost = w.parted(head.Flags, now.bare)
	if n := len(out.after) + len(out.lost); n > 0 && !now.bare && !w.p.allows(rules.RepairKeywords) {
		return head, w.unfit(it, "the destination does not take the flags "+strings.Join(append(out.lost, out.after...), " "))
	}
	if now.form != nil {
		out.changes = append(out.changes, now.form.changes()...)
	}
	if len(out.changes)+len(out.after)+len(out.lost) > 0 {
		it.out = &out
	}
	return head, nil
}

// parted parts flags into those that go with a message, those that are stored
// afterwards, and those that the destination does not take.
func (w *writer) parted(flags []string, bare bool) (with, after, lost []string) {
	with, after, lost = keepable(w.dst.sel, flags)
	if bare || len(w.refusedFlags) > 0 {
		var system []string
		for _, f := range with {
			switch {
			case w.refusedFlags[strings.ToLower(f)]:
				lost = append(lost, f)
			case bare && f[0] != '\\':
				after = append(after, f)
			default:
				system = append(system, f)
			}
		}
		with = system
	}
	for _, f := range lost {
		if w.dropped == nil {
			w.dropped = map[string]bool{}
		}
		w.dropped[f] = true
	}
	return with, after, lost
}

// unfit is the reject of a message that would have to be changed and must not.
func (w *writer) unfit(it *item, text string) error {
	return &fault.Error{Scope: fault.Message, Side: fault.Dest, Code: fault.MessageRefused, Op: "append", Mailbox: w.b.source.Name,
		UID: it.uid, Text: text, Hint: "it would go with a change that --repair does not allow"}
}

// dateAsSent is the INTERNALDATE that the source gave.
func (it *item) dateAsSent() string {
	switch {
	case it.head.HasDate:
		return dateText(it.head)
	case it.rawDate != "":
		return fault.Clean(it.rawDate)
	}
	return "none"
}

// withdraw takes a message that is not to be sent out of the open command,
// which goes on without it.
func (w *writer) withdraw(it *item) {
	c := w.open
	c.items = c.items[:len(c.items)-1]
	c.octets -= it.size
	if len(c.items) == 0 {
		c.app.Cancel()
		w.open = nil
	}
}

// takeUp goes on with a stream that was refused before, or prepares for it to
// be refused.
func (w *writer) takeUp(it *item) {
	switch m := w.mending[it.uid]; {
	case it.stream == nil:
	case m != nil:
		it.mend = m
		it.size = m.octets()
	default:
		it.survey = w.p.surveyOf()
	}
}

// amend has a refused message go again in the next way there is; false when
// there is none.
func (w *writer) amend(it *item, cause error) bool {
	m := it.mend
	if m == nil {
		m = &mending{refusal: cause, size: it.size, left: w.attempts(it)}
		it.mend = m
	}
	it.size, it.digest, it.out = m.size, nil, nil
	if len(m.left) == 0 {
		return false
	}
	m.now, m.left = m.left[0], m.left[1:]
	if m.now.form != nil {
		it.size = m.octets()
	}
	if it.stream != nil { // its octets are gone: it comes again
		if w.mending == nil {
			w.mending = map[uint32]*mending{}
		}
		w.mending[it.uid] = m
		w.lentBack(it)
		return true
	}
	it.single = true
	w.queue = append([]*item{it}, w.queue...)
	return true
}

// attempts are the ways that are left for a message that was refused: each
// change by itself, so that no more is changed than is needed, and at last all
// of them together.
func (w *writer) attempts(it *item) (out []attempt) {
	var all attempt
	kinds := 0
	if w.p.allows(rules.RepairDate) && it.head.HasDate {
		for _, head := range otherDates(it.head, it.known()) {
			out = append(out, attempt{date: &head})
			all.date = &head
		}
		kinds += min(len(out), 1)
	}
	if w.p.allows(rules.RepairKeywords) {
		if _, after, _ := w.parted(it.head.Flags, true); len(after) > 0 {
			out = append(out, attempt{bare: true})
			all.bare = true
			kinds++
		}
	}
	singles, together := w.forms(it)
	for _, f := range singles {
		out = append(out, attempt{form: f})
	}
	if all.form = together; together != nil {
		kinds += len(together.kinds) // one may have something to do only after another
	}
	if kinds > 1 {
		out = append(out, all)
	}
	return out
}

// known is the beginning of a message as far as it was kept.
func (it *item) known() []byte {
	if it.stream != nil {
		return it.peeked
	}
	return it.beginning()
}

// beginning returns the first octets of a message: those of a stream only
// after peek.
func (it *item) beginning() []byte {
	if it.stream == nil && len(it.body) > 0 {
		return it.body.begin(maxHead)
	}
	return it.peeked
}

// peek keeps the first octets of a stream, before anything else is read of it.
func (it *item) peek() {
	if it.stream == nil || it.peeked != nil {
		return
	}
	buf := make([]byte, min(it.size, maxHead))
	n, _ := io.ReadFull(it.stream, buf) // whoever reads on meets the error again
	it.peeked = buf[:n]
}

// repaired notes that a message went over changed.
func (w *writer) repaired(uid uint32, changes []altered) error {
	for _, c := range changes {
		if w.changed == nil {
			w.changed = map[string]int{}
		}
		w.changed[c.kind]++
	}
	return w.p.putRepairs(w.hard, w.b, uid, changes)
}

// putRepairs writes down what is not as it is at the source.
func (p *pass) putRepairs(ctx context.Context, b *box, uid uint32, changes []altered) error {
	ctx = withClock(p.hard, clockOf(ctx))
	for _, c := range changes {
		err := p.e.books.PutRepair(ctx, ledger.Repair{Mailbox: b.link.ID, UID: uid, Kind: c.kind,
			Was: fault.Clean(c.was), Made: fault.Clean(c.made)})
		if err != nil {
			return state(err)
		}
	}
	return nil
}
