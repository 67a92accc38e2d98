package batch

import (
	"context"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/fault"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

func TestFreeLanesGoToWhoHasMostLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &laneSync{}
		octets := map[int]int64{1: 10 << 20, 2: 100 << 20, 3: 50 << 20}
		s.f = func(_ context.Context, p account.Pair, l *bookedLanes, m *throughput.Meter) (throughput.Count, error) {
			m.Expect(1000, octets[p.Line])
			if octets[p.Line] > 0 {
				l.work(2 * time.Minute)
			} else {
				time.Sleep(30*time.Second + time.Millisecond)
			}
			return throughput.Count{}, nil
		}
		run := throughput.NewRun()
		r := mustNew(t, Options{Syncer: s, Parallel: 8, LanesPerAccount: 4, Meter: run})
		time.AfterFunc(20*time.Second, func() {
			if got := s.held(); len(got) != 8 || got[2] != 1 {
				t.Errorf("all lanes have rows, and yet some have more: %v", got)
			}
		})
		time.AfterFunc(40*time.Second, func() {
			if got, want := s.held(), map[int]int{1: 1, 2: 4, 3: 3}; !maps.Equal(got, want) {
				t.Errorf("5 lanes came free: %v, want %v", got, want)
			}
			for _, b := range run.Busy() {
				if b.Lanes != s.lanes(b.Line) {
					t.Errorf("the meter of row %d says %d lanes", b.Line, b.Lanes)
				}
			}
		})
		if _, err := r.Run(t.Context(), rows(8)); err != nil {
			t.Fatal(err)
		}
		if s.all.peak != 8 {
			t.Errorf("peak of %d lanes, want 8", s.all.peak)
		}
	})
}

// Who has asked once and asks no more keeps a lane from others for a while
// only.
func TestAskLapses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got time.Duration
		start := time.Now()
		s := &laneSync{}
		s.f = func(_ context.Context, p account.Pair, l *bookedLanes, m *throughput.Meter) (throughput.Count, error) {
			m.Expect(1, int64(p.Line))
			switch p.Line {
			case 3:
				time.Sleep(time.Millisecond)
			case 2:
				l.TryAcquire() // the one with more left; no lane is free yet
				time.Sleep(time.Minute)
			default:
				for time.Sleep(time.Second); !l.TryAcquire(); time.Sleep(time.Second) {
				}
				got = time.Since(start)
			}
			return throughput.Count{}, nil
		}
		r := mustNew(t, Options{Syncer: s, Parallel: 3, LanesPerAccount: 2, Meter: throughput.NewRun()})
		if _, err := r.Run(t.Context(), rows(3)); err != nil {
			t.Fatal(err)
		}
		if got != askLasts {
			t.Errorf("the lane was given after %v, want %v", got, askLasts)
		}
	})
}

