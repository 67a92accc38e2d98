package throughput

import (
	"slices"
	"time"
)

// Load is what one account has left to move.
type Load struct {
	Line   int
	Label  string  // of the user; Text makes it fit for a terminal
	Octets int64   // left; 0 when unknown
	Known  bool    // Octets is the source's own figure, of this pass or an earlier one
	Rate   float64 // its own octets per second; 0: none is known
	Lanes  int     // it works over; 0: it is not at work
}

// Bulk are rows that are not at work and may begin from the same time on: their
// sum, and the one with the most left, which decides when they end.
type Bulk struct {
	From    time.Time // zero: as soon as a lane is free
	Rows    int
	Octets  int64 // of those whose size is known
	Unknown int   // of Rows: nobody knows their size
	Largest Load
}

// Add adds a row.
func (b *Bulk) Add(l Load) {
	b.Rows++
	if !l.Known {
		b.Unknown++
	}
	b.Octets += l.Octets
	if b.Rows == 1 || l.Octets > b.Largest.Octets {
		b.Largest = l
	}
}

// Bulks gathers rows by when they may begin, to the minute: there may be very
// many. The zero value is ready.
type Bulks struct{ by map[time.Time]*Bulk }

// Add adds a row that may begin from a time on; zero: at once.
func (b *Bulks) Add(from time.Time, l Load) {
	if b.by == nil {
		b.by = make(map[time.Time]*Bulk)
	}
	if !from.IsZero() {
		from = from.Round(0).Truncate(time.Minute)
	}
	o := b.by[from]
	if o == nil {
		o = &Bulk{From: from}
		b.by[from] = o
	}
	o.Add(l)
}

// All are those that were added, the earliest first.
func (b *Bulks) All() []Bulk {
	out := make([]Bulk, 0, len(b.by))
	for _, o := range b.by {
		out = append(out, *o)
	}
	slices.SortFunc(out, func(a, b Bulk) int { return a.From.Compare(b.From) })
	return out
}

// Ahead is all that a run has ahead of it. The zero value is nothing.
type Ahead struct {
	Busy    []Load
	Waiting []Bulk
	Rate    float64 // octets per second of the run, smoothed; 0: nothing moves
	Early   bool    // it is too early to speak of a rate
	Paused  bool    // some of it begins only when a person says so
	Mean    int64   // octets of a row whose size is known; 0: no such row
	Lanes   int     // that the run may use; 0: as many as are at work
	Share   int     // of them, for one account at most; 0: 1
}

// Why there is no End.
const (
	EndEarly   = "no rate yet"
	EndStalled = "nothing moves"
	EndFar     = "more than 100 days"
	EndPaused  = "paused"
	EndUnsized = "no size is known"
)

const endFar = 100 * 24 * time.Hour

// End is when a run ends by what is known now, and what decides it. The zero
// value says nothing: nothing is left, or nobody knows of anything.
type End struct {
	At      time.Time // zero: see Why
	Why     string    // why At is not known
	AtLeast bool      // there are rows of which nothing can be guessed: it ends then or later
	Left    int64     // octets, with what was guessed
	Rows    int       // that have something left, or may have
	Guessed int       // of Rows: their size is not known, the mean of the others stands for it
	Last    Load      // the account that takes longest; Line 0: none is known
	Alone   bool      // Last by itself decides: without it the run would end sooner
}

// Estimate says when what lies ahead ends: all of it at the run's rate, or the
// account that takes longest at its own, whichever is later. While rows wait
// an account has one lane; when none does, as many as Share allows. Rows of
// unknown size count as the mean of the others.
func Estimate(now time.Time, a Ahead) End {
	m := newModel(now, a)
	e := m.end
	switch {
	case e.Rows == 0 || e.Left == 0 && e.Guessed == 0:
		return End{}
	case a.Paused:
		e.Why = EndPaused
	case e.Left == 0:
		e.Why = EndUnsized
	case a.Early:
		e.Why = EndEarly
	case a.Rate <= 0:
		e.Why = EndStalled
	}
	if e.Why != "" {
		return e
	}
	whole, tail := m.whole(), m.tail(&e)
	e.Alone = e.Last.Line != 0 && tail >= 0.95*whole
	seconds := max(whole, tail)
	if seconds > endFar.Seconds() {
		e.Why, e.Last, e.Alone = EndFar, Load{}, false
		return e
	}
	e.At = now.Add(time.Duration(seconds * float64(time.Second)).Round(time.Millisecond))
	return e
}

