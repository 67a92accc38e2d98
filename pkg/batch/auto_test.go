package batch

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// farm is servers whose rate depends on how many lanes they have, as a Syncer.
type farm struct {
	laneSync
	each   float64        // MiB/s of one lane
	knee   map[string]int // lanes that a destination host makes use of
	octets func(line int) int64

	mu    sync.Mutex
	rng   *rand.Rand
	ended int
}

func newFarm(knee map[string]int, octets func(line int) int64) *farm {
	f := &farm{each: 4, knee: knee, octets: octets, rng: rand.New(rand.NewPCG(7, 7))}
	f.f = f.sync
	return f
}

// lanesOf is how many lanes a host has.
func (f *farm) lanesOf(host string) int {
	f.laneSync.mu.Lock()
	defer f.laneSync.mu.Unlock()
	if l := f.hosts[host]; l != nil {
		return l.now
	}
	return 0
}

func (f *farm) shake() float64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return 1 + 0.1*f.rng.NormFloat64()
}

// sync copies an account of a size, in steps of a quarter of a second.
func (f *farm) sync(ctx context.Context, p account.Pair, l *bookedLanes, m *throughput.Meter) (throughput.Count, error) {
	size := f.octets(p.Line)
	m.Expect(size>>16, size)
	l.LoggedIn(fault.Source)
	l.LoggedIn(fault.Dest)
	time.Sleep(300 * time.Millisecond) // login
	var done int64
	for done < size {
		select {
		case <-time.After(250 * time.Millisecond):
		case <-ctx.Done():
			return throughput.Count{}, ctx.Err()
		}
		host := p.Dest.Host
		all, own := f.lanesOf(host), f.lanes(p.Line)
		rate := f.each * float64(min(all, f.knee[host])) * float64(own) / float64(all)
		n := int64(rate * f.shake() * (1 << 18))
		done += n
		m.Sent(n>>16, n)
		m.Copied(n>>16, n)
		m.Answered(time.Duration(all) * time.Millisecond)
		if l.Wanted() {
			l.Release()
		} else {
			l.TryAcquire()
		}
	}
	f.mu.Lock()
	f.ended++
	f.mu.Unlock()
	return throughput.Count{Listed: 1, Copied: 1, Octets: done}, nil
}

func even(mib int64) func(int) int64 { return func(int) int64 { return mib << 20 } }

// best is how many lanes a route was found to be fastest with.
func (r *Runner) best(route int) int {
	r.gate.mu.Lock()
	defer r.gate.mu.Unlock()
	return r.gate.routes[route].tuner.lanes
}

// A run finds the number of lanes that its servers make use of, without ending
// a row for it, and tells of each decision.
func TestAutoFindsTheKnee(t *testing.T) {
	for _, k := range []int{3, 12} {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFarm(map[string]int{"new.example": k}, even(100))
				var told []throughput.Tuning
				r := mustNew(t, Options{Syncer: f, Auto: Bounds{1, 32}, LanesPerAccount: 4, OnTune: func(d throughput.Tuning) { told = append(told, d) }})
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				time.AfterFunc(30*time.Minute, func() {
					if n := r.best(0); n < k || n > k+max(1, k/5) {
						t.Errorf("%d lanes at work, best are %d", n, k)
					}
					stop()
				})
				res, err := r.Run(ctx, rows(5000))
				if err == nil || states(res)[throughput.Failed] > 0 || states(res)[throughput.Done] != f.ended {
					t.Errorf("error %v, %v, %d were brought to an end", err, states(res), f.ended)
				}
				if len(told) < 3 || len(told) > 30 || told[len(told)-1].Line() == "" {
					t.Errorf("%d decisions: %v", len(told), told)
				}
				chosen := 0
				for _, s := range r.Knee() {
					if s.Chosen {
						chosen = s.Lanes
					}
				}
				if chosen < k || chosen > k+max(1, k/5) {
					t.Errorf("the table has %d as settled: %+v", chosen, r.Knee())
				}
			})
		})
	}
}

// Each pair of hosts has a number of its own; both together keep to the bounds.
func TestAutoOfTwoRoutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFarm(map[string]int{"a2": 4, "b2": 14}, even(60))
		r := mustNew(t, Options{Syncer: f, Auto: Bounds{2, 24}, LanesPerAccount: 1})
		var list []Row
		for i := range 4000 {
			if i%2 == 0 {
				list = append(list, row(i+1, "a1", "a2"))
			} else {
				list = append(list, row(i+1, "b1", "b2"))
			}
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		time.AfterFunc(40*time.Minute, func() {
			if a, b := r.best(0), r.best(1); a < 4 || a > 5 || b < 14 || b > 17 {
				t.Errorf("%d and %d lanes, best are 4 and 14", a, b)
			}
			stop()
		})
		if _, err := r.Run(ctx, list); err == nil {
			t.Error("the list was too short")
		}
		if f.all.peak > 24 {
			t.Errorf("%d lanes together", f.all.peak)
		}
		if k := r.Knee(); len(k) == 0 || k[0].Route != "a1 to a2" {
			t.Errorf("knee %+v", k)
		}
	})
}