// One account takes all that it may have.
func TestLanesOfOneAccount(t *testing.T) {
	tests := []struct {
		name                      string
		parallel, share, maxPer   int
		host1, host2              string
		want                      int
		refused                   []int // what Refused is told once it has all
		afterwards                int
		setParallel, afterwardsBy int
	}{
		{name: "its share", parallel: 10, share: 4, want: 4},
		{name: "no share given", parallel: 10, want: 1},
		{name: "no more than there are", parallel: 3, share: 4, want: 3},
		{name: "what the host bears", parallel: 10, share: 8, maxPer: 5, want: 5},
		{name: "within one host", parallel: 10, share: 8, maxPer: 5, host1: "e", host2: "e", want: 5},
		{name: "the server allows more", parallel: 10, share: 4, want: 4, refused: []int{10}, afterwards: 4},
		{name: "the server allows fewer", parallel: 10, share: 4, want: 4, refused: []int{3}, afterwards: 2},
		{name: "the server allows one", parallel: 10, share: 4, want: 4, refused: []int{1}, afterwards: 1},
		{name: "the server does not say", parallel: 10, share: 4, want: 4, refused: []int{0}, afterwards: 3},
		{name: "the least counts", parallel: 10, share: 4, want: 4, refused: []int{3, 0, 9}, afterwards: 2},
		{name: "fewer lanes", parallel: 10, share: 4, want: 4, setParallel: 2, afterwards: 2},
		{name: "more lanes", parallel: 2, share: 4, want: 2, setParallel: 10, afterwards: 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var r *Runner
				s := &laneSync{}
				s.f = func(_ context.Context, p account.Pair, l *bookedLanes, _ *throughput.Meter) (throughput.Count, error) {
					l.work(time.Minute)
					if n := s.lanes(p.Line); n != tt.want {
						t.Errorf("%d lanes, want %d", n, tt.want)
					}
					for _, most := range tt.refused {
						l.Refused(most)
					}
					if tt.setParallel > 0 {
						if err := r.SetParallel(tt.setParallel); err != nil {
							t.Error(err)
						}
					}
					if tt.afterwards > 0 {
						l.work(time.Minute)
						if n := s.lanes(p.Line); n != tt.afterwards || l.Wanted() {
							t.Errorf("%d lanes afterwards, want %d; wanted: %v", n, tt.afterwards, l.Wanted())
						}
					}
					return throughput.Count{}, nil
				}
				r = mustNew(t, Options{Syncer: s, Parallel: tt.parallel, LanesPerAccount: tt.share, MaxPerHost: tt.maxPer})
				if _, err := r.Run(t.Context(), []Row{row(1, tt.host1, tt.host2)}); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// A parked row whose time has come gets a lane back from a wide account, and
// that one gets no other instead.
func TestRowGetsALaneBack(t *testing.T) {
	tests := []struct {
		name              string
		parallel, perHost int
	}{
		{"no lane is free", 4, 0},
		{"the hosts are full", 10, 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				parked := false
				s := &laneSync{}
				s.f = func(_ context.Context, p account.Pair, l *bookedLanes, _ *throughput.Meter) (throughput.Count, error) {
					switch {
					case p.Line == 1:
						l.work(10 * time.Minute)
						if n := s.lanes(1); n != 4 {
							t.Errorf("%d lanes at the end, want 4 again", n)
						}
					case !parked:
						parked = true
						return throughput.Count{}, throttled
					default:
						if late := time.Since(start) - throttled.Wait; late < 0 || late > time.Second {
							t.Errorf("came back %v late, want within a border's second", late)
						}
						time.Sleep(time.Minute)
						if n := s.lanes(1); n != 3 {
							t.Errorf("the other has %d lanes, want 3", n)
						}
					}
					return throughput.Count{}, nil
				}
				r := mustNew(t, Options{Syncer: s, Parallel: tt.parallel, LanesPerAccount: 4, MaxPerHost: tt.perHost, Retries: 1, Retry: steady})
				if _, err := r.Run(t.Context(), rows(2)); err != nil {
					t.Fatal(err)
				}
				if s.all.peak != 4 || s.rows[1].peak != 4 {
					t.Errorf("peak of %d lanes, %d for the wide account, want 4 and 4", s.all.peak, s.rows[1].peak)
				}
			})
		})
	}
}

// The feeder may be busy with a row's start, or with the ledger: an account
// that asks does not wait for it.
func TestAskingWaitsForNobody(t *testing.T) {
	asked := make(chan struct{})
	s := &laneSync{f: func(_ context.Context, p account.Pair, l *bookedLanes, _ *throughput.Meter) (throughput.Count, error) {
		if p.Line == 1 {
			l.TryAcquire()
			l.Wanted()
			close(asked)
		}
		return throughput.Count{}, nil
	}}
	r := mustNew(t, Options{Syncer: s, Parallel: 3, LanesPerAccount: 4, OnStart: func(i int, _ throughput.Result) {
		if i == 1 {
			<-asked
		}
	}})
	if _, err := r.Run(t.Context(), rows(2)); err != nil {
		t.Fatal(err)
	}
}

// Whatever Sync still holds when it returns is taken back, and what it does
// with its lanes after that does nothing.
func TestLanesAreTakenBack(t *testing.T) {
	for name, end := range map[string]func(){"returns": func() {}, "panics": func() { panic("boom") }} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var strays []Lanes
				s := &laneSync{}
				s.f = func(_ context.Context, p account.Pair, l *bookedLanes, _ *throughput.Meter) (throughput.Count, error) {
					l.work(time.Minute)
					s.mu.Lock()
					strays = append(strays, l.Lanes)
					s.mu.Unlock()
					end()
					return throughput.Count{}, nil
				}
				r := mustNew(t, Options{Syncer: s, Parallel: 8, LanesPerAccount: 4, MaxPerHost: 7})
				if _, err := r.Run(t.Context(), rows(2)); err != nil {
					t.Fatal(err)
				}
				for _, l := range strays {
					if l.TryAcquire() || l.Wanted() {
						t.Error("an account that has ended gets a lane, or is asked for one")
					}
					l.Release()
					l.Refused(0)
				}
				g := r.gate
				if s.all.peak != 7 || g.used != 0 || len(g.holders) != 0 || g.hosts.of("old.example").used != 0 || g.hosts.of("new.example").used != 0 {
					t.Errorf("of at most %d lanes these are left: %d, held by %d, hosts %v", s.all.peak, g.used, len(g.holders), g.hosts.byName)
				}
			})
		})
	}
}

