package throughput

import (
	"sync"
	"time"
)

// View is how far a run is at one time: what the screen shows, events tell and
// status says.
type View struct {
	Standing
	Now      time.Time
	Run      Snapshot // of the run's meter
	InOctets bool     // progress is in octets; else in rows
	Handled  int64    // octets, of Expected
	Expected int64
	Fraction float64 // 0 to 1
	MiB      float64 // MiB/s, over the time just past
	Messages float64 // messages/s
	End      End
	Busy     []Worker
	// Bottleneck is what has kept the run from being faster for the last while;
	// nil while that is not clear.
	Bottleneck *Bottleneck
}

// Worker is one busy account.
type Worker struct {
	Snapshot
	MiB float64 // MiB/s, over the time just past
}

// Progress is the view in the words of an event.
func (v View) Progress() Progress {
	p := Progress{
		Rows: v.RowCounts, Messages: v.Run.Copied, Octets: v.Run.Octets,
		ExpectedMessages: v.Run.ExpectedMessages, ExpectedOctets: v.Run.ExpectedOctets,
		MiBPerSecond: milli(v.MiB), MessagesPerSecond: milli(v.Messages),
		Holds: v.Holds, Lanes: v.Lanes, Bottleneck: v.Bottleneck,
	}
	if v.End != (End{}) {
		p.End = &v.End
	}
	return p
}

const (
	rateSpan = 10 * time.Second // of a rate that is shown
	endSpan  = time.Minute      // of a rate that says when something ends
	endNeeds = 5 * time.Second  // of observation, before that is worth saying
	micro    = 1_000_000        // of a row
)

// Watch turns a run's counters into views. It is the one place where rates are
// made of them: all who show the run at one time show the same. Methods are
// safe for concurrent use.
type Watch struct {
	meter *Meter
	rows  Rows
	judge func() *Bottleneck // nil: nobody knows

	mu       sync.Mutex
	last     time.Time
	octets   *Window
	messages *Window
	moved    mover   // the run's progress
	steady   float64 // its rate when something was last at work
	unsized  bool    // a server that does not say sizes was seen
	workers  map[uint64]*pace
	told     map[int]told // what a row's meter has said last, by line
}

// pace is how fast an account is.
type pace struct {
	octets *Window // copied
	moved  mover
}

// mover is progress in octets, of what was copied and what was passed over. It
// does not go back where an attempt begins anew.
type mover struct {
	window    *Window
	sum, last int64
}

func newMover() mover { return mover{window: NewWindow(endSpan)} }

func (m *mover) add(now time.Time, s Snapshot) {
	n := max(0, s.Octets+s.passed)
	m.sum += max(0, n-m.last)
	m.last = n
	m.window.Add(now, m.sum)
}

// told is what lies ahead of an account, by its meter.
type told struct{ expected, left int64 }

// NewWatch returns a watch over a run. Without rows nobody knows of more than
// the accounts that are at work.
func NewWatch(m *Meter, rows Rows) *Watch {
	return &Watch{
		meter: m, rows: rows,
		octets: NewWindow(rateSpan), messages: NewWindow(rateSpan), moved: newMover(),
		workers: map[uint64]*pace{}, told: map[int]told{},
	}
}

// Judge has views say what found returns: what keeps the run from being faster, nil
// while that is not clear. It is for before the first look.
func (w *Watch) Judge(found func() *Bottleneck) { w.judge = found }

