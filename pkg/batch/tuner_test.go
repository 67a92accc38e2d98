package batch

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// world is servers as a tuner sees them, on a clock of their own.
type world struct {
	rate    func(lanes float64, now time.Duration) float64 // MiB/s
	noise   float64                                        // relative, of each sample; half as much changes slowly
	refuses int                                            // lanes from which on a server throttles; 0: never
	drain   time.Duration                                  // how long a lane takes to end; 0: at once
	way     float64                                        // octets that a new lane sends, as fast as three others, before its first answer
	rng     *rand.Rand

	now   time.Duration
	used  float64
	fill  float64       // octets that lanes send before their first answer
	begun time.Duration // when the first of these lanes began
	moved totals
	swell float64 // seconds of a slow change, as of the accounts at work
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// step lets time pass for a tuner's limit and returns the sample.
func (w *world) step(limit int) sample {
	w.now += lookEvery
	wave := 1 + w.noise*w.rng.NormFloat64() + w.noise/2*math.Sin(2*math.Pi*w.now.Seconds()/w.swell)
	switch to := float64(limit); {
	case w.used < to || w.drain == 0:
		if more := to - w.used; more > 0 && w.way > 0 {
			w.fill, w.begun = w.fill+more*w.way, w.now
		}
		w.used = to
	default:
		w.used = max(to, w.used-w.used*float64(lookEvery)/float64(w.drain))
	}
	octets := max(0, wave) * w.rate(w.used, w.now) * (1 << 20) * lookEvery.Seconds()
	filled := min(w.fill, 3*octets/w.used)
	w.fill -= filled
	octets += filled
	w.moved.octets += int64(octets)
	w.moved.messages += int64(octets / (75 << 10))
	w.moved.answers++
	w.moved.latency += time.Duration(w.used) * time.Millisecond
	s := sample{at: epoch.Add(w.now), moved: w.moved, used: int(math.Ceil(w.used))}
	if w.fill > 0 {
		s.fresh = epoch.Add(w.begun)
	}
	return s
}

// run lets a tuner work for so long and returns its decisions.
func (w *world) run(t *tuner, d time.Duration) (all []throughput.Tuning) {
	for end := w.now + d; w.now < end; {
		s := w.step(t.limit())
		if w.refuses > 0 && s.used >= w.refuses {
			all = append(all, *t.refused(s.used, s.at))
			w.used = 0
			w.now += 30 * time.Second // parked
			continue
		}
		if d := t.look(s, true); d != nil {
			all = append(all, *d)
		}
	}
	return all
}

func knee(k, each float64) func(float64, time.Duration) float64 {
	return func(n float64, _ time.Duration) float64 { return each * min(n, k) }
}

// best is the fewest lanes up to most that come within 0.5 % of the best rate,
// and that rate.
func best(rate func(float64, time.Duration) float64, most int, now time.Duration) (lanes int, top float64) {
	for n := 1; n <= most; n++ {
		top = max(top, rate(float64(n), now))
	}
	for n := 1; ; n++ {
		if rate(float64(n), now) >= 0.995*top {
			return n, top
		}
	}
}

func TestTunerFindsTheKnee(t *testing.T) {
	smooth := func(k float64) func(float64, time.Duration) float64 { // latency first, then the server is full
		return func(n float64, _ time.Duration) float64 { return 5 * k * (1 - math.Pow(1-1/k, n*1.5)) }
	}
	falls := func(k, by float64) func(float64, time.Duration) float64 {
		return func(n float64, _ time.Duration) float64 { return 5 * min(n, k) * math.Pow(min(1, k/n), by) }
	}
	tests := []struct {
		name    string
		rate    func(float64, time.Duration) float64
		noise   float64
		refuses int
		best    int // lanes; 0: what the rate says
	}{
		{"one lane", knee(1, 30), 0.1, 0, 0},
		{"two lanes", knee(2, 30), 0.1, 0, 0},
		{"below the start", knee(5, 10), 0.1, 0, 0},
		{"at the start", knee(8, 10), 0.1, 0, 0},
		{"above the start", knee(12, 5), 0.1, 0, 0},
		{"between the steps", knee(14, 5), 0.1, 0, 0},
		{"far above", knee(27, 2), 0.1, 0, 0},
		{"no knee", knee(100, 2), 0.1, 0, 0},
		{"a quiet one", knee(12, 5), 0.01, 0, 0},
		{"smooth", smooth(8), 0.1, 0, 0},
		{"falls beyond", falls(10, 0.7), 0.1, 0, 0},
		{"falls from the first", falls(1, 0.3), 0.1, 0, 0},
		{"throttled from 7 on", knee(100, 5), 0.1, 7, 6},
		{"throttled from 11 on", knee(100, 5), 0.1, 11, 10},
		{"throttled from 20 on", knee(100, 5), 0.1, 20, 19},
	}
	const seeds, most = 100, 32
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, top := best(tt.rate, most, 0)
			if tt.best > 0 {
				n, top = tt.best, tt.rate(float64(tt.best), 0)
			}
			bad, decisions, found := 0, 0, map[int]int{}
			for seed := range seeds {
				w := &world{swell: 40 + float64(seed), rate: tt.rate, noise: tt.noise, refuses: tt.refuses, rng: rand.New(rand.NewPCG(uint64(seed), 1))}
				u := newTuner(1, most, startLanes)
				decisions += len(w.run(u, 30*time.Minute))
				found[u.lanes]++
				if float64(u.lanes) > 1.2*float64(n) || tt.rate(float64(u.lanes), 0) < 0.95*top {
					bad++
				}
			}
			t.Logf("best %d; %.1f decisions; found %v", n, float64(decisions)/seeds, found)
			if bad > seeds/20 {
				t.Errorf("%d of %d seeds ended far from %d lanes", bad, seeds, n)
			}
			if decisions > 25*seeds {
				t.Errorf("%.1f decisions in half an hour", float64(decisions)/seeds)
			}
		})
	}
}

