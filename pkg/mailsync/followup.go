package mailsync

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/imapconn"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/rules"
)

// late is what is still to be done about a message that the destination has
// stored: flags that could not go with it, and a look at the date that was
// made of an odd one.
type late struct {
	uid, dest   uint32 // dest 0: nobody knows where it is
	flags       []string
	after, lost []string
	sent        time.Time // to be read back; zero: not
	was         string    // the date at the source
	noted       bool      // the ledger has a date for it that may be wrong
	counted     bool      // as repaired
}

// maxLate is how many messages wait for that at once.
const maxLate = 1000

// unread is what the ledger says of a date until it was read back.
const unread = "not known: the run ended before it was read back"

// settleUp books what is not as it is at the source of a message that is
// stored, and notes what is still to be done about it.
func (w *writer) settleUp(it *item, dest uint32) error {
	var out outgoing
	if it.out != nil {
		out = *it.out
	}
	l := late{uid: it.uid, dest: dest, flags: it.head.Flags, after: out.after, lost: out.lost}
	date := it.head
	if d := it.sent().date; d != nil {
		date = *d
	}
	if date.HasDate && (isOddDate(date.Date) || hasOddZone(date.Date)) {
		l.sent, l.was = date.Date, it.dateAsSent()
		if it.sent().date == nil {
			l.noted = true
			if err := w.putDate(l, unread); err != nil {
				return err
			}
		}
	}
	if len(out.lost) > 0 && len(out.after) == 0 {
		out.changes = append(out.changes, withoutFlags(l.flags, l.lost))
	}
	if len(out.changes) > 0 {
		l.counted = true
		w.p.repaired()
		if err := w.repaired(it.uid, out.changes); err != nil {
			return err
		}
	}
	if len(l.after) > 0 || !l.sent.IsZero() {
		w.late = append(w.late, l)
	}
	return nil
}

// withoutFlags is the record of the flags that a message is without.
func withoutFlags(flags, lost []string) altered {
	kept := "none"
	if k := minus(flags, lost); len(k) > 0 {
		kept = strings.Join(k, " ")
	}
	return altered{rules.RepairKeywords, strings.Join(flags, " "), kept}
}

func (w *writer) putDate(l late, made string) error {
	return w.p.putRepairs(w.hard, w.b, l.uid, []altered{{rules.RepairDate, l.was, made}})
}

// followUp does what is left to do about messages that are stored. Nothing is
// under way.
func (w *writer) followUp(ctx context.Context) error {
	all := w.late
	if err := w.storeLate(ctx, all); err != nil {
		return err
	}
	dates, err := w.readBack(ctx, all)
	if err != nil {
		return err
	}
	w.late = nil
	for i := range all {
		if err := w.conclude(&all[i], dates); err != nil {
			return err
		}
	}
	return nil
}

// conclude writes down what has become of one message. dates is nil when the
// destination does not tell them.
func (w *writer) conclude(l *late, dates *book[imapconn.Head]) error {
	var changes []altered
	if len(l.after) > 0 && len(l.lost) > 0 {
		changes = append(changes, withoutFlags(l.flags, l.lost))
	}
	if !l.sent.IsZero() && dates != nil {
		got, ok := dates.get(l.dest)
		switch {
		case ok && !(got.HasDate && got.Date.Equal(l.sent)):
			made := "a date that cannot be read"
			if got.HasDate {
				made = dateText(got)
			}
			changes = append(changes, altered{rules.RepairDate, l.was, made})
		case ok && l.noted:
			if err := w.p.e.books.DropRepair(w.hard, w.b.link.ID, l.uid, rules.RepairDate); err != nil {
				return state(err)
			}
		}
	}
	if len(changes) > 0 && !l.counted {
		w.p.repaired()
	}
	return w.repaired(l.uid, changes)
}