// At reads the counters. A time before that of an earlier call counts as that.
func (w *Watch) At(now time.Time) View {
	var v View
	if w.rows != nil {
		v.Standing = w.rows.Standing() // who answers may hold a lock of its own
	}
	if w.judge != nil {
		v.Bottleneck = w.judge()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if now.Before(w.last) {
		now = w.last
	}
	w.last, v.Now = now, now
	v.Run = w.meter.Snapshot()
	v.Busy = w.busy(now)
	w.octets.Add(now, v.Run.Octets)
	w.messages.Add(now, v.Run.Copied)
	w.moved.add(now, v.Run)
	v.MiB = shown(w.octets) / mebi
	v.Messages = shown(w.messages)
	w.measure(&v)
	v.End = Estimate(now, w.ahead(&v))
	return v
}

// busy reads the workers and forgets those that have ended.
func (w *Watch) busy(now time.Time) []Worker {
	var out []Worker
	before := w.workers
	w.workers = make(map[uint64]*pace, len(before))
	for _, s := range w.meter.Busy() {
		p := before[s.ID]
		if p == nil {
			p = &pace{octets: NewWindow(rateSpan), moved: newMover()}
		}
		p.octets.Add(now, s.Octets)
		p.moved.add(now, s)
		w.workers[s.ID] = p
		out = append(out, Worker{s, shown(p.octets) / mebi})
		// Once seen, always: a bar that changes its unit with each account
		// would jump about.
		w.unsized = w.unsized || s.ExpectedMessages > 0 && s.ExpectedOctets == 0
		if s.ExpectedMessages > 0 {
			w.told[s.Line] = told{s.ExpectedOctets, s.LeftOctets()}
		}
	}
	return out
}

// measure decides what progress is counted in: octets are the truer measure,
// but only if all that lies ahead is known in them.
func (w *Watch) measure(v *View) {
	untold, known := w.untold(v)
	v.Expected = v.Run.ExpectedOctets + untold
	for _, b := range v.NotBegun {
		v.Expected += b.Octets
		known = known && b.Unknown == 0
	}
	v.InOctets = known && !w.unsized && v.Expected > 0
	done, total := rowsDone(v), int64(v.Total())*micro
	if v.InOctets {
		v.Handled = v.Run.HandledOctets()
		done, total = v.Handled, v.Expected
	}
	if total > 0 {
		v.Fraction = float64(min(done, total)) / float64(total)
	}
}

// untold are the octets of the rows that have begun and whose meters do not
// expect anything yet, by the last attempt or an earlier pass. known says
// whether all of them have such a size: without it the run would look nearer
// its end than it is.
func (w *Watch) untold(v *View) (octets int64, known bool) {
	silent := make(map[int]bool, len(v.Busy))
	for _, b := range v.Busy {
		silent[b.Line] = b.ExpectedMessages == 0
	}
	known = true
	for _, r := range v.Begun {
		last, told := w.told[r.Line]
		if told && !silent[r.Line] {
			continue // busy, or waiting: the run's meter expects it
		}
		size := last.expected
		if !told {
			size = r.Octets
		}
		octets += size
		known = known && size > 0
	}
	return octets, known
}

// rowsDone counts a busy row by the part of it that is done, in millionths.
func rowsDone(v *View) int64 {
	n := int64(v.Ended()) * micro
	for _, b := range v.Busy {
		n += int64(b.Fraction() * micro)
	}
	return n
}

// ahead is what Estimate is asked about.
func (w *Watch) ahead(v *View) Ahead {
	a := Ahead{Lanes: v.Lanes, Share: v.Share, Paused: !v.Holds.Draining && (v.Held > 0 || v.Holds.Paused)}
	known, octets := v.Sized, v.SizedOctets
	sizes := make(map[int]Begun, len(v.Begun))
	for _, r := range v.Begun {
		sizes[r.Line] = r
	}
	for _, b := range v.Busy {
		r := sizes[b.Line]
		delete(sizes, b.Line)
		l := Load{
			Line: b.Line, Label: b.Label, Lanes: max(1, b.Lanes),
			Octets: b.LeftOctets(), Known: b.ExpectedOctets > 0,
		}
		if b.ExpectedMessages == 0 {
			l.Octets, l.Known = r.Octets, r.Octets > 0
		} else if r.Octets == 0 && b.ExpectedOctets > 0 {
			known, octets = known+1, octets+b.ExpectedOctets
		}
		if p := w.workers[b.ID]; p.moved.window.Span() >= endNeeds {
			l.Rate = max(0, p.moved.window.Rate())
		}
		a.Busy = append(a.Busy, l)
	}
	if !v.Holds.Draining {
		a.Waiting = w.waiting(v, sizes)
	}
	if known > 0 {
		a.Mean = octets / int64(known)
	}
	a.Rate = max(0, w.moved.window.Rate())
	switch {
	case len(a.Busy) > 0 && w.moved.window.Span() >= endNeeds:
		w.steady = a.Rate
	case len(a.Busy) == 0: // nothing can move: what moved before is the better guess
		a.Rate = w.steady
	default:
		a.Early = true
	}
	return a
}

// waiting are the rows that wait: those not begun, and those of begun that are
// not at work.
func (w *Watch) waiting(v *View, begun map[int]Begun) []Bulk {
	var again Bulks
	for _, r := range begun {
		l := Load{Line: r.Line, Label: r.Label, Octets: r.Octets, Known: r.Octets > 0}
		if last, ok := w.told[r.Line]; ok {
			l.Octets, l.Known = last.left, last.expected > 0
		}
		again.Add(r.From, l)
	}
	return append(again.All(), v.NotBegun...)
}

// shown is 0 for the first second: one batch in a few milliseconds is no rate.
func shown(w *Window) float64 {
	if w.Span() < time.Second {
		return 0
	}
	return max(0, w.Rate())
}
