package console

import (
	"time"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// facts are what is shown at one time.
type facts struct {
	counts   Counts
	copied   int64 // octets
	octets   bool  // progress is in octets; else in rows
	handled  int64 // octets, of expected
	expected int64
	fraction float64 // 0 to 1
	mib      float64 // MiB/s
	messages float64 // messages/s
	eta      time.Duration
	hasETA   bool
	busy     []worker
}

// worker is one busy account.
type worker struct {
	throughput.Snapshot
	mib float64 // MiB/s
}

// tracker turns counters into facts. It belongs to one goroutine.
type tracker struct {
	meter    *throughput.Meter
	rows     Rows
	octets   *throughput.Window
	messages *throughput.Window
	progress *throughput.Window // in octets, or in millionths of a row
	inOctets bool               // what progress is in
	unsized  bool               // a server that does not say sizes was seen
	workers  map[uint64]*throughput.Window
	told     map[int]int64 // octets that a row's meter has expected last, by line
}

func newTracker(m *throughput.Meter, rows Rows) *tracker {
	return &tracker{
		meter: m, rows: rows,
		octets:   throughput.NewWindow(rateSpan),
		messages: throughput.NewWindow(rateSpan),
		progress: throughput.NewWindow(etaSpan),
		workers:  map[uint64]*throughput.Window{},
		told:     map[int]int64{},
	}
}

const (
	mebi  = 1 << 20
	micro = 1_000_000 // of a row
)

// at reads the counters. Times must not go back.
func (t *tracker) at(now time.Time) facts {
	var f facts
	if t.rows != nil {
		f.counts = t.rows.Counts()
	}
	run := t.meter.Snapshot()
	f.copied = run.Octets
	f.busy = t.busy(now)
	t.octets.Add(now, run.Octets)
	t.messages.Add(now, run.Copied)
	f.mib = rate(t.octets) / mebi
	f.messages = rate(t.messages)
	t.measure(now, run, &f)
	return f
}

// busy reads the workers and forgets those that have ended.
func (t *tracker) busy(now time.Time) []worker {
	var out []worker
	before := t.workers
	t.workers = make(map[uint64]*throughput.Window, len(before))
	for _, s := range t.meter.Busy() {
		w := before[s.ID]
		if w == nil {
			w = throughput.NewWindow(rateSpan)
		}
		w.Add(now, s.Octets)
		t.workers[s.ID] = w
		out = append(out, worker{s, rate(w) / mebi})
		// Once seen, always: a bar that changes its unit with each account
		// would jump about.
		t.unsized = t.unsized || s.ExpectedMessages > 0 && s.ExpectedOctets == 0
	}
	return out
}

// measure decides what progress is counted in: octets are the truer measure,
// but only if all that lies ahead is known in them.
func (t *tracker) measure(now time.Time, run throughput.Snapshot, f *facts) {
	untold, known := t.untold(f)
	known = known && (f.counts.PendingKnown || f.counts.Pending == 0)
	f.expected = run.ExpectedOctets + untold
	if f.counts.PendingKnown {
		f.expected += f.counts.PendingOctets
	}
	f.octets = known && !t.unsized && f.expected > 0
	if f.octets != t.inOctets {
		t.inOctets = f.octets
		t.progress = throughput.NewWindow(etaSpan)
	}
	done, total := t.rowsDone(f), int64(f.counts.Total())*micro
	if f.octets {
		f.handled = run.HandledOctets()
		done, total = f.handled, f.expected
	}
	done = min(done, total)
	if total > 0 {
		f.fraction = float64(done) / float64(total)
	}
	t.progress.Add(now, done)
	f.eta, f.hasETA = eta(t.progress, total-done)
}

// untold are the octets of the rows that have begun and whose meters do not
// expect anything yet, by the last attempt or an earlier pass. known says
// whether all of them have such a size: without it the run would look nearer
// its end than it is.
func (t *tracker) untold(f *facts) (octets int64, known bool) {
	silent := make(map[int]bool, len(f.busy))
	for _, w := range f.busy {
		if silent[w.Line] = w.ExpectedMessages == 0; !silent[w.Line] {
			t.told[w.Line] = w.ExpectedOctets
		}
	}
	known = true
	for _, r := range f.counts.Begun {
		size, told := t.told[r.Line]
		if told && !silent[r.Line] {
			continue // busy, or waiting: the run's meter expects it
		}
		if !told {
			size = r.Octets
		}
		octets += size
		known = known && size > 0
	}
	return octets, known
}

// rowsDone counts a busy row by the part of it that is done.
func (t *tracker) rowsDone(f *facts) int64 {
	n := int64(f.counts.Ended()) * micro
	for _, w := range f.busy {
		n += int64(w.Fraction() * micro)
	}
	return n
}

// rate is 0 for the first second: one batch in a few milliseconds is no rate.
func rate(w *throughput.Window) float64 {
	if w.Span() < time.Second {
		return 0
	}
	return max(0, w.Rate())
}

// eta is how long rest will take at the window's rate.
func eta(w *throughput.Window, rest int64) (time.Duration, bool) {
	rate := w.Rate()
	if rate <= 0 || rest <= 0 || w.Span() < etaNeeds {
		return 0, false
	}
	const longest = 100 * 24 * time.Hour
	seconds := float64(rest) / rate
	if seconds > longest.Seconds() {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}
