package batch

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

func minute(context.Context, account.Pair) (throughput.Count, error) {
	time.Sleep(time.Minute)
	return throughput.Count{}, nil
}

func TestNewRefuses(t *testing.T) {
	s := &syncFunc{f: minute}
	tests := []struct {
		name string
		opt  Options
	}{
		{"no syncer", Options{Parallel: 1}},
		{"no workers", Options{Syncer: s}},
		{"negative per host", Options{Syncer: s, Parallel: 1, MaxPerHost: -1}},
		{"negative per account", Options{Syncer: s, Parallel: 1, LanesPerAccount: -1}},
		{"negative retries", Options{Syncer: s, Parallel: 1, Retries: -1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := New(tt.opt); err == nil {
				t.Error("New took it")
			}
		})
	}
	if err := mustNew(t, Options{Syncer: s, Parallel: 1}).SetParallel(0); err == nil {
		t.Error("SetParallel took 0")
	}
}

func TestFourWorkersTakeThreeMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &syncFunc{f: minute}
		r := mustNew(t, Options{Syncer: s, Parallel: 4, Meter: throughput.NewRun()})
		start := time.Now()
		res, err := r.Run(t.Context(), rows(12))
		if err != nil {
			t.Fatal(err)
		}
		if d := time.Since(start); d != 3*time.Minute {
			t.Errorf("12 rows of a minute on 4 workers took %v, want 3m", d)
		}
		if s.peak != 4 || s.calls != 12 {
			t.Errorf("peak %d, calls %d, want 4 and 12", s.peak, s.calls)
		}
		for i, x := range res {
			if x.State != throughput.Done || x.Line != i+1 || x.Elapsed != time.Minute || x.Attempts != 1 {
				t.Errorf("result %d = %+v", i, x)
			}
		}
	})
}

func TestSetParallelWhileRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &syncFunc{f: minute}
		r := mustNew(t, Options{Syncer: s, Parallel: 4})
		ended := make(chan error, 1)
		go func() {
			_, err := r.Run(t.Context(), rows(60))
			ended <- err
		}()
		// At each time, after everything due then has happened, so many run.
		steps := []struct {
			after time.Duration // since the step before
			set   int           // 0: leave it
			want  int
		}{
			{30 * time.Second, 0, 4},
			{0, 16, 16},               // at once
			{31 * time.Second, 0, 16}, // 4 ended, 4 came
			{0, 2, 16},                // nobody is thrown out
			{30 * time.Second, 0, 4},  // 12 ended, none came
			{30 * time.Second, 0, 2},  // 4 ended, 2 came
			{time.Minute, 0, 2},
			{0, 3, 3},
		}
		for i, step := range steps {
			time.Sleep(step.after)
			if step.set > 0 {
				if err := r.SetParallel(step.set); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
			if n := s.running(); n != step.want {
				t.Errorf("step %d: %d rows run, want %d", i, n, step.want)
			}
		}
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if s.peak != 16 || s.calls != 60 {
			t.Errorf("peak %d, calls %d, want 16 and 60", s.peak, s.calls)
		}
	})
}

func TestLargestFirst(t *testing.T) {
	list := rows(5)
	for i, octets := range []int64{10, 0, 30, 20, 0} {
		list[i].Known.SourceOctets = octets
	}
	s := &syncFunc{f: func(context.Context, account.Pair) (throughput.Count, error) { return throughput.Count{}, nil }}
	if _, err := mustNew(t, Options{Syncer: s, Parallel: 1}).Run(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	if want := []int{2, 5, 3, 4, 1}; !slices.Equal(s.order, want) {
		t.Errorf("order %v, want %v: unknown sizes first, then the largest", s.order, want)
	}
}

// hostLoad notes the peak number of rows per host.
type hostLoad struct{ now, peak map[string]int }

func TestMaxPerHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var list []Row
		for i := range 8 {
			list = append(list, row(i+1, "a", "b"))
		}
		for i := range 4 {
			list = append(list, row(9+i, "c", "d"))
		}
		list = append(list, row(13, "d", "b"), row(14, "e", "e"), row(15, "e", "e"), row(16, "e", "e"))
		load := hostLoad{map[string]int{}, map[string]int{}}
		s := &syncFunc{f: minute}
		r := mustNew(t, Options{
			Syncer: s, Parallel: 10, MaxPerHost: 2,
			OnStart: func(i int, _ throughput.Result) {
				for _, h := range []string{list[i].Pair.Source.Host, list[i].Pair.Dest.Host} {
					if h == "e" && list[i].Pair.Dest.Host == "e" {
						continue
					}
					load.now[h]++
					load.peak[h] = max(load.peak[h], load.now[h])
				}
			},
			OnResult: func(i int, _ throughput.Result) {
				load.now[list[i].Pair.Source.Host]--
				load.now[list[i].Pair.Dest.Host]--
			},
		})
		start := time.Now()
		if _, err := r.Run(t.Context(), list); err != nil {
			t.Fatal(err)
		}
		for h, n := range load.peak {
			if n > 2 {
				t.Errorf("host %s had %d rows at a time, limit 2", h, n)
			}
		}
		// b is in 9 rows: 5 minutes at 2 a minute; nobody else waits for it.
		if d := time.Since(start); d != 5*time.Minute {
			t.Errorf("took %v, want 5m", d)
		}
		if s.peak != 6 { // 2 a-b, 2 c-d, 2 e-e
			t.Errorf("peak %d, want 6: a full host must not keep the others waiting", s.peak)
		}
	})
}

