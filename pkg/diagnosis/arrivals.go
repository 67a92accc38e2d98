package diagnosis

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Lumps is how lumpily a host's octets arrive. A link that is full lets packets
// through one by one, evenly, however short the time that one looks at; a server
// at its limit has some ready now and then, and the way to it, which bears more,
// brings them all at once. The zero value is not known.
type Lumps struct {
	Times   int     // that it was looked at
	Typical float64 // the median of these: 1 is evenly, n means in an nth of the time
	Rate    float64 // octets per second, the median
}

// enoughTimes is how many times one must have looked.
const enoughTimes = 4

func (l Lumps) known() bool { return l.Times >= enoughTimes }

const (
	// binLeast is the shortest time whose octets are counted, each scale's
	// being twice as long as that of the one before.
	binLeast  = time.Millisecond
	binScales = 10
	// binOctets is what a bin must hold in the mean: so many packets that it
	// does not matter that they are packets.
	binOctets = 24 << 10
	// slotBins is how many bins make a slot, from which one figure is told.
	slotBins = 32
	// slotsKept bounds what is remembered of a host: of a longer run a fair
	// sample.
	slotsKept = 64
	// away is how long nobody may have read a connection whose octets are
	// counted: they pile up in the system's buffer meanwhile.
	away = 500 * time.Microsecond
)

// arrivals collects Lumps. The zero value has seen nothing; it is safe for
// concurrent use.
type arrivals struct {
	mu     sync.Mutex
	began  time.Time // of the slot; zero: it begins with the next octets
	octets int64     // in the slot
	bins   [binScales]bin

	seen  int
	slots []slot // what was found
}

// bin is the last bin of a scale, and the squares of those before it.
type bin struct {
	at      int64 // its number in the slot
	octets  int64
	squares float64
}

type slot struct{ lumps, rate float64 }

// add notes octets that have arrived.
func (a *arrivals) add(now time.Time, n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.began.IsZero() {
		a.began = now
	}
	d := max(0, now.Sub(a.began))
	a.octets += int64(n)
	for i := range a.bins {
		b := &a.bins[i]
		if at := int64(d / (binLeast << i)); at != b.at {
			b.squares += float64(b.octets) * float64(b.octets)
			b.at, b.octets = at, 0
		}
		b.octets += int64(n)
	}
}

// look ends the slot if it is long enough.
func (a *arrivals) look(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.began.IsZero() {
		return
	}
	d := now.Sub(a.began)
	for i, b := range a.bins {
		n := float64(d) / float64(binLeast<<i)
		if n < slotBins {
			break
		}
		if float64(a.octets)/n < binOctets {
			continue
		}
		squares := b.squares + float64(b.octets)*float64(b.octets)
		a.keep(slot{squares * n / (float64(a.octets) * float64(a.octets)), float64(a.octets) / d.Seconds()})
		a.fresh()
		return
	}
	if d >= (binLeast<<binScales)*slotBins { // next to nothing arrives
		a.fresh()
	}
}

func (a *arrivals) fresh() {
	a.began, a.octets, a.bins = time.Time{}, 0, [binScales]bin{}
}

func (a *arrivals) keep(s slot) {
	a.seen++
	if len(a.slots) < slotsKept {
		a.slots = append(a.slots, s)
	} else if at := rand.IntN(a.seen); at < slotsKept {
		a.slots[at] = s
	}
}

// so is what was collected.
func (a *arrivals) so() Lumps {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.slots) == 0 {
		return Lumps{}
	}
	return Lumps{Times: a.seen, Typical: middle(a.slots, func(s slot) float64 { return s.lumps }),
		Rate: middle(a.slots, func(s slot) float64 { return s.rate })}
}

// middle is the median of something.
func middle(slots []slot, of func(slot) float64) float64 {
	all := make([]float64, len(slots))
	for i, s := range slots {
		all[i] = of(s)
	}
	slices.Sort(all)
	return all[len(all)/2]
}
