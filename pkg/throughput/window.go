package throughput

import "time"

// Window turns a growing count into a rate over the time just past. The unit
// is the count's, per second. It is for one goroutine; the zero value must
// not be used.
type Window struct {
	span    time.Duration
	samples []sample
}

type sample struct {
	at time.Time
	n  int64
}

// samplesPerWindow bounds the memory of a window whatever the pace of Add.
const samplesPerWindow = 50

// NewWindow returns a window over the given time, which must be positive.
func NewWindow(span time.Duration) *Window {
	return &Window{span: span}
}

// Add tells the window what the count is at a time. Times must not go back.
func (w *Window) Add(now time.Time, n int64) {
	last := len(w.samples) - 1
	if last > 0 && now.Sub(w.samples[last-1].at) < w.span/samplesPerWindow {
		w.samples[last] = sample{now, n}
		return
	}
	w.samples = append(w.samples, sample{now, n})
	// The newest sample that is span old or older is where the window begins.
	drop := 0
	for drop+1 < len(w.samples) && now.Sub(w.samples[drop+1].at) >= w.span {
		drop++
	}
	w.samples = append(w.samples[:0], w.samples[drop:]...)
}

// Rate is the mean rate per second over the window, up to the last Add; 0
// until two different times are known.
func (w *Window) Rate() float64 {
	if len(w.samples) < 2 {
		return 0
	}
	first, last := w.samples[0], w.samples[len(w.samples)-1]
	return perSecond(float64(last.n-first.n), last.at.Sub(first.at))
}

// Span is the time that Rate speaks of.
func (w *Window) Span() time.Duration {
	if len(w.samples) == 0 {
		return 0
	}
	return w.samples[len(w.samples)-1].at.Sub(w.samples[0].at)
}
