package batch

import (
	"context"
	"sync"
	"time"

	"github.com/imapfleet/imapfleet/pkg/account"
	"github.com/imapfleet/imapfleet/pkg/ledger"
	"github.com/imapfleet/imapfleet/pkg/throughput"
)

// load counts lanes at a time, and the most there were.
type load struct{ now, peak int }

func (l *load) add(n int) {
	l.now += n
	l.peak = max(l.peak, l.now)
}

// laneSync adapts a function to Syncer and books every lane that it uses.
type laneSync struct {
	mu    sync.Mutex
	all   load
	rows  map[int]*load    // by line
	hosts map[string]*load // a lane between two accounts of one host is one there
	f     func(ctx context.Context, p account.Pair, l *bookedLanes, m *throughput.Meter) (throughput.Count, error)
}

func (s *laneSync) Sync(ctx context.Context, p account.Pair, _ ledger.RowID, lanes Lanes, m *throughput.Meter) (throughput.Count, error) {
	l := &bookedLanes{Lanes: lanes, s: s, p: p}
	l.book(1)
	defer func() { l.book(-s.lanes(p.Line)) }()
	return s.f(ctx, p, l, m)
}

// lanes returns how many a row has now.
func (s *laneSync) lanes(line int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rows[line].now
}

// held are the rows that have lanes now, by line.
func (s *laneSync) held() map[int]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[int]int)
	for line, l := range s.rows {
		if l.now > 0 {
			out[line] = l.now
		}
	}
	return out
}

// bookedLanes are the lanes of one call of Sync.
type bookedLanes struct {
	Lanes
	s *laneSync
	p account.Pair
}

func (l *bookedLanes) book(n int) {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	if l.s.rows == nil {
		l.s.rows, l.s.hosts = make(map[int]*load), make(map[string]*load)
	}
	if l.s.rows[l.p.Line] == nil {
		l.s.rows[l.p.Line] = &load{}
	}
	l.s.all.add(n)
	l.s.rows[l.p.Line].add(n)
	for host := range map[string]bool{l.p.Source.Host: true, l.p.Dest.Host: true} {
		if l.s.hosts[host] == nil {
			l.s.hosts[host] = &load{}
		}
		l.s.hosts[host].add(n)
	}
}

func (l *bookedLanes) TryAcquire() bool {
	ok := l.Lanes.TryAcquire()
	if ok {
		l.book(1)
	}
	return ok
}

func (l *bookedLanes) Release() {
	l.book(-1)
	l.Lanes.Release()
}

// work takes what lanes it can get, and gives back those that are wanted, at
// a border each second, for so long.
func (l *bookedLanes) work(d time.Duration) {
	for range d / time.Second {
		if l.Wanted() {
			l.Release()
		}
		l.TryAcquire()
		time.Sleep(time.Second)
	}
}