func TestOneWriterPerDestination(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := rows(6)
		for i := range 3 { // rows 1 to 3 merge; written differently
			list[i].Pair.Dest.User = "archive"
		}
		list[1].Pair.Dest.Port = 993
		list[2].Pair.Dest.Port = 143
		s := &syncFunc{}
		var merging, peak atomic.Int32
		s.f = func(_ context.Context, p account.Pair) (throughput.Count, error) {
			if p.Dest.User == "archive" {
				peak.Store(max(peak.Load(), merging.Add(1)))
				defer merging.Add(-1)
			}
			time.Sleep(time.Minute)
			return throughput.Count{}, nil
		}
		start := time.Now()
		if _, err := mustNew(t, Options{Syncer: s, Parallel: 6}).Run(t.Context(), list); err != nil {
			t.Fatal(err)
		}
		if peak.Load() != 1 {
			t.Errorf("%d rows wrote to one account at a time", peak.Load())
		}
		if d := time.Since(start); d != 3*time.Minute {
			t.Errorf("took %v, want 3m", d)
		}
		if s.peak != 4 {
			t.Errorf("peak %d, want 4: three others beside the merge", s.peak)
		}
	})
}

func TestTenThousandRows(t *testing.T) {
	list := make([]Row, 10_000)
	for i := range list {
		list[i] = row(i+1, fmt.Sprintf("old%d.example", i%7), "new.example")
	}
	var heap runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&heap)
	before := heap.HeapAlloc
	var most uint64
	s := &syncFunc{}
	s.f = func(_ context.Context, p account.Pair) (throughput.Count, error) {
		buf := make([]byte, 64<<10) // what a row needs while it runs
		buf[rand.IntN(len(buf))] = 1
		runtime.Gosched()
		if p.Line == 5000 || p.Line == 10_000 {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			s.mu.Lock()
			most = max(most, m.HeapAlloc)
			s.mu.Unlock()
		}
		return throughput.Count{Listed: 3, Copied: int64(buf[0]) + 3 - int64(buf[0]), Octets: 300}, nil
	}
	run := throughput.NewRun()
	res, err := mustNew(t, Options{Syncer: s, Parallel: 8, MaxPerHost: 8, Meter: run}).Run(t.Context(), list)
	if err != nil {
		t.Fatal(err)
	}
	if s.peak > 8 || s.calls != 10_000 {
		t.Errorf("peak %d, calls %d, want at most 8 and 10000", s.peak, s.calls)
	}
	var sum throughput.Count
	for _, r := range res {
		sum.Add(r.Count)
	}
	if sum.Listed != 30_000 || sum.Copied != 30_000 || sum.Octets != 3_000_000 || states(res)[throughput.Done] != 10_000 {
		t.Errorf("sum %+v, states %v", sum, states(res))
	}
	// 10,000 tasks with their results are some 10 MB; 10,000 buffers were 640.
	if grown := int64(most) - int64(before); grown > 32<<20 {
		t.Errorf("heap grew by %d MiB", grown>>20)
	}
	if n := len(run.Busy()); n != 0 {
		t.Errorf("%d accounts are still busy", n)
	}
}