// A limit that a server told when it refused the first login holds for the
// attempts after it.
func TestToldLimits(t *testing.T) {
	tooMany := func(side fault.Side, perUser, perHost int) error {
		return &fault.Error{Side: side, Temporary: true, Code: fault.TooManySessions, MaxPerUser: perUser, MaxPerHost: perHost}
	}
	tests := []struct {
		name          string
		host2         string // of all rows
		perHost       int
		told          error // to row 1, at its first login
		row, old, new int   // most lanes of row 1, and on each host, after that
	}{
		{"nothing", "new", 0, tooMany(fault.Dest, 0, 0), 4, 12, 12},
		{"of the user", "new", 0, tooMany(fault.Dest, 3, 0), 2, 10, 10},
		{"of the user, one", "new", 0, tooMany(fault.Source, 1, 0), 1, 9, 9},
		{"of the source host", "new", 0, tooMany(fault.Source, 0, 3), 1, 3, 3},
		{"of the destination host", "new", 0, tooMany(fault.Dest, 0, 3), 1, 3, 3},
		{"of both on one host", "old", 0, tooMany(fault.Dest, 0, 6), 1, 3, 3},
		{"above ours", "new", 5, tooMany(fault.Dest, 0, 30), 1, 5, 5},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				told := false
				s := &laneSync{}
				s.f = func(_ context.Context, p account.Pair, l *bookedLanes, _ *throughput.Meter) (throughput.Count, error) {
					if p.Line == 1 && !told {
						told = true
						return throughput.Count{}, tt.told
					}
					l.work(time.Duration(p.Line) * time.Minute)
					return throughput.Count{}, nil
				}
				r := mustNew(t, Options{Syncer: s, Parallel: 12, LanesPerAccount: 4, MaxPerHost: tt.perHost, Retries: 1, Retry: steady})
				list := []Row{row(1, "old", tt.host2), row(2, "old", tt.host2), row(3, "old", tt.host2)}
				// Row 1 comes back after 30 s; until a minute all rows work.
				settled := time.AfterFunc(45*time.Second, func() {
					s.mu.Lock()
					defer s.mu.Unlock()
					for _, l := range []*load{s.rows[1], s.hosts["old"], s.hosts[tt.host2]} {
						l.peak = l.now
					}
				})
				defer settled.Stop()
				res, err := r.Run(t.Context(), list)
				if err != nil {
					t.Fatal(err)
				}
				if states(res)[throughput.Done] != 3 {
					t.Errorf("states %v", states(res))
				}
				if a, b, c := s.rows[1].peak, s.hosts["old"].peak, s.hosts[tt.host2].peak; a != tt.row || b != tt.old || c != tt.new {
					t.Errorf("%d lanes for row 1, %d and %d on the hosts, want %d, %d, %d", a, b, c, tt.row, tt.old, tt.new)
				}
			})
		})
	}
}

// Many accounts take and give lanes from several goroutines each, while rows
// come and go: no limit is ever crossed.
func TestLimitsHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const parallel, share, perHost = 12, 3, 7
		var list []Row
		for i := range 200 {
			list = append(list, row(i+1, string(rune('a'+i%3)), string(rune('c'+i%2))))
		}
		var failing sync.Map
		s := &laneSync{}
		s.f = func(_ context.Context, p account.Pair, l *bookedLanes, m *throughput.Meter) (throughput.Count, error) {
			m.Expect(1, rand.Int64N(1<<30))
			var g sync.WaitGroup
			for range 3 {
				g.Go(func() {
					for range 20 {
						if l.TryAcquire() {
							time.Sleep(rand.N(time.Second))
							l.Release()
						}
						l.Wanted()
						time.Sleep(rand.N(100 * time.Millisecond))
					}
				})
			}
			g.Wait()
			if _, again := failing.LoadOrStore(p.Line, true); !again && p.Line%5 == 0 {
				return throughput.Count{}, lost
			}
			return throughput.Count{}, nil
		}
		r := mustNew(t, Options{Syncer: s, Parallel: parallel, LanesPerAccount: share, MaxPerHost: perHost, Retries: 1, Meter: throughput.NewRun()})
		res, err := r.Run(t.Context(), list)
		if err != nil || states(res)[throughput.Done] != len(list) {
			t.Fatalf("error %v, states %v", err, states(res))
		}
		if s.all.peak > parallel || s.all.now != 0 {
			t.Errorf("peak of %d lanes, %d left, want at most %d", s.all.peak, s.all.now, parallel)
		}
		for host, l := range s.hosts {
			if l.peak > perHost {
				t.Errorf("host %s had %d lanes, limit %d", host, l.peak, perHost)
			}
		}
		wide := 0
		for line, l := range s.rows {
			if l.peak > share {
				t.Errorf("row %d had %d lanes, limit %d", line, l.peak, share)
			}
			wide = max(wide, l.peak)
		}
		if wide != share {
			t.Errorf("no row had more than %d lanes, want %d", wide, share)
		}
	})
}
