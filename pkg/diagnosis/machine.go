package diagnosis

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Reading is what the operating system and the runtime tell of this machine at
// one time. Totals only grow; what is not known is 0, or -1 where that is said.
type Reading struct {
	at         time.Time
	processors int
	cores      int
	used       time.Duration
	queued     time.Duration
	idle, all  int64 // processor time of the machine, what low priority uses being idle; all 0: unknown
	resident   int64
	swapped    int64
	swapIns    int64
	stalled    time.Duration // -1: unknown
	gc, cpu    float64       // seconds
	latencies  *metrics.Float64Histogram
	memory     int64
}

// ReadMachine reads it. It takes well under a millisecond.
func ReadMachine() Reading {
	r := Reading{at: time.Now(), processors: runtime.GOMAXPROCS(0), cores: runtime.NumCPU(), stalled: -1}
	readSystem(&r)
	samples := []metrics.Sample{{Name: "/sched/latencies:seconds"}, {Name: "/cpu/classes/gc/total:cpu-seconds"},
		{Name: "/cpu/classes/total:cpu-seconds"}, {Name: "/cpu/classes/idle:cpu-seconds"}}
	metrics.Read(samples)
	if samples[0].Value.Kind() == metrics.KindFloat64Histogram {
		r.latencies = samples[0].Value.Float64Histogram()
	}
	f := func(i int) float64 {
		if samples[i].Value.Kind() != metrics.KindFloat64 {
			return 0
		}
		return samples[i].Value.Float64()
	}
	r.gc, r.cpu = f(1), f(2)-f(3)
	if limit := debug.SetMemoryLimit(-1); limit < 1<<60 {
		r.memory = limit
	}
	return r
}

// since is what the machine did since an earlier reading.
func (r Reading) since(o Reading) Machine {
	m := Machine{
		Processors: r.processors, Cores: r.cores, Used: r.used - o.used, Queued: max(0, r.queued-o.queued),
		Idle: -1, Resident: r.resident, Swapped: r.swapped, SwapIns: r.swapIns - o.swapIns, Stalled: -1, Memory: r.memory,
		Scheduling: ninth(o.latencies, r.latencies),
	}
	if all := r.all - o.all; all > 0 {
		m.Idle = max(0, float64(r.idle-o.idle)/float64(all))
	}
	if wall := r.at.Sub(o.at); wall > 0 && r.stalled >= 0 && o.stalled >= 0 {
		m.Stalled = float64(r.stalled-o.stalled) / float64(wall)
	}
	if cpu := r.cpu - o.cpu; cpu > 0 {
		m.Collecting = (r.gc - o.gc) / cpu
	}
	return m
}

// ninth is what nine in ten of the values between two readings of a histogram
// are not above.
func ninth(from, to *metrics.Float64Histogram) time.Duration {
	if to == nil || from == nil || len(from.Counts) != len(to.Counts) {
		return 0
	}
	var all uint64
	for i, n := range to.Counts {
		all += n - from.Counts[i]
	}
	var sum uint64
	for i, n := range to.Counts {
		sum += n - from.Counts[i]
		if all > 0 && sum*10 >= all*9 {
			return time.Duration(min(to.Buckets[i+1], 3600) * float64(time.Second))
		}
	}
	return 0
}

// wanted is the part of the processors that the process used or would have
// used, from 0 to 1; 0 when not known.
func (m Machine) wanted(wall time.Duration) float64 {
	if wall <= 0 || m.Processors <= 0 {
		return 0
	}
	return min(1, float64(m.Used+m.Queued)/float64(wall)/float64(m.Processors))
}

// spare reports whether the machine has processors left that the process may
// use: then what its threads waited for is something else.
func (m Machine) spare(wall time.Duration) bool {
	if m.Processors < m.Cores && float64(m.Used) >= 0.6*float64(m.Processors)*float64(wall) {
		return false // it may not
	}
	return m.Idle >= left
}

// full reports whether nothing of the machine is left while the process waits
// for processors: then nobody else is to blame, whoever it is that uses them.
func (m Machine) full(wall time.Duration) bool {
	return m.Idle >= 0 && m.Idle <= 0.05 && 4*m.Queued >= wall*time.Duration(max(1, m.Processors))
}