// What new lanes send only to fill what lies on the way is no gain.
func TestTunerSeesThroughBuffers(t *testing.T) {
	const seeds = 50
	bad := 0
	for seed := range seeds {
		w := &world{rate: knee(6, 2), noise: 0.02, way: 3 << 20, swell: 40 + float64(seed), rng: rand.New(rand.NewPCG(uint64(seed), 5))}
		u := newTuner(1, 32, startLanes)
		w.run(u, 30*time.Minute)
		if u.lanes < 6 || u.lanes > 8 {
			bad++
			t.Logf("seed %d: %d lanes", seed, u.lanes)
		}
	}
	if bad > seeds/20 {
		t.Errorf("%d of %d seeds ended far from 6 lanes", bad, seeds)
	}
}

// Servers are busier by day: what was best at night is found again each night.
func TestTunerFollowsTheHours(t *testing.T) {
	const night, day = 24.0, 9.0
	rate := func(n float64, now time.Duration) float64 {
		k := night
		if int(now/(3*time.Hour))%2 == 1 {
			k = day
		}
		return 2 * min(n, k)
	}
	const seeds = 20
	var bad, decisions int
	for seed := range seeds {
		w := &world{rate: rate, noise: 0.1, swell: 40 + float64(seed), rng: rand.New(rand.NewPCG(uint64(seed), 2))}
		u := newTuner(1, 32, startLanes)
		for i, k := range []float64{night, day, night, day} {
			decisions += len(w.run(u, 3*time.Hour))
			if n := float64(u.lanes); n < 0.95*k || n > 1.2*k {
				bad++
				t.Logf("seed %d, period %d: %v lanes", seed, i, n)
			}
		}
	}
	if bad > 4*seeds/20 {
		t.Errorf("%d of %d times far from the best", bad, 4*seeds)
	}
	if decisions > 130*seeds {
		t.Errorf("%d decisions in twelve hours", decisions/seeds)
	}
}

// Rows that take an hour do not let a tuner go back and forth, and none is
// ended for it: it judges by what it has.
func TestTunerWithLongRows(t *testing.T) {
	var bad int
	for seed := range 20 {
		w := &world{rate: knee(14, 5), noise: 0.1, swell: 40 + float64(seed), drain: 30 * time.Minute, rng: rand.New(rand.NewPCG(uint64(seed), 3))}
		u := newTuner(1, 32, startLanes)
		w.run(u, 6*time.Hour)
		if u.lanes < 14 || u.lanes > 20 {
			bad++
			t.Logf("seed %d: %d lanes", seed, u.lanes)
		}
	}
	if bad > 1 {
		t.Errorf("%d of 20 far from 14 lanes", bad)
	}
}

// What the bounds say holds at any time.
func TestTunerBounds(t *testing.T) {
	for _, b := range []Bounds{{1, 1}, {8, 8}, {4, 64}, {20, 30}, {1, 3}} {
		w := &world{rate: knee(10, 5), noise: 0.1, swell: 60, rng: rand.New(rand.NewPCG(1, 4))}
		u := newTuner(b.Min, b.Max, startLanes)
		for range 10_000 {
			u.look(w.step(u.limit()), true)
			if n := u.limit(); n < b.Min || n > b.Max {
				t.Fatalf("%d lanes of %d to %d", n, b.Min, b.Max)
			}
		}
		if b.Min == 4 && (u.lanes < 10 || u.lanes > 12) {
			t.Errorf("%d lanes of 4 to 64", u.lanes)
		}
		// A server says that it bears fewer.
		u.ceiling = max(1, b.Min-2)
		if d := u.look(w.step(u.limit()), true); u.limit() > u.ceiling || d == nil && b.Min > 2 {
			t.Errorf("%d lanes, and there may be %d: %v", u.limit(), u.ceiling, d)
		}
	}
}

// Nothing is concluded from lanes that nobody uses, or while nothing moves.
func TestTunerIdle(t *testing.T) {
	u := newTuner(1, 32, startLanes)
	s := sample{at: epoch}
	for range 5000 {
		s.at = s.at.Add(lookEvery)
		s.used, s.moved.octets = 3, s.moved.octets+1<<20
		if d := u.look(s, true); d != nil || u.limit() != startLanes {
			t.Fatalf("3 rows are left of 8: %v, %d lanes", d, u.limit())
		}
	}
}

// An attempt fills the way until most of what it has sent is answered.
func TestFills(t *testing.T) {
	for _, tt := range []struct {
		sent, stored int64
		want         bool
	}{{0, 0, true}, {8, 0, true}, {8, 4, true}, {8, 5, false}, {8, 8, false}} {
		if got := (totals{sent: tt.sent, stored: tt.stored}).fills(); got != tt.want {
			t.Errorf("%d octets sent, %d answered: %v", tt.sent, tt.stored, got)
		}
	}
}