// storeLate sets the flags that could not go with their messages, each by
// itself: one that is refused costs nothing but itself, and is not tried on
// the messages to come.
func (w *writer) storeLate(ctx context.Context, all []late) error {
	var todo []change
	for _, l := range all {
		if len(l.after) > 0 && l.dest != 0 {
			todo = append(todo, change{uid: l.uid, dest: l.dest, now: l.after})
		}
	}
	var refused []refusedFlag
	if len(todo) > 0 {
		ops := map[flagOp][]*change{}
		for i := range todo {
			for _, f := range todo[i].now {
				ops[flagOp{f, true}] = append(ops[flagOp{f, true}], &todo[i])
			}
		}
		for _, changes := range ops {
			slices.SortFunc(changes, func(a, b *change) int { return int(int64(a.dest) - int64(b.dest)) })
		}
		if err := w.dst.do(ctx, func(c *imapconn.Conn) (err error) {
			refused, err = storeAll(ctx, c, ops)
			return err
		}); err != nil {
			return err
		}
	}
	return w.keepFlags(all, refused)
}

// keepFlags notes which flags were refused, and for the next passes which the
// messages have: what was refused for good counts as told.
func (w *writer) keepFlags(all []late, refused []refusedFlag) error {
	base := &ledger.Baseline{}
	for i := range all {
		l := &all[i]
		if len(l.after) == 0 {
			continue
		}
		var later []string
		for _, r := range refused {
			if !slices.ContainsFunc(r.changes, func(c *change) bool { return c.uid == l.uid }) {
				continue
			}
			if fault.IsTemporary(r.cause) {
				later = append(later, r.op.flag)
				continue
			}
			l.lost = append(l.lost, r.op.flag)
			w.refuseFlag(r.op.flag)
		}
		if l.dest == 0 {
			l.lost = append(l.lost, l.after...)
		}
		base.Set(l.uid, minus(l.flags, later))
	}
	return state(w.p.e.books.SetFlags(w.hard, w.b.link.ID, base))
}

// maxRefusedFlags bounds how many refused flags are remembered.
const maxRefusedFlags = 10_000

func (w *writer) refuseFlag(flag string) {
	if w.refusedFlags == nil {
		w.refusedFlags = map[string]bool{}
	}
	if len(w.refusedFlags) < maxRefusedFlags {
		w.refusedFlags[strings.ToLower(flag)] = true
	}
	if w.dropped == nil {
		w.dropped = map[string]bool{}
	}
	w.dropped[flag] = true
}

// readBack asks for the dates that the destination shows of messages that were
// sent with an odd one. nil when it does not tell: then the ledger keeps that
// they are not known.
func (w *writer) readBack(ctx context.Context, all []late) (*book[imapconn.Head], error) {
	var uids []uint32
	for _, l := range all {
		if !l.sent.IsZero() && l.dest != 0 {
			uids = append(uids, l.dest)
		}
	}
	if len(uids) == 0 {
		return nil, nil
	}
	slices.Sort(uids)
	// Dovecot tells what it was given until it has told it once; what it tells
	// from then on, out of its cache, is what every client will see.
	if first, err := w.datesOf(ctx, uids); err != nil || first == nil {
		return nil, err
	}
	return w.datesOf(ctx, uids)
}

// datesOf asks for dates once; see readBack.
func (w *writer) datesOf(ctx context.Context, uids []uint32) (*book[imapconn.Head], error) {
	known := newBook[imapconn.Head]()
	err := w.dst.flags(ctx, uids, func(ctx context.Context, c *imapconn.Conn, set []imapconn.Range) (*imapconn.Fetching, error) {
		return c.Fetch(ctx, set, imapconn.ItemDate, imapconn.FetchHandler{Message: func(m *imapconn.Message) error {
			if m.UID != 0 && m.RawDate != "" {
				known.put(m.UID, imapconn.Head{Date: m.Date, HasDate: m.HasDate})
			}
			return nil
		}})
	})
	if mild(ctx, err) {
		w.p.log.Warn("odd dates not read back", "mailbox", w.b.source.Name, "messages", len(uids), "err", err)
		return nil, nil
	}
	return known, err
}