// A short list, and one of few large accounts, is done about as soon as with
// eight lanes: the numbers that are tried cost a few percent, by where their
// turns fall.
func TestAutoIsNotSlowerThanEight(t *testing.T) {
	tests := []struct {
		name   string
		rows   int
		octets func(int) int64
	}{
		{"one small row", 1, even(1)},
		{"two large rows", 2, even(2000)},
		{"twenty rows", 20, even(40)},
		{"a skewed list", 30, func(line int) int64 { return int64(3000/line) << 20 }},
	}
	for _, tt := range tests {
		took := func(opt Options) (d time.Duration) {
			synctest.Test(t, func(t *testing.T) {
				f := newFarm(map[string]int{"new.example": 12}, tt.octets)
				opt.Syncer, opt.LanesPerAccount = f, 4
				start := time.Now()
				if _, err := mustNew(t, opt).Run(t.Context(), rows(tt.rows)); err != nil {
					t.Fatal(err)
				}
				d = time.Since(start)
			})
			return d
		}
		auto, eight := took(Options{Auto: Bounds{1, 32}}), took(Options{Parallel: 8})
		if auto > eight+eight/10 {
			t.Errorf("%s: %v by itself, %v with eight lanes", tt.name, auto, eight)
		}
	}
}

// A limit that a server tells bounds the search, and so does a number that the
// user sets, which ends it.
func TestAutoBoundAndFixed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFarm(map[string]int{"new.example": 20}, even(50))
		work := f.f
		var once sync.Once
		f.f = func(ctx context.Context, p account.Pair, l *bookedLanes, m *throughput.Meter) (c throughput.Count, err error) {
			once.Do(func() {
				err = &fault.Error{Scope: fault.Host, Side: fault.Dest, Temporary: true, Code: fault.TooManySessions, MaxPerHost: 6}
			})
			if err != nil {
				return c, err
			}
			return work(ctx, p, l, m)
		}
		var told []string
		r := mustNew(t, Options{Syncer: f, Auto: Bounds{1, 32}, LanesPerAccount: 1, Retries: 3, Retry: steady,
			OnTune: func(d throughput.Tuning) { told = append(told, d.Line()) }})
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		time.AfterFunc(10*time.Minute, func() {
			if n := f.lanesOf("new.example"); n != 6 {
				t.Errorf("%d lanes, the server bears 6", n)
			}
			if err := r.SetParallel(3); err != nil {
				t.Error(err)
			}
		})
		time.AfterFunc(20*time.Minute, func() {
			if n := f.lanesOf("new.example"); n != 3 {
				t.Errorf("%d lanes, 3 were asked for", n)
			}
			if err := r.SetAuto(2, 5); err != nil {
				t.Error(err)
			}
		})
		time.AfterFunc(40*time.Minute, func() {
			if n := f.lanesOf("new.example"); n != 5 {
				t.Errorf("%d lanes, best of 2 to 5 are 5", n)
			}
			stop()
		})
		if _, err := r.Run(ctx, rows(3000)); err == nil {
			t.Error("the list was too short")
		}
		all := strings.Join(told, "\n")
		for _, want := range []string{"parallel 8 -> 6: new.example bears 6", "parallel 6 -> 3: fixed", " -> 5: "} {
			if !strings.Contains(all, want) {
				t.Errorf("%q is not among\n%s", want, all)
			}
		}
		if err := r.SetAuto(4, 3); err == nil {
			t.Error("bounds the wrong way round")
		}
	})
}

// Passes over accounts with nothing new have a best number too: that of rows.
func TestAutoUnchanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &laneSync{}
		s.f = func(ctx context.Context, p account.Pair, l *bookedLanes, m *throughput.Meter) (throughput.Count, error) {
			s.mu.Lock()
			n := s.all.now
			s.mu.Unlock()
			time.Sleep(time.Duration(max(n, 6)) * time.Second / 6) // six logins a second
			return throughput.Count{Listed: 1, AlreadyThere: 1}, nil
		}
		r := mustNew(t, Options{Syncer: s, Auto: Bounds{1, 32}})
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		time.AfterFunc(30*time.Minute, func() {
			if n := r.best(0); n < 6 || n > 8 {
				t.Errorf("%d lanes, best are 6", n)
			}
			stop()
		})
		if _, err := r.Run(ctx, rows(20000)); err == nil {
			t.Error("the list was too short")
		}
	})
}