// model is Ahead with guesses in the place of what is not known. Times are
// seconds from now.
type model struct {
	a     Ahead
	now   time.Time
	end   End
	lane  float64 // what one lane moves per second
	used  int     // lanes at work
	queue float64 // when the last row begins that need not wait for a time
}

func newModel(now time.Time, a Ahead) *model {
	m := &model{now: now, a: a}
	m.a.Busy, m.a.Waiting = slices.Clone(a.Busy), slices.Clone(a.Waiting)
	for i := range m.a.Busy {
		l := &m.a.Busy[i]
		m.used += max(1, l.Lanes)
		if !l.Known {
			m.guess(1)
		}
		if !l.Known && l.Octets == 0 {
			l.Octets = a.Mean
		}
		m.end.Rows++
		m.end.Left += l.Octets
	}
	var ready, largest int64
	for i := range m.a.Waiting {
		b := &m.a.Waiting[i]
		if b.Unknown > 0 {
			m.guess(b.Unknown)
			b.Octets += a.Mean * int64(b.Unknown)
			b.Largest.Octets = max(b.Largest.Octets, a.Mean)
		}
		m.end.Rows += b.Rows
		m.end.Left += b.Octets
		if !b.From.After(now) {
			ready, largest = ready+b.Octets, max(largest, b.Largest.Octets)
		}
	}
	if a.Rate > 0 {
		lanes := m.used
		if lanes == 0 {
			lanes = a.Lanes
		}
		m.lane = a.Rate / float64(max(1, lanes))
		m.queue = float64(ready-largest) / a.Rate
	}
	return m
}

// guess notes rows of unknown size.
func (m *model) guess(rows int) {
	m.end.Guessed += rows
	m.end.AtLeast = m.end.AtLeast || m.a.Mean == 0
}

// whole is when all octets have moved at the run's rate, those that wait for a
// time not before it.
func (m *model) whole() float64 {
	latest := slices.SortedFunc(slices.Values(m.a.Waiting), func(a, b Bulk) int { return b.From.Compare(a.From) })
	end := float64(m.end.Left) / m.a.Rate
	var later int64
	for _, b := range latest {
		later += b.Octets
		if from := m.from(b); from > 0 {
			end = max(end, from+float64(later)/m.a.Rate)
		}
	}
	return end
}

func (m *model) from(b Bulk) float64 { return max(0, b.From.Sub(m.now).Seconds()) }

// tail is when the account ends that ends last, by itself; e is told which.
func (m *model) tail(e *End) float64 {
	latest, free := -1.0, -1.0
	consider := func(l Load, start float64) {
		at := start + m.alone(l, start)
		if at > latest {
			latest, e.Last = at, l
		}
		if l.Lanes > 0 && (free < 0 || at < free) {
			free = at
		}
	}
	for _, l := range m.a.Busy {
		consider(l, 0)
	}
	if free < 0 || m.used < m.a.Lanes {
		free = 0
	}
	for _, b := range m.a.Waiting {
		if b.Rows > 0 {
			consider(b.Largest, max(free, m.from(b)))
		}
	}
	return max(0, latest)
}

// alone is how long an account takes that begins, or goes on, at start: over
// its lanes while others wait, over all that it may have from then on.
func (m *model) alone(l Load, start float64) float64 {
	lanes := max(1, l.Lanes)
	rate := l.Rate
	if rate <= 0 {
		rate = m.lane * float64(lanes)
	}
	most := max(1, m.a.Share)
	if m.a.Lanes > 0 {
		most = min(most, m.a.Lanes)
	}
	top := rate * float64(max(most, lanes)) / float64(lanes)
	top = max(rate, min(top, m.a.Rate)) // the lines and servers bear what they are seen to bear
	left, crowded := float64(l.Octets), max(0, m.queue-start)
	if left <= rate*crowded {
		return left / rate
	}
	return crowded + (left-rate*crowded)/top
}
